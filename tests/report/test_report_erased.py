"""The report of a run that records were erased from: its sums add up, and say so source by source."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from making import recipe, write_lines

from tamis.cli.show import flow
from tamis.recipes.run import run
from tamis.report import as_json, gather, html, markdown
from tamis.runs import Run
from tamis.snapshot.erase import erase
from tamis.snapshot.freeze import freeze
from tamis.snapshot.select import match
from tamis.snapshot.store import Store


@pytest.fixture
def without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """A run over rows of two sources, the last of each a repeat that is dropped (`more` is that of books), after an erasure."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)

    def made(
        *gone: str, stages: tuple[Any, ...] = ("exact@1",), more: str = "line 0 of books", broken: bytes = b""
    ) -> Run:
        rows: list[Any] = [
            {"id": f"{name}{k}", "text": f"line {k % 4} of {name}", "source": name}
            for name, rows in (("web", 5), ("books", 3))
            for k in range(rows)
        ]
        rows += [{"id": "books-more", "text": more, "source": "books"}, *([broken] if broken else [])]
        store = Store(tmp_path / "store").make()
        done = run(
            recipe(*stages), write_lines(tmp_path / "in.jsonl", rows), tmp_path / "store/runs/in", engine="inline"
        )
        freeze(done, tmp_path / "store/in/1.0.0")
        if gone:
            erase(store, [match(one) for one in gone])
        return Run(done.path)

    return made


def sources(run: Run) -> dict[str, dict[str, int]]:
    return {s["source"]: s["rows"] for s in as_json(run)["sources"]}


def test_the_sums_of_all_three_reports_hold_what_was_erased(without: Callable[..., Run]) -> None:
    after = without("id=web1")
    text, page = markdown(after), html(gather(after))
    assert "9 in = 6 kept + 2 dropped + 0 set aside + 1 erased\n" in text
    assert "duplicate of exact@1 took them: 2. 1 record erased since.\n" in text
    assert "| Source | In | Kept | Dropped | Set aside | Erased | Lost |" in text
    assert "| web | 5 | 3 | 1 | 0 | 1 | 40.0% |" in text and "| books | 4 | 3 | 1 | 0 | 0 | 25.0% |" in text
    assert "<dt>erased</dt><dd>1</dd>" in page and '<th scope="col" class="n">Erased</th>' in page
    row = re.search(r">web</th>.*?</tr>", page, re.S)
    assert row is not None and re.findall(r'<td class="n">(.*?)</td>', row[0]) == ["5", "3", "1", "0", "1", "40.0%"]
    assert sources(after)["web"] == {"in": 5, "kept": 3, "dropped": 1, "quarantined": 0, "erased": 1}


def test_a_source_that_was_erased_as_a_whole_has_lost_all(without: Callable[..., Run]) -> None:
    after = without("text~of books", stages=())
    assert sources(after)["books"] == {"in": 4, "kept": 0, "dropped": 0, "quarantined": 0, "erased": 4}
    assert "44.4% of all records went. “books” lost the largest share: 100% of 4." in markdown(after)


def test_dropped_records_are_told_by_source_where_one_alone_had_any(without: Callable[..., Run]) -> None:
    after = without("id=web4", more="one more of books")
    assert sources(after)["web"] == {"in": 5, "kept": 4, "dropped": 0, "quarantined": 0, "erased": 1}
    assert "Nobody knows" not in markdown(after)


def test_where_nobody_knows_the_source_of_a_record_the_report_says_so(without: Callable[..., Run]) -> None:
    after = without("id=web4")
    assert "Nobody knows the source of the record that was erased: the table counts it as before." in markdown(after)
    assert sources(after)["web"] == {"in": 5, "kept": 4, "dropped": 1, "quarantined": 0, "erased": 0}


def test_shares_of_what_was_set_aside_stay_shares(without: Callable[..., Run]) -> None:
    after = without("raw~gone", broken=b'{"gone\n{"stays')
    found = as_json(after)
    assert after.rows["quarantined"] == 1 and [a["share"] for a in found["aside"]] == [1.0]


def test_the_commands_show_it_too(without: Callable[..., Run], tamis: Callable[..., tuple[int, str]]) -> None:
    after = without("id=web1")
    assert (
        "flow      in 9, derived 0, kept 6, dropped 2, quarantined 0, erased 1\n"
        in tamis("snapshots", "show", "in", "--store", after.path.parents[1])[1]
    )
    assert list(flow(after.facts))[-1].endswith("0 quarantined + 1 erased")


def test_a_report_without_an_erasure_says_nothing_of_one(without: Callable[..., Run]) -> None:
    whole = without()
    told = json.dumps(as_json(whole)) + markdown(whole) + html(gather(whole)).partition("</style>")[2]
    assert "rased" not in told
