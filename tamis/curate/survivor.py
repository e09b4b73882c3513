"""Which of several records that are alike stays: the `keep` of exact and near.

    first        the first in the input
    longest      most code points in all texts
    newest       latest `collected_at`, an ISO 8601 date or time; without a zone it is UTC, a day alone is its beginning
    license      most permissive `license`, as tamis.curate.license orders them
    best:COLUMN  highest number in COLUMN

Each is a number for every record, made from its row alone; the highest stays. Where it is not known it is minus infinity,
so that such a record stays only where no other is better. Ties go to the first in the input, which is for the caller to do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.errors import UsageError
from tamis.schemas import ENVELOPE, flat, text_fields

KEEPS = ("first", "longest", "newest", "license", "best:COLUMN")

# Hyphens and colons may be left out (the basic format); month, day, time and zone may be, too. A comma may mark fractions.
_ISO_8601 = (
    r"^\s*(?P<year>\d{4})(?:-?(?P<month>\d\d)(?:-?(?P<day>\d\d)"
    r"(?:[Tt ](?P<hour>\d\d)(?::?(?P<minute>\d\d)(?::?(?P<second>\d\d(?:[.,]\d+)?))?)?"
    r"\s*(?:[Zz]|(?P<sign>[+-])(?P<ahead_hours>\d\d)(?::?(?P<ahead_minutes>\d\d))?)?)?)?)?\s*$"
)


def check(keep: str, stage: str) -> None:
    """Raise UsageError, in the name of `stage`, where `keep` is not one of KEEPS."""
    if keep not in KEEPS[:-1] and not best(keep):
        raise UsageError(f"{stage}: keep is {keep!r}; it can be {', '.join(KEEPS)}")


def best(keep: str) -> str:
    """The column of `best:COLUMN`; "" for any other `keep`."""
    return keep[5:] if keep.startswith("best:") else ""


def columns(keep: str) -> pa.Schema:
    """The columns that `rank` reads beside the texts; the type null stands for any."""
    if column := best(keep):
        return pa.schema([pa.field(column, pa.null())])
    read = {"newest": "collected_at", "license": "license"}.get(keep)
    return pa.schema([ENVELOPE.field(read)] if read else [])


def rank(batch: pa.RecordBatch, keep: str, stage: str) -> np.ndarray:
    """(n,) float64; the highest stays, minus infinity where it is not known. `stage` is named in a UsageError."""
    if keep == "first":
        return np.zeros(batch.num_rows)
    if keep == "longest":
        return _lengths(batch)
    if keep == "newest":
        return seconds(batch.column("collected_at"))
    if keep == "license":
        from tamis.curate.license import ranks

        return ranks(batch.column("license"))
    column: Any = batch.column(best(keep))
    try:
        found = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as odd:
        raise UsageError(f"{stage}: keep is {keep!r}, but {best(keep)!r} is not a number everywhere: {odd}") from odd
    return np.where(np.isnan(found), -np.inf, found)


def seconds(times: pa.StringArray) -> np.ndarray:
    """Seconds from 1970 in UTC, (n,) float64, of ISO 8601 strings; minus infinity for null and what is no such time.

    Every string is read alone: Arrow's own cast refuses a whole array for one bad string, or for zones here and none there.
    """
    parts = pc.extract_regex(times, _ISO_8601)

    def part(name: str, missing: int = 0) -> np.ndarray:
        text = pc.replace_substring(pc.struct_field(parts, name), ",", ".")
        number = pc.if_else(pc.equal(text, ""), None, text).cast(pa.float64())
        filled: np.ndarray = pc.fill_null(number, float(missing)).to_numpy(zero_copy_only=False)
        return filled

    year, month, day = (part(name, 1).astype(np.int64) for name in ("year", "month", "day"))
    clock = part("hour"), part("minute"), part("second")
    first = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days_in_month = ((first + 1).astype("datetime64[D]") - first.astype("datetime64[D]")).astype(np.int64)
    known = pc.is_valid(parts).to_numpy(zero_copy_only=False) & (month >= 1) & (month <= 12)
    known &= (day >= 1) & (day <= days_in_month) & (clock[0] < 24) & (clock[1] < 60) & (clock[2] < 61)
    behind = pc.fill_null(pc.equal(pc.struct_field(parts, "sign"), "-"), False).to_numpy(zero_copy_only=False)
    ahead = np.where(behind, -1, 1) * (part("ahead_hours") * 3600 + part("ahead_minutes") * 60)
    days = first.astype("datetime64[D]").astype(np.int64) + day - 1
    since = days * 86400.0 + clock[0] * 3600 + clock[1] * 60 + clock[2] - ahead
    return np.where(known, since, -np.inf)


def _lengths(batch: pa.RecordBatch) -> np.ndarray:
    """Code points of all texts of every row."""
    total = np.zeros(batch.num_rows)
    for name in text_fields(batch.schema):
        strings, offsets = flat(batch.column(name))
        each = pc.fill_null(pc.utf8_length(strings), 0).to_numpy(zero_copy_only=False)
        if offsets is None:
            total += each
        else:
            count = np.concatenate([[0], np.cumsum(each)])
            total += count[offsets[1:]] - count[offsets[:-1]]
    return total
