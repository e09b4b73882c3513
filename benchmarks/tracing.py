"""What `tamis trace` costs over 2.6 million edges, and a million records that it erases one of.

documents  200,000, from 40 sources
chunks     800,000: each made of one document
pairs      900,000: each made of two chunks

Three snapshots of one store, a model trained on the last. Beside it the closure alone by semi-joins in Polars, level by
level, over the same tables: what one would write by hand. CPU seconds of the whole process, start included.

    python benchmarks/tracing.py
    python benchmarks/tracing.py --scale 0.01
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import measure
import numpy as np
import pyarrow as pa

DOCUMENTS, CHUNKS, PAIRS, SOURCES = 200_000, 800_000, 900_000, 40

PLAIN = """
import sys
class Plain:
    def find_spec(self, name, *_):
        if name == "pandas":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Plain())
from tamis.cli import main
main()
"""
"""As tamis installs: pandas is no dependency of it, and where it is there for others, pyarrow imports it (about 1 CPU s)."""

BY_HAND = """
import sys, polars as pl
edges = pl.concat([pl.scan_parquet(f"{p}/lineage.parquet").select("child", "parent") for p in sys.argv[2:]]).collect()
docs = pl.scan_parquet(f"{sys.argv[2]}/data/*.parquet").filter(pl.col("source") == sys.argv[1]).select("record_id").collect()
found = frontier = docs.rename({"record_id": "id"})
while len(frontier):
    frontier = edges.join(frontier, left_on="parent", right_on="id", how="semi").select(id="child").unique()
    frontier = frontier.join(found, on="id", how="anti")
    found = pl.concat([found, frontier])
held = [pl.scan_parquet(f"{p}/data/*.parquet").select(id="record_id").collect() for p in sys.argv[2:]]
print([ids.join(found, on="id", how="semi").height for ids in held])
"""


def ids(kind: int, count: int) -> np.ndarray:
    """Record ids (count, 16) uint8, evenly spread."""
    return np.random.default_rng(kind).integers(0, 256, (count, 16), np.uint8)


def binary(rows: np.ndarray) -> pa.Array:
    """As a column."""
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(16), len(rows), [None, pa.py_buffer(np.ascontiguousarray(rows))]
    )


def batches(own: np.ndarray, name: str, sources: int) -> Iterator[pa.RecordBatch]:
    """Small documents with these ids, from so many sources."""
    from tamis.schemas import kind

    schema = kind("document").schema
    for start in range(0, len(own), 8192):
        part = own[start : start + 8192]
        number = np.arange(start, start + len(part))
        keys = pa.array([f"{name}-{k}" for k in number])
        values: dict[str, Any] = {
            "record_id": binary(part),
            "id": keys,
            "source": pa.array([f"{name}-{k % sources}" for k in number]),
            "license": pa.repeat(pa.scalar("CC-BY-4.0"), len(part)),
            "text": keys,
        }
        yield pa.record_batch([values.get(f.name, pa.nulls(len(part), f.type)) for f in schema], schema=schema)


def store(root: Path, scale: float) -> int:
    """Three snapshots and a model; how many edges they have."""
    from tamis.schemas import LINEAGE, kind
    from tamis.snapshot.build import Draft, build
    from tamis.snapshot.freeze import register
    from tamis.snapshot.lineage import settled
    from tamis.snapshot.models import add_model
    from tamis.snapshot.store import Store

    place = Store(root).make()
    counts = [int(n * scale) for n in (DOCUMENTS, CHUNKS, PAIRS)]
    own = [ids(k, n) for k, n in enumerate(counts)]
    random = np.random.default_rng(7)
    of_chunks = own[0][random.integers(0, counts[0], counts[1])]
    of_pairs = own[1][random.integers(0, counts[1], 2 * counts[2])]
    edges = [
        LINEAGE.empty_table(),
        pa.table({"child": binary(own[1]), "parent": binary(of_chunks), "kind": pa.repeat("chunk", counts[1])}),
        pa.table(
            {
                "child": binary(np.repeat(own[2], 2, 0)),
                "parent": binary(of_pairs),
                "kind": pa.repeat("pair", 2 * counts[2]),
            }
        ),
    ]
    for k, (name, rows, told) in enumerate(zip(("documents", "chunks", "pairs"), own, edges, strict=True)):
        lineage = settled([told.append_column("snapshot", pa.nulls(len(told), pa.string()))]) if k else told
        facts = {"conservation": {"in": len(rows), "kept": len(rows), "dropped": 0, "quarantined": 0, "derived": 0}}
        draft = Draft(
            name=name,
            version="1.0.0",
            parents=(),
            kind="document",
            schema=kind("document").schema,
            batches=lambda rows=rows, name=name, k=k: batches(rows, name, SOURCES if k == 0 else 1),  # type: ignore[misc]
            lineage=lineage,
            facts=facts,
        )
        with place.work() as work:
            made = build(draft, work.folder / "new", place, root / name / "1.0.0")
            with place.lock():
                work.commit([*made.steps, *register(place, work, made)])
    add_model(place, "pairs-lora", ["pairs@1.0.0"])
    return sum(len(e) for e in edges)


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        root = Path(folder)
        edges = store(root, given.scale)
        base: list[str | Path] = [sys.executable, "-c", PLAIN, "trace", "--store", root, "--json"]
        everything: list[str | Path] = [sys.executable, "-m", "tamis", "trace", "--store", root, "--json"]
        snapshots = [root / name / "1.0.0" for name in ("documents", "chunks", "pairs")]
        ways: dict[str, list[str | Path]] = {
            "one document, down": [
                *base,
                "--record",
                ids(0, int(DOCUMENTS * given.scale))[0].tobytes().hex(),
                "--down",
            ],
            "a source of 5,000 documents, down": [*base, "--source", "documents-7"],
            "the same, where pandas is installed": [*everything, "--source", "documents-7"],
            "one pair, up": [*base, "--record", ids(2, int(PAIRS * given.scale))[0].tobytes().hex(), "--up"],
            "Polars by hand, a source of 5,000 documents": [sys.executable, "-c", BY_HAND, "documents-7", *snapshots],
        }
        spent: dict[str, list[measure.Spent]] = {name: [] for name in ways}
        for _ in range(given.rounds):
            for name, command in ways.items():
                spent[name].append(measure.run(command))
        held = [h["records"] for h in json.loads(spent["a source of 5,000 documents, down"][0].output)["holdings"]]
        by_hand = json.loads(spent["Polars by hand, a source of 5,000 documents"][0].output)
        assert sorted(held) == sorted(by_hand), (held, by_hand)
    result = {"edges": edges, "reached": by_hand, "ways": {}}
    for name, runs in spent.items():
        middle = sorted(runs, key=lambda s: s.cpu)[len(runs) // 2]
        result["ways"][name] = middle.facts()
        print(f"{name:<46} {middle.cpu:6.2f} CPU s {middle.pss / 1e6:8.0f} MB")
    print(f"{edges:,} edges; the source reaches {by_hand}")
    if given.scale == 1:
        (Path(__file__).parent / "results/tracing.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
