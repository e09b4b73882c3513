"""What became of a record, told again: its life, with the edits of the run done again where its text is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from tamis.engine.plan import plan
from tamis.engine.segment import Notes, Rows, advance
from tamis.errors import InputError, TamisError
from tamis.recipes.replay import recipe_of
from tamis.runs import Life, Records, Run, life, open_run
from tamis.runs.again import Again
from tamis.runs.made import MadeRows
from tamis.schemas import kind
from tamis.stage import Corpus, Derive, Stage


def explain(run: Run | Path | str, record: str, input: str | Path | Sequence[str | Path] = ()) -> Life:
    """The life of `record` in `run`: a record_id (32 hexadecimal digits), the row's own id, or `file:line` of a line set aside.

    input  files, folders or globs that hold the input of the run, where it was moved since

    Raises UsageError where the run knows no such record, and InputError where there is nothing at `input`. Where the input
    cannot be read again, what is known without it is told.
    """
    run = run if isinstance(run, Run) else open_run(run)
    places = [input] if isinstance(input, (str, Path)) else input
    return life(Records(run, Again(run, places), Edits(run), veil(run)), record)


@dataclass
class Edits:
    """The edits of `run`, done again on a row by itself."""

    run: Run

    @cached_property
    def _steps(self) -> tuple[tuple[int, Stage], ...]:
        return plan(recipe_of(self.run).stages, kind(self.run.read_as)).steps

    def __call__(self, row: pa.RecordBatch, step: int) -> pa.RecordBatch | None:
        """`row` as `step` saw it; None where a step before it changes texts by what it knows of other rows."""
        rows = Rows(row, np.zeros(1, np.uint32), np.ones(1, np.bool_))
        born = MadeRows(self.run).born_of(row.column("record_id")[0].as_py())
        try:
            for number, stage in self._steps:
                if number >= step:
                    break
                if number <= born:
                    continue
                if stage.edits and isinstance(stage, Corpus):
                    return None
                if (stage.edits or stage.writes) and not isinstance(stage, (Corpus, Derive)):
                    advance(rows, number, stage, Notes())
        except TamisError:  # a stage of the run that is no longer to be had, or reads what is not
            return None
        return rows.batch if rows.batch.num_rows else None


def veil(run: Run) -> Hidden | None:
    """What takes out of a row what the run hides; None where nothing is hidden."""
    try:
        hiding = [stage for stage in recipe_of(run).stages if stage.hides]
    except TamisError:  # a stage of the run that is no longer to be had
        return None
    return Hidden(tuple(hiding)) if hiding else None


@dataclass(frozen=True)
class Hidden:
    """What the run took out and hides, taken out of a row that came in."""

    stages: tuple[Stage, ...]

    @property
    def label(self) -> str:
        """The stages that hide."""
        return " and ".join(stage.label for stage in self.stages)

    def __call__(self, row: pa.RecordBatch) -> pa.RecordBatch:
        rows = Rows(row, np.zeros(1, np.uint32), np.ones(1, np.bool_))
        try:
            for stage in self.stages:
                advance(rows, 0, stage, Notes())
        except TamisError as error:
            raise InputError(f"what {self.label} takes out of it cannot be taken out here: {error}") from error
        if not rows.batch.num_rows:
            raise InputError(f"{self.label} breaks on it")
        return rows.batch
