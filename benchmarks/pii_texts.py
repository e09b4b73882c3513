"""Texts out of JSON Lines of any shape: all strings of a row but its names and tags, one text a row."""

from __future__ import annotations

import gzip
import io
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ASIDE = frozenset({"id", "meta", "source", "license", "url", "lang"})
LONGEST = 8_000
"""Code points of a text that are taken."""


def texts(files: list[Path], count: int, seed: int = 1) -> list[str]:
    """At most `count` texts of `files`, drawn evenly from all their rows."""
    every = ["\n".join(_strings(row))[:LONGEST] for file in files for row in rows(file)]
    random.Random(seed).shuffle(every)
    return [text for text in every if text][:count]


def rows(file: Path) -> Iterator[Any]:
    """The rows of a JSON Lines file, plain, gzip or zstd."""
    if file.suffix == ".zst":
        import zstandard

        lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file.open("rb")), "utf-8", newline="\n")
    elif file.suffix == ".gz":
        lines = io.TextIOWrapper(gzip.GzipFile(file), "utf-8", newline="\n")
    else:
        lines = file.open(encoding="utf-8", newline="\n")
    with lines:
        yield from (json.loads(line) for line in lines if line.strip())


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key not in ASIDE:
                yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
