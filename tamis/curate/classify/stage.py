"""classify: records that a classifier of your own takes for its positive sample.

    classify@1: {model: quality.model}                              what is more likely of the positive sample stays
    classify@1: {model: quality.model, threshold: 0.2, action: flag}
    classify@1: {model: medical.model, column: medical}             its score in a column, too

`tamis classify train` makes the model. The score of every record is kept, so that `replay` can ask another threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from tamis.curate.action import ACTIONS, Choice
from tamis.curate.classify.model import Model, read
from tamis.errors import InputError, UsageError
from tamis.schemas import ENVELOPE, joined
from tamis.schemas._field import field
from tamis.schemas.rows import KINDS
from tamis.stage import Rule, Stage, decisions, first_broken

_TAKEN = {*ENVELOPE.names, *(f.name for kind in KINDS.values() for f in kind.fields)}


@dataclass(frozen=True)
class Classify(Stage):
    """Ask a trained classifier how likely a record is of its positive sample.

    model      file that `tamis classify train` wrote
    threshold  a record stays from this chance on, 0 to 1
    on         field or fields to look at; None: all texts of the row
    action     what becomes of one below it: `drop`, `quarantine` or `flag` it for review
    column     name of a column to write the chance to; None: it is among the scores of the run alone
    """

    model: str = ""
    threshold: float = 0.5
    on: str | tuple[str, ...] | None = None
    action: Choice = "drop"
    column: str | None = None

    name: ClassVar[str] = "classify"
    scores: ClassVar[pa.Schema] = pa.schema(
        [
            field("score", pa.float32(), "Chance that it is of the positive sample, 0 to 1; null: it has no text."),
            field("model", pa.string(), "First 16 digits of the sha256 of the classifier's file."),
        ]
    )
    measured_by: ClassVar[frozenset[str]] = frozenset(("model", "on", "column"))

    def __post_init__(self) -> None:
        if isinstance(self.on, list):
            object.__setattr__(self, "on", tuple(self.on))
        if self.on is not None and not self.on:
            raise UsageError(f"classify: on is {self.on!r}; name a field or several, or leave it out for all texts")
        if not 0 <= self.threshold <= 1:
            raise UsageError(f"classify: threshold is {self.threshold!r}; a chance from 0 to 1 was wanted")
        if self.action not in ACTIONS:
            raise UsageError(f"classify: action is {self.action!r}; it can be {', '.join(map(repr, ACTIONS))}")
        if self.column is not None and (not self.column or self.column in _TAKEN):
            raise UsageError(f"classify: column is {self.column!r}; name one that no row has of itself")

    @property
    def reads(self) -> pa.Schema:
        """The fields of `on`."""
        on = () if self.on is None else (self.on,) if isinstance(self.on, str) else self.on
        return pa.schema([pa.field(name, pa.null()) for name in on])

    @property
    def writes(self) -> pa.Schema:
        """The column, where one is named."""
        says = "Chance that it is of the positive sample of a classifier, 0 to 1."
        return pa.schema([field(self.column, pa.float32(), says)] if self.column else [])

    @property
    def files(self) -> tuple[str, ...]:
        """The model. Raises UsageError where none is named, InputError where it is no file."""
        if not self.model:
            raise UsageError("classify: model names no file; give one that `tamis classify train` wrote")
        if not (self.base / self.model).is_file():
            raise InputError(
                f"classify: model is {self.model!r}, but there is no file {self.base / self.model}; "
                "`tamis classify train` makes one, and its name is taken from the recipe's folder"
            )
        return (self.model,)

    @property
    def stands_on(self) -> dict[str, str]:
        """The sha256 of the model's file."""
        return {"model": self.classifier.digest}

    @property
    def rules(self) -> tuple[Rule, ...]:
        """One rule; its value is the chance."""
        says = "Chance that it is of the positive sample"
        return (Rule("threshold", ACTIONS[self.action], "score", ">=", self.threshold, says=says),)

    @property
    def classifier(self) -> Model:
        """The model, read."""
        return read(self.base / self.files[0])

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The score of every row."""
        model = self.classifier
        score = pa.array(model.probabilities(joined(batch, self.on or None)).astype(np.float32), from_pandas=True)
        columns = {"score": score, "model": pa.array([model.digest[:16]]).take(pa.array(np.zeros(len(score), np.int8)))}
        return pa.record_batch(columns | ({self.column: score} if self.column else {}))

    def decide(self, scores: pa.RecordBatch) -> pa.RecordBatch:
        """The records below the threshold; the evidence says by which model."""
        found = first_broken(self.rules, scores)
        rows = found.column("row").to_numpy()
        digests = pa.array(
            [f'{{"model":"{d}"}}' for d in scores.column("model").take(pa.array(rows)).to_pylist()], pa.string()
        )
        return decisions(rows, found.column("rule"), found.column("value").to_numpy(), evidence=digests)
