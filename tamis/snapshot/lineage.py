"""What the records of a run were made of, from whoever knows it: a file, a member of the rows, the run itself.

{"child": "summary-17", "parent": "doc-17", "kind": "synth"}      a line of a file: own ids, or record ids as 32 hex digits
{"text": "…", "meta": {"derived_from": ["doc-17", "doc-18"]}}     a row that says it itself

A record that only changed keeps its id and needs no edge. A duplicate that was dropped is no ancestor of the record it lost
to: the text of that one came from its own source.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from tamis.data.parquet import plain, read_table
from tamis.errors import InputError, UsageError
from tamis.schemas import LINEAGE
from tamis.schemas.rows import RECORD_ID

if TYPE_CHECKING:
    import polars as pl

    from tamis.runs import Run

KIND = "derive"
"""The kind of an edge that has none."""

_KIND = re.compile(r"[a-z][a-z0-9_.@-]{0,63}")

_ID = r"^[0-9a-fA-F]{32}$"

SHOWN = 5
"""Ids that an error names."""


class Held(Protocol):
    """What is asked of a snapshot: its id, and its rows."""

    @property
    def id(self) -> str:
        """sha256:…"""

    def batches(self, columns: list[str] | None = None, split: str | None = None) -> Iterator[pa.RecordBatch]:
        """The rows, batch by batch."""


def lineage(run: Run, given: str | Path | None = None, parents: Sequence[Held] = ()) -> pa.Table:
    """LINEAGE of `run`: what its deriving stages left in lineage/, and what is `given`.

    given    a Parquet or JSON Lines file with child, parent and (if not `derive`) kind; or `meta.NAME`, the member of the
             rows that names their parents: a text or a list of texts
    parents  snapshots that own ids of parents are looked up in, before the run itself

    Raises InputError where an id is of no record, or of several; UsageError where there is nothing of that name.
    """
    tables = [_placed(_shaped(read_table(part)), parents) for part in run.parts("lineage")]
    if given is not None:
        names = _Names(run, parents)
        member = str(given).startswith("meta.") and not Path(given).is_file()
        tables.append(_of_members(run, str(given), names) if member else _of_file(Path(given), names))
    return settled(tables)


def _placed(edges: pa.Table, parents: Sequence[Held]) -> pa.Table:
    """`edges` with the snapshot of each parent that one of `parents` holds and no snapshot is said of."""
    import polars as pl

    known = [pl.DataFrame({"parent": pl.Series([], dtype=pl.Binary), "there": pl.Series([], dtype=pl.String)})]
    for held in parents:
        ids = pa.chunked_array([b.column(0) for b in held.batches(["record_id"])], RECORD_ID).cast(pa.binary())
        known.append(pl.DataFrame({"parent": pl.from_arrow(ids)}).with_columns(there=pl.lit(held.id)))
    found: Any = pl.from_arrow(edges.cast(pa.schema([f.with_type(_PLAIN.get(f.name, pa.string())) for f in LINEAGE])))
    there = pl.concat(known).unique("parent", keep="first", maintain_order=True)
    rows = found.join(there, on="parent", how="left", maintain_order="left")
    return _shaped(
        rows.with_columns(pl.coalesce("snapshot", "there").alias("snapshot")).select(LINEAGE.names).to_arrow()
    )


_PLAIN = {"child": pa.binary(), "parent": pa.binary()}


def settled(tables: Iterable[pa.Table]) -> pa.Table:
    """LINEAGE rows, each once, sorted by child, parent and kind; none from a record to itself."""
    filled = [t for t in tables if t.num_rows]
    if not filled:
        return LINEAGE.empty_table()
    import polars as pl

    found = [pl.from_arrow(t) for t in filled]
    plain = pl.concat([f.with_columns(pl.col("kind", "snapshot").cast(pl.String)) for f in found])  # type: ignore[union-attr]
    # Where one source of an edge knows the parent's snapshot and another does not, the one that knows is kept.
    rows = (
        plain.filter(pl.col("child") != pl.col("parent"))
        .sort("child", "parent", "kind", "snapshot", nulls_last=True)
        .unique(["child", "parent", "kind"], keep="first", maintain_order=True)
    )
    return _shaped(rows.to_arrow())


def _shaped(table: pa.Table) -> pa.Table:
    """`table` in the types of LINEAGE. Raises InputError where it cannot be."""
    if missing := {"child", "parent", "kind"} - set(table.schema.names):
        raise InputError(f"a table of lineage has child, parent and kind; {', '.join(sorted(missing))} is missing")
    if "snapshot" not in table.schema.names:
        table = table.append_column("snapshot", pa.nulls(len(table), pa.string()))
    columns = []
    for field in LINEAGE:
        column = table.column(field.name).combine_chunks()
        if pa.types.is_dictionary(field.type):
            plain = column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
            column = plain.cast(pa.string()).dictionary_encode().cast(field.type)
        columns.append(column.cast(pa.binary()).cast(field.type) if field.type == RECORD_ID else column)
    return pa.table(columns, schema=LINEAGE)


class _Names:
    """Record ids by the rows' own ids: of the run, and of the snapshots its rows were made of."""

    def __init__(self, run: Run, parents: Sequence[Held]) -> None:
        self.run = run
        self._here = _named(iter([run.data(["record_id", "id"])]), None)
        self._there = [
            _named((pa.Table.from_batches([b]) for b in p.batches(["record_id", "id"])), p.id) for p in parents
        ]

    def children(self, ids: pl.DataFrame) -> pl.DataFrame:
        """`ids` (number, id) with `record_id`; several rows of a number where an id is of several."""
        return self._found(ids, [self._here])

    def parents(self, ids: pl.DataFrame) -> pl.DataFrame:
        """`ids` (number, id) with `record_id` and `snapshot`; those of the snapshots go before those of the run."""
        return self._found(ids, [*self._there, self._here])

    def _found(self, ids: pl.DataFrame, places: list[pl.DataFrame]) -> pl.DataFrame:
        import polars as pl

        hexadecimal = pl.col("id").str.contains(_ID)
        spelled = ids.filter(hexadecimal).with_columns(
            pl.col("id").str.to_lowercase().str.decode("hex").alias("record_id")
        )
        known = pl.concat(places).filter(pl.col("snapshot").is_not_null()).select("record_id", "snapshot")
        found = [spelled.join(known.unique("record_id", maintain_order=True), on="record_id", how="left")]
        left = ids.filter(~hexadecimal)
        for place in places:
            found.append(left.join(place, on="id", how="inner"))
            left = left.join(place, on="id", how="anti")
        gone = self._dropped(left)
        found.append(gone)
        columns = ["number", "id", "record_id", "snapshot"]
        return pl.concat([f.select(columns) for f in found]).unique(["number", "record_id"]).sort("number")

    def _dropped(self, ids: pl.DataFrame) -> pl.DataFrame:
        """Of `ids` those of rows that the run read but did not keep: a record id is made of source and own id."""
        import polars as pl

        from tamis.data.block import record_ids

        read: Any = pl.from_arrow(self.run.fates().select(["record_id"])) if len(ids) else None
        own = ids.get_column("id").to_arrow().cast(pa.string())
        found = [ids.clear().with_columns(record_id=pl.lit(b"")).clear()]
        for source in self.run.facts["sources"] if len(ids) else ():
            ids_of_source: Any = pl.from_arrow(record_ids(pa.repeat(source["source"], len(ids)), own))
            made = ids.with_columns(ids_of_source.alias("record_id"))
            found.append(made.join(read, on="record_id", how="semi"))
        return pl.concat(found).with_columns(pl.lit(None, pl.String).alias("snapshot"))


def _named(tables: Iterator[pa.Table], snapshot: str | None) -> pl.DataFrame:
    import polars as pl

    frame = pl.DataFrame(pa.concat_tables(tables))
    return frame.filter(pl.col("id").is_not_null()).with_columns(pl.lit(snapshot, pl.String).alias("snapshot"))


def _of_file(path: Path, names: _Names) -> pa.Table:
    """The edges that a file tells of."""
    import polars as pl

    edges = _spelled(_read(path), path)
    numbered = edges.with_row_index("number")
    child = names.children(numbered.select("number", pl.col("child").alias("id")))
    parent = names.parents(numbered.select("number", pl.col("parent").alias("id")))
    for column, found in (("child", child), ("parent", parent)):
        _demand_one(found, numbered.select("number", pl.col(column).alias("id")), f"{path}", column)
    rows = (
        numbered.select("number", "kind", said="snapshot")
        .join(child.select("number", child="record_id"), on="number")
        .join(parent.select("number", "snapshot", parent="record_id"), on="number")
        .with_columns(pl.coalesce("said", "snapshot").alias("snapshot"))
    )
    return _shaped(rows.select(LINEAGE.names).to_arrow())


def _read(path: Path) -> pl.DataFrame:
    import polars as pl

    try:
        if path.suffix in (".jsonl", ".ndjson", ".json"):
            return pl.read_ndjson(plain(path), infer_schema_length=None)
        return pl.read_parquet(plain(path))
    except FileNotFoundError:
        raise UsageError(
            f"there is no lineage at {path}; name a Parquet or JSON Lines file, or meta.NAME for a member of the rows"
        ) from None
    except (OSError, pl.exceptions.PolarsError) as damage:
        first = str(damage).partition("\n")[0]
        raise InputError(
            f"{path} cannot be read as lineage ({first}); it has a line for every edge, as "
            '{"child": "a-1", "parent": "a", "kind": "chunk"}'
        ) from damage


def _spelled(frame: pl.DataFrame, path: Path) -> pl.DataFrame:
    """child and parent as text, kind and snapshot as they are or by default. Raises InputError."""
    import polars as pl

    if missing := {"child", "parent"} - set(frame.columns):
        raise InputError(
            f"{path} has no column {' and none '.join(sorted(missing))}; it has {', '.join(frame.columns)}"
        )
    for name, default in (("kind", KIND), ("snapshot", None)):
        if name not in frame.columns:
            frame = frame.with_columns(pl.lit(default, pl.String).alias(name))
    columns = [
        pl.col(name).bin.encode("hex") if frame.schema[name] == pl.Binary else pl.col(name).cast(pl.String)
        for name in ("child", "parent")
    ]
    edges = frame.select(*columns, pl.col("kind").cast(pl.String).fill_null(KIND), pl.col("snapshot").cast(pl.String))
    for name in ("child", "parent"):
        if edges.get_column(name).null_count():
            at = int(edges.get_column(name).is_null().arg_true()[0])
            raise InputError(f"{path}: edge {at + 1:,} has no {name}")
    for kind in edges.get_column("kind").unique(maintain_order=True):
        if not _KIND.fullmatch(kind):
            raise InputError(f"{path}: {kind!r} is no kind of lineage; it is a word as chunk, synth or translate")
    return edges


def _demand_one(found: pl.DataFrame, wanted: pl.DataFrame, where: str, what: str) -> None:
    """Raises InputError where an id of `wanted` is of no record, or of several."""
    import polars as pl

    missing = wanted.join(found, on="number", how="anti")
    if len(missing):
        shown = ", ".join(repr(i) for i in missing.get_column("id").unique(maintain_order=True)[:SHOWN])
        hint = "name the snapshot that holds it with --derived-from" if what == "parent" else "did the run read it?"
        raise InputError(
            f"{where}: {len(missing):,} of {len(wanted):,} name a {what} that is no record: {shown}; {hint}"
        )
    several = found.filter(pl.len().over("number") > 1)
    if len(several):
        shown = repr(several.get_column("id")[0])
        raise InputError(f"{where}: {what} {shown} is the own id of several records; name it by its record_id")


def _of_members(run: Run, field: str, names: _Names) -> pa.Table:
    """The edges that the rows themselves tell of, in a member of `meta`."""
    import polars as pl

    from tamis.snapshot.fields import member_texts

    frame: Any = pl.from_arrow(run.data(["record_id", "meta"]))
    said = member_texts(frame.get_column("meta"), field.removeprefix("meta.")).filter(pl.col("text") != "")
    rows = said.select(record_id=frame.get_column("record_id").gather(said.get_column("row")), id="text")
    rows = rows.with_row_index("number")
    if not len(rows):
        raise UsageError(
            f"no row has {field}; --lineage takes a file, or a member of meta that names the rows' parents"
        )
    parent = names.parents(rows.select("number", "id"))
    _demand_one(parent, rows.select("number", "id"), field, "parent")
    edges = rows.select("number", child="record_id").join(
        parent.select("number", "snapshot", parent="record_id"), on="number"
    )
    return _shaped(edges.select("child", "parent", pl.lit(KIND).alias("kind"), "snapshot").to_arrow())
