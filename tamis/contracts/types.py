"""Types promised against types found. Nothing is cast before they are compared.

A cast hides what it changes: a text column read as integer is a column of nulls or an error, and 1.0004 read as
DECIMAL(18,3) is 1.000, which is not more than 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import polars as pl

from tamis.contracts.model import Property

_TEXT = (pl.String, pl.Categorical, pl.Enum)
_TEMPORAL = ("date", "timestamp", "time")


def _is_entry(dtype: Any) -> bool:
    """True for what Polars makes of an entry of an Arrow map."""
    return isinstance(dtype, pl.Struct) and [f.name for f in dtype.fields] == ["key", "value"]


LOGICAL: dict[str, Callable[[pl.DataType], bool]] = {
    "string": lambda t: isinstance(t, _TEXT),
    "integer": lambda t: t.is_integer(),
    "number": lambda t: t.is_numeric(),
    "boolean": lambda t: t == pl.Boolean,
    "date": lambda t: t == pl.Date,
    "timestamp": lambda t: isinstance(t, pl.Datetime),
    "time": lambda t: t == pl.Time,
    "array": lambda t: isinstance(t, pl.List | pl.Array),
    "object": lambda t: isinstance(t, pl.Struct),
    "map": lambda t: isinstance(t, pl.List) and _is_entry(t.inner),
}
"""Which columns are of a logical type. Whole numbers are numbers too."""

DEFAULT: dict[str, pl.DataType] = {
    "string": pl.String(),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us"),
    "time": pl.Time(),
}
"""Type of a column whose values are all null, or that is not known yet."""


class Physical(NamedTuple):
    """A `physicalType`: which columns are of it, and the length it limits text to."""

    fits: Callable[[pl.DataType], bool]
    is_text: bool = False
    max_length: int | None = None


def _exactly(*kinds: Any) -> Physical:
    return Physical(lambda t: any(t == kind for kind in kinds))


_PHYSICAL: dict[str, Physical] = {
    **dict.fromkeys(("string", "text", "utf8", "largeutf8", "largestring"), Physical(LOGICAL["string"], True)),
    **dict.fromkeys(("varchar", "char", "character", "nvarchar", "nchar"), Physical(LOGICAL["string"], True)),
    **dict.fromkeys(("int", "integer"), Physical(LOGICAL["integer"])),
    **dict.fromkeys(("float", "number"), Physical(LOGICAL["number"])),
    **dict.fromkeys(("int8", "tinyint"), _exactly(pl.Int8)),
    **dict.fromkeys(("int16", "smallint"), _exactly(pl.Int16)),
    "int32": _exactly(pl.Int32),
    **dict.fromkeys(("int64", "bigint", "long"), _exactly(pl.Int64)),
    "uint8": _exactly(pl.UInt8),
    "uint16": _exactly(pl.UInt16),
    "uint32": _exactly(pl.UInt32),
    "uint64": _exactly(pl.UInt64),
    **dict.fromkeys(("float32", "real"), _exactly(pl.Float32)),
    **dict.fromkeys(("float64", "double", "doubleprecision"), _exactly(pl.Float64)),
    **dict.fromkeys(("decimal", "numeric"), Physical(lambda t: isinstance(t, pl.Decimal))),
    **dict.fromkeys(("bool", "boolean"), _exactly(pl.Boolean)),
    **dict.fromkeys(("date", "date32"), _exactly(pl.Date)),
    **dict.fromkeys(("timestamp", "datetime"), Physical(LOGICAL["timestamp"])),
    "timestamptz": Physical(lambda t: isinstance(t, pl.Datetime) and t.time_zone is not None),
    **dict.fromkeys(("time", "time64"), _exactly(pl.Time)),
    **dict.fromkeys(("binary", "bytes", "blob", "varbinary", "fixedsizebinary"), _exactly(pl.Binary)),
    **dict.fromkeys(("list", "array"), Physical(LOGICAL["array"])),
    **dict.fromkeys(("struct", "object", "record"), Physical(LOGICAL["object"])),
    "map": Physical(LOGICAL["map"]),
}


@cache
def physical(name: str) -> Physical:
    """The physical type called `name`: Arrow's names and SQL's. Raises ValueError for any other."""
    found = re.fullmatch(r"\s*([A-Za-z][A-Za-z0-9_ ]*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)|<.*>|\[.*\])?\s*", name)
    key = re.sub(r"[\s_]", "", found[1]).lower() if found else ""
    if key not in _PHYSICAL or found is None:
        raise ValueError(
            f"physicalType {name!r} is not one tamis can compare; there are {', '.join(sorted(_PHYSICAL))}"
        )
    kind = _PHYSICAL[key]
    if found[2] is None:
        return kind
    if kind.is_text:
        return kind._replace(max_length=int(found[2]))
    if key in ("decimal", "numeric"):
        precision, scale = int(found[2]), int(found[3] or 0)
        return Physical(lambda t: isinstance(t, pl.Decimal) and (t.precision, t.scale) == (precision, scale))
    return kind


class Mismatch(NamedTuple):
    """Where in a column the type differs, what was found and what was wanted."""

    path: str
    found: str
    wanted: str


def mismatches(prop: Property, found: pl.DataType, is_json: bool, path: str = "") -> Iterator[Mismatch]:
    """Every place where a column of type `found` is not what `prop` promises. A column of nulls is of any type."""
    path = path or prop.name
    if found == pl.Null:
        return
    if prop.logical_type and not (LOGICAL[prop.logical_type](found) or is_text_moment(prop, found, is_json)):
        yield Mismatch(path, str(found), f"logicalType {prop.logical_type}")
        return
    # JSON knows text, numbers, booleans and nothing of widths.
    if prop.physical_type and not is_json and not physical(prop.physical_type).fits(found):
        yield Mismatch(path, str(found), f"physicalType {prop.physical_type}")
        return
    if isinstance(found, pl.Datetime) and "timezone" in prop.options:
        wanted = prop.options["timezone"]
        if wanted != (found.time_zone is not None):
            yield Mismatch(path, str(found), f"a time zone: {str(wanted).lower()}")
    if prop.items and isinstance(found, pl.List | pl.Array):
        yield from mismatches(prop.items, found.inner, is_json, f"{path}[]")  # type: ignore[arg-type]
    if isinstance(found, pl.Struct):
        fields = {f.name: f.dtype for f in found.fields}
        for member in prop.properties:
            if member.column in fields:
                yield from mismatches(member, fields[member.column], is_json, f"{path}.{member.name}")  # type: ignore[arg-type]
            elif not is_json:
                yield Mismatch(f"{path}.{member.name}", "no such field", "a field of the object")
        for name in prop.options.get("required", ()):
            if name not in fields and not is_json:
                yield Mismatch(f"{path}.{name}", "no such field", "a field of the object (required)")


def is_text_moment(prop: Property, found: pl.DataType, is_json: bool) -> bool:
    """True for a date or time kept as text: in JSON always, elsewhere where `physicalType` says so."""
    if prop.logical_type not in _TEMPORAL or not isinstance(found, _TEXT):
        return False
    return is_json or (prop.physical_type is not None and physical(prop.physical_type).is_text)
