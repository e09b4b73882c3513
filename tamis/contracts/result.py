"""What a check found, rule by rule, and how it is written for programs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from tamis.contracts.model import Action, Severity

Status = Literal["passed", "broken", "unchecked", "review"]
"""`review`: a promise that a person has to look at; it is told and never fails."""

_ONE = {"are ": "is ", "have ": "has ", "hold ": "holds ", "do ": "does ", "repeat ": "repeats ", "refer ": "refers "}


@dataclass(frozen=True)
class Example:
    """A row that broke a rule. `row` counts from 1: the line of a JSON Lines file, the row of any other."""

    row: int
    file: str | None = None
    id: str | None = None
    record_id: str | None = None
    """Hexadecimal."""
    value: str | None = None
    """What was measured of it, as `12 characters`."""

    @property
    def who(self) -> str:
        """`id doc-7`, else `record 8a…17`, else `row 17`, with the file where there are several."""
        if self.id is not None:
            return f"id {self.id}"
        if self.record_id is not None:
            return f"record {self.record_id}"
        return f"row {self.row:,}" + (f" of {self.file}" if self.file else "")

    def plain(self) -> dict[str, Any]:
        """As a dict, without what is not known."""
        return {key: value for key, value in self.__dict__.items() if value is not None}


class Found(NamedTuple):
    """What came of watching the rows for one rule.

    failed    rows that broke it; None where it is not about single rows
    rows      numbers (from 0, over all parts) of the first of them
    value     what was measured, where that is not `failed`
    says      where rows failed: what they are, as the end of a sentence; else the whole of it
    kept      whether it is as promised; None: `value` or `failed` is compared
    checked   False where it could not be asked
    """

    failed: int | None
    rows: list[int] = []  # noqa: RUF012 - never changed
    value: float | int | str | None = None
    says: str = ""
    kept: bool | None = None
    checked: bool = True


@dataclass(frozen=True)
class Outcome:
    """What became of one rule."""

    id: str
    kind: str
    """The word of the contract: `minLength`, `type`, `unique`, `rowCount`."""
    field: str | None
    """Name of the property; None for a rule about the table."""
    action: Action
    severity: Severity
    status: Status
    message: str
    line: int
    """Line of the contract."""
    rows: int
    failed: int | None = None
    """Rows that break it; None where it is not about single rows."""
    value: float | int | str | None = None
    """What was measured, in the unit of the promise."""
    threshold: Any = None
    promise: str | None = None
    """Of library metrics: `mustBeLessThan 1 percent`."""
    examples: tuple[Example, ...] = ()

    @property
    def stops(self) -> bool:
        """True where the dataset does not keep the contract because of this rule."""
        return self.status in ("broken", "unchecked") and self.action != "warn"

    def plain(self) -> dict[str, Any]:
        """As a dict, in the shape other contract tools report."""
        fraction = None if self.failed is None or not self.rows else round(self.failed / self.rows, 9)
        return {
            "id": self.id,
            "type": self.kind,
            "field": self.field,
            "result": self.status,
            "action": self.action,
            "severity": self.severity,
            "reason": self.message,
            "contractLine": self.line,
            "diagnostics": {
                "value": self.value,
                "threshold": self.threshold,
                "promise": self.promise,
                "row_count": self.rows,
                "failed_rows": self.failed,
                "failed_fraction": fraction,
            },
            "failedSamples": [example.plain() for example in self.examples],
        }


@dataclass(frozen=True)
class Result:
    """What a check of one table found. Outcomes stand in the order of the contract."""

    contract: str
    version: str
    sha256: str
    """Of the contract file."""
    table: str
    rows: int
    files: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    undeclared: tuple[str, ...] = ()
    """Columns of the data that the contract does not speak of."""

    @property
    def passed(self) -> bool:
        """True if every rule is kept, or broken only where the contract says warn."""
        return not any(outcome.stops for outcome in self.outcomes)

    @property
    def broken(self) -> tuple[Outcome, ...]:
        """The rules that were broken or could not be checked."""
        return tuple(o for o in self.outcomes if o.status in ("broken", "unchecked"))

    @property
    def reviews(self) -> tuple[Outcome, ...]:
        """What a person has to look at."""
        return tuple(o for o in self.outcomes if o.status == "review")

    def plain(self) -> dict[str, Any]:
        """As a dict."""
        return {
            "contract": {"id": self.contract, "version": self.version, "sha256": self.sha256},
            "model": self.table,
            "passed": self.passed,
            "rows": self.rows,
            "files": list(self.files),
            "undeclaredColumns": list(self.undeclared),
            "checks": [outcome.plain() for outcome in self.outcomes],
        }

    def to_json(self) -> str:
        """As JSON text, the same for the same data and contract."""
        return json.dumps(self.plain(), ensure_ascii=False, indent=2) + "\n"

    def to_junit(self) -> str:
        """As JUnit XML: a broken rule is a failure; one that only warns is skipped with its message."""
        from tamis.contracts.junit import junit

        return junit(self)


def sentence(
    subject: str, failed: int, rows: int, says: str, promise: str | None, examples: tuple[Example, ...]
) -> str:
    """`text: 17 of 90,832 rows are shorter than minLength 20; first: id doc-7 (12 characters)`."""
    if failed == 1:
        verb = next((v for v in _ONE if says.startswith(v)), "")
        says = _ONE.get(verb, "") + says.removeprefix(verb)
    of = f"{failed:,} of {rows:,} row{'s' if rows != 1 else ''}"
    text = f"{subject}: {of} {says}" + (f"; {promise}" if promise else "")
    if examples and failed:
        first = examples[0]
        text += f"; first: {first.who}" + (f" ({first.value})" if first.value else "")
    return text
