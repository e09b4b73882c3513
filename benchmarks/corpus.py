"""webmix as JSON Lines: the corpus of every benchmark here, made once in a cache folder.

90,832 documents, 270 MB of text, of which 87,297 differ. The corpus is not part of this repository: name its Parquet
file, with columns id, text, url and source, by --corpus or TAMIS_BENCH_CORPUS.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import measure

ROWS, UNIQUE = 90_832, 87_297


def options(says: str) -> argparse.ArgumentParser:
    """What every benchmark can be told."""
    parser = argparse.ArgumentParser(description=says.splitlines()[0])
    beside = Path(__file__).parents[1] / "../shared/data/bench/webmix.parquet"
    parser.add_argument("--corpus", type=Path, default=Path(os.environ.get("TAMIS_BENCH_CORPUS", beside)))
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "tamis-benchmarks")
    return parser


def jsonl(corpus: Path, cache: Path, copies: int = 1) -> Path:
    """The corpus as JSON Lines, `copies` times over: every text then begins with the number of its copy, so none meet."""
    path = cache / (f"webmix-x{copies}.jsonl" if copies > 1 else "webmix.jsonl")
    if not path.exists():
        if not corpus.exists():
            sys.exit(f"no corpus at {corpus}; name its Parquet file by --corpus")
        cache.mkdir(parents=True, exist_ok=True)
        # In a process of its own: a benchmark's own memory must stay small, it is the floor of what it can measure.
        measure.run([sys.executable, "-c", _WRITE, corpus, path, str(copies)])
    return path


_WRITE = """
import sys, os, polars as pl
rows, copies = pl.read_parquet(sys.argv[1]), int(sys.argv[3])
with open(sys.argv[2] + ".tmp", "wb") as out:
    for k in range(copies):
        own = {"id": pl.format("{}-{}", pl.lit(k), "id"), "text": pl.format("copy {}. {}", pl.lit(k), "text")}
        (rows if copies == 1 else rows.with_columns(**own)).write_ndjson(out)
os.rename(sys.argv[2] + ".tmp", sys.argv[2])
"""


def tamis() -> list[str]:
    """The command line of the tamis beside this Python."""
    return [str(Path(sys.executable).with_name("tamis"))]


def recipe(cache: Path, name: str, *stages: str) -> Path:
    """A recipe of `stages`, each a line of YAML."""
    path = cache / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    head = f"name: {name}\ninput: {{kind: document, source: webmix}}\nstages:\n"
    path.write_text(head + "".join(f"  - {stage}\n" for stage in stages))
    return path
