"""The corpora of the engine benchmark: webmix, once and ten times over, and two that are generated, with near-duplicates.

    tenfold  908,320 documents, 2.7 GB of text: scale_corpus.py, as Parquet alone
    long     200,000 documents, 468 MB of text
    short    1,000,000 documents, 186 MB of text
    few      2,000 documents

In those generated, words are drawn from 60,000 by Zipf's law and lengths from a log-normal distribution. 15.5 % of the
documents are copies of earlier ones with 1 % of the words changed: how often one is copied has a heavy tail, and one document
has 1 % of the whole as copies. Every corpus has the columns `doc` (int64, the place of the document), `id` and `text`.

    python benchmarks/engines_corpus.py CACHE long short
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

SEED = 20261121
VOCABULARY = 60_000
COPIES, GIANT, CHANGED = 0.155, 0.01, 0.01
GROUP = 10_000
"""Documents of a row group."""


class Size(NamedTuple):
    """Documents, and words of a document in the middle."""

    documents: int
    words: float


SIZES = {"long": Size(200_000, 394.0), "short": Size(1_000_000, 32.0), "few": Size(2_000, 32.0)}


def path(cache: Path, name: str, form: str) -> Path:
    """Where the corpus `name` lies as `form`, jsonl or parquet."""
    return cache / "engines" / f"{name}.{form}"


def generate(cache: Path, name: str) -> None:
    """Write a generated corpus as Parquet and as JSON Lines."""
    import polars as pl
    import pyarrow as pa

    size, rng = SIZES[name], np.random.default_rng(SEED)
    vocabulary = _vocabulary(rng)
    lengths = np.maximum(6, rng.lognormal(np.log(size.words), 0.6, size.documents)).astype(np.int64)
    source = _sources(rng, size.documents)
    # A copy is as long as what it copies, which comes before it.
    lengths = lengths[source]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    words = (VOCABULARY * rng.random(offsets[-1], np.float32) ** 3).astype(np.int32)
    fresh = rng.random(offsets[-1], np.float32) < CHANGED
    for k in np.flatnonzero(source != np.arange(size.documents)).tolist():
        here = slice(offsets[k], offsets[k + 1])
        own = words[here].copy()
        words[here] = words[offsets[source[k]] : offsets[source[k] + 1]]
        words[here][fresh[here]] = own[fresh[here]]
    tables = []
    for low in range(0, size.documents, GROUP):
        high = min(low + GROUP, size.documents)
        flat = vocabulary.take(pa.array(words[offsets[low] : offsets[high]]))
        lists = pa.LargeListArray.from_arrays(pa.array(offsets[low : high + 1] - offsets[low]), flat)
        tables.append(pl.from_arrow(pa.table({"words": lists})).select(text=pl.col("words").list.join(" ")))
    _write(cache, name, pl.concat(tables))


def webmix(corpus: Path, cache: Path) -> None:
    """Write webmix likewise."""
    import polars as pl

    _write(cache, "webmix", pl.read_parquet(corpus, columns=["text"]))


def tenfold(corpus: Path, cache: Path) -> None:
    """Write webmix ten times over, of copies that are not alike, a row group after the other."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    import scale_corpus

    rows, to = pq.read_table(corpus).combine_chunks(), path(cache, "tenfold", "parquet")
    to.parent.mkdir(parents=True, exist_ok=True)
    schema, first = pa.schema({"doc": pa.int64(), "id": pa.string(), "text": pa.large_string()}), 0
    with pq.ParquetWriter(to.with_suffix(".tmp"), schema, compression="zstd", use_dictionary=False) as file:
        for copy in range(10):
            for start in range(0, rows.num_rows, GROUP):
                texts = scale_corpus.respelled(rows.slice(start, GROUP), copy).column("text")
                doc = np.arange(first, first := first + len(texts))
                file.write_table(
                    pa.table([doc, [f"d{k}" for k in doc.tolist()], texts.cast(pa.large_string())], schema=schema)
                )
    to.with_suffix(".tmp").rename(to)


def _write(cache: Path, name: str, texts: object) -> None:
    import polars as pl

    assert isinstance(texts, pl.DataFrame)
    rows = texts.with_row_index("doc").select(
        pl.col("doc").cast(pl.Int64), pl.format("d{}", "doc").alias("id"), pl.col("text")
    )
    for form, write in {
        "parquet": lambda to: rows.write_parquet(to, row_group_size=GROUP, compression="zstd"),
        "jsonl": rows.write_ndjson,
    }.items():
        to = path(cache, name, form)
        to.parent.mkdir(parents=True, exist_ok=True)
        write(to.with_suffix(".tmp"))
        to.with_suffix(".tmp").rename(to)


def _vocabulary(rng: np.random.Generator) -> object:
    """Words of 2 to 12 letters, the frequent ones short."""
    import pyarrow as pa

    letters = rng.integers(ord("a"), ord("z") + 1, (VOCABULARY, 12), np.uint8)
    long = np.clip(rng.normal(3 + 5 * np.arange(VOCABULARY) / VOCABULARY, 1.5), 2, 12).astype(int)
    return pa.array([letters[k, : long[k]].tobytes().decode() for k in range(VOCABULARY)], pa.large_string())


def _sources(rng: np.random.Generator, documents: int) -> np.ndarray:
    """(n,) int64: of each document the one it is a copy of, or itself."""
    source = np.arange(documents)
    copies = np.sort(rng.choice(np.arange(documents // 10, documents), int(documents * COPIES), replace=False))
    # The first tenth has no copies; what it holds is copied by a power law, its first document most often.
    heavy = (documents / 10 * rng.random(copies.size) ** 2.5).astype(np.int64)
    heavy[rng.choice(copies.size, int(documents * GIANT), replace=False)] = 0
    source[copies] = heavy
    return source


if __name__ == "__main__":
    for wanted in sys.argv[2:]:
        generate(Path(sys.argv[1]), wanted)
