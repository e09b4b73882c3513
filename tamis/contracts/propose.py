"""A first contract for data that has none: what all rows keep, with room; what is doubtful as a comment.

Every value of the proposal is looked up in all rows, and the proposal is checked on the data before it is given: a rule that
does not hold (numbers that only nearly fit, say) is taken out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from tamis.contracts.checking import check
from tamis.contracts.reading import load
from tamis.contracts.seen import FEW, PATTERNS, PRIVATE, Seen, look
from tamis.contracts.sources import parts
from tamis.errors import InputError, UsageError

_KEY = re.compile(r"(^|_)(id|key|uuid|hash|sha256|sha1|md5)$", re.I)
"""Names of columns that are meant to be unique where they are."""

_UNNAMED = "# one without a name, of which nothing can be promised"

ENOUGH = 100
"""Rows from which a list of values is a promise and not chance."""


def propose(data: Any, name: str, table: str, private: Sequence[str] = ()) -> str:
    """A contract (ODCS 3.1, YAML) that `data` keeps.

    name     id of the contract
    table    name of its table
    private  columns of which no value may be shown: they are classified, and nothing of their values is written
    """
    columns = look(parts(data))
    names = [seen.name for seen in columns]
    if unknown := [n for n in private if n not in names]:
        raise UsageError(f"no column is called {unknown[0]!r}; there are {', '.join(names)}")
    if not any(names):
        raise InputError("there is no column to promise anything of; wanted one with a name")
    without: set[str] = set()
    while True:
        text = "\n".join(_contract(columns, name, table, frozenset(private), without)) + "\n"
        wrong = _broken(data, text)
        if not wrong - without:
            return text
        without |= wrong


def _broken(data: Any, text: str) -> set[str]:
    """Ids of the rules of the contract `text` that `data` does not keep."""
    with TemporaryDirectory(prefix="tamis-init-") as folder:
        path = Path(folder) / "contract.odcs.yaml"
        path.write_text(text, encoding="utf-8")
        return {outcome.id for outcome in check(data, load(path), show=0).broken}


def _contract(
    columns: Sequence[Seen], name: str, table: str, private: frozenset[str], without: set[str]
) -> Iterator[str]:
    rows = columns[0].rows
    yield "# Proposed from the data as it is: read it, keep what is meant, and turn comments into promises where they are right."
    if rows < ENOUGH:
        yield f"# {rows:,} row{'s' * (rows != 1)} say little: what they have in common may be chance."
    yield "apiVersion: v3.1.0"
    yield "kind: DataContract"
    yield f"id: {_text(name)}"
    yield "version: 1.0.0"
    yield "status: draft"
    yield "schema:"
    yield f"  - name: {_text(table)}"
    yield "    logicalType: object"
    yield "    properties:"
    for seen in columns:
        if not seen.name:
            yield f"      {_UNNAMED}"
            continue
        hidden = seen.name in private
        yield f"      - name: {_text(seen.name)}"
        for line in _property(seen, hidden, bool(PRIVATE.search(seen.name)), without, seen.name, True):
            yield f"        {line}"
    yield "    quality:"
    half = _down(rows / 2)
    if rows:
        yield f"      # {rows:,} rows; mustBeGreaterOrEqualTo: {half} would notice when half of them are gone"
        yield "      - {id: some_rows, metric: rowCount, mustBeGreaterThan: 0}"
    else:
        yield "      - {id: some_rows, metric: rowCount, mustBeGreaterOrEqualTo: 0}"


def _property(seen: Seen, hidden: bool, suspect: bool, without: set[str], path: str, is_column: bool) -> Iterator[str]:
    """The lines of a property, but for its name; `path` is what its rules are called by."""
    if seen.said:
        yield f"# {_comment(seen.said)}"
    if seen.logical and f"{path}.type" not in without:
        yield f"logicalType: {seen.logical}"
    elif seen.physical:
        yield f"physicalType: {seen.physical}"
    if hidden:
        yield "classification: confidential"
    elif suspect:
        yield "# classification: confidential     by its name it may be about persons; then no value of it is ever shown"
    full = seen.rows > 0 and not seen.nulls
    if full and f"{path}.required" not in without:
        yield "required: true"
    elif is_column and seen.nulls < seen.rows:
        yield f"# {seen.nulls:,} of {seen.rows:,} are null"
    if is_column and full and seen.rows > 1 and seen.distinct == seen.rows and f"{path}.unique" not in without:
        is_key = bool(_KEY.search(seen.name)) and seen.logical in ("string", "integer")
        yield "unique: true" if is_key else "# unique: true     no value comes twice: is that meant?"
    if not hidden:
        yield from _values(seen, suspect, without, path, is_column)
    if seen.items is not None and seen.logical == "array":
        yield "items:"
        for line in _property(seen.items, hidden, suspect, without, f"{path}[]", False):
            yield f"  {line}"
    if seen.fields:
        yield "properties:"
        for one in seen.fields:
            if not one.name:
                yield f"  {_UNNAMED}"
                continue
            yield f"  - name: {_text(one.name)}"
            about = suspect or bool(PRIVATE.search(one.name))
            for line in _property(one, hidden, about, without, f"{path}.{one.name}", False):
                yield f"    {line}"


def _values(seen: Seen, suspect: bool, without: set[str], path: str, is_column: bool) -> Iterator[str]:
    options = {k: v for k, v in _options(seen, suspect).items() if f"{path}.{k}" not in without}
    if options and seen.logical and f"{path}.type" not in without:
        yield f"logicalTypeOptions: {{{', '.join(f'{k}: {_text(v)}' for k, v in options.items())}}}"
    if seen.logical in ("integer", "number") and not suspect and seen.high is not None and "maximum" not in options:
        low = "" if "minimum" in options else f"lowest seen {_text(seen.low)}, "
        most = 2 * abs(seen.high)
        more = f"maximum: {_text(_up(most))}     " if math.isfinite(most) else ""
        yield f"# {more}{low}highest seen {_text(seen.high)}"
    if seen.form in PATTERNS and "pattern" in options:
        yield f"# every text is {PATTERNS[seen.form]}" + (" (or begins as one)" if "http" in seen.form else "")
    if seen.form == "timestamp":
        yield "# every text reads as ISO 8601; with 'logicalType: timestamp, physicalType: string' it is checked as a time"
    listed = is_column and not suspect and seen.logical == "string" and 0 < len(seen.values) <= FEW
    full = seen.rows - seen.nulls >= max(ENOUGH, 20 * len(seen.values))
    if listed and full and not seen.form and (seen.longest or 0) <= 60:
        values = ", ".join(_text(v) for v in seen.values)
        if f"{path}.known_values" not in without:
            yield "quality:"
            yield f"  - {{id: known_values, metric: invalidValues, arguments: {{validValues: [{values}]}}, mustBe: 0}}"


def _options(seen: Seen, suspect: bool) -> dict[str, Any]:
    """`logicalTypeOptions`, with room."""
    if seen.logical == "string" and seen.longest is not None and seen.shortest is not None:
        found: dict[str, Any] = {"minLength": 1} if seen.shortest else {}
        found["maxLength"] = _up(2 * max(seen.longest, 1))
        if seen.form in PATTERNS:
            found["pattern"] = seen.form
        elif seen.form and seen.form.startswith("format:"):
            found["format"] = seen.form.removeprefix("format:")
        return found
    if seen.logical == "array" and seen.longest is not None:
        least = {"minItems": 1} if seen.shortest else {}
        return {**least, "maxItems": _up(2 * max(seen.longest, 1))}
    if seen.logical in ("integer", "number") and seen.low is not None and not suspect and seen.low >= 0:
        share = seen.logical == "number" and seen.high <= 1
        return {"minimum": 0, "maximum": 1} if share else {"minimum": 0}
    return {}


def _up(value: float) -> int:
    """The next of 1, 2, 5, 10, 20, 50, … that is not less."""
    step = 1
    while True:
        for digit in (1, 2, 5):
            if digit * step >= value:
                return digit * step
        step *= 10


def _down(value: float) -> int:
    """The one of 0, 1, 2, 5, 10, … before it."""
    found, step = 0, 1
    while step <= value:
        found = max(digit * step for digit in (1, 2, 5) if digit * step <= value)
        step *= 10
    return found


def _text(value: Any) -> str:
    """A value as YAML, on one line."""
    if isinstance(value, str):
        plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", value) and yaml.safe_load(value) == value
        return value if plain else yaml.safe_dump(value, default_style='"', allow_unicode=True, width=1 << 30).strip()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return yaml.safe_dump(value, width=1 << 30).removesuffix("...\n").strip()


def _comment(text: str) -> str:
    return " ".join(text.split())
