"""JSON Lines as the columns a contract speaks of, with every value's own type.

Type inference would hide what a contract is asked to find: a reader that takes 17 for "17" has cast before comparing.
So each value is compared with the promised type here, and one that differs is named by its line and left out of the
other rules.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import polars as pl

from tamis.contracts.model import Property
from tamis.contracts.rules import usual_type
from tamis.errors import InputError

ROWS = 8192
"""Rows read at a time."""

LONGEST = 128 << 20
"""Bytes of a line, so that memory stays bounded whatever the file."""

_LOWEST, _HIGHEST = -(1 << 63), (1 << 64) - 1


@dataclass
class JsonBatch:
    """Some lines: their columns, and the cells whose value is not of the promised type."""

    frame: pl.DataFrame
    lines: list[int]
    """Line (1-based) of each row."""
    wrong: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    """By property name: (row in `frame`, what was found)."""


def read_json_lines(path: Path, properties: Sequence[Property], extra: Sequence[str]) -> Iterator[JsonBatch]:
    """The rows of `path` (plain, .gz, .zst, …), with a column for each of `properties` and text columns `extra`.

    Raises InputError, with the line, for what is not JSON Lines.
    """
    kinds = {p.column: _column_type(p) for p in properties}
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    for number, row in objects(path):
        rows.append(row)
        lines.append(number)
        if len(rows) == ROWS:
            yield _batch(rows, lines, properties, kinds, extra)
            rows, lines = [], []
    yield _batch(rows, lines, properties, kinds, extra)


def objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every row of `path` with its line. Raises InputError for what is not JSON Lines."""
    # Imported here: a check of Parquet does without.
    import pyarrow as pa

    decode = json.JSONDecoder(parse_constant=_no_constant).decode
    number = 0
    try:
        with pa.input_stream(str(path), compression="detect") as stream:
            for number, line in _lines(stream):
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                if not text:
                    continue
                row = decode(text)
                if not isinstance(row, dict):
                    raise ValueError(f"found {_kind(row)}, wanted an object {{…}}")
                yield number, row
    except UnicodeDecodeError as bad:
        raise InputError(f"{path}:{number}: not UTF-8 at byte {bad.start} of the line") from None
    except json.JSONDecodeError as bad:
        raise InputError(f"{path}:{number}: not JSON: {bad.msg} at column {bad.colno}") from None
    except (ValueError, RecursionError) as bad:
        raise InputError(f"{path}:{number}: not a row: {bad}") from None
    except (OSError, pa.ArrowException) as bad:
        raise InputError(f"{path}: cannot be read beyond line {number:,}: {str(bad).splitlines()[0]}") from None


def _lines(stream: Any) -> Iterator[tuple[int, bytes]]:
    number, held, length = 0, [], 0
    while block := stream.read(1 << 20):
        first, *others = block.split(b"\n")
        held.append(first)
        length += len(first)
        if length > LONGEST:
            raise ValueError(f"line {number + 1:,} is longer than {LONGEST >> 20} MiB")
        if not others:
            continue
        for line in (b"".join(held), *others[:-1]):
            number += 1
            yield number, line
        held, length = [others[-1]], len(others[-1])
    if length:
        yield number + 1, b"".join(held)


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")


def _column_type(prop: Property) -> pl.DataType:
    """Whole numbers up to 64 bits without a sign are kept whole; dates and times stay text."""
    if prop.logical_type in ("date", "timestamp", "time"):
        return pl.String()
    if prop.logical_type == "integer":
        return pl.Int128()
    if prop.logical_type in ("array", "map"):
        return pl.List(_column_type(prop.items) if prop.items else pl.Boolean)
    if prop.logical_type == "object":
        return pl.Struct(
            {m.column: _column_type(m) for m in prop.properties} | dict.fromkeys(_bare(prop), pl.Boolean())
        )
    return usual_type(prop) if prop.logical_type else pl.String()


def _bare(prop: Property) -> list[str]:
    """Fields of an object of which only the presence is promised; one without a name where there are no others."""
    members = {m.column for m in prop.properties}
    return [n for n in prop.options.get("required", ()) if n not in members] or ([] if members else [""])


def _batch(
    rows: list[dict[str, Any]],
    lines: list[int],
    properties: Sequence[Property],
    kinds: dict[str, pl.DataType],
    extra: Sequence[str],
) -> JsonBatch:
    columns: dict[str, pl.Series] = {}
    wrong: dict[str, list[tuple[int, str]]] = {}
    for prop in properties:
        values = [row.get(prop.column) for row in rows]
        for i, value in enumerate(values):
            found: list[str] = []
            values[i] = _fit(prop, value, prop.name, found)
            if found:
                wrong.setdefault(prop.name, []).append((i, found[0]))
                values[i] = None
        columns[prop.column] = pl.Series(prop.column, values, kinds[prop.column], strict=True)
    for name in extra:
        if name not in columns:
            texts = [None if (v := row.get(name)) is None else v if isinstance(v, str) else str(v) for row in rows]
            columns[name] = pl.Series(name, [t if t is None or _is_text(t) else None for t in texts], pl.String)
    return JsonBatch(pl.DataFrame(columns, height=len(rows)), lines, wrong)


def _fit(prop: Property, value: Any, path: str, wrong: list[str]) -> Any:
    """`value` as a cell of `prop`'s column; what is of another type is said in `wrong`."""
    logical = prop.logical_type
    if value is None:
        return None
    if logical is None:
        return value if isinstance(value, str) and _is_text(value) else json.dumps(value)
    if logical in ("string", "date", "timestamp", "time"):
        if isinstance(value, str):
            if _is_text(value):
                return value
            wrong.append(f"{path}: found text with a lone surrogate, wanted {logical}")
            return None
    elif logical == "boolean":
        if isinstance(value, bool):
            return value
    elif logical == "integer":
        if isinstance(value, int) and not isinstance(value, bool):
            if _LOWEST <= value <= _HIGHEST:
                return value
            wrong.append(f"{path}: found a number beyond 64 bits, wanted integer")
            return None
    elif logical == "number":
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _number(value, path, wrong)
    elif logical == "array" and isinstance(value, list):
        if prop.items is None:
            return [True if item is not None else None for item in value]
        return [_fit(prop.items, item, f"{path}[]", wrong) for item in value]
    elif logical == "map" and isinstance(value, dict) and prop.items is not None:
        return [_fit(prop.items, {"key": k, "value": v}, f"{path}[]", wrong) for k, v in value.items()]
    elif logical == "object" and isinstance(value, dict):
        fields = {m.column: _fit(m, value.get(m.column), f"{path}.{m.name}", wrong) for m in prop.properties}
        return fields | {name: None if value.get(name) is None else True for name in _bare(prop)}
    wrong.append(f"{path}: found {_kind(value)}, wanted {logical}")
    return None


def _number(value: int | float, path: str, wrong: list[str]) -> float | None:
    try:
        near = float(value)
    except OverflowError:
        near = float("inf")
    if near in (float("inf"), float("-inf")) or near != value:
        wrong.append(f"{path}: found a number that 64 bits cannot hold exactly, wanted number")
        return None
    return near


def _is_text(value: str) -> bool:
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind(value: Any) -> str:
    kinds = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "text",
        list: "an array",
        dict: "an object",
    }
    return "null" if value is None else kinds[type(value)]
