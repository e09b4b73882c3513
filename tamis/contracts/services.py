"""Service levels about the rows themselves: how old the newest may be (freshness), and how old any (retention).

    slaProperties:
      - {property: freshness, value: 7, unit: d, element: documents.collected_at}
      - {property: retention, value: 2, unit: y, element: documents.collected_at}

A row is as old as its time is before the moment of the check. A month has 30 days, a year 365. The other service levels of
ODCS (availability, support, …) are about servers and people, and only document.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, cast

import polars as pl

from tamis.contracts.columns import named
from tamis.contracts.model import Action, Property, Service, Table
from tamis.contracts.temporal import parsed
from tamis.contracts.tree import ContractError, Located, nearest
from tamis.contracts.types import is_text_moment

_UNITS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), ("seconds", timedelta(seconds=1))),
    **dict.fromkeys(("min", "minute", "minutes"), ("minutes", timedelta(minutes=1))),
    **dict.fromkeys(("h", "hr", "hour", "hours"), ("hours", timedelta(hours=1))),
    **dict.fromkeys(("d", "day", "days"), ("days", timedelta(days=1))),
    **dict.fromkeys(("w", "week", "weeks"), ("weeks", timedelta(weeks=1))),
    **dict.fromkeys(("mo", "month", "months"), ("months", timedelta(days=30))),
    **dict.fromkeys(("y", "yr", "year", "years"), ("years", timedelta(days=365))),
}


def read_services(table: Table, tables: int, tree: Located, inherited: Action, path: Path) -> tuple[Service, ...]:
    """The service levels of the contract in `tree` that are about rows of `table`. Raises ContractError."""
    found: list[Service] = []
    for node in tree.items("slaProperties"):
        kind = str(node.scalar("property"))
        if kind.lower() not in ("freshness", "retention"):
            continue
        element = node.scalar("element") or tree.scalar("slaDefaultElement")
        if not element:
            raise ContractError(f"{kind} wants 'element: table.column': whose times?", path, node.line)
        for one in str(element).split(","):
            name, dot, column = one.strip().rpartition(".")
            if not dot and tables > 1:
                raise ContractError(f"element {one.strip()!r} names no table; write table.column", path, node.line)
            known = [t.scalar("name") for t in tree.items("schema")]
            if dot and name not in known:
                raise ContractError(f"no table is called {name!r}{nearest(name, known)}", path, node.line)
            if dot and name != table.name:
                continue
            found.append(_service(table, node, kind.lower(), column, inherited, path))
    return tuple(found)


def _service(table: Table, node: Located, kind: str, column: str, inherited: Action, path: Path) -> Service:
    prop = table.property(column)
    if prop is None:
        raise ContractError(
            f"{table.name!r} has no property {column!r}{nearest(column, [p.name for p in table.properties])}",
            path,
            node.line,
        )
    if prop.logical_type not in ("date", "timestamp"):
        raise ContractError(f"{column!r} is {prop.logical_type}; {kind} wants a date or a timestamp", path, node.line)
    value, unit = node.scalar("value"), str(node.scalar("unit", "d")).lower()
    if not isinstance(value, int | float) or isinstance(value, bool) or not value > 0:
        raise ContractError(f"{kind} is {value!r}; wanted a number above 0, with its unit", path, node.line)
    if unit not in _UNITS:
        raise ContractError(f"unit {unit!r} is unknown; wanted one of s, min, h, d, w, mo, y", path, node.line)
    word, step = _UNITS[unit]
    try:
        age = value * step
    except OverflowError:
        raise ContractError(f"{value} {word} is longer than there have been days", path, node.line) from None
    action: Action = "warn" if inherited == "warn" else "fail"
    says = f"{value:g} {word if value != 1 else word[:-1]}"
    id = node.scalar("id") or f"{column}.{kind}"
    return Service(id, cast(Any, kind), column, age, says, action, node.line)


def moments(prop: Property, found: Mapping[str, pl.DataType], is_json: bool) -> pl.Expr | None:
    """The times in the column of `prop` as microseconds since 1970, UTC; None where it holds none (all null)."""
    dtype = found[prop.column]
    column = named(prop.column)
    if dtype == pl.Null:
        return None
    if is_text_moment(prop, dtype, is_json):
        column = parsed(column.cast(pl.String), prop.logical_type or "", prop.options)
    elif isinstance(dtype, pl.Datetime) and dtype.time_zone:
        column = column.dt.convert_time_zone("UTC")
    elif isinstance(dtype, pl.Datetime):
        zone = prop.options.get("defaultTimezone", "Etc/UTC")
        local = column.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        column = local.dt.convert_time_zone("UTC")
    return (
        column.cast(pl.Datetime("us", "UTC") if prop.logical_type == "timestamp" else pl.Date)
        .cast(pl.Datetime("us"))
        .to_physical()
    )


def oldest(service: Service, prop: Property, now: datetime) -> int:
    """The time a row must not be before, in microseconds since 1970, UTC. Dates count as whole days."""
    limit = (
        max(now.astimezone(UTC) - service.age, datetime(1, 1, 1, tzinfo=UTC))
        if service.age < timedelta(days=730_000)
        else datetime(1, 1, 1, tzinfo=UTC)
    )
    if prop.logical_type == "date":
        limit = datetime.combine(date(limit.year, limit.month, limit.day), time(), UTC)
    return round((limit - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


def told(microseconds: int) -> str:
    """A time as it is said: 2026-01-02T03:04:05Z."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
