"""Which licences stand behind each record of a snapshot: those of all it was made of, through however many snapshots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa

from tamis.kernels.inherit import inherit
from tamis.kernels.reach import Numbering
from tamis.licenses import canonical
from tamis.schemas.ids import halves
from tamis.snapshot.folder import Snapshot
from tamis.snapshot.licences import EXAMPLES, Group, Licences, judged

if TYPE_CHECKING:
    from tamis.snapshot.emit.census import Census
    from tamis.snapshot.store import Store

MOST = 1023
"""Different licences that are told apart; any more count as unknown. A record in the lineage takes a bit for each."""

UNREADABLE = "NOASSERTION"
"""Stands for a licence that was declared and is no SPDX expression."""


class Held(Protocol):
    """What is asked of a snapshot; `Snapshot` gives it."""

    @property
    def id(self) -> str:
        """sha256:…"""

    @property
    def facts(self) -> dict[str, Any]:
        """snapshot.json."""

    def batches(self, columns: list[str] | None = None, split: str | None = None) -> Iterator[pa.RecordBatch]:
        """The rows, batch by batch."""

    def lineage(self) -> pa.Table:
        """LINEAGE rows."""


def licences(
    snapshot: Held, find: Callable[[str], Held | None] = lambda id: None, census: Census | None = None
) -> Licences:
    """Licences of the records of `snapshot`.

    find    gives the snapshot of an id, which holds parents, or what took its place when records were erased from it; None
            where there is none
    census  counts over its rows, so that they need not be read where nothing was derived
    """
    behind = _Behind(snapshot, find)
    if not behind.edges and not behind.whole[snapshot.id] and census is not None:
        return judged([(Group(_known(name), ()), count.rows, []) for name, count in census.licenses.items()], [])
    return judged(behind.groups(), behind.missing, behind.erased)


def of_each(
    snapshot: Held, find: Callable[[str], Held | None] = lambda id: None
) -> Iterator[tuple[pa.Array, np.ndarray, Sequence[Group]]]:
    """Record ids, batch by batch, the place of each one's group, and the groups met so far."""
    behind = _Behind(snapshot, find)
    for ids, number in behind.each():
        yield ids, number, behind.found


def finder(store: Store | None) -> Callable[[str], Snapshot | None]:
    """Gives the snapshot of an id, or what took its place when records were erased from it, where `store` has it."""

    def find(id: str) -> Snapshot | None:
        entry = store.living(id) if store else None
        return Snapshot(entry.path) if entry else None

    return find


class _Behind:
    """The lineage of `snapshot`, through all snapshots that hold parents, and the licences of all records in it."""

    def __init__(self, snapshot: Held, find: Callable[[str], Held | None]) -> None:
        self.snapshot, self.missing, self.erased = snapshot, list[str](), list[str]()
        self.found: list[Group] = []
        self.others: dict[str, Held] = {}
        tables = [snapshot.lineage()]
        done = {snapshot.id}
        ahead = _named(tables[0]) - done
        while ahead:
            id = min(ahead)
            other = find(id)
            if other is None:
                self.missing.append(id)
            elif other.id not in {snapshot.id, *self.others}:
                self.others[other.id] = other
                tables.append(other.lineage())
                ahead |= _named(tables[-1])
            done.add(id)
            ahead -= done
        self.whole = {held.id: self._whole(held, find) for held in (snapshot, *self.others.values())}
        self.edges = sum(len(table) for table in tables)
        self._numbering = Numbering(2 * self.edges)
        self._below = _joined([self._numbering.add(halves(t.column("child"))) for t in tables])
        self._above = _joined([self._numbering.add(halves(t.column("parent"))) for t in tables])

    def _whole(self, held: Held, find: Callable[[str], Held | None]) -> set[str | None]:
        """Licences behind every record of `held`: those of the snapshots that it was made of as a whole."""
        said = held.facts.get("derived_from") or {}
        found: set[str | None] = set()
        for id in said.get("snapshots", []) if said.get("by") == "whole" else []:
            other = find(id)
            if other is None:
                self.missing.append(id)
                found.add(None)
            else:
                behind = licences(other, find)
                self.erased += [*([id] if other.id != id else []), *behind.erased]
                # Where every record was erased, nobody knows the licence of any.
                found |= {None} if other.id != id and not behind.groups else set()
                for group in behind.groups:
                    found |= set(group.inherited)
                    found |= set() if group.inherited and group.declared is None else {group.declared}
        return found

    def each(self) -> Iterator[tuple[pa.Array, np.ndarray]]:
        """Record ids of the snapshot, batch by batch, and the place of each one's group in `found`: (n,) int64."""
        names = _Codes()
        own = list(_own(self.snapshot, names))
        there = [(other, list(_own(other, names))) for other in self.others.values()]
        sets, of = self._inherited([(self.snapshot, own), *there], names)
        whole = self.whole[self.snapshot.id]
        known: dict[tuple[int, ...], int] = {}
        for ids, code in own:
            pairs = np.stack([code, of[self._numbering.find(halves(ids))]], axis=1)
            unlike, which = np.unique(pairs, axis=0, return_inverse=True)
            places = []
            for c, s in unlike.tolist():
                if (c, s) not in known:
                    known[c, s] = len(self.found)
                    self.found.append(Group(names.names[c], _ordered({*whole, *names.of(sets[s])})))
                places.append(known[c, s])
            yield ids, np.array(places, np.int64)[which.reshape(-1)]

    def groups(self) -> Iterator[tuple[Group, int, list[str]]]:
        """Every group with how many records it has, and the ids of some."""
        rows: dict[int, int] = {}
        some: dict[int, list[str]] = {}
        for ids, number in self.each():
            for k, n in zip(*(found.tolist() for found in np.unique(number, return_counts=True)), strict=True):
                rows[k] = rows.get(k, 0) + n
                listed = some.setdefault(k, [])
                wanted = EXAMPLES - len(listed)
                listed += (
                    [ids[at].as_py().hex() for at in np.flatnonzero(number == k)[:wanted].tolist()] if wanted else []
                )
        for k, group in enumerate(self.found):
            yield group, rows[k], some[k]

    def _inherited(
        self, known: Sequence[tuple[Held, list[tuple[pa.Array, np.ndarray]]]], names: _Codes
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sets of licences, as bits, and for each record of the lineage the place of the one it was made of.

        Two arrays: (k, words) uint64, and (nodes + 1,) int64; the last is for a record that is not in the lineage.
        """
        nodes = self._numbering.count
        behind = [names.bits(self.whole[held.id]) for held, _ in known]
        words = -(-len(names.names) // 64)
        bits = np.zeros((nodes, words), np.uint64)
        seen, derived = np.zeros(nodes, np.bool_), np.zeros(nodes, np.bool_)
        derived[self._below] = True
        for (_, batches), whole in zip(known, behind, strict=True):
            for ids, code in batches:
                number = self._numbering.find(halves(ids))
                here = number >= 0
                at, own = number[here], code[here]
                seen[at] = True
                bits[at, : len(whole)] |= whole
                # A record without a licence of its own has those it was made of, where it was made of any.
                says = (own > 0) | ~(derived[at] | whole.any())
                at, own = at[says], own[says]
                np.bitwise_or.at(bits, (at, own // 64), np.uint64(1) << (own % 64).astype(np.uint64))
        # Nobody has the record itself: what is not known to be permitted is not.
        bits[~seen & ~derived, 0] |= np.uint64(1)
        found = np.concatenate([inherit(self._above, self._below, bits), np.zeros((1, words), np.uint64)])
        sets, of = np.unique(found, axis=0, return_inverse=True)
        return sets, of.reshape(-1)


class _Codes:
    """Places of licences in a list, in order of first appearance; 0 is none."""

    def __init__(self) -> None:
        self.names: list[str | None] = [None]
        self._codes: dict[str | None, int] = {None: 0}

    def code(self, name: str | None) -> int:
        """The place of `name`; that of UNREADABLE where the list is full."""
        if name not in self._codes and len(self.names) >= MOST:
            name = UNREADABLE
        if name not in self._codes:
            self._codes[name] = len(self.names)
            self.names.append(name)
        return self._codes[name]

    def bits(self, names: Iterable[str | None]) -> np.ndarray:
        """`names` as a set: (words,) uint64, as many words as it takes now."""
        places = [self.code(name) for name in _ordered(names)]
        found = np.zeros(-(-len(self.names) // 64), np.uint64)
        for place in places:
            found[place // 64] |= np.uint64(1) << np.uint64(place % 64)
        return found

    def of(self, bits: np.ndarray) -> list[str | None]:
        """The names in a set."""
        return [name for k, name in enumerate(self.names) if int(bits[k // 64]) >> (k % 64) & 1]


def _own(held: Held, names: _Codes) -> Iterator[tuple[pa.Array, np.ndarray]]:
    """record ids of each batch, and for each the place of its licence in `names`: (n,) int64."""
    for batch in held.batches(["record_id", "license"]):
        coded = batch.column("license").cast(pa.string()).dictionary_encode()
        places = np.array([*(names.code(_known(text)) for text in coded.dictionary.to_pylist()), 0], np.int64)
        yield batch.column("record_id").cast(pa.binary(16)), places[coded.indices.fill_null(-1).to_numpy()]


def _known(declared: str | None) -> str | None:
    return canonical(declared) or UNREADABLE if declared and declared.strip() else None


def _named(lineage: pa.Table) -> set[str]:
    return {id for id in lineage.column("snapshot").unique().to_pylist() if id}


def _ordered(names: Iterable[str | None]) -> tuple[str | None, ...]:
    return tuple(sorted(names, key=lambda name: (name is None, name or "")))


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.empty(0, np.int32)
