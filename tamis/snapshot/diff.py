"""What a version has that another had not, record by record, and why.

    difference = diff("docs@1.0.0", "docs@1.1.0")
    difference.counts          {"added": 12, "removed": 3, "changed": 40}
    difference.why().group_by  …

A record is the same where its leaf is; where only its salt is another (two versions that are no kin), its content is compared.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.errors import InputError
from tamis.kernels.digests import sha256_all
from tamis.schemas._field import field
from tamis.schemas.rows import RECORD_ID
from tamis.snapshot.canonical import canonical
from tamis.snapshot.folder import Snapshot, open_snapshot
from tamis.snapshot.leaves import by_id, fixed, numbers, places

CHANGES = ("added", "removed", "changed")

WHY = pa.schema(
    [
        field("record_id", RECORD_ID, "The record.", False),
        field("change", pa.string(), "added, removed or changed.", False),
        field("reason", pa.string(), "Why, in a few words that many records share.", False),
        field("ledger", pa.string(), "Whose ledger says so: that of the version `a` or `b`; null: neither."),
        field("stage", pa.string(), "Stage that decided."),
        field("rule", pa.string(), "Rule that decided."),
        field("value", pa.float32(), "What was measured."),
        field("comparator", pa.string(), "How a record that stays compares with the threshold."),
        field("threshold", pa.float32(), "Threshold in force."),
        field("peer_id", RECORD_ID, "The record it lost to."),
        field("columns", pa.string(), "Of a changed record: the columns that differ, joined by a comma."),
    ]
)
"""One row for every record that differs, by change and record_id."""

_GONE = ("drop", "quarantine", "merge", "derive")

_NOTHING = hashlib.sha256(b"\xa0").digest()
"""Digest of a record without members: what a column is that is null, or not there."""


class Ids(NamedTuple):
    """Record ids, ascending: (n, 2) uint64."""

    added: np.ndarray
    removed: np.ndarray
    changed: np.ndarray


@dataclass(frozen=True)
class Difference:
    """From `a` to `b`. columns: for each changed record those that differ; erased: records of `a` that are tombstones."""

    a: Snapshot
    b: Snapshot
    ids: Ids
    columns: tuple[str, ...]
    erased: int

    @property
    def counts(self) -> dict[str, int]:
        """Records added, removed and changed."""
        return {name: len(getattr(self.ids, name)) for name in CHANGES}

    @property
    def same(self) -> bool:
        """True where no record differs."""
        return not any(self.counts.values())

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What else differs, by what snapshot.json says: each `[before, after]`."""
        was, now = self.a.facts, self.b.facts
        pairs = {
            "splits": (was["splits"], now["splits"]),
            "columns": (_columns(was), _columns(now)),
            "contract": (_brief(was.get("contract")), _brief(now.get("contract"))),
            "recipe": (_sha(was.get("recipe")), _sha(now.get("recipe"))),
            "inputs": (_inputs(was), _inputs(now)),
            "tombstones": (was.get("tombstones", 0), now.get("tombstones", 0)),
        }
        return {name: [before, after] for name, (before, after) in pairs.items() if before != after}

    def why(self) -> pa.Table:
        """WHY rows."""
        tables = [
            _gone(self.ids.added, "added", self.a, "a"),
            _gone(self.ids.removed, "removed", self.b, "b"),
            _edited(self.ids.changed, self.columns, self.a, self.b),
        ]
        return pa.concat_tables(tables)

    def reasons(self) -> list[dict[str, Any]]:
        """How many records differ for which reason, the most frequent first."""
        table = self.why()
        found = Counter(zip(*(table.column(c).to_pylist() for c in ("change", "reason", "stage", "rule")), strict=True))
        order = sorted(found.items(), key=lambda item: (CHANGES.index(item[0][0]), -item[1], item[0][1]))
        return [
            {"change": change, "reason": reason, "stage": stage, "rule": rule, "records": count}
            for (change, reason, stage, rule), count in order
        ]

    def as_dict(self) -> dict[str, Any]:
        """Without the records, as JSON can hold it."""
        ends = {"a": self.a, "b": self.b}
        named = {
            end: {"id": s.id, "name": s.name, "version": s.version, "path": str(s.path)} for end, s in ends.items()
        }
        return {**named, **self.counts, "erased": self.erased, "facts": self.facts}


def diff(a: Snapshot | Path | str, b: Snapshot | Path | str, store: Path | str | None = None) -> Difference:
    """What differs from `a` to `b`. Raises InputError where one is none, or its data was withdrawn and must be read."""
    before, after = open_snapshot(a, store), open_snapshot(b, store)
    was, now = before.leaves(), after.leaves()
    erased = was.column("record_id").null_count
    here, there = _alive(was), _alive(now)
    at = places(here.ids, there.ids)
    back = places(there.ids, here.ids)
    both = at >= 0
    differ = both.copy()
    differ[both] = (there.leaves[both] != here.leaves[at[both]]).any(axis=1)
    changed, columns = _changed(before, after, there.ids[differ])
    return Difference(before, after, Ids(there.ids[~both], here.ids[back < 0], changed), columns, erased)


class _Alive(NamedTuple):
    ids: np.ndarray
    leaves: np.ndarray


def _alive(table: pa.Table) -> _Alive:
    table = table.filter(table.column("record_id").is_valid())
    return _Alive(numbers(fixed(table.column("record_id"), 16)), fixed(table.column("leaf"), 32))


def _changed(a: Snapshot, b: Snapshot, ids: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Those of `ids` whose content differs, and the columns that do, for each."""
    if not len(ids):
        return ids, ()
    shared = {f["sha256"] for f in a.facts["files"]} & {f["sha256"] for f in b.facts["files"]}
    was, now = _contents(a, ids, shared), _contents(b, ids, shared)
    nothing = np.broadcast_to(np.frombuffer(_NOTHING, np.uint8), (len(ids), 32))
    names = sorted(was.keys() | now.keys())
    differ = {name: (was.get(name, nothing) != now.get(name, nothing)).any(axis=1) for name in names}
    any_differs = np.logical_or.reduce(list(differ.values())) if differ else np.zeros(len(ids), bool)
    rows = np.flatnonzero(any_differs).tolist()
    return ids[any_differs], tuple(",".join(n for n in names if differ[n][row]) for row in rows)


def _contents(snapshot: Snapshot, ids: np.ndarray, shared: set[str]) -> dict[str, np.ndarray]:
    """A digest of each column of the records `ids` (n, 2): (n, 32) uint8. Files that both versions have are passed over."""
    found: dict[str, np.ndarray] = {}
    known = {f["path"]: f["sha256"] for f in snapshot.facts["files"]}
    for part in snapshot.parts():
        if known.get(f"data/{part.name}") in shared:
            continue
        for batch in snapshot.batches_of(part):
            at = places(ids, numbers(fixed(batch.column("record_id").cast(RECORD_ID), 16)))
            rows = np.flatnonzero(at >= 0)
            if not len(rows):
                continue
            wanted = batch.take(pa.array(rows))
            for name in batch.schema.names:
                column = canonical(wanted.select([name]))
                where = found.setdefault(name, np.tile(np.frombuffer(_NOTHING, np.uint8), (len(ids), 1)))
                where[at[rows]] = sha256_all(column.data, column.offsets)
    if snapshot.splits and not snapshot.parts() and sum(snapshot.splits.values()):
        raise InputError(f"the data of {snapshot.ref} was withdrawn: what changed since cannot be told")
    return found


def _gone(ids: np.ndarray, change: str, ledger: Snapshot, end: str) -> pa.Table:
    """Why the records `ids` are not in the version of `ledger`."""
    verdicts = _verdicts(ledger, ids, _GONE)
    last = {row["record_id"]: row for row in verdicts.to_pylist()}  # by record_id and step: the last one decided
    read = _in_input(ledger, ids)
    rows = []
    for id, was_read in zip(_raw(ids), read.tolist(), strict=True):
        verdict = last.get(id)
        row: dict[str, Any] = {"record_id": id, "change": change}
        if verdict is not None:
            done = {"drop": "dropped", "quarantine": "set aside", "merge": "merged away", "derive": "used up"}[
                verdict["action"]
            ]
            keys = ("stage", "rule", "value", "comparator", "threshold", "peer_id")
            row |= {"reason": f"{done} in {ledger.version}", "ledger": end, **{k: verdict[k] for k in keys}}
        elif was_read:
            row["reason"] = (
                f"erased from {ledger.version}" if ledger.facts.get("tombstones") else f"taken out of {ledger.version}"
            )
        else:
            row["reason"] = f"not in the input of {ledger.version}"
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=WHY)


def _edited(ids: np.ndarray, columns: tuple[str, ...], a: Snapshot, b: Snapshot) -> pa.Table:
    """Why the records `ids` are other than they were."""
    was, now = _edits(a, ids), _edits(b, ids)
    rows = []
    for id, differ in zip(_raw(ids), columns, strict=True):
        before, after = was.get(id, []), now.get(id, [])
        fresh = [
            edit for edit in after if (edit["stage"], edit["rule"]) not in {(e["stage"], e["rule"]) for e in before}
        ]
        lost = [
            edit for edit in before if (edit["stage"], edit["rule"]) not in {(e["stage"], e["rule"]) for e in after}
        ]
        row: dict[str, Any] = {"record_id": id, "change": "changed", "columns": differ}
        if fresh:
            row |= {
                "reason": f"edited in {b.version}",
                "ledger": "b",
                "stage": fresh[-1]["stage"],
                "rule": fresh[-1]["rule"],
            }
        elif lost:
            row |= {
                "reason": f"no longer edited in {b.version}",
                "ledger": "a",
                "stage": lost[-1]["stage"],
                "rule": lost[-1]["rule"],
            }
        elif after and [e["before_hash"] for e in after] == [e["before_hash"] for e in before]:
            row |= {"reason": "edited otherwise", "ledger": "b", "stage": after[-1]["stage"], "rule": after[-1]["rule"]}
        else:
            row["reason"] = "another row in the input"
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=WHY)


def _edits(snapshot: Snapshot, ids: np.ndarray) -> dict[bytes, list[dict[str, Any]]]:
    found: dict[bytes, list[dict[str, Any]]] = {}
    for row in _verdicts(snapshot, ids, ("edit",)).to_pylist():
        found.setdefault(row["record_id"], []).append(row)
    return found


def _verdicts(snapshot: Snapshot, ids: np.ndarray, actions: tuple[str, ...]) -> pa.Table:
    """Verdicts of `actions` about the records `ids`."""
    table = snapshot.verdicts(
        ["record_id", "step", "stage", "action", "rule", "value", "comparator", "threshold", "peer_id", "before_hash"]
    )
    about = places(ids, numbers(fixed(table.column("record_id"), 16))) >= 0
    named = pc.is_in(table.column("action").cast(pa.string()), pa.array(actions))
    return table.filter(pc.and_(named, pa.array(about)))


def _in_input(snapshot: Snapshot, ids: np.ndarray) -> np.ndarray:
    """Which of `ids` the run read at all: (n,) bool."""
    raw = fixed(snapshot.fates().column("record_id"), 16)
    known = numbers(raw)[by_id(raw)] if len(raw) else np.empty((0, 2), np.uint64)
    return places(known, ids) >= 0


def _raw(ids: np.ndarray) -> list[bytes]:
    return [bytes(row) for row in ids.astype(">u8").view(np.uint8).reshape(-1, 16)]


def _columns(facts: dict[str, Any]) -> dict[str, str]:
    return {f["name"]: f["type"] for f in facts["schema"]["fields"]}


def _brief(contract: dict[str, Any] | None) -> str | None:
    return f"{contract['id']} {contract['version']} {contract['sha256'][:12]}" if contract else None


def _sha(recipe: dict[str, Any] | None) -> str | None:
    return str(recipe["sha256"]) if recipe else None


def _inputs(facts: dict[str, Any]) -> dict[str, str]:
    return {i["file"]: i["sha256"] for i in facts.get("inputs", [])}
