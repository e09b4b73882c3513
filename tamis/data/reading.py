"""Input files cut into fragments, and fragments read as blocks of rows of one kind.

Rows, their order and their keys do not depend on how files are cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.data import blocks, parquet
from tamis.data.block import Block, lost, positional, record_ids
from tamis.data.canonical import Origin, canonical, stem
from tamis.data.inputs import InputFile
from tamis.data.jsonl import JsonRows
from tamis.data.shapes import Fields, Names, Recognised, keys_of, majority, names_for, wanted
from tamis.data.storage.address import Remote
from tamis.data.tables import is_of_kind, json_lines, rows_of
from tamis.errors import InputError
from tamis.schemas import KINDS, kind

BLOCK = 2 << 20
"""Bytes of JSON Lines read at once."""

BATCH_BYTES = 256 << 20
"""Bytes of Arrow data handled at once, where it is more than one row."""

LINES = 8192
"""Lines of a block, at most."""

SAMPLE = 1000
"""Rows looked at to tell the kind."""


class Reading(NamedTuple):
    """How rows are read.

    fields      our name of a field -> its name in the input, None: it is not taken
    source      source of all rows, None: the row's own, else the file's name
    license     licence of rows that declare none
    max_record  bytes of a row; a longer one is refused unread
    """

    kind: str
    fields: Mapping[str, str | None] | None = None
    source: str | None = None
    license: str | None = None
    max_record: int = 128 << 20


class Fragment(NamedTuple):
    """A part of a file: bytes `lo` to `hi` of JSON Lines, row groups `lo` to `hi` of Parquet; hi None: to the end.

    first   place of its first row in the file (Parquet)
    damage  why it cannot be read at all, if so: it then has one row, which is bad
    tail    what could be read of that row; its offset is then `first`
    """

    file: InputFile
    lo: int = 0
    hi: int | None = None
    first: int = 0
    damage: str | None = None
    tail: bytes | None = None

    @property
    def source(self) -> str:
        """Source of its rows where neither they nor the recipe name one."""
        return stem(self.file.name)


def fragments(file: InputFile, size: int = 16 << 20) -> list[Fragment]:
    """`file` in parts of about `size` bytes. A compressed file is one part."""
    if file.format == "parquet":
        return _parquet_fragments(file, size)
    if file.compression or file.bytes <= size:
        return [Fragment(file)]
    return [Fragment(file, lo, min(lo + size, file.bytes)) for lo in range(0, file.bytes, size)]


def _parquet_fragments(file: InputFile, size: int) -> list[Fragment]:
    try:
        groups = parquet.groups(file.path)
    except parquet.UNREADABLE as error:
        return [Fragment(file, damage=f"the Parquet file cannot be read: {parquet.one_line(error)}")]
    cut, lo, first, held = [], 0, 0, 0
    for k, group in enumerate(groups):
        if held and held + group.bytes > size:
            cut.append(Fragment(file, lo, k, first))
            lo, first, held = k, first + sum(g.rows for g in groups[lo:k]), 0
        held += group.bytes
    return [*cut, Fragment(file, lo, len(groups), first)]


def read(fragment: Fragment, reading: Reading, only: np.ndarray | None = None) -> Iterator[Block]:
    """The rows of `fragment`, in order, in blocks of a few MB. Raises InputError where the file cannot be opened.

    only   (k,) int64, ascending: of all rows, good and bad, those at these places are wanted. Others may be passed over:
           they count in `total` and `position`, and are cheaper.
    """
    origin = Origin(fragment.file.name, reading.source, reading.license)
    names = names_for(reading.fields)
    if fragment.damage:
        offset = None if fragment.tail is None else fragment.first
        bad = _one_bad(reading, origin, "damaged_input", fragment.damage, fragment.first, 0, offset, fragment.tail)
        yield bad._replace(damage=fragment.damage)
    elif fragment.file.format == "parquet":
        yield from _parquet(fragment, reading, names, origin, only)
    else:
        yield from _lines(fragment, reading, names, origin, only)


def _lines(
    fragment: Fragment, reading: Reading, names: Names, origin: Origin, only: np.ndarray | None
) -> Iterator[Block]:
    keys, seen = wanted(names), 0
    with _opened(fragment.file, fragment.hi) as file:
        for item in blocks.read_blocks(
            file, BLOCK, reading.max_record, fragment.lo, fragment.hi, fragment.file.compression is None
        ):
            if isinstance(item, blocks.Block):
                for data, offset, line in _short(item):
                    here = None if only is None else only[np.searchsorted(only, seen) :] - seen
                    rows = JsonRows(data, keys, first=offset == 0, only=here)
                    at, number = rows.start + offset, rows.number + line
                    block = canonical(rows, reading.kind, names, origin, at, number, lined=True)
                    yield block if here is None else _of_all(block, here, rows.total)
                    seen += rows.total
            elif isinstance(item, blocks.Oversize):
                said = f"the line has {item.length:,} bytes; at most {reading.max_record:,} (max_record) were wanted"
                yield _one_bad(
                    reading, origin, "record_too_large", said, item.offset, item.line, item.offset, item.prefix
                )
                seen += 1
            else:
                said = f"{item.message}, at byte {item.offset + item.length:,} of what it unpacks to"
                bad = _one_bad(reading, origin, "damaged_input", said, item.offset, item.line, item.offset, item.prefix)
                yield bad._replace(damage=said)
                seen += 1


def _short(item: blocks.Block) -> Iterator[tuple[np.ndarray, int, int]]:
    """`item` in stretches of at most LINES lines: bytes, and where they and their first line are."""
    cuts = [0, len(item.data)]
    if item.lines > LINES:
        ends = np.flatnonzero(item.data == ord("\n"))[LINES - 1 :: LINES] + 1
        cuts = sorted({0, *ends.tolist(), len(item.data)})
    for k, (lo, hi) in enumerate(pairwise(cuts)):
        yield item.data[lo:hi], item.offset + lo, item.line + k * LINES


def _of_all(block: Block, only: np.ndarray, total: int) -> Block:
    """`block`, of the rows `only` of `total`, as a block of them all."""
    return block._replace(position=only[block.position].astype(np.uint32), total=total)


def _parquet(
    fragment: Fragment, reading: Reading, names: Names, origin: Origin, only: np.ndarray | None
) -> Iterator[Block]:
    assert fragment.hi is not None
    seen = 0
    for item in parquet.batches(fragment.file.path, fragment.lo, fragment.hi, fragment.first):
        if isinstance(item, parquet.Damage):
            bad = _one_bad(reading, origin, "damaged_input", item.message, item.first, item.first - fragment.first)
            yield bad._replace(damage=item.message)
            seen += 1
            continue
        for at, batch in _halved(*item, min(BATCH_BYTES, reading.max_record)):
            line = at - fragment.first
            if batch.num_rows == 1 and batch.nbytes > reading.max_record:
                said = f"the row has {batch.nbytes:,} bytes; at most {reading.max_record:,} (max_record) were wanted"
                yield _one_bad(reading, origin, "record_too_large", said, at, line)
            elif only is None:
                yield rows_of(batch, reading.kind, names, origin, np.arange(batch.num_rows) + at, line - at)
            else:
                here = only[slice(*np.searchsorted(only, [seen, seen + batch.num_rows]))] - seen
                taken = batch if here.size == batch.num_rows else batch.take(pa.array(here))
                block = rows_of(taken, reading.kind, names, origin, here + at, line - at)
                yield _of_all(block, here, batch.num_rows)
            seen += batch.num_rows


def _halved(at: int, batch: pa.RecordBatch, most: int) -> Iterator[tuple[int, pa.RecordBatch]]:
    """`batch` in parts of at most `most` bytes, or of a single row, each with the place of its first row."""
    if batch.num_rows <= 1 or batch.nbytes <= most:
        yield at, batch
        return
    half = batch.num_rows // 2
    yield from _halved(at, batch.slice(0, half), most)
    yield from _halved(at + half, batch.slice(half), most)


def _one_bad(
    reading: Reading,
    origin: Origin,
    rule: str,
    message: str,
    place: int,
    line: int,
    offset: int | None = None,
    raw: bytes | None = None,
) -> Block:
    key = record_ids(pa.array([origin.fallback]), positional(origin.name, np.array([place])))
    return lost(kind(reading.kind).schema, key, rule, message, line, offset, raw)


@contextmanager
def _opened(file: InputFile, until: int | None = None) -> Iterator[BinaryIO]:
    try:
        opened = file.path.open("rb", until) if isinstance(file.path, Remote) else file.path.open("rb")
    except OSError as error:
        raise InputError(f"cannot read {file.path}: {error.strerror or error}") from error
    with opened:
        yield opened


def recognise(
    files: Sequence[InputFile], only: str | None = None, fields: Mapping[str, str | None] | None = None
) -> Recognised:
    """The kind of the rows in `files`, told by most of the first that can be read; `only`: it is known.

    Raises InputError where no row has a shape that is known, and UsageError for an unknown kind or field.
    """
    names = names_for(fields)
    for file in files:
        if only is None and (of := _of_ours(file)):
            return Recognised(of, {"tamis rows": file.bytes and 1}, 0)
        for rows in _sample(file, names):
            found = Fields(rows, names)
            if seen := majority(found, only):
                return seen
            if only is None and not rows.error.all():
                raise InputError(_unknown(file.name, rows))
    return Recognised(only or "document", {}, 0)


def _sample(file: InputFile, names: Names) -> Iterator[JsonRows]:
    """The first rows of `file`, none where it cannot be read."""
    for fragment in fragments(file)[:1]:
        if fragment.damage:
            return
        if file.format == "parquet":
            first = next(parquet.batches(file.path, fragment.lo, fragment.hi or 0, 0), None)
            if isinstance(first, tuple):
                yield JsonRows(json_lines(first[1].slice(0, SAMPLE)), wanted(names))
            return
        with _opened(file, BLOCK) as opened:
            for block in blocks.read_blocks(opened, BLOCK, BLOCK):
                if isinstance(block, blocks.Block):
                    ends = np.flatnonzero(block.data == ord("\n"))[:SAMPLE]
                    data = block.data[: ends[-1] + 1] if len(ends) == SAMPLE else block.data
                    yield JsonRows(data, wanted(names), first=True)
                    return


def _of_ours(file: InputFile) -> str | None:
    """The kind of the rows of a data file that a run wrote; None: it is no such file."""
    if file.format != "parquet":
        return None
    try:
        with parquet.open_file(file.path) as opened:
            return next((name for name in KINDS if is_of_kind(opened.schema_arrow, name)), None)
    except parquet.UNREADABLE:
        return None


def kind_of_batch(batch: pa.RecordBatch, name: str) -> str:
    """The kind of most of the first rows of `batch`, which are called `name`. Raises InputError where none is known."""
    if of := next((of for of in KINDS if is_of_kind(batch.schema, of)), None):
        return of
    names = names_for(None)
    rows = JsonRows(json_lines(batch.slice(0, SAMPLE)), wanted(names))
    if seen := majority(Fields(rows, names)):
        return seen.kind
    if rows.error.all():
        return "document"
    raise InputError(_unknown(name, rows))


def _unknown(name: str, rows: JsonRows) -> str:
    keys = keys_of(rows, int(np.flatnonzero(rows.error == 0)[0]))
    known = "text, messages, conversations, instruction + output, prompt + completion, chosen + rejected or question"
    return (
        f"{name}: its rows have no shape that is known; the keys of one are {keys}; wanted were {known}. "
        f"Say in the recipe which is which, as in   input: {{kind: document, fields: {{text: body}}}}"
    )
