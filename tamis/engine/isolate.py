"""Stages are called here, and what they answer is checked: they may be the user's own.

A record that breaks `measure` is found and set aside, and the others go on; what breaks elsewhere ends the run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import extract_tb
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.errors import RunError, TamisError
from tamis.schemas import DECISION, kind_of
from tamis.stage import RESOLUTION, Corpus, Stage


class Measured(NamedTuple):
    """What a stage measured of the rows that did not break it. `broke` pairs a row with what was raised."""

    columns: pa.RecordBatch | None
    broke: list[tuple[int, str]]


def measure(stage: Stage, batch: pa.RecordBatch, beat: Callable[[int], None] | None = None) -> Measured:
    """`stage.measure(batch)`; where it raises, halves are tried until the rows that make it raise stand alone.

    With `beat`, rows go one by one and each is announced first, so that a crash leaves behind which row it was.
    Any exception counts, because the stage may be the user's own; a TamisError is ours to the caller and goes up.
    """
    if batch.num_rows == 0 or (beat is None or batch.num_rows == 1):
        if beat is not None and batch.num_rows:
            beat(0)
        try:
            return Measured(_measure(stage, batch), [])
        except TamisError:
            raise
        except (Exception, SystemExit) as error:
            if batch.num_rows <= 1:
                return Measured(None, [(0, f"{stage.label} raised {said(error)}")] * batch.num_rows)
    half = batch.num_rows // 2
    first = measure(stage, batch.slice(0, half), beat)
    second = measure(stage, batch.slice(half), beat and (lambda row: beat(row + half)))
    columns = [m.columns for m in (first, second) if m.columns is not None]
    whole = pa.Table.from_batches(columns).combine_chunks().to_batches() if columns else [None]
    return Measured(whole[0] if whole else columns[0], first.broke + [(row + half, why) for row, why in second.broke])


def _measure(stage: Stage, batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = _batch(stage.measure(batch))
    if columns.num_rows != batch.num_rows and columns.num_columns:
        raise ValueError(f"it returned {columns.num_rows} rows for {batch.num_rows}")
    for wanted in (*stage.writes, *stage.scores):
        found = columns.schema.field(wanted.name).type if wanted.name in columns.schema.names else None
        if found is None or not found.equals(wanted.type):
            raise ValueError(f"its column {wanted.name!r} is {found}; it declares {wanted.type}")
    for name in set(kind_of(batch.schema).texts) & {*columns.schema.names}:
        was, now = batch.column(name), columns.column(name)
        if now.type != was.type or now.null_count > was.null_count:
            raise ValueError(f"its {name!r} is {now.type} with {now.null_count} nulls; {was.type} without was wanted")
        if not stage.edits and not now.equals(was):
            raise ValueError(f"it changed {name!r}; a stage that does declares edits = True")
    return columns


def _batch(found: Any) -> Any:
    if not isinstance(found, pa.RecordBatch):
        raise TypeError(f"it returned {type(found).__name__}; a pyarrow.RecordBatch was wanted")
    return found


def decide(stage: Stage, scores: pa.RecordBatch) -> pa.RecordBatch:
    """`stage.decide(scores)`: rows there are, rules the stage has, and no row let go twice. Raises RunError."""
    with blamed(stage, "decide"):
        found = _batch(stage.decide(scores))
        if not found.schema.equals(DECISION):
            raise TypeError("it returned other columns than those of tamis.stage.decisions")
        actions = {rule.id: rule.action for rule in stage.rules}
        names = found.column("rule").dictionary.to_pylist()
        if unknown := [name for name in names if name.split("+")[0] not in actions]:
            raise ValueError(f"it decided by the rule {unknown[0]!r}; it has {', '.join(actions) or 'none'}")
        rows = found.column("row").to_numpy()
        if rows.size and rows.max() >= scores.num_rows:
            raise ValueError(f"it decided about row {rows.max()} of {scores.num_rows}")
        goes = np.array([actions[name.split("+")[0]] in ("drop", "quarantine") for name in names], bool)
        gone = rows[goes[found.column("rule").indices.to_numpy()]] if rows.size else rows
        if np.unique(gone).size < gone.size:
            raise ValueError("it let one row go twice")
    return found


def sketch(stage: Corpus, batch: pa.RecordBatch) -> pa.RecordBatch:
    """`stage.sketch(batch)`, a row for every row. Raises RunError."""
    with blamed(stage, "sketch"):
        found = _batch(stage.sketch(batch))
        if found.num_rows != batch.num_rows:
            raise ValueError(f"it returned {found.num_rows} rows for {batch.num_rows}")
        if not found.schema.equals(stage.sketches):
            raise TypeError(
                f"it returned {found.schema.names}; it declares {stage.sketches.names}, or their types differ"
            )
    return found


def resolve(stage: Corpus, sketches: pa.Table) -> pa.Table:
    """`stage.resolve(sketches)`, each of its records once and among those it was given. Raises RunError."""
    with blamed(stage, "resolve"):
        found = stage.resolve(sketches)
        if not isinstance(found, pa.Table) or found.schema.names != RESOLUTION.names:
            raise TypeError(f"it did not return a pyarrow.Table of {', '.join(RESOLUTION.names)}")
        ordinal = found.column("ordinal").to_numpy()
        if np.unique(ordinal).size < ordinal.size or not np.isin(ordinal, sketches.column("ordinal").to_numpy()).all():
            raise ValueError("it let a record go twice, or one it was not given")
    return found


@contextmanager
def blamed(stage: Stage, verb: str) -> Iterator[None]:
    """What a stage raises where no one record is to blame, as a RunError that says where."""
    try:
        yield
    except TamisError:
        raise
    except (Exception, SystemExit) as error:
        file = getattr(sys.modules.get(type(stage).__module__), "__file__", None)
        lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == file]
        where = f" ({Path(str(file)).name}, line {lines[-1]})" if lines else ""
        raise RunError(f"{stage.label}: {verb} failed{where}: {said(error)}; mend the stage and run again") from error


def said(error: BaseException) -> str:
    """Type and message of an error, as text that can be stored, whatever the error is made of."""
    try:
        words = str(error)
    except Exception as worse:
        words = f"(no message: its own raised {type(worse).__name__})"
    return f"{type(error).__name__}: {words}".encode("utf-8", "backslashreplace").decode()
