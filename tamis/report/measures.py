"""What the stages measured, from scores/: a histogram for every number that a rule holds against a threshold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.report.facts import Limit, Measure
from tamis.report.groups import Groups
from tamis.report.histogram import beyond, histogram
from tamis.runs import Run

MOST_GROUPS = 16
"""Row groups of scores read: 2 million records, so up to there all are counted. One number of all of them is 16 MB."""


class Alone(NamedTuple):
    """What one rule would do by itself: `beyond` of `measured` records."""

    beyond: int
    measured: int


class Measured(NamedTuple):
    """The measures of every step, and for each (step, rule) what it would do alone."""

    measures: dict[int, tuple[Measure, ...]]
    alone: dict[tuple[int, str], Alone]


def measured(run: Run) -> Measured:
    """Histograms and counts for every rule with a threshold whose column is in scores/."""
    groups = Groups(run.parts("scores"), MOST_GROUPS)
    measures: dict[int, tuple[Measure, ...]] = {}
    alone: dict[tuple[int, str], Alone] = {}
    for step in run.steps:
        found = []
        for top, per, rules in _by_column(step, groups.schema):
            values = _values(groups, top, per)
            limits = tuple(Limit(r["id"], r["keep"], float(r["threshold"])) for r in rules)
            for limit in limits:
                alone[step["step"], limit.rule] = Alone(beyond(values, limit), int(np.count_nonzero(~np.isnan(values))))
            drawn = histogram(values, limits, groups.total)
            if drawn is not None:
                found.append(Measure(_name(top, per), _says(groups.schema, top, rules), limits, drawn))
        measures[step["step"]] = tuple(found)
    return Measured(measures, alone)


def _by_column(step: dict[str, Any], schema: pa.Schema) -> Iterator[tuple[str, str | None, list[dict[str, Any]]]]:
    """Columns of scores/ that rules of `step` compare, each with those rules."""
    found: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
    for rule in step["rules"]:
        if rule.get("threshold") is None or rule.get("keep") is None or not rule.get("column"):
            continue
        top = f"{step['step']}.{rule['column']}"
        per = f"{step['step']}.{rule['per']}" if rule.get("per") else None
        if all(_is_number(schema, name) for name in (top, per) if name):
            found.setdefault((top, per), []).append(rule)
    return ((top, per, rules) for (top, per), rules in found.items())


def _is_number(schema: pa.Schema, name: str) -> bool:
    at = schema.get_field_index(name)
    kind = schema.field(at).type if at >= 0 else None
    return kind is not None and (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def _values(groups: Groups, top: str, per: str | None) -> np.ndarray:
    """`top`, or `top / per` where anything over 0 counts as 0: (rows,) float64, nan where it was not measured."""
    out = np.empty(groups.rows)
    at = 0
    for table in groups.read([top] if per is None else [top, per]):
        values = out[at : at + table.num_rows]
        values[:] = _floats(table, top)
        if per is not None:
            bottom = _floats(table, per)
            ratio = np.divide(values, bottom, out=np.where(np.isnan(values), np.nan, 0.0), where=bottom != 0)
            values[:] = ratio
        at += table.num_rows
    return out


def _floats(table: pa.Table, name: str) -> np.ndarray:
    found: np.ndarray = table.column(name).cast(pa.float64()).to_numpy()
    return found


def _name(top: str, per: str | None) -> str:
    own = top.partition(".")[2]
    return f"{own} / {per.partition('.')[2]}" if per else own


def _says(schema: pa.Schema, top: str, rules: list[dict[str, Any]]) -> str:
    """What is measured: of a ratio the rule says it, of a number its column."""
    told = rules[0].get("says", "")
    if "per" in rules[0] and told:
        return str(told)
    says: bytes = (schema.field(top).metadata or {}).get(b"says") or told.encode()
    return says.decode()
