"""What a stage of the user's own may do, and what is said where it may not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from making import write_lines

import tamis
from tamis.curate.exact import Exact
from tamis.errors import UsageError
from tamis.stage import Rule, Stage, decisions

THIS = str(Path(__file__))


@dataclass(frozen=True)
class Torn(Stage):
    """Write every text in capitals, and drop it all the same."""

    name = "own.torn"
    edits = True
    scores = pa.schema([pa.field("chars", pa.int32())])

    @property
    def rules(self) -> tuple[Rule, ...]:
        return (Rule("loud", "edit"), Rule("gone", "drop"))

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        text = batch.column("text")
        return pa.record_batch([pc.utf8_upper(text), pc.utf8_length(text)], names=["text", "chars"])

    def decide(self, scores: pa.RecordBatch) -> pa.RecordBatch:
        n = scores.num_rows
        return decisions(np.repeat(np.arange(n), 2), ["loud", "gone"] * n)


@dataclass(frozen=True)
class Broken(Stage):
    """Promise a column, and raise on every row."""

    name = "own.broken"
    writes = pa.schema([pa.field("worth", pa.float64())])

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        raise ValueError("no")


@dataclass(frozen=True)
class Lenient(Exact):
    """Set duplicates aside."""

    name = "own.lenient"

    @property
    def rules(self) -> tuple[Rule, ...]:
        return (Rule("duplicate", "quarantine"),)


@dataclass(frozen=True)
class Lawless(Exact):
    """Drop duplicates by a rule that is not declared."""

    name = "own.lawless"

    @property
    def rules(self) -> tuple[Rule, ...]:
        return ()


def sieve(folder: Path, *stages: Any) -> tamis.Run:
    lines = write_lines(folder / "in.jsonl", [{"text": text} for text in ("a", "b", "a")])
    return tamis.run({"stages": list(stages)}, lines, folder / "run")


def test_one_row_may_be_edited_and_dropped_at_once(tmp_path: Path) -> None:
    verdicts = sieve(tmp_path, f"{THIS}:Torn").verdicts().to_pylist()
    assert [(v["action"], v["after_hash"] is None) for v in verdicts] == [("edit", False), ("drop", True)] * 3


def test_a_later_stage_finds_the_columns_of_one_that_broke_on_all_rows(tmp_path: Path) -> None:
    run = sieve(tmp_path, f"{THIS}:Broken", {"exact@1": {"keep": "best:worth"}})
    assert run.rows["quarantined"] == 3


@pytest.mark.parametrize("name", ["Lenient", "Lawless"])
def test_a_stage_that_sees_all_rows_drops_by_rules(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="each with the action 'drop'"):
        sieve(tmp_path, f"{THIS}:{name}")


@pytest.mark.parametrize("nothing", [[], ()])
def test_no_paths_are_no_input(tmp_path: Path, nothing: Any) -> None:
    with pytest.raises(UsageError, match="what should be read"):
        tamis.run({"stages": []}, nothing, tmp_path / "run")
