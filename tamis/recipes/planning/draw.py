"""A sample of the input, spread over all files: complete lines from blocks at seeded places, rows from some row groups.

Block k of n lies in the k-th n-th of its file. A smaller sample is every second block of the larger, and every second of the files
that are no more than a block. Compressed files are read from their beginning, as nothing else can be read without all before it.
"""

from __future__ import annotations

import lzma
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from tamis.data import InputFile, parquet
from tamis.data.compressed import Broken, unpacked
from tamis.data.storage import is_remote, located
from tamis.errors import InputError, UsageError

BLOCK = 64 << 10
"""Bytes of a file that are taken at a time."""

FILES = 256
"""Files that are looked into, at most."""

ROWS = 32
"""Rows of a row group that are taken at a time."""

HEAD = 8 << 20
"""Bytes by which it is told how much a compressed file unpacks to."""

LINE = 128 << 20
"""Bytes of a record, at most, unless the recipe says otherwise: a longer line is not followed to its end."""


class Drawn(NamedTuple):
    """What was drawn.

    files      of the sample
    bytes      of the sample; those of compressed files unpacked
    whole      bytes of all input, likewise
    times      by file of the sample: how many times as large that is which it stands for. Records of one file may be a thousand
               times as long as those of another, and a few blocks of each cannot be the same share of all
    damaged    by file of the input: how it is damaged, where that was seen. What can be read of it is drawn from
    """

    files: tuple[Path, ...]
    bytes: int
    whole: int
    times: Mapping[str, float]
    damaged: Mapping[Path, str]


def check_near(paths: Iterable[Any]) -> None:
    """Raises UsageError where one of `paths` is not on this machine: a sample is drawn from what is at hand. Nobody is asked."""
    for path in paths:
        if is_remote(path):
            raise UsageError(
                f"a plan draws its sample from files of this machine, and {located(path)} is elsewhere: copy some of it here, "
                "plan with that, and say with --scale how much there is"
            )


def draw(
    files: Sequence[InputFile], wanted: Sequence[int], folder: Path, seed: int, parts: int, longest: int = LINE
) -> list[Drawn]:
    """Samples of about `wanted` bytes each, the largest first, in `folder`; each file of the last in up to `parts` files.

    longest  bytes of a record: of a longer line no more than tells that it is one is taken

    Raises UsageError where a file is not on this machine, InputError where there is nothing to draw from.
    """
    check_near(file.path for file in files)
    damaged: dict[Path, str] = {}
    sizes = [(file, _unpacked(file, damaged)) for file in files if file.bytes]
    whole = sum(size for _, size in sizes)
    if not whole:
        raise _nothing(damaged)
    chance = random.Random(seed)
    looked = sizes if len(sizes) <= FILES else [sizes[k] for k in sorted(chance.sample(range(len(sizes)), FILES))]
    part = min(1.0, wanted[0] / sum(size for _, size in looked))
    pieces = [(file, _pieces(file, size, part, chance, longest, damaged)) for file, size in looked]
    if not any(own for _, own in pieces):
        # Lines are so long that none begins in a block that was looked at, or what is there cannot be read.
        of_lines = ((file, own) for file, own in pieces if file.compression is None and file.format != "parquet")
        if (found := next(of_lines, None)) is None:
            raise _nothing(damaged)
        found[1].extend(_lines(found[0], [(0, 1)], longest))
    drawn = []
    for k, most in enumerate(wanted):
        every = max(1, round(wanted[0] / most))
        split = parts if most == wanted[-1] and len(wanted) > 1 else 1
        to = folder / f"sample-{k}"
        to.mkdir(parents=True)
        fewer = _every(every, [own for _, own in pieces])
        made = [
            _write(file, own, to / f"{n}", split) for n, ((file, _), own) in enumerate(zip(pieces, fewer, strict=True))
        ]
        here = sum(size for (_, size), (_, got) in zip(looked, made, strict=True) if got)
        times = {
            path.name: size / got * whole / here
            for (_, size), (paths, got) in zip(looked, made, strict=True)
            for path in paths
            if got
        }
        drawn.append(
            Drawn(
                tuple(path for paths, _ in made for path in paths), sum(got for _, got in made), whole, times, damaged
            )
        )
    return drawn


def _nothing(damaged: Mapping[Path, str]) -> InputError:
    """Why nothing can be drawn."""
    for path, how in damaged.items():
        return InputError(
            f"there is nothing to plan for: no row can be read of {path}: {how}; name whole files with -i"
        )
    return InputError("there is nothing to plan for: the input is empty; name files that hold rows with -i")


def _every(nth: int, pieces: Sequence[list[Any]]) -> list[list[Any]]:
    """Of the pieces of each file one in `nth`, and at least one; of files of one piece, one file in `nth`."""
    found, single = [], 0
    for own in pieces:
        left_out = len(own) == 1 and single % nth
        single += len(own) == 1
        found.append([] if left_out else own[:: max(1, min(nth, len(own)))])
    return found


def _unpacked(file: InputFile, damaged: dict[Path, str]) -> int:
    """Bytes of `file`; of a compressed one, as its beginning says; of Parquet, as it holds them in memory."""
    assert isinstance(file.path, Path)
    if file.format == "parquet":
        return sum(group.bytes for group in _groups(file)) or file.bytes
    if file.compression is None:
        return file.bytes
    with file.path.open("rb") as raw:
        got = 0
        for piece in _readable(file, raw, damaged):
            got += len(piece)
            if got >= HEAD:
                return max(got, file.bytes * got // max(1, raw.tell()))
    return got


def _readable(file: InputFile, raw: BinaryIO, damaged: dict[Path, str]) -> Iterator[bytes]:
    """What the compressed `file` unpacks to, up to its damage."""
    assert isinstance(file.path, Path) and file.compression is not None
    try:
        yield from unpacked(raw, file.compression)
    except (Broken, OSError) as wrong:
        damaged[file.path] = str(wrong)


def _groups(file: InputFile) -> Sequence[Any]:
    assert isinstance(file.path, Path)
    try:
        return parquet.groups(file.path)
    except parquet.UNREADABLE as wrong:
        raise InputError(f"{file.path} cannot be planned with: {parquet.one_line(wrong)}; leave it out") from wrong


def _pieces(
    file: InputFile, size: int, part: float, chance: random.Random, longest: int, damaged: dict[Path, str]
) -> list[Any]:
    """What a sample of `part` takes of `file`: pieces of lines, or tables."""
    if file.format == "parquet":
        return _rows(file, part, chance, damaged)
    if file.compression is not None:
        return _head(file, max(1, round(size * part)), damaged)
    count = max(1, round(size * part / BLOCK))
    if count * BLOCK >= size or part >= 1:
        return list(_lines(file, [(at, min(at + BLOCK, size)) for at in range(0, size, BLOCK)], longest))
    places = (round((k + chance.random()) * (size - BLOCK) / count) for k in range(count))
    return list(_lines(file, [(at, at + BLOCK) for at in places], longest))


def _lines(file: InputFile, spans: Iterable[tuple[int, int]], longest: int) -> Iterator[bytes]:
    """The lines that begin in each span of bytes, none twice."""
    assert isinstance(file.path, Path)
    done, ended = 0, True
    with file.path.open("rb") as source:
        for low, high in spans:
            if high <= done:
                continue
            at = max(low - 1, done)
            source.seek(at)
            if low > done or not ended:
                source.readline(high - at)  # to its end, if it has one here: whoever begins before is not ours
            begin = source.tell()
            if begin >= high:
                continue
            found = source.read(high - begin)
            found += b"" if found.endswith(b"\n") else source.readline(longest + 1)
            done, ended = source.tell(), found.endswith(b"\n")
            if found:
                yield found


def _head(file: InputFile, most: int, damaged: dict[Path, str]) -> list[bytes]:
    """The first lines of a compressed file, in pieces of about BLOCK."""
    assert isinstance(file.path, Path) and file.compression is not None
    found, got = [], 0
    with file.path.open("rb") as raw:
        for piece in _readable(file, raw, damaged):
            found.append(piece)
            got += len(piece)
            if got >= most:
                break
    text = b"".join(found)
    text = text[: text.rfind(b"\n") + 1] or (b"" if file.path in damaged else text)
    cuts = [0]
    while cuts[-1] < len(text):
        cuts.append(text.find(b"\n", min(cuts[-1] + BLOCK, len(text) - 1)) + 1 or len(text))
    return [text[a:b] for a, b in pairwise(cuts)]


def _rows(file: InputFile, part: float, chance: random.Random, damaged: dict[Path, str]) -> list[pa.Table]:
    """Stretches of rows from row groups, four times as many of those as a whole sample of them would take."""
    assert isinstance(file.path, Path)
    groups = _groups(file)
    with pq.ParquetFile(file.path) as source:
        count = min(len(groups), max(1, round(len(groups) * min(1.0, 4 * part))))
        each = part * len(groups) / count
        found = []
        for low, high in pairwise(len(groups) * k // count for k in range(count + 1)):
            table = _group(file.path, source, chance.randrange(low, high), damaged)
            if not table.num_rows and file.path in damaged:
                continue
            stretches = max(1, round(table.num_rows * each / ROWS))
            room = table.num_rows / stretches
            size = table.num_rows if each >= 1 else min(ROWS, int(room))
            places = (int(j * room + chance.random() * (room - size)) for j in range(stretches))
            found += [table.slice(at, size) for at in ((0,) if each >= 1 else places)]
    return found


def _group(path: Path, source: pq.ParquetFile, k: int, damaged: dict[Path, str]) -> pa.Table:
    """Row group `k`, or what can be read of it."""
    try:
        return source.read_row_group(k)
    except parquet.UNREADABLE:
        found = list(parquet.batches(path, k, k + 1, 0))
        for one in found:
            if isinstance(one, parquet.Damage):
                damaged[path] = one.message
        return pa.Table.from_batches([one[1] for one in found if isinstance(one, tuple)], source.schema_arrow)


def _write(file: InputFile, pieces: list[Any], to: Path, parts: int) -> tuple[list[Path], int]:
    """Write `pieces` as files like `file`; their places, and how many bytes they unpack to."""
    share = [pieces[k::parts] for k in range(min(parts, len(pieces)))]
    ending = ".parquet" if file.format == "parquet" else ".jsonl"
    made, size = [], 0
    for k, own in enumerate(share):
        path = to.with_name(f"{to.name}-{k}{ending}")
        made.append(path)
        if file.format == "parquet":
            table = pa.concat_tables(own)
            assert isinstance(file.path, Path)
            like = pq.read_metadata(file.path)
            rows = max(1, like.num_rows // max(1, like.num_row_groups))
            codec = like.row_group(0).column(0).compression.lower()
            pq.write_table(table, path, row_group_size=rows, compression=None if codec == "uncompressed" else codec)
            size += sum(group.bytes for group in parquet.groups(path))
            continue
        text = b"".join(piece if piece.endswith(b"\n") else piece + b"\n" for piece in own)
        size += len(text)
        with path.open("wb") as out, _packing(out, file.compression) as packed:
            packed.write(text)
    return made, size


def _packing(out: Any, compression: str | None) -> Any:
    """`out`, or what compresses what is written to it."""
    if compression is None:
        return nullcontext(out)
    if compression == "xz":
        return lzma.open(out, "wb")
    return pa.CompressedOutputStream(out, {"bzip2": "bz2"}.get(compression, compression))
