"""Where did a record go, and where did it come from: over all snapshots and models of a store."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from tamis.errors import InputError, UsageError
from tamis.schemas.ids import halves
from tamis.snapshot.folder import Snapshot
from tamis.snapshot.graph import Graph, Reached
from tamis.snapshot.models import uses
from tamis.snapshot.select import Match, by_record, demand_fields, meant, spelled_ids
from tamis.snapshot.store import Store
from tamis.snapshot.withdraw import is_withdrawn
from tamis.snapshot.withdraw import words as withdrawal

NAMED = 20
"""Ancestors that are told one by one; all are counted."""


@dataclass(frozen=True)
class Holding:
    """A snapshot that holds something that was reached.

    records          records it holds that are meant themselves, or were made of some that are
    meant, derived   the two parts of it
    splits           records by split, where there are any
    as_a_whole       it says that it was made of a snapshot that holds some, and not which of its records were
    """

    ref: str
    id: str
    state: str
    records: int
    meant: int
    derived: int
    splits: dict[str, int]
    as_a_whole: bool = False


@dataclass(frozen=True)
class Model:
    """A model that was trained on some of it: `snapshots` by reference, `records` of the largest of those."""

    name: str
    snapshots: tuple[str, ...]
    records: int


@dataclass(frozen=True)
class Ancestor:
    """A record that others were made of. `distance` is edges to the nearest of those that were asked for.

    held_in  snapshots of the store that hold it; where none does, the rest is not known
    file     input file of the run, and its row there (from 1), where the ledger tells
    """

    record_id: str
    distance: int
    held_in: tuple[str, ...]
    id: str | None = None
    source: str | None = None
    license: str | None = None
    url: str | None = None
    file: str | None = None
    row: int | None = None


@dataclass(frozen=True)
class Trace:
    """What was found.

    what       the question, in words
    meant      records that are meant by it, wherever they are
    edges      derivations that were looked at
    holdings   where they and what was made of them are; None where it was not asked
    ancestors  what they were made of, and they themselves, at most NAMED; None where it was not asked
    """

    what: str
    meant: int
    edges: int
    holdings: tuple[Holding, ...] | None = None
    models: tuple[Model, ...] | None = None
    ancestors: tuple[Ancestor, ...] | None = None
    ancestry: dict[str, Any] | None = None
    """How many ancestors, how many of them no snapshot here holds, and how many by source and by licence."""

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


def trace(
    store: Store, matches: Sequence[Match], *, within: Snapshot | None = None, down: bool = True, up: bool = False
) -> Trace:
    """What was made of the records that `matches` mean, and what they were made of, over all of `store`.

    within  the snapshot that records are looked for in; None: every one

    Raises UsageError where a field is a column of none, InputError where no record is meant.
    """
    if not matches:
        raise UsageError("what should be traced? name a --record, --source, --license or --subject field=value")
    if within is not None and is_withdrawn(within.path):
        raise InputError(f"{within.ref} has no records any more: it was {withdrawal(within.path)}")
    known = readable(store)
    places = [within] if within else list(known.values())
    seeds = seeds_of(places, matches)
    what = " or ".join(words(m) for m in matches)
    if not len(seeds):
        where = within.ref if within else f"the {len(known)} snapshots of the store at {store.root}"
        raise InputError(f"no record of {where} has {what}")
    graph = Graph([s.lineage().select(["child", "parent"]) for s in known.values()])
    holdings = models = ancestors = ancestry = None
    if down:
        reached = graph.down(seeds)
        holdings = _with_wholes(known, held(known, reached))
        models = affected(store, holdings, reached)
    if up:
        above = graph.up(seeds)
        ancestors, ancestry = _ancestors(known, above)
    return Trace(what, len(seeds), graph.edges, holdings, models, ancestors, ancestry)


def readable(store: Store) -> dict[str, Snapshot]:
    """The snapshots of a store that have their data, by id, in the order of the store."""
    store.recover()
    return {e.id: Snapshot(e.path) for e in store.snapshots() if e.state == "live"}


def words(match: Match) -> str:
    """What `match` means, in words."""
    how = {"=": "", "~": "that holds ", "like": "like "}[match.how]
    return f"{match.field} {how}{match.value!r}"


def seeds_of(places: Iterable[Snapshot], matches: Sequence[Match]) -> np.ndarray:
    """The records that `matches` mean: (n, 2) uint64, each once. A record id that is named is meant even if none holds it."""
    places = list(places)
    demand_fields(matches, [place.schema for place in places])
    found = [spelled_ids(matches)]
    for place in places:
        found += [halves(ids) for ids in matching(place, matches)]
    return np.unique(np.concatenate(found), axis=0)


def matching(place: Snapshot, matches: Sequence[Match]) -> Iterable[pa.Array]:
    """Record ids of the rows of `place` that `matches` mean."""
    columns = list(dict.fromkeys(["record_id", *(c for m in matches for c in m.columns(place.schema))]))
    for batch in place.batches(columns) if len(columns) > 1 or by_record(matches) else ():
        rows = meant(batch, matches)
        if rows.any():
            yield batch.column("record_id").filter(pa.array(rows))


def held(known: dict[str, Snapshot], reached: Reached) -> list[Holding]:
    """What each snapshot holds of `reached`; those that hold none are left out."""
    found = []
    for id, snapshot in known.items():
        splits, meant = {}, 0
        for split in snapshot.splits:
            distance = reached.find(snapshot.data(["record_id"], split).column(0))
            if count := int((distance >= 0).sum()):
                splits[split] = count
            meant += int((distance == 0).sum())
        if records := sum(splits.values()):
            found.append(Holding(snapshot.ref, id, "live", records, meant, records - meant, splits))
    return found


def _with_wholes(known: dict[str, Snapshot], found: list[Holding]) -> tuple[Holding, ...]:
    """`found`, and the snapshots that say of themselves that they were made of one of them, without saying which rows."""
    reached = {h.id for h in found}
    wholes: list[str] = []
    while more := [i for i, s in known.items() if i not in reached and not reached.isdisjoint(wholly_of(s))]:
        reached.update(more)
        wholes += more
    return (*found, *(Holding(known[i].ref, i, "live", 0, 0, 0, {}, as_a_whole=True) for i in wholes))


def wholly_of(snapshot: Snapshot) -> list[str]:
    """Ids of the snapshots it says it was made of, where it does not say which records."""
    said = snapshot.facts.get("derived_from", {})
    return list(said["snapshots"]) if said.get("by") == "whole" else []


def affected(store: Store, holdings: Sequence[Holding], reached: Reached) -> tuple[Model, ...]:
    """The models that were trained on any of `holdings`, in a split that holds some.

    A version that was withdrawn since is asked by its leaves: it held `reached` when a model was trained on it.
    """
    by_id = {h.id: h for h in holdings} | {h.id: h for h in _withdrawn(store, reached)}
    found = []
    for facts in store.models():
        hit = [
            by_id[id]
            for id, split in uses(facts)
            if id in by_id and (by_id[id].as_a_whole or split is None or split in by_id[id].splits)
        ]
        if hit:
            found.append(Model(facts["name"], tuple(h.ref for h in hit), max(h.records for h in hit)))
    return tuple(found)


def _withdrawn(store: Store, reached: Reached) -> Iterable[Holding]:
    """Withdrawn versions that held some of `reached`, and that were not tombstones before; in which split is not known."""
    trained = {id for facts in store.models() for id, _ in uses(facts)}
    for entry in store.snapshots():
        if entry.state == "withdrawn" and entry.id in trained:
            snapshot = Snapshot(entry.path)
            if n := int(reached.holds(snapshot.leaves().column("record_id")).sum()):
                yield Holding(snapshot.ref, entry.id, "withdrawn", n, 0, 0, dict.fromkeys(snapshot.splits, n))


COLUMNS = ["record_id", "id", "source", "license", "url"]


def _ancestors(known: dict[str, Snapshot], above: Reached) -> tuple[tuple[Ancestor, ...], dict[str, Any]]:
    """Those of `above` that are nearest, and all of them by source and licence, each record once."""
    rows: dict[bytes, dict[str, Any]] = {}
    held_in: dict[bytes, list[str]] = {}
    sources: Counter[str] = Counter()
    licences: Counter[str] = Counter()
    seen = np.zeros(len(above), np.bool_)
    wanted = {bytes(i.as_py()) for i in above.ids.take(pa.array(np.argsort(above.distance, kind="stable")[:NAMED]))}
    for snapshot in known.values():
        for batch in snapshot.batches(COLUMNS):
            numbers = above.number(batch.column("record_id"))
            here = numbers >= 0
            if not here.any():
                continue
            fresh = here.copy()
            fresh[here] = ~seen[numbers[here]]
            seen[numbers[here]] = True
            new = batch.filter(pa.array(fresh))
            sources.update(_counted(new.column("source")))
            licences.update(_counted(new.column("license")))
            for row in batch.filter(pa.array(here)).to_pylist() if _any_of(batch, here, wanted) else ():
                if row["record_id"] in wanted:
                    held_in.setdefault(row["record_id"], []).append(snapshot.ref)
                    rows.setdefault(row["record_id"], {**row, **_origin(snapshot, row["record_id"])})
    told = []
    order = np.argsort(above.distance, kind="stable")[:NAMED]
    for id, distance in zip(above.ids.take(pa.array(order)).to_pylist(), above.distance[order].tolist(), strict=True):
        more = {k: v for k, v in rows.get(id, {}).items() if k != "record_id"}
        told.append(Ancestor(id.hex(), distance, tuple(held_in.get(id, ())), **more))
    counts = {
        "records": len(above),
        "not_held": int((~seen).sum()),
        "sources": dict(sources.most_common()),
        "licences": dict(licences.most_common()),
    }
    return tuple(told), counts


def _any_of(batch: pa.RecordBatch, here: np.ndarray, wanted: set[bytes]) -> bool:
    return bool(here.sum()) and not wanted.isdisjoint(batch.column("record_id").filter(pa.array(here)).to_pylist())


def _counted(column: pa.Array) -> dict[str, int]:
    pairs = column.cast(pa.string()).value_counts().to_pylist()
    return {p["values"] if p["values"] is not None else "none": p["counts"] for p in pairs}


def _origin(snapshot: Snapshot, record_id: bytes) -> dict[str, Any]:
    """Input file and row (from 1) of a record, where the ledger of `snapshot` tells."""
    fates = snapshot.fates().column("record_id")
    at = int(np.argmax(_equal(fates, record_id))) if len(fates) else 0
    told = snapshot.evidence("run.json")
    if told is None or not len(fates) or fates[at].as_py() != record_id:
        return {}
    facts = json.loads(told)
    for file in [*facts["inputs"], *facts.get("derived", ())]:
        if at < file["rows"]:
            return {"file": file["file"], "row": at + 1}
        at -= file["rows"]
    return {}


def _equal(ids: pa.ChunkedArray, record_id: bytes) -> np.ndarray:
    wanted = halves(pa.array([record_id], pa.binary(16)))
    found: np.ndarray = (halves(ids) == wanted).all(axis=1)
    return found
