"""What an erasure would take: the records that are meant, all that was made of them, and who knows them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.data.block import record_ids
from tamis.data.parquet import open_file, plain, read_table
from tamis.errors import InputError, UsageError
from tamis.runs import Run, open_run, read_whole
from tamis.runs.again import Again
from tamis.runs.manifest import MANIFEST, sha256
from tamis.schemas.ids import halves
from tamis.snapshot.folder import Snapshot
from tamis.snapshot.graph import Graph, Reached
from tamis.snapshot.holds import holds
from tamis.snapshot.select import Match, by_record, demand_fields, meant, spelled_ids
from tamis.snapshot.store import Entry, Store, find_store
from tamis.snapshot.trace import Holding, Model, affected, held, matching, wholly_of

T = TypeVar("T")


@dataclass(frozen=True)
class Plan:
    """What an erasure would do.

    reached   the records that go
    holdings  what each snapshot holds of them
    rewrites  snapshots that are to be written anew, their references by id: those, and any whose ledger or lineage names a record
    runs      paths of the runs that know a record, with the number of records
    alike     records that a run dropped as duplicates of some that go, or for which it dropped some that go, and that stay
    unseen    snapshots and runs the store knows and that are not where they should be
    unread    runs whose input could not be read again, and why: what they dropped was not searched by value
    held      holds that forbid it, in words
    wholes    snapshots made as a whole of one that holds some: which of their records were is not known
    """

    matches: tuple[Match, ...]
    reached: Reached
    holdings: tuple[Holding, ...]
    rewrites: dict[str, str]
    runs: dict[str, int]
    models: tuple[Model, ...]
    alike: int
    unseen: tuple[str, ...]
    unread: dict[str, str]
    wholes: tuple[str, ...]
    held: tuple[str, ...]

    @property
    def values(self) -> list[str]:
        """What was asked for."""
        return [m.value for m in self.matches]

    @property
    def named(self) -> tuple[str, ...]:
        """References of snapshots that hold none of the records, but name one."""
        held_by = {h.id for h in self.holdings}
        return tuple(ref for id, ref in self.rewrites.items() if id not in held_by)

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it; records by number alone."""
        return {
            "meant": self.reached.seeds,
            "derived": len(self.reached) - self.reached.seeds,
            "snapshots": [asdict(h) for h in self.holdings],
            "named_in": list(self.named),
            "runs": self.runs,
            "models": [asdict(m) for m in self.models],
            "alike": self.alike,
            "not_there": list(self.unseen),
            "input_unread": self.unread,
            "made_as_a_whole": list(self.wholes),
            "held": list(self.held),
        }

    @property
    def is_empty(self) -> bool:
        """Whether no snapshot and no run knows any of the records."""
        return not self.rewrites and not self.runs


@dataclass
class Known:
    """A store as an erasure sees it: what has its data, what was withdrawn, the runs, and what is not where it should be."""

    store: Store
    live: dict[str, Snapshot]
    buried: list[Snapshot]
    runs: list[Run]
    unseen: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, store: Store) -> Known:
        """What lies where the catalog says and is what was frozen there; the rest is `unseen`, each with why."""
        entries = store.snapshots()
        missing = [f"{e.name}@{e.version} at {e.path}" for e in entries if e.state == "missing"]
        missing += [f"{e.name}@{e.version} at {e.path}: {why}" for e in entries if (why := _is_not_ours(store, e))]
        runs, entered = [], store.runs()
        for path in sorted({facts["path"] for facts in entered}):
            if not (Path(path) / "run.json").is_file():
                missing.append(f"run at {path}")
            elif _is_within(store, Path(path)) or any(
                _is_of(store, facts) for facts in entered if facts["path"] == path
            ):
                runs.append(open_run(path))
            else:
                missing.append(f"run at {path}: it is another than was frozen, and lies outside the store")
        known = [e for e in entries if e.state != "missing" and not _is_not_ours(store, e)]
        buried = [Snapshot(e.path) for e in known if e.state == "withdrawn"]
        return cls(store, {e.id: Snapshot(e.path) for e in known if e.state == "live"}, buried, runs, missing)


def _is_not_ours(store: Store, entry: Entry) -> str | None:
    """Why what lies where `entry` says is not to be changed, as whoever packed a store may have it say anything."""
    if entry.state == "missing":
        return None
    if Snapshot(entry.path).id != entry.id:
        return "it is not what was frozen there"
    other = None if _is_within(store, entry.path) else find_store(Path(os.path.realpath(entry.path)))
    if other is not None and other.entry(entry.id) is not None:
        return f"it is of the store at {other.root}; erase it there"
    return None


def _is_within(store: Store, path: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(store.root))


def _is_of(store: Store, facts: dict[str, Any]) -> bool:
    """Whether the run that lies where `facts` say is the one that was frozen, or what an erasure in another store left of it."""
    path = Path(facts["path"])
    with suppress(OSError):
        if sha256(path / MANIFEST) == facts["id"]:
            return True
    made = _made(path / "run.json")
    entries = {e.id: e.path for e in store.snapshots() if e.state == "live"}
    return made is not None and any(
        made == _made(entries[id] / "evidence/run.json") for id in facts["snapshots"] if id in entries
    )


def _made(run: Path) -> tuple[Any, ...] | None:
    """What tells a run from every other, and what no erasure changes: recipe, input, when and where it was made."""
    try:
        facts = json.loads(plain(run).read_bytes())
        inputs, varies = [file["sha256"] for file in facts["inputs"]], facts["varies"]
        return facts["recipe"]["sha256"], inputs, varies["started"], varies["seconds"], varies["host"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def plan(store: Store, matches: Sequence[Match], *, alike: bool = False) -> Plan:
    """What erasing the records that `matches` mean, and all that was made of them, would do. Nothing is changed.

    alike  also those that a run dropped as duplicates of them, or for which it dropped them

    Raises UsageError where a field is a column of nothing.
    """
    if not matches:
        raise UsageError("what should be erased? name --match field=value or --record ID")
    store.recover()
    return gather(Known.of(store), tuple(matches), alike)


def gather(known: Known, matches: tuple[Match, ...], alike: bool) -> Plan:
    """As `plan`, of a store as it is `known`. Raises InputError where a run is damaged: what it holds cannot be told."""
    _demand_fields(known, matches)
    seeds = [spelled_ids(matches), *(_of_snapshot(s, matches) for s in known.live.values())]
    seeds += _each(known, lambda run: _of_run(run, matches))
    unread = {}
    for run in known.runs:
        try:
            with read_whole(run.path):
                seeds.append(_of_input(run, matches))
        except InputError as wrong:
            unread[str(run.path)] = str(wrong)
    tables = [s.lineage().select(["child", "parent"]) for s in known.live.values()]
    tables += [table for some in _each(known, _derived) for table in some]
    decided = [*(s.verdicts(["record_id", "peer_id"]) for s in known.live.values()), *_each(known, _decided)]
    peers = [_peers(table) for table in decided]
    start = np.unique(np.concatenate(seeds), axis=0)
    reached = Graph([*tables, *(peers if alike else [])]).down(start)
    holdings = tuple(held(known.live, reached))
    held_by = {h.id for h in holdings}
    rewrites = {i: s.ref for i, s in known.live.items() if i in held_by or _names(s, reached)}
    wholes = [s.ref for s in known.live.values() if not {h.id for h in holdings}.isdisjoint(wholly_of(s))]
    return Plan(
        matches=matches,
        reached=reached,
        holdings=holdings,
        rewrites=rewrites,
        runs={path: n for path, n in _each(known, lambda run: (str(run.path), _known_to(run, reached))) if n},
        models=affected(known.store, holdings, reached),
        alike=_alike(peers, reached),
        unseen=tuple(known.unseen),
        unread=unread,
        wholes=tuple(wholes),
        held=tuple(_held(known.store, reached, rewrites)),
    )


def _held(store: Store, reached: Reached, rewrites: Container[str]) -> Iterator[str]:
    """Holds on any of the records, or on a snapshot that would be written anew."""
    for hold in holds(store):
        on = pa.array([bytes.fromhex(hold.record)] if hold.record else [], pa.binary(16))
        if reached.holds(on).any() or hold.snapshot in rewrites:
            yield hold.words


def _each(known: Known, ask: Callable[[Run], T]) -> list[T]:
    """What `ask` says of each run. Raises InputError where one cannot be read because it is damaged."""
    found = []
    for run in known.runs:
        with read_whole(run.path):
            found.append(ask(run))
    return found


def _demand_fields(known: Known, matches: Sequence[Match]) -> None:
    schemas = [s.schema for s in known.live.values()]
    demand_fields(matches, [*schemas, *(schema for some in _each(known, _schemas) for schema in some)])


def _schemas(run: Run) -> list[pa.Schema]:
    return [pq.read_schema(plain(part)) for what in ("data", "quarantine") for part in run.parts(what)]


def _of_snapshot(place: Snapshot, matches: Sequence[Match]) -> np.ndarray:
    found = [halves(ids) for ids in matching(place, [m for m in matches if m.columns(place.schema)])]
    return np.concatenate([np.empty((0, 2), np.uint64), *found])


def _of_run(run: Run, matches: Sequence[Match]) -> np.ndarray:
    """Records of a run that are meant: those it kept, those it set aside, readable or not, and by their own id any it read."""
    found = [
        np.empty((0, 2), np.uint64),
        _by_own_id(run, [m.value for m in matches if m.field == "id" and m.how == "="]),
    ]
    for part in [*run.parts("data"), *run.parts("quarantine")]:
        with open_file(part) as file:
            schema = file.schema_arrow
            columns = ["record_id", *(["raw"] if "raw" in schema.names else [])]
            columns = list(dict.fromkeys([*columns, *(c for m in matches for c in m.columns(schema))]))
            for batch in file.iter_batches(8192, columns=columns) if columns[1:] or by_record(matches) else ():
                rows = meant(batch, matches)
                if rows.any():
                    found.append(halves(batch.column("record_id").filter(pa.array(rows))))
    return np.concatenate(found)


def _of_input(run: Run, matches: Sequence[Match]) -> np.ndarray:
    """Records that a run dropped, by their rows as its input has them: it keeps none itself. Raises InputError."""
    found = [np.empty((0, 2), np.uint64)]
    if not run.rows["dropped"] or all(m.field in ("id", "record_id") for m in matches):
        return found[0]
    for batch in Again(run).rows():
        rows = meant(batch, matches)
        if rows.any():
            found.append(halves(batch.column("record_id").filter(pa.array(rows))))
    fates = run.fates()
    dropped = fates.column("record_id").filter(pc.equal(fates.column("fate").cast(pa.string()), "dropped"))
    return halves(dropped.filter(pa.array(Reached.of(np.concatenate(found)).holds(dropped))))


def _by_own_id(run: Run, ids: Sequence[str]) -> np.ndarray:
    """Record ids of rows that the run read, by source and own id: also of those whose rows it dropped."""
    if not ids:
        return np.empty((0, 2), np.uint64)
    own = pa.array(ids, pa.string())
    made = [halves(record_ids(pa.repeat(source["source"], len(ids)), own)) for source in run.facts["sources"]]
    wanted = Reached.of(np.concatenate([np.empty((0, 2), np.uint64), *made]))
    read = run.fates().column("record_id")
    return halves(read.filter(pa.array(wanted.holds(read))))


def _derived(run: Run) -> list[pa.Table]:
    return [read_table(part, columns=["child", "parent"]) for part in run.parts("lineage")]


def _decided(run: Run) -> pa.Table:
    return run.verdicts(["record_id", "peer_id"])


def _peers(verdicts: pa.Table) -> pa.Table:
    """Records that lost to others, as edges both ways."""
    pairs = verdicts.filter(verdicts.column("peer_id").is_valid())
    ids, peers = pairs.column("record_id"), pairs.column("peer_id")
    both = [pa.chunked_array([*a.chunks, *b.chunks], pa.binary(16)) for a, b in ((ids, peers), (peers, ids))]
    return pa.table({"parent": both[0], "child": both[1]})


def _alike(peers: Sequence[pa.Table], reached: Reached) -> int:
    """How many records that stay lost to some that go, or won over them."""
    ids = [t.column("child").filter(pa.array(reached.holds(t.column("parent")))) for t in peers]
    every = np.concatenate([np.empty((0, 2), np.uint64), *(halves(i.filter(pa.array(~reached.holds(i)))) for i in ids)])
    return len(np.unique(every, axis=0))


def _names(snapshot: Snapshot, reached: Reached) -> bool:
    """Whether ledger or lineage of a snapshot that holds none of the records names one."""
    lineage, verdicts = snapshot.lineage(), snapshot.verdicts(["record_id", "peer_id"])
    columns = [
        lineage.column("child"),
        lineage.column("parent"),
        verdicts.column("record_id"),
        verdicts.column("peer_id"),
        snapshot.fates().column("record_id"),
    ]
    return any(bool(reached.holds(c).any()) for c in columns if len(c))


def _known_to(run: Run, reached: Reached) -> int:
    """How many of the records a run read, or names."""
    found = int(reached.holds(run.fates().column("record_id")).sum())
    return found or int(reached.holds(_decided(run).column("peer_id")).sum())
