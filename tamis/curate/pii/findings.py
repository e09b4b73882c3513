"""What a detector answers: findings in one table, and what went wrong on the way in another.

Neither holds any text: a finding is a place, and who said what of it.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tamis.schemas._field import field

NAME = pa.dictionary(pa.int16(), pa.string())

FINDINGS = pa.schema(
    [
        field("row", pa.int64(), "Place of the text in the array that was searched.", False),
        field("start", pa.int64(), "First code point of the finding in its text.", False),
        field("stop", pa.int64(), "Code point after the last.", False),
        field("byte_start", pa.int64(), "First byte of the finding in its text as UTF-8.", False),
        field("byte_stop", pa.int64(), "Byte after the last.", False),
        field("entity", NAME, "What it is: EMAIL_ADDRESS, PHONE_NUMBER, …", False),
        field("score", pa.float32(), "How sure the recogniser is, 0 to 1.", False),
        field("recogniser", NAME, "Who found it.", False),
    ]
)

FAILURES = pa.schema(
    [
        field("row", pa.int64(), "Place of the text that was not searched as it should have been.", False),
        field("recogniser", pa.string(), "Who failed.", False),
        field("reason", pa.string(), "Why: the kind of the exception, or that its time was up. No text.", False),
    ]
)


class Findings(NamedTuple):
    """`found` has FINDINGS rows sorted by row, start, stop and entity; `failures` has FAILURES rows, sorted likewise."""

    found: pa.RecordBatch
    failures: pa.RecordBatch


class Finding(NamedTuple):
    """One finding in one text. start, stop: code points."""

    start: int
    stop: int
    entity: str
    score: float
    recogniser: str


class Failure(NamedTuple):
    """A recogniser that could not do its work on the text `row`."""

    row: int
    recogniser: str
    reason: str


def resolved(found: Iterable[Finding], text: str) -> list[Finding]:
    """Findings that do not overlap and cover, letters and digits, all that `found` covers; in order.

    Of two that overlap the surer one stands, then the longer, the earlier, and the first by name; of the other stays what
    sticks out, so that nothing a recogniser saw is left uncovered. Findings that merely touch stay apart.
    """
    taken: list[Finding] = []  # in order, none overlapping another
    for one in sorted(found, key=lambda f: (-f.score, f.start - f.stop, f.start, f.entity, f.recogniser)):
        at = max(0, bisect_right(taken, one.start, key=lambda f: f.start) - 1)
        pieces, start = [], one.start
        for other in (taken[k] for k in range(at, len(taken))):
            if other.start >= one.stop:
                break
            if start < other.start:
                pieces.append((start, other.start))
            start = max(start, other.stop)
        if start < one.stop:
            pieces.append((start, one.stop))
        whole = pieces == [(one.start, one.stop)]
        for a, b in pieces:
            if whole or any(c.isalnum() for c in text[a:b]):
                insort(taken, one._replace(start=a, stop=b), key=lambda f: f.start)
    return sorted(taken)


def tabled(rows: Sequence[tuple[int, str, list[Finding]]], failures: Iterable[Failure]) -> Findings:
    """The answer for texts at ascending places: (place, text, findings)."""
    place = np.repeat([r for r, _, _ in rows], [len(f) for _, _, f in rows]).astype(np.int64)
    found = [sorted(f, key=lambda one: (one.start, one.stop, one.entity)) for _, _, f in rows]
    flat = [one for of_row in found for one in of_row]
    bytes_at = [
        (_byte(text, f.start), _byte(text, f.stop))
        for (_, text, _), of_row in zip(rows, found, strict=True)
        for f in of_row
    ]
    byte = np.array(bytes_at, np.int64).reshape(-1, 2)
    columns = [
        pa.array(place),
        pa.array([f.start for f in flat], pa.int64()),
        pa.array([f.stop for f in flat], pa.int64()),
        pa.array(byte[:, 0]),
        pa.array(byte[:, 1]),
        _names([f.entity for f in flat]),
        pa.array([f.score for f in flat], pa.float32()),
        _names([f.recogniser for f in flat]),
    ]
    failed = pa.RecordBatch.from_pylist([f._asdict() for f in sorted(failures)], schema=FAILURES)
    return Findings(pa.record_batch(columns, schema=FINDINGS), failed)


def _names(names: list[str]) -> pa.DictionaryArray:
    """Dictionary-encoded, the dictionary sorted: the same names give the same array, whatever came first."""
    known = sorted(set(names))
    code = {name: k for k, name in enumerate(known)}
    return pa.DictionaryArray.from_arrays(pa.array([code[n] for n in names], pa.int16()), pa.array(known, pa.string()))


def _byte(text: str, at: int) -> int:
    return at if text.isascii() else len(text[:at].encode())
