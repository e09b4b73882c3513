"""A stage that hides what it took out leaves no hash to guess it by; what a stage stands on must stay for a resume."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from making import write_lines

import tamis
from tamis.errors import GateError, UsageError
from tamis.stage import Rule, Stage, decisions

THIS = str(Path(__file__))
KEY = ["one"]


@dataclass(frozen=True)
class Blot(Stage):
    """Blot out one letter."""

    letter: str = "a"

    name = "own.blot"
    edits = True
    hides = True
    scores = pa.schema([pa.field("blots", pa.int32())])

    @property
    def stands_on(self) -> dict[str, str]:
        return {"key": KEY[0]}

    @property
    def rules(self) -> tuple[Rule, ...]:
        return (Rule("blot", "edit"),)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        text = batch.column("text")
        columns = [pc.replace_substring(text, self.letter, "*"), pc.count_substring(text, self.letter)]
        return pa.record_batch(columns, names=["text", "blots"])

    def decide(self, scores: pa.RecordBatch) -> pa.RecordBatch:
        rows = scores.column("blots").to_numpy().nonzero()[0]
        return decisions(rows, ["blot"] * len(rows))


@dataclass(frozen=True)
class Open(Blot):
    """Blot out one letter, and hide nothing."""

    name = "own.open"
    hides = False


def blotted(folder: Path, *letters: dict[str, Any], **how: Any) -> tamis.Run:
    folder.mkdir(exist_ok=True)
    lines = write_lines(folder / "in.jsonl", [{"text": "abc"}])
    return tamis.run({"stages": list(letters), **how}, lines, folder / "run")


def test_no_hash_is_left_of_a_text_before_it_was_hidden(tmp_path: Path) -> None:
    stages = [{f"{THIS}:Open": {"letter": "a"}}, {f"{THIS}:Blot": {"letter": "b"}}, {f"{THIS}:Open": {"letter": "c"}}]
    told = blotted(tmp_path, *stages).verdicts().to_pylist()
    assert [(v["before_hash"] is None, v["after_hash"] is None) for v in told] == [
        (True, True),
        (True, False),
        (False, False),
    ]
    assert told[1]["after_hash"] == told[2]["before_hash"]


def test_nor_where_the_stage_is_called_on_a_table() -> None:
    _, told = Blot()(pa.table({"text": ["abc"]}))
    assert [(v["before_hash"], v["after_hash"] is None) for v in told.to_pylist()] == [(None, False)]


def test_nor_is_an_error_told_that_may_quote_it(tmp_path: Path) -> None:
    run = blotted(tmp_path, {f"{THIS}:Careless": {}})
    assert run.quarantine(["message"]).column(0).to_pylist() == ["own.careless@1 raised ValueError"]


def test_what_a_stage_stands_on_is_noted(tmp_path: Path) -> None:
    assert blotted(tmp_path, {f"{THIS}:Blot": {}}).steps[1]["stands_on"] == {"key": "one"}


def test_a_resume_on_something_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = {f"{THIS}:Blot": {}}
    with pytest.raises(GateError):
        blotted(tmp_path, stage, {f"{THIS}:Gone": {}}, attrition={"max_drop_per_source": 0.1})
    # The stage of a recipe is a module of its own: the key is changed there.
    module = sys.modules[f"tamis_own_{Path(THIS).stem}"]
    monkeypatch.setattr(module, "KEY", ["two"])
    with pytest.raises(UsageError, match=r"the key of step 1 \(own.blot@1\) and"):
        tamis.run(
            {"stages": [stage, {f"{THIS}:Gone": {}}], "attrition": {"max_drop_per_source": 0.1}},
            tmp_path / "in.jsonl",
            tmp_path / "run",
            resume=True,
        )


@dataclass(frozen=True)
class Gone(Blot):
    """Drop what holds a b."""

    letter: str = "b"

    name = "own.gone"
    edits = False

    @property
    def rules(self) -> tuple[Rule, ...]:
        return (Rule("blot", "drop"),)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return super().measure(batch).select(["blots"])


@dataclass(frozen=True)
class Careless(Blot):
    """Raise, and say over what."""

    name = "own.careless"

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        raise ValueError(f"cannot blot {batch.column('text')[0]}")
