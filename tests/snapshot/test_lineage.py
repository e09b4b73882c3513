"""What records were made of, from files, from members of the rows and from the run itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from making import recipe, write_lines

from tamis.data.block import record_ids
from tamis.errors import InputError, TamisError, UsageError
from tamis.recipes.run import run
from tamis.runs import Run
from tamis.schemas import LINEAGE
from tamis.snapshot.fields import member_texts
from tamis.snapshot.lineage import lineage


def made(folder: Path, name: str, rows: list[dict[str, Any]]) -> Run:
    """A run that keeps `rows`, read from NAME.jsonl."""
    return run(recipe(), write_lines(folder / f"{name}.jsonl", rows), folder / f"run-{name}", engine="inline")


def rid(key: str, source: str) -> bytes:
    """The record id of a row."""
    found: bytes = record_ids(source, pa.array([key]))[0].as_py()
    return found


def edges(table: pa.Table) -> list[tuple[bytes, bytes, str, str | None]]:
    """The rows of `table`."""
    assert table.schema.equals(LINEAGE, check_metadata=True)
    return [tuple(row.values()) for row in table.to_pylist()]


@pytest.fixture
def derived(tmp_path: Path) -> Run:
    """Two documents and two chunks of the first, which say so themselves."""
    rows = [{"id": "a", "text": "one two"}, {"id": "b", "text": "three"}]
    rows += [{"id": f"a-{k}", "text": t, "derived_from": ["a"]} for k, t in enumerate(("one", "two"))]
    return made(tmp_path, "docs", rows)


class Parent:
    """A snapshot as lineage sees one."""

    def __init__(self, run: Run) -> None:
        self.run, self.id = run, "sha256:" + "5d" * 32

    def batches(self, columns: list[str] | None = None, split: str | None = None) -> Any:
        """The rows."""
        return iter(self.run.data(columns).to_batches())


def test_a_run_without_lineage_has_none(derived: Run) -> None:
    assert edges(lineage(derived)) == []


def test_a_member_of_the_rows_names_their_parents(derived: Run) -> None:
    wanted = sorted((rid(f"a-{k}", "docs"), rid("a", "docs"), "derive", None) for k in range(2))
    assert edges(lineage(derived, "meta.derived_from")) == wanted


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_file_names_rows_by_their_own_ids_or_record_ids(derived: Run, tmp_path: Path, suffix: str) -> None:
    told = [
        {"child": "a-0", "parent": rid("a", "docs").hex(), "kind": "chunk"},
        {"child": rid("a-1", "docs").hex(), "parent": "a", "kind": "chunk"},
    ]
    path = tmp_path / f"edges.{suffix}"
    write_lines(path, told) if suffix == "jsonl" else pl.DataFrame(told).write_parquet(path)
    wanted = sorted((rid(f"a-{k}", "docs"), rid("a", "docs"), "chunk", None) for k in range(2))
    assert edges(lineage(derived, path)) == wanted


def test_a_parent_is_looked_up_in_the_snapshot_it_is_of(tmp_path: Path, derived: Run) -> None:
    parent = Parent(derived)
    child = made(tmp_path, "synth", [{"id": "s", "text": "made of a", "derived_from": "a"}])
    found = edges(lineage(child, "meta.derived_from", [parent]))
    assert found == [(rid("s", "synth"), rid("a", "docs"), "derive", parent.id)]


def test_a_row_that_the_run_dropped_is_still_known_by_its_id(tmp_path: Path) -> None:
    rows = [{"id": "a", "text": "same"}, {"id": "b", "text": "same"}, {"id": "c", "text": "other", "derived_from": "b"}]
    path = write_lines(tmp_path / "d.jsonl", rows)
    kept = run(recipe("exact@1"), path, tmp_path / "out", engine="inline")
    assert edges(lineage(kept, "meta.derived_from")) == [(rid("c", "d"), rid("b", "d"), "derive", None)]


def test_what_a_deriving_stage_left_is_taken_as_it_is(derived: Run) -> None:
    (derived.path / "lineage").mkdir()
    one = pa.table({"child": [b"c" * 16] * 2, "parent": [b"p" * 16] * 2, "kind": ["pair"] * 2})
    pq.write_table(one, derived.path / "lineage" / "part-00000.parquet")
    assert edges(lineage(derived)) == [(b"c" * 16, b"p" * 16, "pair", None)]


@pytest.mark.parametrize(
    "line, wanted",
    [
        ({"child": "a-0", "parent": "nobody"}, "1 of 1 name a parent that is no record: 'nobody'"),
        ({"child": "nobody", "parent": "a"}, "1 of 1 name a child that is no record: 'nobody'"),
        ({"child": "a-0"}, "has no column parent"),
        ({"child": "a-0", "parent": None}, "edge 1 has no parent"),
        ({"child": "a-0", "parent": "a", "kind": "A chunk!"}, "'A chunk!' is no kind of lineage"),
        (b"{not json", "cannot be read as lineage"),
    ],
)
def test_an_edge_that_cannot_be_is_told(derived: Run, tmp_path: Path, line: Any, wanted: str) -> None:
    path = write_lines(tmp_path / "edges.jsonl", [line])
    with pytest.raises(InputError, match=wanted):
        lineage(derived, path)


def test_an_own_id_of_two_records_is_refused(tmp_path: Path) -> None:
    rows = [{"id": "a", "text": "x", "source": s} for s in ("s", "t")] + [{"id": "c", "text": "y", "derived_from": "a"}]
    with pytest.raises(InputError, match="'a' is the own id of several records"):
        lineage(made(tmp_path, "two", rows), "meta.derived_from")


def test_a_file_that_is_not_there_is_told(derived: Run) -> None:
    with pytest.raises(UsageError, match="there is no lineage at"):
        lineage(derived, "nowhere.jsonl")


def test_a_member_that_no_row_has_is_told(derived: Run) -> None:
    with pytest.raises(TamisError, match=r"no row has meta\.nothing"):
        lineage(derived, "meta.nothing")


def test_no_record_is_made_of_itself(derived: Run, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "edges.jsonl", [{"child": "a", "parent": "a"}])
    assert edges(lineage(derived, path)) == []


@pytest.mark.parametrize(
    "meta, path, texts",
    [
        ({"e": "x"}, "e", ["x"]),
        ({"e": ["x", "y", 3, True, None, {"z": 1}]}, "e", ["3", "true", "x", "y"]),
        ({"e": {"f": "x"}}, "e.f", ["x"]),
        ({"e.f": "x"}, "e.f", ["x"]),
        ({"meta": {"meta": {"e": "x"}}}, "e", ["x"]),
        ({"it's": "x"}, "it's", ["x"]),
        ({"e": "[odd"}, "e", ["[odd"]),
        ({"e": None}, "e", []),
        ({"e": "\N{GRINNING FACE}\x00"}, "e", ["\N{GRINNING FACE}\x00"]),
    ],
)
def test_members_of_meta_are_found_by_their_path(meta: dict[str, Any], path: str, texts: list[str]) -> None:
    for ascii in (True, False):
        found = member_texts(pl.Series([None, json.dumps(meta, ensure_ascii=ascii), "{"]), path)
        assert found.rows() == [(1, text) for text in texts]
