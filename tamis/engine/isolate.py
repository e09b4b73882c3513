"""Stages are called here, and what they answer is checked: they may be the user's own.

A record that breaks `measure` is found and set aside, and the others go on; what breaks elsewhere ends the run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from traceback import extract_tb
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.desk import Desk
from tamis.errors import RunError, TamisError
from tamis.schemas import DECISION, kind_of
from tamis.stage import RESOLUTION, Corpus, Stage


class Measured(NamedTuple):
    """What a stage measured of the rows that did not break it. `broke` pairs a row with what was raised."""

    columns: pa.RecordBatch | None
    broke: list[tuple[int, str]]


ORDINAL = "\0ordinal"
"""Column of the rows' positions in the input, for `revisit` alone."""


def measure(
    stage: Stage, batch: pa.RecordBatch, beat: Callable[[int], None] | None = None, desk: Desk | None = None
) -> Measured:
    """`stage.measure(batch)`; where it raises, halves are tried until the rows that make it raise stand alone.

    With `desk` it is `revisit`, of the rows at the positions in the column ORDINAL.
    With `beat`, rows go one by one and each is announced first, so that a crash leaves behind which row it was.
    Any exception counts, because the stage may be the user's own; a TamisError is ours to the caller and goes up.
    """
    if beat is None or batch.num_rows <= 1:
        if beat is not None and batch.num_rows:
            beat(0)
        try:
            return Measured(_measure(stage, batch, desk), [])
        except TamisError:
            raise
        except (Exception, SystemExit) as error:
            if batch.num_rows <= 1:
                if isinstance(error, MemoryError):  # that is about the machine: elsewhere the record would go through
                    raise RunError(
                        f"{stage.label}: memory ran out over a single record; go on with --resume where a process may have "
                        "more (ulimit -v), or with fewer --workers"
                    ) from error
                # What an error says may quote the text.
                words = type(error).__name__ if stage.hides else said(error)
                return Measured(None, [(0, f"{stage.label} raised {words}")] * batch.num_rows)
    half = batch.num_rows // 2
    first = measure(stage, batch.slice(0, half), beat, desk)
    second = measure(stage, batch.slice(half), beat and (lambda row: beat(row + half)), desk)
    columns = [m.columns for m in (first, second) if m.columns is not None]
    whole = pa.Table.from_batches(columns).combine_chunks().to_batches() if columns else [None]
    return Measured(whole[0] if whole else columns[0], first.broke + [(row + half, why) for row, why in second.broke])


def _measure(stage: Stage, batch: pa.RecordBatch, desk: Desk | None) -> pa.RecordBatch:
    if desk is None:
        columns = _batch(stage.measure(batch))
    else:
        assert isinstance(stage, Corpus)
        ordinal = batch.column(ORDINAL).to_numpy()
        batch = batch.drop_columns([ORDINAL])
        columns = _batch(stage.revisit(batch, ordinal, desk))
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


def index(stage: Corpus, sketched: pa.Table) -> dict[str, pa.Table]:
    """`stage.index(sketched)`. Raises RunError."""
    with blamed(stage, "index"):
        return dict(_tables(stage.index(sketched)))


def carry_out(stage: Corpus, name: str, desk: Desk, number: int, item: Any) -> dict[str, pa.Table]:
    """One task of a round: tables by name. Those of a round "resolved" are checked. Raises RunError."""
    with blamed(stage, name):
        found = dict(_tables(getattr(stage, name)(desk, number, item)))
        if name == "resolved":
            found = {"resolved": _resolution(stage, found.get("resolved"), desk)}
    return found


def _tables(found: Any) -> Any:
    if not isinstance(found, Mapping) or not all(isinstance(table, pa.Table) for table in found.values()):
        raise TypeError(f"it returned {type(found).__name__}; a dict of pyarrow.Table was wanted")
    return found


def _resolution(stage: Corpus, found: pa.Table | None, desk: Desk) -> pa.Table:
    """`found` with all columns, in input order: records of this corpus, none twice."""
    names = RESOLUTION.names
    if found is None or found.schema.names not in (names, [*names, "evidence"]):
        raise TypeError(f"it did not return a pyarrow.Table of {', '.join(names)}")
    ordinal = found.column("ordinal").to_numpy()
    low, high = desk.bases[[desk.earlier, -1]]
    if np.unique(ordinal).size < ordinal.size or (ordinal.size and not low <= ordinal.min() <= ordinal.max() < high):
        raise ValueError("it let a record go twice, or one that is not there")
    known = {rule.id for rule in stage.rules}
    if unknown := {*found.column("rule").cast(pa.string()).unique().to_pylist()} - known:
        raise ValueError(f"it resolved by the rule {unknown.pop()!r}; it has {', '.join(known) or 'none'}")
    if "evidence" not in found.schema.names:
        found = found.append_column("evidence", pa.nulls(len(ordinal), pa.string()))
    return found.sort_by("ordinal").combine_chunks()


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
