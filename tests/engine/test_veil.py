"""What was set aside before a stage that hides texts does not give away what that stage takes out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from making import recipe, write_lines

import tamis
from tamis.engine.veil import unkeyed
from tamis.stage import Rule, Stage, decisions

THIS = str(Path(__file__))
NAME = "zoe"


@dataclass(frozen=True)
class Blot(Stage):
    """Blot out a name, and raise on a text of nothing else."""

    name = "own.blot"
    edits = True
    hides = True
    scores = pa.schema([pa.field("blots", pa.int32())])

    @property
    def rules(self) -> tuple[Rule, ...]:
        return (Rule("blot", "edit"),)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        text = batch.column("text")
        if pc.any(pc.equal(text, NAME)).as_py():
            raise ValueError(f"nothing but {NAME}")
        columns = [pc.replace_substring(text, NAME, "*"), pc.count_substring(text, NAME).fill_null(0)]
        return pa.record_batch(columns, names=["text", "blots"])

    def decide(self, scores: pa.RecordBatch) -> pa.RecordBatch:
        rows = scores.column("blots").to_numpy().nonzero()[0]
        return decisions(rows, ["blot"] * len(rows))


@dataclass(frozen=True)
class Licensed(Stage):
    """Set aside what has no licence, and raise on a text that says so."""

    name = "own.licensed"
    scores = pa.schema([pa.field("licensed", pa.int8())])

    @property
    def rules(self) -> tuple[Rule, ...]:
        return (Rule("unlicensed", "quarantine", "licensed", ">=", 1, says="whether it has one"),)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if pc.any(pc.match_substring(batch.column("text"), "raise")).as_py():
            raise ValueError(f"it says {batch.column('text').to_pylist()}")
        return pa.record_batch([pc.is_valid(batch.column("license")).cast(pa.int8())], schema=self.scores)


ROWS = [
    {"id": "a", "text": "zoe is kept", "license": "MIT"},
    {"id": "b", "text": "zoe goes"},
    {"id": "c", "text": "raise zoe"},
    {"id": "a", "text": "zoe again", "license": "MIT"},
    {"id": "d", "text": "zoe"},
    b'{"text": "zoe',
    b'{"of zoe": "zoe"}',
]


@pytest.fixture(params=[[], ["exact@1"]], ids=["one pass", "two passes"])
def aside(request: Any, tmp_path: Path) -> list[dict[str, Any]]:
    """The rows that were set aside."""
    lines = write_lines(tmp_path / "in.jsonl", ROWS)
    run = tamis.run(recipe(f"{THIS}:Licensed", *request.param, f"{THIS}:Blot"), lines, tmp_path / "run")
    assert run.facts["rows"]["kept"] == 1 and NAME not in (run.path / "report.html").read_text("utf-8")
    rows: list[dict[str, Any]] = run.quarantine().to_pylist()
    return rows


def test_rows_are_hidden_as_the_data_is(aside: list[dict[str, Any]]) -> None:
    assert [row["text"] for row in aside] == ["* goes", "raise *", "* again", None, None, None]


def test_lines_that_were_no_rows_are_not_kept(aside: list[dict[str, Any]]) -> None:
    assert [row["raw"] for row in aside] == [None] * 6 and [row["line"] for row in aside] == [2, 3, 4, 5, 6, 7]


def test_nor_is_what_was_said_of_them(aside: list[dict[str, Any]]) -> None:
    said = [row["message"] for row in aside if row["message"]]
    assert said[0] == "own.licensed@1 raised ValueError" and not [words for words in said if NAME in words]


def test_a_line_that_is_not_kept_is_explained(tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "in.jsonl", ROWS)
    life = tamis.explain(tamis.run(recipe(f"{THIS}:Blot"), lines, tmp_path / "run"), "in.jsonl:6")
    assert (life.text, life.origin) == (None, "in.jsonl, line 6, byte 196") and "the input has it" in life.text_from


@dataclass(frozen=True)
class Gone(Licensed):
    """Drop what has no licence."""

    name = "own.gone"

    @property
    def rules(self) -> tuple[Rule, ...]:
        return (Rule("unlicensed", "drop", "licensed", ">=", 1, says="whether it has one"),)


@pytest.mark.parametrize("order", [["Gone", "Blot"], ["Blot", "Gone"]])
def test_a_text_that_is_read_again_is_hidden(tmp_path: Path, order: list[str]) -> None:
    lines = write_lines(tmp_path / "in.jsonl", ROWS[:2])
    life = tamis.explain(tamis.run(recipe(*(f"{THIS}:{s}" for s in order)), lines, tmp_path / "run"), "b")
    assert (life.fate, life.text) == ("dropped", "* goes")
    assert life.text_from == f"{lines}, without what own.blot@1 takes out"


def test_so_is_a_text_beside_another(tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "in.jsonl", [{"id": i, "text": f"{NAME} is one and two and three"} for i in "ab"])
    run = tamis.run(recipe("near@1", f"{THIS}:Blot"), lines, tmp_path / "run")
    lives = [tamis.explain(run, i).as_dict() for i in "ab"]
    assert NAME not in str(lives) and any(stop["beside"] for life in lives for stop in life["stops"])


def test_keys_stay_untold() -> None:
    said = ["keys 'a; a b was wanted: c'; a document was wanted: 'text'", "'text' is null; a value was wanted"]
    assert unkeyed(pa.array(said)).to_pylist() == ["other keys; a document was wanted: 'text'", said[1]]
