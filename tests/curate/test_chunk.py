"""Documents in pieces, as a stage of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import digests, recipe, sentences, write_lines

import tamis
from tamis.curate.chunk import Chunk
from tamis.errors import UsageError


def pieces(text: str, **params: Any) -> list[str]:
    made, _ = Chunk(**params)(pa.table({"text": [text]}))
    return made.column("text").to_pylist()  # type: ignore[no-any-return]


TEXT = "One two three. Four five six.\n\nSeven eight. Nine ten eleven twelve."


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"size": 8}, ["One two three. Four five six.", "Seven eight. Nine ten eleven twelve."]),
        (
            {"size": 5, "ends": "sentence"},
            ["One two three.", "Four five six.\n\nSeven eight.", "Nine ten eleven twelve."],
        ),
        (
            {"size": 5, "ends": "anywhere"},
            ["One two three. Four five", "six.\n\nSeven eight. Nine ten", "eleven twelve."],
        ),
        ({"size": 1, "unit": "paragraphs"}, TEXT.split("\n\n")),
        ({"size": 40, "unit": "chars", "ends": "word"}, [TEXT[:37], TEXT[37:]]),
        ({"size": 40, "unit": "chars", "ends": "anywhere"}, [TEXT[:40], TEXT[40:]]),
    ],
)
def test_a_piece_ends_where_something_ends(params: dict[str, Any], expected: list[str]) -> None:
    assert pieces(TEXT, **params) == expected


def test_a_piece_begins_before_the_last_one_ends() -> None:
    assert pieces("a b c d e f g", size=4, overlap=1, ends="anywhere") == ["a b c d", "d e f g"]


@given(st.text(max_size=80), st.integers(1, 20))
def test_characters_put_together_again_are_the_text(text: str, size: int) -> None:
    assert "".join(pieces(text, size=size, unit="chars")) == text


@pytest.mark.parametrize("wrong", [{"size": 0}, {"size": 10, "overlap": 5}, {"overlap": -1}, {"unit": "lines"}])
def test_what_cannot_be_cut_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong)) if "overlap" not in wrong else "overlap"):
        tamis.make("chunk@1", **wrong)


def test_a_piece_says_where_it_is_from(tmp_path: Path) -> None:
    rows = [{"id": "a", "text": TEXT, "license": "MIT"}, {"id": "b", "text": "  "}]
    run = tamis.run(recipe({"chunk@1": {"size": 8}}), write_lines(tmp_path / "a.jsonl", rows), tmp_path / "run")
    data = run.data().to_pylist()
    assert [(row["id"], row["license"], row["source"]) for row in data] == [("a#1", "MIT", "a"), ("a#2", "MIT", "a")]
    assert [TEXT[r["chunk"]["start"] : r["chunk"]["end"]] for r in data] == [r["text"] for r in data]
    assert [v["rule"] for v in run.verdicts().to_pylist() if v["action"] == "drop"] == ["rejected.empty"]


def test_bytes_are_the_same_however_the_work_is_cut(tmp_path: Path) -> None:
    data = write_lines(tmp_path / "a.jsonl", sentences(200))
    walk = recipe("clean@1", {"chunk@1": {"size": 12, "overlap": 3, "least": 4}}, "exact@1")
    one = tamis.run(walk, data, tmp_path / "one", engine="inline")
    two = tamis.run(walk, data, tmp_path / "two", workers=3, partition_size=3_000)
    assert digests(one.path) == digests(two.path)


def test_other_thresholds_are_replayed_from_the_scores(tmp_path: Path) -> None:
    data = write_lines(tmp_path / "a.jsonl", sentences(100))
    run = tamis.run(recipe({"chunk@1": {"size": 12}}), data, tmp_path / "run")
    other = tamis.run(recipe({"chunk@1": {"size": 12, "least": 6}}), data, tmp_path / "other")
    assert tamis.replay(run, ["chunk.least=6"]).rows["after"]["kept"] == other.rows["kept"]


def test_a_large_document_in_small_pieces_is_not_copied_for_each() -> None:
    text = "ab cd " * 100_000
    cut = pieces(text, size=5, unit="words")
    # 40,000 pieces of a document of 600 kB: 24 GB, where the text went with each.
    assert len(cut) == 40_000 and cut[0] == "ab cd ab cd ab"
