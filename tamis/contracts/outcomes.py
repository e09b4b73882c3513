"""Counts to outcomes: is the promise kept, and in what words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from typing import Any

from tamis.contracts.keys import KeyRule
from tamis.contracts.model import Measure, Metric, Property, Table
from tamis.contracts.others import Asked
from tamis.contracts.result import Example, Outcome, Status, sentence
from tamis.contracts.rules import RowRule


def type_outcome(prop: Property, wrong: list[str], failed: int, rows: int, examples: Sequence[Example]) -> Outcome:
    """Whether the column is there and of the promised type; `failed` counts cells of JSON Lines."""
    wanted = prop.logical_type or prop.physical_type
    if failed:
        says = f"hold a value of another type than {wanted}"
        message = sentence(prop.name, failed, rows, says, None, tuple(examples))
    elif wrong:
        message = f"{prop.name}: {'; '.join(wrong[:3])}"
        message += f"; and in {len(wrong) - 3:,} more places" if len(wrong) > 3 else ""
    else:
        message = f"{prop.name}: there" + (f", and of type {wanted}" if wanted else "")
    return Outcome(
        id=f"{prop.name}.type",
        kind="type",
        field=prop.name,
        action="fail",
        severity="error",
        status="broken" if wrong else "passed",
        message=message,
        line=prop.line,
        rows=rows,
        failed=failed or None,
        threshold=wanted,
        examples=tuple(examples),
    )


def row_outcome(
    prop: Property, rule: RowRule, failed: int, rows: int, examples: Sequence[Example], is_checked: bool
) -> Outcome:
    """Whether no row breaks `rule`; for a library metric, whether the rows it counts are as many as promised."""
    metric = rule.metric
    value, kept = _measured(failed, rows, metric)
    promise = metric.promised.says if metric else None
    message = sentence(rule.property, failed, rows, rule.says, promise, tuple(examples))
    if not is_checked:
        message = f"{rule.property}: {rule.kind} not checked, because the column is missing or of another type"
    status: Status = "unchecked" if not is_checked else "passed" if kept else "broken"
    return Outcome(
        id=rule.id,
        kind=rule.kind,
        field=prop.name,
        action=rule.action,
        severity=rule.severity,
        status=status,
        message=message,
        line=rule.line,
        rows=rows,
        failed=failed,
        value=value,
        threshold=_plain(rule.bound),
        promise=promise,
        examples=tuple(examples) if status == "broken" else (),
    )


def key_outcome(rule: KeyRule, failed: int, rows: int, examples: Sequence[Example], is_checked: bool) -> Outcome:
    """Whether no key comes twice; `failed` counts the rows that repeat the key of an earlier one."""
    metric = rule.metric
    value, kept = _measured(failed, rows, metric)
    promise = metric.promised.says if metric else None
    word = "key" if len(rule.members) > 1 or rule.kind == "primaryKey" else "value"
    message = sentence(rule.name, failed, rows, f"repeat the {word} of an earlier row", promise, tuple(examples))
    if not is_checked:
        message = f"{rule.name}: {rule.kind} not checked, because a column is missing or of another type"
    status: Status = "unchecked" if not is_checked else "passed" if kept else "broken"
    return Outcome(
        id=rule.id,
        kind=rule.kind,
        field=rule.members[0].name if len(rule.members) == 1 else None,
        action=rule.action,
        severity=rule.severity,
        status=status,
        message=message,
        line=rule.line,
        rows=rows,
        failed=failed,
        value=value,
        threshold=_plain(metric.promised.bound) if metric else 0,
        promise=promise,
        examples=tuple(examples) if status == "broken" else (),
    )


def count_outcome(table: Table, metric: Metric, rows: int) -> Outcome:
    """Whether there are as many rows as promised."""
    return Outcome(
        id=metric.id,
        kind="rowCount",
        field=None,
        action=metric.action,
        severity=metric.severity,
        status="passed" if metric.promised.holds(rows) else "broken",
        message=f"{table.name}: {rows:,} row{'s' if rows != 1 else ''}; {metric.promised.says}",
        line=metric.line,
        rows=rows,
        value=rows,
        threshold=_plain(metric.promised.bound),
        promise=metric.promised.says,
    )


def other_outcome(asked: Asked, rows: int, examples: Sequence[Example]) -> Outcome:
    """What was asked of `rows` rows; a promise about rows is broken where one is found, unless it says how many may be."""
    found, promised = asked.found, asked.promised
    value: float | int | str | None = found.value
    if value is None and found.failed is not None:
        percent = promised is not None and promised.unit == "percent"
        value = (100 * found.failed / rows if rows else 0.0) if percent else found.failed
    kept = found.kept
    if kept is None:
        kept = promised.holds(value) if promised and isinstance(value, int | float) else found.failed == 0
    status: Status = asked.status or ("unchecked" if not found.checked else "passed" if kept else "broken")
    subject = asked.field or asked.id
    promise = promised.says if promised else None
    if found.failed is not None:
        message = sentence(subject, found.failed, rows, found.says, promise, tuple(examples))
    else:
        message = f"{subject}: {found.says}" + (f"; {promise}" if promise and found.checked else "")
        if examples and status == "broken":
            message += f"; first: {examples[0].who}"
    return Outcome(
        id=asked.id,
        kind=asked.kind,
        field=asked.field,
        action=asked.action,
        severity=asked.severity,
        status=status,
        message=message,
        line=asked.line,
        rows=rows,
        failed=found.failed,
        value=round(value, 9) if isinstance(value, float) else value,
        threshold=_plain(promised.bound) if promised else None,
        promise=promise,
        examples=tuple(examples) if status == "broken" else (),
    )


def _measured(failed: int, rows: int, metric: Metric | Measure | None) -> tuple[float | int, bool]:
    """The value in the unit of the promise, and whether it is as promised; of no rows 0 percent."""
    if metric is None:
        return failed, failed == 0
    value: float | int = failed if metric.promised.unit == "rows" else 100 * failed / rows if rows else 0.0
    return value, metric.promised.holds(value)


def _plain(bound: Any) -> Any:
    """A bound as JSON can hold it."""
    if isinstance(bound, list | tuple):
        return [_plain(item) for item in bound]
    if isinstance(bound, date | time):
        return bound.isoformat()
    return str(bound) if isinstance(bound, float) and bound in (float("inf"), float("-inf")) else bound
