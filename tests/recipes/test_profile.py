"""A look at a dataset before it is curated."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from making import sentences, write_lines

from tamis.curate.quality import C4, FineWeb, Gopher, Repetition
from tamis.recipes.profile import Profile, profile

ROWS: list[Any] = [
    *({**row, "license": "MIT" if k % 4 else None, "source": f"s{k % 2}"} for k, row in enumerate(sentences(200))),
    b"{never",
]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    folder = tmp_path_factory.mktemp("profile")
    return profile(write_lines(folder / "in.jsonl", ROWS), folder / "run")


def test_every_line_is_accounted_for(found: Profile) -> None:
    assert found.rows["in"] == len(ROWS)
    assert [(c.name, c.rows) for c in found.unreadable] == [("not_json", 1)]
    assert sum(c.rows for c in found.sources) == len(ROWS)
    assert sum(c.rows for c in found.licences) == found.rows["readable"] - found.rows["duplicates"]


def test_duplicates_are_all_but_the_first(found: Profile) -> None:
    texts = [row["text"] for row in ROWS[:-1]]
    assert found.rows["duplicates"] == len(texts) - len(set(texts))


@pytest.mark.parametrize("family", [Gopher(), Repetition(), C4(), FineWeb()], ids=lambda s: s.name)
def test_a_family_counts_what_its_stage_would_drop(found: Profile, family: Any) -> None:
    import pyarrow as pa

    _, verdicts = family(pa.table({"text": [row["text"] for row in ROWS[:-1]]}))
    told = next(f for f in found.families if f.name == family.name)
    assert told.rows == verdicts.num_rows
    assert max(rule.rows for rule in told.rules) <= told.rows <= sum(rule.rows for rule in told.rules)


def test_lengths_are_those_of_all_records(found: Profile) -> None:
    lengths = sorted(len(row["text"]) for row in ROWS[:-1])
    assert found.lengths is not None
    assert (found.lengths[0], found.lengths[4]) == (lengths[0], lengths[-1])


def test_the_command_shows_and_keeps(tamis: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    file = write_lines(tmp_path / "in.jsonl", ROWS)
    code, text = tamis("profile", file, "--quiet", "-o", tmp_path / "kept")
    assert code == 0
    assert "201 records in 1 file" in text
    assert "none declared" in text
    assert "quality.gopher" in text
    assert (tmp_path / "kept/report.html").is_file()


def test_the_command_prints_json(tamis: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    code, text = tamis("profile", write_lines(tmp_path / "in.jsonl", ROWS), "--json")
    assert code == 0
    assert json.loads(text)["rows"]["in"] == 201


def test_what_cannot_be_read_at_all_is_told(tamis: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    code, text = tamis("profile", tmp_path / "absent.jsonl")
    assert code == 2
    assert "absent.jsonl" in text
    assert "Traceback" not in text
