"""The near-duplicate job of the engine benchmark by Polars, DuckDB or Daft, in a process of its own.

    python engines_peers.py ENGINE INPUT OUT THREADS [data]

All call the same kernel (tamis.kernels.minhash over Arrow) in the way each engine has for functions of the user: 14 band
keys of a document, grouped by key; a key of several documents links its first to each other one; components by union-find
over those links; all of a component but its first go. OUT/removed.npy holds them; with `data`, OUT/data.parquet what stays.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tamis.kernels.components import link, roots
from tamis.kernels.minhash import permutations, sketch

BANDS, ROWS, NGRAM = 14, 8, 5


def keys(texts: Any) -> pa.Array:
    """Band keys of every text: a list of BANDS uint64 each."""
    strings = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    strings = strings if pa.types.is_large_string(strings.type) else strings.cast(pa.large_string())
    found = sketch(strings, NGRAM, "run", *permutations(BANDS * ROWS), BANDS)
    # A text without words has no key; it must not meet others of its kind.
    filled = pa.array(np.where(found.count > 0, BANDS, 0).astype(np.int32))
    offsets = np.concatenate([[0], np.cumsum(filled.to_numpy())]).astype(np.int32)
    values = found.keys[found.count > 0].reshape(-1)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values))


def removed(documents: int, first: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Documents that go, by links (n,) of documents."""
    parent = np.arange(documents, dtype=np.uint32)
    link(parent, first.astype(np.int64), other.astype(np.int64))
    return np.flatnonzero(roots(parent) != np.arange(documents))


def polars(source: Path, out: Path, threads: int, data: bool) -> None:
    """Lazily, by the streaming engine."""
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    import polars as pl

    rows = (pl.scan_parquet if source.suffix == ".parquet" else pl.scan_ndjson)(source)
    bands = rows.select(
        "doc",
        key=pl.col("text").map_batches(
            lambda s: pl.from_arrow(keys(s.to_arrow())), return_dtype=pl.List(pl.UInt64), is_elementwise=True
        ),
    ).explode("key")
    met = bands.filter(pl.col("key").is_not_null()).group_by("key").agg(pl.col("doc"), pl.len())
    links = met.filter(pl.col("len") > 1).select(first=pl.col("doc").list.min(), other="doc").explode("other")
    found = links.collect(engine="streaming")
    gone = removed(
        rows.select(pl.len()).collect(engine="streaming").item(), *(found[c].to_numpy() for c in found.columns)
    )
    np.save(out / "removed.npy", gone)
    if data:
        rows.filter(~pl.col("doc").is_in(pl.Series(gone).implode())).sink_parquet(out / "data.parquet")


def duckdb(source: Path, out: Path, threads: int, data: bool) -> None:
    """SQL, with the kernel as a function over Arrow."""
    import duckdb as db

    con = db.connect(config={"threads": threads, "temp_directory": str(out / "spill")})
    con.create_function("keys", keys, ["VARCHAR"], "UBIGINT[]", type="arrow")
    read = (
        f"read_parquet('{source}')"
        if source.suffix == ".parquet"
        else f"read_json('{source}', format='newline_delimited')"
    )
    found = con.execute(f"""
        with bands as (select doc, unnest(keys(text)) as key from {read}),
             met as (select min(doc) as first, list(doc) as others from bands group by key having count(*) > 1)
        select first, unnest(others) as other from met
    """).fetchnumpy()
    ((documents,),) = con.execute(f"select count(*) from {read}").fetchall()
    gone = removed(documents, found["first"], found["other"])
    np.save(out / "removed.npy", gone)
    if data:
        con.register("gone", pa.table({"doc": gone}))
        con.execute(
            f"copy (select * from {read} where doc not in (select doc from gone)) to '{out}/data.parquet' (compression zstd)"
        )


def daft(source: Path, out: Path, threads: int, data: bool) -> None:
    """A data frame, by the native runner."""
    import daft as df
    from daft import DataType, col

    df.set_runner_native(num_threads=threads)
    rows = df.read_parquet(str(source)) if source.suffix == ".parquet" else df.read_json(str(source))

    @df.func.batch(return_dtype=DataType.list(DataType.uint64()))
    def bands(texts: df.Series) -> pa.Array:
        return keys(texts.to_arrow())

    keyed = rows.select(col("doc"), bands(col("text")).alias("key")).explode("key").where(col("key").not_null())
    met = keyed.groupby("key").agg(col("doc").min().alias("first"), col("doc").list_agg().alias("other"))
    links = met.where(col("other").list_count() > 1).select("first", "other").explode("other")
    found = links.to_arrow()
    gone = removed(rows.count_rows(), *(found.column(name).to_numpy() for name in ("first", "other")))
    np.save(out / "removed.npy", gone)
    if data:
        lost = df.from_pydict({"doc": gone})
        rows.join(lost, on="doc", how="anti").write_parquet(str(out / "data"), compression="zstd")


ENGINES: dict[str, Callable[[Path, Path, int, bool], None]] = {"polars": polars, "duckdb": duckdb, "daft": daft}

if __name__ == "__main__":
    place = Path(sys.argv[3])
    place.mkdir(parents=True, exist_ok=True)
    ENGINES[sys.argv[1]](Path(sys.argv[2]), place, int(sys.argv[4]), "data" in sys.argv[5:])
