"""Up and down the derivations of a store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive_lineage import distances
from storing import frozen, person, store_of

from tamis.errors import InputError, UsageError
from tamis.schemas.ids import halves
from tamis.snapshot import select
from tamis.snapshot.folder import Snapshot
from tamis.snapshot.graph import Graph
from tamis.snapshot.models import add_model
from tamis.snapshot.store import Store
from tamis.snapshot.trace import trace


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """docs@1.0.0, docs@1.1.0, synth@1.0.0 and two models."""
    folder = tmp_path_factory.mktemp("store")
    store_of(folder)
    found = Store(folder / "store")
    add_model(found, "on-synth", ["synth@1.0.0#train"])
    add_model(found, "on-docs", ["docs@1.0.0"])
    return found


NODE = st.integers(0, 20)


@given(st.lists(st.tuples(NODE, NODE), max_size=40), st.lists(st.integers(0, 25), max_size=4))
def test_the_graph_reaches_what_the_naive_walk_does(edges: list[tuple[int, int]], seeds: list[int]) -> None:
    def key(node: int) -> bytes:
        return node.to_bytes(16, "little")

    half = len(edges) // 2
    tables = [
        pa.table(
            {
                "parent": pa.array([key(p) for p, _ in some], pa.binary(16)),
                "child": pa.array([key(c) for _, c in some], pa.binary(16)),
            }
        )
        for some in (edges[:half], edges[half:])
    ]
    wanted = halves(pa.array([key(s) for s in seeds], pa.binary(16)))
    graph = Graph(tables)
    for reached, pairs in ((graph.down(wanted), edges), (graph.up(wanted), [(c, p) for p, c in edges])):
        found = {
            int.from_bytes(i.as_py(), "little"): d for i, d in zip(reached.ids, reached.distance.tolist(), strict=True)
        }
        assert found == distances(pairs, seeds)


def test_a_subject_is_followed_into_what_was_made_of_it(store: Store) -> None:
    found = trace(store, [select.match("meta.author.email=p1@example.org")])
    assert found.holdings is not None
    assert [(h.ref, h.meant, h.derived) for h in found.holdings] == [
        ("docs@1.0.0", 1, 0),
        ("docs@1.1.0", 1, 0),
        ("synth@1.0.0", 0, 2),
    ]


def test_models_that_were_trained_on_it_are_named(store: Store) -> None:
    found = trace(store, [select.record("d1")])
    assert found.models is not None
    assert [(m.name, m.snapshots, m.records) for m in found.models] == [
        ("on-docs", ("docs@1.0.0",), 1),
        ("on-synth", ("synth@1.0.0",), 2),
    ]


def test_a_licence_is_followed_whatever_it_stands_beside(tmp_path: Path) -> None:
    rows = [{**person(1), "license": "MIT AND CC-BY-NC-4.0"}, {**person(2), "license": "MIT"}]
    docs = frozen(tmp_path, "docs", rows)
    frozen(tmp_path, "synth", [{"id": "s", "text": "made", "derived_from": "d1"}], parents=[docs])
    found = trace(Store(tmp_path / "store"), [select.licence("cc-by-nc-*")])
    assert [(h.ref, h.records) for h in found.holdings or ()] == [("docs@1.0.0", 1), ("synth@1.0.0", 1)]


def test_a_source_within_one_snapshot_only(store: Store) -> None:
    within = Snapshot(store.resolve("synth"))
    assert trace(store, [select.source("synth")], within=within).meant == 5


def test_up_from_a_record_to_its_sources_files_and_rows(store: Store) -> None:
    found = trace(store, [select.record("t1")], down=False, up=True)
    assert found.ancestry == {
        "records": 3,
        "not_held": 0,
        "sources": {"synth": 2, "docs": 1},
        "licences": {"none": 2, "CC-BY-4.0": 1},
    }
    assert [(a.id, a.distance, a.file, a.row) for a in found.ancestors or ()] == [
        ("t1", 0, "synth.jsonl", 5),
        ("s1", 1, "synth.jsonl", 2),
        ("d1", 2, "docs.jsonl", 2),
    ]


def test_a_parent_that_no_snapshot_holds_is_told(tmp_path: Path) -> None:
    gone = "ab" * 16
    frozen(tmp_path, "synth", [{"id": "s", "text": "made", "derived_from": gone}])
    found = trace(Store(tmp_path / "store"), [select.record("s")], up=True)
    assert (found.ancestry or {})["not_held"] == 1
    down = trace(Store(tmp_path / "store"), [select.record(gone)])
    assert [h.records for h in down.holdings or ()] == [1]


def test_what_was_made_of_a_snapshot_as_a_whole_is_named(tmp_path: Path) -> None:
    docs = frozen(tmp_path, "docs", [person(1)])
    frozen(tmp_path, "blend", [{"id": "s", "text": "made"}], parents=[docs])
    found = trace(Store(tmp_path / "store"), [select.record("d1")])
    assert [(h.ref, h.records, h.as_a_whole) for h in found.holdings or ()] == [
        ("docs@1.0.0", 1, False),
        ("blend@1.0.0", 0, True),
    ]


@pytest.mark.parametrize("what", ["meta.author.email=nobody", "id=d1.*", "text~(", "license=CC-BY"])
def test_what_nothing_has_is_told(store: Store, what: str) -> None:
    with pytest.raises(InputError, match=r"no record of the 3 snapshots"):
        trace(store, [select.match(what)])


def test_a_field_that_is_none_is_told_with_the_nearest(store: Store) -> None:
    with pytest.raises(UsageError, match=r"no column is called 'sorce'; did you mean 'source'\?"):
        trace(store, [select.match("sorce=x")])


@pytest.mark.parametrize("spelled", ["email", "=x", "text~", ""])
def test_a_match_without_field_and_value_is_refused(spelled: str) -> None:
    with pytest.raises(UsageError, match="names no rows"):
        select.match(spelled)


@pytest.mark.parametrize(
    "spelled, wanted",
    [
        ("id=a", [0]),
        ("text~.", [1]),
        ("text=a.b", [1]),
        ("meta.k=v", [0, 1]),
        ("meta~list", [1]),
        ("any~a", [0, 1]),
        ("license=", None),
        ("messages~hello", [1]),
        ("tags=x", [0]),
        ("record_id=" + "00" * 16, [0]),
    ],
)
def test_rows_are_meant_by_text_never_by_pattern(spelled: str, wanted: list[int] | None) -> None:
    if wanted is None:
        with pytest.raises(UsageError):
            select.match(spelled)
        return
    batch = pa.record_batch(
        {
            "record_id": pa.array([bytes(16), b"\x01" * 16, None], pa.binary(16)),
            "id": pa.array(["a", "b", None]),
            "text": pa.array(["", "a.b", None]),
            "meta": pa.array(['{"k":"v"}', '{"k":["list","v"]}', None]),
            "messages": pa.array([[{"content": "hell"}], [{"content": "x"}, {"content": "oh hello"}], None]),
            "tags": pa.array([["x"], ["xy"], None]),
        }
    )
    assert np.flatnonzero(select.match(spelled)(batch)).tolist() == wanted
