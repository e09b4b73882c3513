from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import naive_licenses as naive
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.licenses.permissions import TRAINING, USES
from tamis.schemas import LINEAGE
from tamis.snapshot.inherited import MOST, UNREADABLE, licences
from tamis.snapshot.licences import Group, broken, permits_less

IDS = sorted(naive.ONE)
LICENSES = st.none() | st.sampled_from(IDS)


def key(number: int) -> bytes:
    return bytes([number]) * 16


@dataclass
class Table:
    """A snapshot of records by number, each with its licence, and what they were made of."""

    id: str
    records: dict[int, str | None]
    edges: list[tuple[int, int, str | None]]
    made_of: tuple[str, ...] = ()

    @property
    def facts(self) -> dict[str, Any]:
        return {"derived_from": {"snapshots": list(self.made_of), "by": "whole"}} if self.made_of else {}

    def batches(self, columns: list[str] | None = None, split: str | None = None) -> Iterator[pa.RecordBatch]:
        ids = pa.array([key(n) for n in self.records], pa.binary(16))
        table = pa.record_batch({"record_id": ids, "license": pa.array(list(self.records.values()), pa.string())})
        yield from (table.slice(start, 3) for start in range(0, len(ids), 3))

    def lineage(self) -> pa.Table:
        rows = [{"child": key(c), "parent": key(p), "kind": "synth", "snapshot": s} for c, p, s in self.edges]
        return pa.Table.from_pylist(rows, schema=LINEAGE)


@given(
    st.lists(LICENSES, min_size=9, max_size=9),
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 11)), max_size=20),
)
def test_a_record_permits_what_all_behind_it_permit(own: list[str | None], pairs: list[tuple[int, int]]) -> None:
    """Records 0 to 5 are here, 6 to 8 in the snapshot before, 9 to 11 nowhere."""
    parents: dict[int, list[int]] = {}
    for child, parent in pairs:
        parents.setdefault(child, []).append(parent)
    before = Table("b", {n: own[n] for n in (6, 7, 8)}, [(c, p, None) for c, p in pairs if c > 5])
    here = Table("a", {n: own[n] for n in range(6)}, [*((c, p, "b") for c, p in pairs if c <= 5), (5, 6, "b")])
    parents.setdefault(5, []).append(6)
    wanted: Counter[Any] = Counter()
    for record in range(6):
        over = {k for p in parents.get(record, []) for k in naive.ancestors(parents, p)}
        given = [own[k] if k < 9 else None for k in over if k > 8 or own[k] or not parents.get(k)]
        parts = [naive.ONE[g or "LicenseRef-mine"] for g in given]
        parts += [naive.ONE[own[record] or "LicenseRef-mine"]] if own[record] or not given else []
        wanted[naive.together(parts)] += 1
    found: Counter[Any] = Counter()
    for group, rows in licences(here, {"b": before}.get).groups.items():
        p = group.permits
        found[(USES.index(p.use), *p[1:4], TRAINING.index(p.ai_training))] += rows
    assert found == wanted


@pytest.mark.parametrize(
    ("declared", "inherited", "rules"),
    [
        ("MIT", (), []),
        ("MIT", ("MIT", "CC-BY-4.0"), []),
        ("MIT", ("CC-BY-NC-4.0",), ["use"]),
        ("CC-BY-NC-4.0", ("CC-BY-NC-4.0", "MIT"), []),
        (None, ("CC-BY-NC-4.0",), []),
        ("CC0-1.0", ("MIT",), ["attribution"]),
        ("MIT", ("CC-BY-SA-4.0",), ["share_alike"]),
        ("CC-BY-SA-4.0", ("CC-BY-SA-3.0",), []),
        ("CC-BY-SA-3.0", ("CC-BY-SA-4.0",), ["share_alike"]),
        (None, ("CC-BY-SA-4.0", "GPL-2.0-only"), ["incompatible"]),
        ("CC-BY-SA-4.0", ("CC-BY-NC-4.0", "CC-BY-SA-4.0"), ["incompatible", "use"]),
        ("MIT", ("CC-BY-ND-4.0",), ["no_derivatives"]),
        ("MIT", (None,), ["unknown_ancestor"]),
        (None, (UNREADABLE,), ["unknown_ancestor"]),
        ("CC-BY-4.0", ("LicenseRef-my-noai",), ["use", "training"]),
        ("CC-BY-SA-4.0 AND GPL-2.0-only", (), ["incompatible"]),
        ("CC-BY-SA-4.0 OR GPL-2.0-only", ("GPL-2.0-only",), []),
    ],
)
def test_what_goes_with_what(declared: str | None, inherited: tuple[str | None, ...], rules: list[str]) -> None:
    assert [rule for rule, _ in broken(Group(declared, inherited))] == rules


def test_a_conflict_counts_its_records_and_names_some() -> None:
    snapshot = Table("a", {0: "CC-BY-NC-4.0", **{n: "MIT" for n in range(1, 9)}}, [(n, 0, None) for n in range(1, 9)])
    [conflict] = licences(snapshot).conflicts
    assert (conflict.rule, conflict.rows) == ("use", 8)
    assert conflict.records == [key(n).hex() for n in range(1, 6)]


def test_a_snapshot_that_is_not_here_is_said_to_be_missing() -> None:
    found = licences(Table("a", {0: "MIT"}, [(0, 1, "gone")]))
    assert found.missing == ["gone"] and [c.rule for c in found.conflicts] == ["unknown_ancestor"]


def test_what_was_made_of_a_whole_snapshot_has_all_its_licences() -> None:
    docs = Table("docs", {0: "MIT", 1: "CC-BY-NC-4.0"}, [])
    chunks = Table("chunks", {2: None, 3: "MIT"}, [], ("docs",))
    synth = Table("synth", {4: "MIT", 5: "MIT"}, [(4, 3, "chunks"), (4, 2, "chunks")])
    found = licences(synth, {"docs": docs, "chunks": chunks}.get)
    assert found.groups == {Group("MIT", ("CC-BY-NC-4.0", "MIT")): 1, Group("MIT", ()): 1}
    assert [(c.rule, c.rows) for c in licences(chunks, {"docs": docs}.get).conflicts] == [("use", 1)]


def test_families_that_lie_side_by_side_are_a_note_and_no_conflict() -> None:
    found = licences(Table("a", {0: "CC-BY-SA-4.0", 1: "GPL-2.0-only"}, []))
    assert found.conflicts == [] and "side by side" in found.notes[0]


def test_more_licences_than_can_be_told_apart_are_unknown() -> None:
    ids = [n.to_bytes(16, "big") for n in range(MOST + 50)]
    names = [f"LicenseRef-{n}" for n in range(MOST + 50)]

    class Many(Table):
        def batches(self, columns: list[str] | None = None, split: str | None = None) -> Iterator[pa.RecordBatch]:
            yield pa.record_batch({"record_id": pa.array(ids, pa.binary(16)), "license": pa.array(names)})

    found = licences(Many("a", {}, []))
    assert len(found.groups) == MOST and found.groups[Group(UNREADABLE, ())] == 51


@pytest.mark.parametrize(
    ("found", "declared", "less"),
    [
        ("CC-BY-NC-4.0", "MIT", True),
        ("MIT", "CC-BY-NC-4.0", False),
        ("GPL-3.0-only", "MIT", True),
        ("MIT", "MIT", False),
        ("LicenseRef-x", "MIT", False),
        ("MIT", None, False),
    ],
)
def test_a_text_that_names_a_narrower_licence_is_told(found: str, declared: str | None, less: bool) -> None:
    assert permits_less(found, declared) is less
