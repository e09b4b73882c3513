"""Dates and times: bounds in a contract, and text that must read as one.

JSON has no dates, and much Parquet keeps them as text; such a column is checked by reading every value.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

from tamis.contracts.tree import ContractError

if TYPE_CHECKING:
    import polars as pl

_TOKENS = {
    "yyyy": (r"[0-9]{4}", "%Y"),
    "uuuu": (r"[0-9]{4}", "%Y"),
    "MM": (r"[0-9]{2}", "%m"),
    "dd": (r"[0-9]{2}", "%d"),
    "HH": (r"[0-9]{2}", "%H"),
    "mm": (r"[0-9]{2}", "%M"),
    "ss": (r"[0-9]{2}", "%S"),
    "SSS": (r"[0-9]{3}", "%3f"),
    "SSSSSS": (r"[0-9]{6}", "%6f"),
    "Z": (r"[+-][0-9]{4}", "%#z"),
    "XX": (r"(Z|[+-][0-9]{4})", "%#z"),
    "XXX": (r"(Z|[+-][0-9]{2}:[0-9]{2})", "%#z"),
}
"""Letters of the JDK's DateTimeFormatter, each as a pattern and as strptime writes it."""

_ISO = {
    "date": (r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "%Y-%m-%d"),
    "time": (r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?", "%H:%M:%S%.f"),
    "timestamp": (
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:?[0-9]{2})?",
        "",
    ),
}
_ZONED = r"(Z|[+-][0-9]{2}:?[0-9]{2})$"
_NEEDED = {"date": ("%Y", "%m", "%d"), "time": ("%H", "%M"), "timestamp": ("%Y", "%m", "%d", "%H", "%M")}


def read_format(value: Any, logical: str, path: Path, line: int) -> tuple[str, str]:
    """A `format` as (pattern, strptime). Raises ContractError for letters that are not known."""
    if not isinstance(value, str):
        raise ContractError(f"format is {value!r}; wanted text as 'yyyy-MM-dd'", path, line)
    try:
        return _compiled(value, logical)
    except ValueError as bad:
        raise ContractError(f"format {value!r}: {bad}", path, line) from None


@cache
def _compiled(text: str, logical: str) -> tuple[str, str]:
    pattern, strptime = "", ""
    for part in re.finditer(r"'([^']*)'|(([A-Za-z])\3*)|(.)", text, re.DOTALL):
        quoted, letters, other = part[1], part[2], part[4]
        if letters and letters not in _TOKENS:
            raise ValueError(f"{letters!r} is not one tamis reads; there are {', '.join(_TOKENS)} and 'quoted' text")
        literal = other if quoted is None else quoted or "'"
        pattern += _TOKENS[letters][0] if letters else re.escape(literal)
        strptime += _TOKENS[letters][1] if letters else literal.replace("%", "%%")
    if missing := [t for t in _NEEDED[logical] if t not in strptime]:
        named = [k for k, (_, t) in _TOKENS.items() if t in missing and k != "uuuu"]
        raise ValueError(f"a {logical} needs {', '.join(named)} too")
    return pattern, strptime


def read_moment(value: Any, logical: str, path: Path, line: int) -> date | datetime | time:
    """A bound: ISO 8601 text, or what YAML made of it. Raises ContractError."""
    if logical == "timestamp" and isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    kind = {"date": date, "timestamp": datetime, "time": time}[logical]
    if isinstance(value, kind) and not (logical == "date" and isinstance(value, datetime)):
        return cast(date | datetime | time, value)
    try:
        return cast(date | datetime | time, cast(Any, kind).fromisoformat(value))
    except (TypeError, ValueError):
        raise ContractError(f"{value!r} is no {logical}; wanted ISO 8601, in quotes", path, line) from None


def parsed(text: pl.Expr, logical: str, options: dict[str, Any]) -> pl.Expr:
    """`text` read as `logical`; null where it does not read so. Timestamps come in UTC."""
    import polars as pl

    if "format" in options:
        pattern, strptime = _compiled(options["format"], logical)
    else:
        pattern, strptime = _ISO[logical]
    sound = pl.when(text.str.contains(f"^{pattern}$")).then(text)
    if logical == "date":
        return sound.str.to_date(strptime, strict=False)
    if logical == "time":
        return sound.str.to_time(strptime, strict=False)
    return _timestamp(sound, strptime, options)


def _timestamp(text: pl.Expr, strptime: str, options: dict[str, Any]) -> pl.Expr:
    """Timestamps in UTC; those without a zone are taken in `defaultTimezone`."""
    import polars as pl

    zone = options.get("defaultTimezone", "Etc/UTC")
    if "format" not in options:
        text = text.str.replace(r"^(.{10}) ", "${1}T")
        strptime = "%Y-%m-%dT%H:%M:%S%.f"
        with_zone = strptime + "%#z"
    else:
        with_zone = strptime
    zoned = text.str.contains(_ZONED)
    aware = pl.when(zoned).then(text).str.to_datetime(with_zone, strict=False, time_unit="us", time_zone="UTC")
    if "format" in options and "%#z" in strptime:
        return aware
    naive = pl.when(~zoned).then(text).str.to_datetime(strptime, strict=False, time_unit="us")
    local = naive.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    if options.get("timezone") is True:
        return aware
    return pl.coalesce(aware, local)


def moment_for(bound: Any, zone: str | None, options: dict[str, Any]) -> Any:
    """`bound` as a column in time zone `zone` (None: without) can be compared with it."""
    if not isinstance(bound, datetime):
        return bound
    default = ZoneInfo(options.get("defaultTimezone", "Etc/UTC"))
    aware = bound if bound.tzinfo else bound.replace(tzinfo=default)
    return aware.astimezone(ZoneInfo(zone)) if zone else aware.astimezone(default).replace(tzinfo=None)
