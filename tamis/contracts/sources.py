"""Where the rows to check come from: files, folders, globs, frames and tables, one part a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from glob import glob, has_magic
from pathlib import Path
from typing import Any

import polars as pl

from tamis.data.storage.address import at, is_remote
from tamis.errors import InputError, UsageError

_SUFFIXES = (".parquet", ".jsonl", ".ndjson")
DIGITS = 38
"""Of a decimal number: what Polars can compute with."""

UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
"""What polars raises over damaged bytes."""

_PACKED = (".gz", ".zst", ".bz2", ".lz4")


@dataclass(frozen=True)
class Part:
    """Rows of one origin: a file, or a frame that the caller holds."""

    file: str | None
    lazy: pl.LazyFrame | None
    """None: a file of JSON Lines."""
    schema: dict[str, pl.DataType]
    path: Path | None = None

    @property
    def is_json(self) -> bool:
        """True for JSON Lines, whose types are read with the rows."""
        return self.lazy is None

    @contextmanager
    def readable(self) -> Iterator[None]:
        """Turn what the reader says of damaged bytes into an InputError that names the file."""
        try:
            yield
        except UNREADABLE as bad:
            if self.path is None:
                raise
            said = str(bad).splitlines()[0] if str(bad) else type(bad).__name__
            raise InputError(f"{self.path}: damaged or not Parquet: {said}") from None


def parts(data: Any) -> list[Part]:
    """`data` (paths, a LazyFrame, DataFrame or Arrow table) as parts. Raises InputError or UsageError."""
    if isinstance(data, str | Path):
        data = [data]
    data = _here(data)
    if _is_arrow(data):
        data = pl.from_arrow(data)
    if isinstance(data, pl.DataFrame):
        data = data.lazy()
    if isinstance(data, pl.LazyFrame):
        return [Part(None, data, dict(data.collect_schema()))]
    if isinstance(data, Sequence) and data and all(isinstance(item, str | Path) for item in data):
        return [_open(path, name) for path, name in _files(data)]
    raise UsageError(f"cannot check {type(data).__name__}; wanted paths, a Polars frame or an Arrow table")


def _is_arrow(data: Any) -> bool:
    """True for a table or batch of Arrow, without importing it: no one has such a table who has not."""
    arrow = sys.modules.get("pyarrow")
    return arrow is not None and isinstance(data, arrow.RecordBatch | arrow.Table)


def _here(data: Any) -> Any:
    """`data` with copies in the place of what lies in object storage."""
    if not (isinstance(data, Sequence) and any(is_remote(item) for item in data)):
        return data
    from tamis.data.storage.copies import copies

    return [path for item in data for path in (copies(at(item)) if is_remote(item) else [item])]


def flow_of(data: Any) -> dict[str, Any] | None:
    """What came into and stayed in the run or snapshot that `data` is the folder of; None for any other data."""
    data = _here([data] if isinstance(data, str | Path) else data)
    one = data[0] if isinstance(data, Sequence) and not isinstance(data, str) and len(data) == 1 else data
    if not isinstance(one, str | Path):
        return None
    for name, where in (("run.json", "rows"), ("snapshot.json", "conservation")):
        try:
            facts = json.loads((Path(one) / name).read_bytes())
            return {"rows": facts[where], "sources": facts.get("sources", ())}
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
    return None


def _open(path: Path, name: str) -> Part:
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: neither a file nor a folder; a pipe has to be written to a file first")
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as refused:
        raise InputError(f"{path}: cannot be read: {refused.strerror}") from None
    if magic != b"PAR1":
        if path.suffix == ".parquet":
            raise InputError(f"{path}: not Parquet: it starts with {magic!r}, wanted b'PAR1'")
        return Part(name, None, {}, path)
    lazy = pl.scan_parquet(path, glob=False, hive_partitioning=False)
    part = Part(name, lazy, {}, path)
    with part.readable():
        schema = dict(lazy.collect_schema())
    for column, dtype in schema.items():
        if isinstance(dtype, pl.Decimal) and (dtype.precision or 0) > DIGITS:
            raise InputError(f"{path}: column {column!r} has {dtype.precision} digits; at most {DIGITS} can be checked")
    return Part(name, lazy, schema, path)


def _files(paths: Iterable[str | Path]) -> list[tuple[Path, str]]:
    """Every file with the name it is shown by: its own for a file, its path below a folder; sorted by name."""
    found: dict[Path, str] = {}
    for given in paths:
        path = Path(given)
        if path.is_dir():
            members = _members(path)
        elif path.exists():
            members = {path: path.name}
        elif has_magic(str(given)):
            members = {p: p.name for p in map(Path, sorted(glob(str(given), recursive=True))) if p.is_file()}
        else:
            raise InputError(f"{given}: no such file or folder{_near(path)}")
        if not members:
            wanted = ", ".join(f"*{s}" for s in _SUFFIXES)
            raise InputError(f"{given}: nothing there to check; wanted {wanted}, packed or not")
        found |= members
    return sorted(found.items(), key=lambda item: (item[1], str(item[0])))


def _members(folder: Path) -> dict[Path, str]:
    # A run or snapshot keeps its ledger beside its rows.
    if (folder / "data").is_dir() and ((folder / "run.json").exists() or (folder / "snapshot.json").exists()):
        folder = folder / "data"
    members = {}
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        bare = Path(path.name.removesuffix(path.suffix)) if path.suffix in _PACKED else path
        if path.is_file() and bare.suffix in _SUFFIXES and not any(p[0] in "._" for p in inner.parts):
            members[path] = inner.as_posix()
    return members


def _near(path: Path) -> str:
    beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    near = get_close_matches(path.name, beside, 1)
    return f"; did you mean {str(path.parent / near[0])!r}?" if near else ""
