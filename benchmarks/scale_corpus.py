"""webmix many times over as JSON Lines, written as it is made: corpora of 10 GB and more that are stored once.

    python benchmarks/scale_corpus.py OUT.jsonl --size 10GB       about so many bytes
    python benchmarks/scale_corpus.py OUT.jsonl --copies 30       so many copies of 288 MB

Copy 0 is webmix. In every other, half of the words of five and more small letters are spelled otherwise, vowels as vowels and
consonants as consonants, the same word the same way throughout the copy; Cyrillic and Chinese letters are shifted. So short
words, lengths, repeats, near-duplicates within a copy and what filters of quality look at stay as they are, while texts of two
copies are not alike. About one document in a hundred, in other scripts, is in every copy.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path
from typing import BinaryIO

import corpus
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numba import njit

LEAST = 5
"""Letters of a word that may be spelled otherwise."""


def main() -> None:
    """Write the corpus."""
    parser = corpus.options(__doc__ or "")
    parser.add_argument("out", type=Path)
    parser.add_argument("--copies", type=int)
    parser.add_argument("--size", type=size)
    told = parser.parse_args()
    if (told.copies is None) == (told.size is None):
        sys.exit("say how much: --copies N or --size 10GB")
    print(f"{write(told.corpus, told.out, told.copies, told.size):,} bytes")


def size(text: str) -> int:
    """Bytes of "10GB" or "500MB"."""
    for unit, n in (("GB", 10**9), ("MB", 10**6)):
        if text.upper().endswith(unit):
            return int(float(text[: -len(unit)]) * n)
    raise argparse.ArgumentTypeError(f"{text!r}; 10GB or 500MB was wanted")


def write(source: Path, out: Path, copies: int | None = None, size: int | None = None) -> int:
    """Write `copies` of the corpus, or whole lines of about `size` bytes; return the bytes written."""
    if not source.exists():
        sys.exit(f"no corpus at {source}; name its Parquet file by --corpus")
    rows = pq.read_table(source).combine_chunks()
    written = number = 0
    with out.open("wb") as file:
        while number < copies if copies is not None else written < (size or 0):
            written += _write_copy(file, rows, number, None if size is None else size - written)
            number += 1
    return written


def _write_copy(file: BinaryIO, rows: pa.Table, number: int, room: int | None) -> int:
    """Copy `number`, or the lines of it that fit in `room` bytes."""
    written = 0
    for start in range(0, rows.num_rows, 1 << 13):
        frame = pl.DataFrame(pl.from_arrow(respelled(rows.slice(start, 1 << 13), number)))
        sink = io.BytesIO()
        frame.write_ndjson(sink)
        lines = sink.getvalue()
        if room is not None and written + len(lines) > room:
            return written + file.write(lines[: lines.find(b"\n", room - written) + 1])
        written += file.write(lines)
    return written


def respelled(rows: pa.Table, number: int) -> pa.Table:
    """`rows` as copy `number` has them."""
    if not number:
        return rows
    texts = rows.column("text").combine_chunks().cast(pa.large_string())
    texts = pa.concat_arrays([texts]) if texts.offset == 0 else pa.array(texts.to_pylist(), pa.large_string())
    letters = np.frombuffer(texts.buffers()[2] or b"", np.uint8).copy()
    _respell(letters, np.uint64(number), *_rings())
    changed = pa.LargeStringArray.from_buffers(len(texts), texts.buffers()[1], pa.py_buffer(letters))
    ids = pa.array([f"{number}-{name}" for name in rows.column("id").to_pylist()])
    return rows.set_column(rows.schema.get_field_index("text"), "text", changed).set_column(0, "id", ids)


def _rings() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vowels and consonants, and the place of every small letter among its own."""
    vowels = np.frombuffer(b"aeiou", np.uint8)
    others = np.frombuffer(b"bcdfghjklmnpqrstvwxyz", np.uint8)
    place = np.zeros(256, np.int64)
    place[vowels], place[others] = -1 - np.arange(len(vowels)), np.arange(len(others))
    return vowels, others, place


@njit(cache=True)
def _respell(letters, number, vowels, others, place):  # type: ignore[no-untyped-def]
    """Spell words otherwise, in place, letter for letter. letters (n,) uint8, UTF-8"""
    start = 0
    for k in range(letters.size + 1):
        c = letters[k] if k < letters.size else np.uint8(32)
        if 97 <= c <= 122:
            continue
        if k - start >= LEAST:
            h = np.uint64(14695981039346656037) ^ number
            for j in range(start, k):
                h = (h ^ np.uint64(letters[j])) * np.uint64(1099511628211)
            h ^= h >> np.uint64(29)
            if h & np.uint64(1):
                turn = np.int64(h >> np.uint64(40)) & 1023
                for j in range(start, k):
                    at = place[letters[j]]
                    if at < 0:
                        letters[j] = vowels[(-1 - at + 1 + turn % 4) % vowels.size]
                    else:
                        letters[j] = others[(at + 1 + turn % 20) % others.size]
        start = k + 1
        cyrillic = c == 0xD0 or c == 0xD1
        if (cyrillic or 0xE4 <= c <= 0xE9) and k + 2 < letters.size:
            at = k + 1 if cyrillic else k + 2
            letters[at] = np.uint8(0x80 + (np.int64(letters[at]) - 0x80 + np.int64(number)) % 64)


if __name__ == "__main__":
    main()
