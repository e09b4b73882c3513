"""What the report says, and that nothing can break it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paging import Tags

import tamis
from tamis.report import as_json, gather, html, markdown, write
from tamis.report.draw import bars, stream
from tamis.report.facts import Limit
from tamis.report.histogram import beyond, histogram
from tamis.report.visible import visible
from tamis.report.wording import figure, percent

Sieve = Callable[..., tamis.Run]


def test_every_part_of_a_run_can_be_read(run: tamis.Run) -> None:
    found = gather(run)
    assert found.notes == ()
    assert found.lengths is not None
    assert {a.rule for a in found.aside} == {"control_character", "invalid_utf8", "stage_error"}


def test_the_page_is_the_same_when_it_is_written_again(run: tamis.Run, page: Path) -> None:
    assert page.read_text("utf-8") == html(gather(run))


def test_a_rerun_differs_only_in_what_varies(run: tamis.Run, sieve: Sieve, tmp_path: Path) -> None:
    again = tamis.run(run.path / "recipe.yaml", run.path.parent / "in.jsonl", tmp_path / "again", engine="inline")
    one, two = (json.dumps({**as_json(r), "varies": {}}) for r in (run, again))
    assert one == two


@given(st.text())
def test_visible_leaves_nothing_hidden_and_changes_nothing_else(text: str) -> None:
    shown = visible(text)
    assert visible(shown) == shown
    assert re.sub("‹U\\+([0-9A-F]{4,6})›", lambda m: chr(int(m[1], 16)), shown) == text


def test_a_rule_tells_what_it_did_and_would_do_alone(sieve: Sieve) -> None:
    rows = [{"id": str(k), "text": "x" * k} for k in range(30)]
    found = gather(sieve(rows, {"own:Length": {"low": 20}}))
    rule = found.steps[1].rules[0]
    assert (rule.rows, rule.beyond, rule.measured, rule.stays) == (20, 20, 30, "chars ≥ 20")
    assert [e.value for e in rule.examples] == [19, 9, 0]
    assert rule.examples[0].origin == "in.jsonl, record 20"
    assert rule.examples[0].text is None


def test_a_duplicate_is_shown_by_the_text_it_lost_to(sieve: Sieve) -> None:
    found = gather(sieve([{"id": "a", "text": "the very same"}, {"id": "b", "text": "the very same"}], "exact@1"))
    (example,) = found.steps[1].rules[0].examples
    assert example.text == "the very same"
    assert example.peer is not None


def test_an_edited_record_is_shown_as_it_went_on(sieve: Sieve) -> None:
    found = gather(sieve([{"id": "a", "text": "a fine sieve"}], "own:Shout"))
    (example,) = found.steps[1].rules[0].examples
    assert (example.id, example.text) == ("a", "a fine SIEVE")


def test_an_edit_by_two_rules_counts_for_both(sieve: Sieve) -> None:
    step = gather(sieve([{"text": "a  \r\nb"}, {"text": "a  \nb"}], "clean@1")).steps[1]
    assert step.edited == 2
    assert {(r.rule, r.rows) for r in step.reasons} == {("whitespace", 2), ("line_ends", 1)}


def test_what_was_set_aside_is_shown_with_its_place(run: tamis.Run) -> None:
    first = {a.rule: a.first[0] for a in gather(run).aside}
    assert first["invalid_utf8"].where.startswith("in.jsonl, line 62, byte ")
    assert first["control_character"].content is not None
    assert first["control_character"].content.startswith('{"text": "never <script>')
    assert "poison" in first["stage_error"].message


def test_the_digest_of_the_data_is_the_one_the_command_gives(run: tamis.Run) -> None:
    import hashlib

    manifest = (run.path / "MANIFEST.sha256").read_text().splitlines(keepends=True)
    lines = "".join(line for line in manifest if " data/" in line)
    assert gather(run).digests["data"] == hashlib.sha256(lines.encode()).hexdigest()


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([b"{not json"], id="nothing kept"),
        pytest.param([{"text": ""}], id="an empty text"),
        pytest.param([{"text": "a", "source": f"s{k}"} for k in range(1500)], id="a thousand sources"),
        pytest.param([{"text": "a" * 100, "source": "s" * 5000}], id="a long name"),
    ],
)
def test_odd_runs_have_a_report(sieve: Sieve, rows: list[Any]) -> None:
    found = gather(sieve(rows))
    assert found.notes == ()
    assert len(found.sources) <= 31
    assert sum(s.rows["in"] for s in found.sources) == len(rows)
    assert html(found).endswith("</html>\n")


def test_a_run_without_scores_has_a_report(sieve: Sieve) -> None:
    found = gather(sieve([{"text": "a"}], name="no stages"))
    assert found.notes == ()


def test_chats_and_preferences_have_a_report(sieve: Sieve) -> None:
    chat = [{"messages": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "good day"}]}]
    found = gather(sieve(chat, "exact@1"))
    assert found.lengths is not None
    assert found.lengths.quantiles[4] == len("hello\n\ngood day")


def test_a_part_that_cannot_be_read_is_told_and_sinks_nothing(sieve: Sieve) -> None:
    run = sieve([{"text": "a"}], "own:Length")
    (run.path / "scores/part-00000.parquet").write_bytes(b"PAR1 no more")
    found = gather(run)
    assert [note.split()[0] for note in found.notes] == ["scores"]
    assert "scores could not be read" in html(found)


def test_a_page_that_cannot_be_made_sinks_nothing(run: tamis.Run, tmp_path: Path) -> None:
    broken = tamis.Run(tmp_path)
    broken.__dict__["facts"] = {**run.facts, "steps": [{"step": 0, "stage": "<b>"}]}
    write(broken, tmp_path)
    assert "could not be drawn (KeyError" in (tmp_path / "report.html").read_text()


def test_markdown_holds_its_tables(run: tamis.Run) -> None:
    tables = re.findall(r"(?:^\|.*\|\n)+", markdown(run), re.M)
    assert len(tables) > 6
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_markdown_holds_no_html(run: tamis.Run) -> None:
    assert not re.search(r"(?<!\\)<|(?<!\\)\]\(", markdown(run).replace("`", ""))


NUMBERS = st.lists(st.one_of(st.floats(-1e9, 1e9), st.integers(0, 50), st.just(float("nan"))), max_size=60)
LIMITS = st.lists(
    st.builds(
        Limit, st.just("r"), st.sampled_from([">=", "<=", ">", "<", "=="]), st.sampled_from([0.0, 0.1, 3.0, 1e5])
    ),
    max_size=2,
)


@given(NUMBERS, LIMITS)
def test_a_histogram_counts_every_value_once_and_on_the_right_side(values: list[float], limits: list[Limit]) -> None:
    numbers = np.array(values, float)
    found = histogram(numbers, limits)
    if found is None:
        assert np.isnan(numbers).all()
        return
    assert sum(b.stay + b.go for b in found.bins) == found.measured == np.count_nonzero(~np.isnan(numbers))
    gone = [v for v in values if any(not stays(v, limit) for limit in limits) and v == v]
    assert sum(b.go for b in found.bins) == len(gone)
    assert all(a.high <= b.low or a.low == a.high for a, b in zip(found.bins, found.bins[1:], strict=False))


def stays(value: float, limit: Limit) -> bool:
    """As a rule says it."""
    return bool(eval(f"{value!r} {limit.keep} {limit.threshold!r}", {"nan": float("nan")}))


@given(st.lists(st.integers(0, 2000), min_size=1), st.integers(1, 1000), st.sampled_from([">=", "<=", ">", "<"]))
def test_bins_part_whole_numbers_at_the_threshold(values: list[int], threshold: int, keep: str) -> None:
    limit = Limit("r", keep, threshold)
    found = histogram(np.array(values, float), [limit])
    assert found is not None
    if keep in (">=", "<="):
        assert not [b for b in found.bins[1:-1] if b.stay and b.go]
    assert beyond(np.array(values, float), limit) == sum(b.go for b in found.bins)


@given(NUMBERS, LIMITS)
def test_a_drawing_stays_in_its_frame(values: list[float], limits: list[Limit]) -> None:
    found = histogram(np.array(values, float), limits)
    if found is None:
        return
    drawn = bars(found, limits)
    assert "nan" not in drawn.stay + drawn.go
    assert all(0 <= mark.x <= 320 for mark in drawn.ticks)
    assert all(0 <= line.x <= 320 for line in drawn.lines)
    assert all(0 <= float(x) <= 320 for x in re.findall(r"M([-\d.e]+) ", drawn.stay + drawn.go))


def test_nothing_but_zeros_stands_left_of_its_threshold() -> None:
    found = histogram(np.zeros(500), [Limit("r", "<=", 0.1)])
    assert found is not None
    drawn = bars(found, [Limit("r", "<=", 0.1)])
    assert (found.bins[0].low, found.bins[0].high, found.bins[0].stay) == (0, 0, 500)
    assert drawn.lines[0].x > 300
    assert [tick.text for tick in drawn.ticks][:2] == ["0", "0.02"]


def test_a_column_that_towers_is_cut_off_and_labelled() -> None:
    found = histogram(np.concatenate([np.zeros(900), np.linspace(0.1, 1, 100)]), [Limit("r", "<=", 0.5)])
    assert found is not None
    assert [cut.label.text for cut in bars(found, []).cut] == ["90.0%"]


def test_the_stream_is_as_wide_as_its_records(run: tamis.Run) -> None:
    found = gather(run)
    for step in found.steps:
        width = float(re.findall(r"H([\d.]+)V", stream(step, found.rows["in"]).stays)[0])
        assert width == pytest.approx(800 * step.rows["kept"] / found.rows["in"], abs=0.01)


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0%"), (1, "100%"), (0.123, "12.3%"), (1e-6, "<0.1%"), (1 - 1e-6, ">99.9%"), (0.0005, "0.1%")],
)
def test_a_share_never_looks_like_none_or_all(share: float, words: str) -> None:
    assert percent(share) == words


@pytest.mark.parametrize(("value", "words"), [(None, "—"), (12.0, "12"), (0.123456, "0.1235"), (100000, "100,000")])
def test_figures(value: float | None, words: str) -> None:
    assert figure(value) == words


def test_the_command_prints_markdown_and_json(tamis: Callable[..., tuple[int, str]], run: Any) -> None:
    code, text = tamis("report", run.path, "--format", "md")
    assert (code, text.splitlines()[0]) == (0, "# test")
    code, text = tamis("report", run.path, "--format", "json")
    assert json.loads(text)["rows"] == run.rows


def test_the_command_never_touches_the_run(tamis: Callable[..., tuple[int, str]], run: Any, tmp_path: Path) -> None:
    assert tamis("report", run.path) == (0, f"{run.path / 'report.html'}\n")
    code, text = tamis("report", run.path, "-o", run.path / "again.html")
    assert code == 2
    assert "manifest" in text
    assert tamis("report", run.path, "-o", tmp_path / "again.html")[0] == 0
    assert (tmp_path / "again.html").read_bytes() == (run.path / "report.html").read_bytes()


def test_what_a_stage_says_of_its_work_is_told_in_words(sieve: Sieve) -> None:
    rows = [
        {"text": "one fine sieve keeps the receipts of it all"},
        {"text": "One fine sieve keeps the receipts of it all!"},
    ]
    run = sieve(rows, "near@1")
    assert gather(run).steps[1].facts["records_with_the_same_words"] == 1
    assert "records with the same words" in html(gather(run))
    assert re.search(r"^\| records with the same words \| 1 \| in the same order", markdown(run), re.M)


def test_what_a_stage_says_cannot_break_out_of_the_page(sieve: Sieve) -> None:
    run = sieve([{"text": "a"}])
    nasty = "<script>alert(1)</script> | `a` [b](javascript:c)"
    run.facts["steps"][0]["facts"] = {nasty: [nasty, {nasty: 1.5}], "none": None, "many": list(range(20))}
    tags = Tags(html(gather(run)))
    assert not {"script", "img", "iframe", "object", "form"} & set(tags.names)
    assert "many" in markdown(run) and "and 8 more" in markdown(run)
    assert not re.search(r"(?<!\\)<|(?<!\\)\]\(", markdown(run).replace("`", ""))


def test_where_the_input_lay_is_not_on_the_page(run: tamis.Run) -> None:
    assert run.facts["varies"]["inputs"][0]["path"].endswith("in.jsonl")
    assert str(run.path.parent) not in html(gather(run)) + markdown(run)
