"""Rows through the row-wise stages of one segment.

Rows that a stage lets go stay in the batch, marked, to the end of the segment: their scores and sketches are stored too,
so that `replay` can answer for records that a looser threshold would bring back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.data.disk import disk_errors
from tamis.desk import Desk
from tamis.engine.isolate import ORDINAL, decide, measure
from tamis.errors import RunError
from tamis.kernels.hash import xxh64
from tamis.ledger import DROPPED, POISON, QUARANTINED, draft, set_aside
from tamis.schemas import joined, kind_of
from tamis.stage import Stage


@dataclass
class Rows:
    """A batch on its way.

    row    (n,) uint32  each row's place in its fragment
    alive  (n,) bool    whether no stage has let it go
    """

    batch: pa.RecordBatch
    row: np.ndarray
    alive: np.ndarray
    features: dict[str, pa.RecordBatch] = field(default_factory=dict)

    def keep(self, mask: np.ndarray) -> None:
        """Only the rows of `mask` (n,) go on."""
        where = pa.array(mask)
        self.batch, self.row, self.alive = self.batch.filter(where), self.row[mask], self.alive[mask]
        self.features = {name: columns.filter(where) for name, columns in self.features.items()}

    def seen_by(self, stage: Stage) -> pa.RecordBatch:
        """The batch with the features that `stage` names, each computed once for the text as it is."""
        names, columns = list(self.batch.schema.names), list(self.batch.columns)
        for feature in stage.features:
            if feature.name not in self.features:
                self.features[feature.name] = feature.compute(joined(self.batch))
            names += self.features[feature.name].schema.names
            columns += self.features[feature.name].columns
        return pa.record_batch(columns, names=names) if stage.features else self.batch


@dataclass
class Notes:
    """What was decided about the rows of one fragment in one segment, gathered block by block."""

    verdicts: list[pa.RecordBatch] = field(default_factory=list)
    aside: list[pa.Table] = field(default_factory=list)
    gone: list[tuple[np.ndarray, int, int]] = field(default_factory=list)
    """Rows of the fragment, their fate, and the step at which they went."""
    scores: dict[int, list[tuple[np.ndarray, pa.RecordBatch]]] = field(default_factory=dict)
    """By step: rows of the fragment and what was measured of them."""


class Care(NamedTuple):
    """How to go on after a stage has killed its process: rows go one by one, and those that killed it are left out.

    One that was under way when a process died may have had no part in it: the system kills, too. Twice is no chance.
    """

    heartbeat: Path
    """Where a row is announced, on the machine that carries the task out."""
    crashed: frozenset[tuple[int, int]] = frozenset()
    """Step and row of the fragment."""
    suspect: tuple[int, int] | None = None
    """The row that was under way when a process died."""

    def after_crash(self) -> Care:
        """How to go on after one more crash."""
        try:
            step, row = map(int, self.heartbeat.read_bytes().split())
        except (FileNotFoundError, ValueError):
            return self  # nothing was under way
        self._write(b"")
        if self.suspect != (step, row):
            return self._replace(suspect=(step, row))
        return self._replace(crashed=self.crashed | {(step, row)}, suspect=None)

    def beat(self, step: int, row: int) -> None:
        """Announce a row, so that a crash leaves behind which one it was."""
        self._write(f"{step} {row}".encode())

    def _write(self, beat: bytes) -> None:
        with disk_errors(self.heartbeat):
            self.heartbeat.write_bytes(beat)


class Settled(NamedTuple):
    """A corpus stage has settled: where, and the ordinal of the first record of this fragment."""

    desk: Desk
    first: int


def advance(
    rows: Rows, step: int, stage: Stage, notes: Notes, care: Care | None = None, settled: Settled | None = None
) -> None:
    """Take `rows` through `stage`: verdicts and scores noted, columns written, those that go marked.

    `settled`: for a corpus stage that goes over the rows again.
    """
    beat = None
    if care is not None:
        crashed = [k for k, row in enumerate(rows.row.tolist()) if (step, row) in care.crashed]
        if crashed:
            _set_poison_aside(rows, step, [(k, f"{stage.label} killed its process") for k in crashed], notes)
        row = rows.row
        beat = lambda k: care.beat(step, int(row[k]))  # noqa: E731
    seen = rows.seen_by(stage)
    if settled is not None:
        seen = seen.append_column(ORDINAL, pa.array(rows.row.astype(np.int64) + settled.first))
    measured = measure(stage, seen, beat, settled and settled.desk)
    if measured.broke:
        _set_poison_aside(rows, step, measured.broke, notes)
    if measured.columns is None:
        # No row is left, but later stages look for the columns all the same.
        _overlay(rows, pa.RecordBatch.from_pylist([], schema=stage.writes), stage)
        return
    scores = pa.record_batch([measured.columns.column(n) for n in stage.scores.names], schema=nullable(stage.scores))
    if stage.scores:
        notes.scores.setdefault(step, []).append((rows.row, scores))
    before, actions = rows.batch, {rule.id: rule.action for rule in stage.rules}
    edited = _overlay(rows, measured.columns, stage)
    found = decide(stage, scores)
    found = found.filter(pa.array(rows.alive[found.column("row").to_numpy()]))
    if edited:
        _no_silent_edit(stage, before, rows, found.column("row").to_numpy()[_actions(found, actions) == "edit"])
    if found.num_rows:
        note(rows, before, step, actions, found, notes, stage.hides)


def _actions(found: pa.RecordBatch, actions: Mapping[str, str]) -> np.ndarray:
    """Action of each decision: (n,) str."""
    rule = found.column("rule")
    by_rule = np.array([actions[name.split("+")[0]] for name in rule.dictionary.to_pylist()], dtype=object)
    return by_rule[rule.indices.to_numpy()] if found.num_rows else np.empty(0, object)


def _no_silent_edit(stage: Stage, before: pa.RecordBatch, rows: Rows, said: np.ndarray) -> None:
    """Every record whose text changed must have an edit among the decisions. Raises RunError."""
    silent = (xxh64(joined(before)) != xxh64(joined(rows.batch))) & rows.alive
    silent[said] = False
    if silent.any():
        first = rows.batch.column("record_id")[int(np.flatnonzero(silent)[0])].as_py().hex()
        raise RunError(
            f"{stage.label} changed the text of {int(silent.sum())} records without saying so, record {first} the first; "
            "its `decide` must return a decision with an edit rule for every row whose text `measure` changes"
        )


def note(
    rows: Rows,
    before: pa.RecordBatch,
    step: int,
    actions: Mapping[str, str],
    found: pa.RecordBatch,
    notes: Notes,
    hides: bool = False,
) -> None:
    """Make verdicts of what a stage found, and mark the rows that go."""
    at, rule, action = found.column("row").to_numpy(), found.column("rule"), _actions(found, actions)
    edited = action == "edit"
    hashes = _hashes(before, rows.batch, np.where(edited, at.astype(np.int64), -1)) if edited.any() else {}
    if hides:
        hashes.pop("before_hash", None)
    columns = {"rule": rule.cast(pa.string()), **{n: found.column(n) for n in ("value", "spans", "evidence")}, **hashes}
    ids = rows.batch.column("record_id").take(pa.array(at))
    notes.verdicts.append(draft(rows.row[at], ids, step, action, **columns))
    for name, fate in (("drop", DROPPED), ("quarantine", QUARANTINED)):
        which = action == name
        gone = at[which]
        if gone.size:
            rows.alive[gone] = False
            notes.gone.append((rows.row[gone], fate, step))
            if fate == QUARANTINED:
                reason = rule.cast(pa.string()).filter(pa.array(which))
                _set_aside(rows, gone, step, reason, None, notes)


def _set_poison_aside(rows: Rows, step: int, broke: list[tuple[int, str]], notes: Notes) -> None:
    """Quarantine the rows that made a stage raise; the others go on."""
    mask = np.ones(rows.batch.num_rows, bool)
    mask[[row for row, _ in broke]] = False
    live = [(row, why) for row, why in broke if rows.alive[row]]
    at = np.array([row for row, _ in live], np.int64)
    if at.size:
        rule, why = pa.array([POISON] * at.size), pa.array([why for _, why in live])
        ids = rows.batch.column("record_id").take(pa.array(at))
        notes.verdicts.append(draft(rows.row[at], ids, step, ["quarantine"] * at.size, rule=rule))
        notes.gone.append((rows.row[at], QUARANTINED, step))
        _set_aside(rows, at, step, rule, why, notes)
    rows.keep(mask)


def _set_aside(rows: Rows, at: np.ndarray, step: int, rule: pa.Array, why: pa.Array | None, notes: Notes) -> None:
    taken = rows.batch.take(pa.array(at))
    table = set_aside(taken, step, rule, why, rows.batch.schema)
    notes.aside.append(table.append_column("row", pa.array(rows.row[at], pa.uint32())))


def _hashes(before: pa.RecordBatch, after: pa.RecordBatch, at: np.ndarray) -> dict[str, pa.Array]:
    """XXH64 of the joined text before and after, for the rows `at`; null where `at` is -1."""
    mask = at < 0
    rows = pa.array(np.where(mask, 0, at))
    named = (("before_hash", before), ("after_hash", after))
    return {name: pa.array(xxh64(joined(batch.take(rows))), pa.uint64(), mask=mask) for name, batch in named}


def _overlay(rows: Rows, measured: pa.RecordBatch, stage: Stage) -> bool:
    """Put the columns that `stage` writes or edits in place; features go when the text did change, and True is given."""
    texts = set(kind_of(rows.batch.schema).texts)
    edited = [n for n in measured.schema.names if n in texts and not measured.column(n).equals(rows.batch.column(n))]
    columns = dict(zip(rows.batch.schema.names, rows.batch.columns, strict=True))
    fields = {f.name: f for f in rows.batch.schema}
    for name in (*edited, *stage.writes.names):
        columns[name] = measured.column(name)
        fields.setdefault(name, measured.schema.field(name))
    if edited or stage.writes.names:
        rows.batch = pa.record_batch(list(columns.values()), schema=pa.schema(list(fields.values())))
    if edited:
        rows.features.clear()
    return bool(edited)


def nullable(schema: pa.Schema) -> pa.Schema:
    """`schema` where every column may be null: records that were not measured have no number."""
    return pa.schema([f.with_nullable(True) for f in schema])


def gather(parts: list[tuple[np.ndarray, pa.RecordBatch]], total: int, schema: pa.Schema) -> pa.Table:
    """Measured columns for all `total` rows of a fragment, null where nothing was measured. `parts` are in row order."""
    schema = nullable(schema)
    if not parts:
        return pa.table([pa.nulls(total, f.type) for f in schema], schema=schema)
    rows = np.concatenate([row for row, _ in parts])
    table = pa.Table.from_batches([batch for _, batch in parts], schema=schema)
    if len(rows) == total:
        return table
    place = np.full(total, -1, np.int64)
    place[rows] = np.arange(len(rows))
    return table.take(pa.array(place, mask=place < 0))


def sketch_table(row: np.ndarray, ids: pa.Array, alive: np.ndarray, sketches: pa.RecordBatch) -> pa.Table:
    """Sketches of rows, of those with a key where there are keys: `row`, `record_id`, `alive` and the sketch's columns."""
    columns = {"row": pa.array(row, pa.uint32()), "record_id": ids, "alive": pa.array(alive)}
    table = pa.table({**columns, **{n: sketches.column(n) for n in sketches.schema.names}})
    return table.filter(pc.is_valid(table.column("key"))) if "key" in table.schema.names else table
