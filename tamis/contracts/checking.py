"""A dataset against its contract: one streaming pass over each file, whatever the number of rules.

Each batch yields 64 bits of row rules and two hashes a key; only rows that break something are looked at further.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from tamis.contracts.json_lines import JsonBatch, read_json_lines
from tamis.contracts.keys import KeyRule, Keys, key_columns, key_rules
from tamis.contracts.model import Contract, Property, Table
from tamis.contracts.result import Example, Outcome, Result, Status, sentence
from tamis.contracts.rules import WORD, RowRule, compile_rows, masks
from tamis.contracts.sources import Part, parts
from tamis.contracts.types import mismatches

_IDS = ("id", "record_id")


def check(
    data: Any,
    contract: Contract,
    table: str | None = None,
    show: int = 5,
    on_progress: Callable[[int], None] | None = None,
) -> Result:
    """`data` against `contract`.

    data         paths (Parquet, JSON Lines, folders, globs), a Polars LazyFrame or DataFrame, or an Arrow table
    table        which table of the contract; needed where it has several
    show         how many rows to name for each broken rule
    on_progress  called with the number of rows read so far
    """
    run = _Check(contract.table(table), show)
    sources = parts(data)
    for part in sources:
        for rows in run.take(part):
            if on_progress:
                on_progress(rows)
    return Result(
        contract=contract.id,
        version=contract.version,
        sha256=contract.sha256,
        table=run.table.name,
        rows=run.rows,
        files=tuple(part.file for part in sources if part.file is not None),
        outcomes=tuple(run.outcomes(sources)),
        undeclared=tuple(sorted(run.undeclared)),
    )


@dataclass
class _Tally:
    """What one rule has come to so far."""

    rule: RowRule
    failed: int = 0
    examples: list[Example] = field(default_factory=list)
    checked: bool = True


@dataclass
class _Types:
    """What was found of the type of one column."""

    wrong: list[str] = field(default_factory=list)
    failed: int = 0
    examples: list[Example] = field(default_factory=list)


class _Check:
    def __init__(self, table: Table, show: int) -> None:
        self.table, self.show = table, show
        self.rows = 0
        self.starts: list[int] = []
        """Number of the first row of each part."""
        self.tallies: dict[str, _Tally] = {}
        self.types = {p.name: _Types() for p in table.properties}
        self.keys = [(rule, Keys()) for rule in key_rules(table)]
        self.kinds: dict[str, pl.DataType] = {}
        self.unkeyed: set[str] = set()
        self.undeclared: set[str] = set()

    def take(self, part: Part) -> Iterator[int]:
        """Read `part`; yields the number of rows read so far after every batch."""
        self.starts.append(self.rows)
        yield from self.json(part) if part.is_json else self.frames(part)

    def frames(self, part: Part) -> Iterator[int]:
        sound = self.compare(part)
        rules = compile_rows(_only(self.table, sound), part.schema)
        self.enrol(rules)
        keys = self.hashed(part.schema, sound)
        ids = [name for name in _IDS if name in part.schema]
        wanted = {p.column for p in sound if any(r.seen is not None and r.property == p.name for r in rules)} | set(ids)
        exprs = [*masks(rules), *(e for k, rule in keys for e in key_columns(rule, k, part.schema))]
        assert part.lazy is not None
        if not exprs:
            with part.readable():
                self.rows += part.lazy.select(pl.len()).collect(engine="streaming").item()
            yield self.rows
            return
        stream = part.lazy.select(*exprs, *(pl.col(name) for name in sorted(wanted)))
        with part.readable():
            for frame in stream.collect_batches(engine="streaming", maintain_order=True):
                self.fold(frame, rules, part, None)
                yield self.rows

    def json(self, part: Part) -> Iterator[int]:
        assert part.path is not None
        schema: dict[str, pl.DataType] = {}
        rules: list[RowRule] = []
        exprs: list[pl.Expr] = []
        for batch in read_json_lines(part.path, self.table.properties, _IDS):
            if not schema:
                schema = dict(batch.frame.schema)
                rules = compile_rows(self.table, schema, is_json=True)
                self.enrol(rules)
                exprs = [
                    *masks(rules),
                    *(e for k, r in self.hashed(schema, self.table.properties) for e in key_columns(r, k, schema)),
                ]
            if batch.frame.height:
                self.mistyped(batch, part)
                self.fold(batch.frame.with_columns(exprs), rules, part, batch)
                yield self.rows

    def compare(self, part: Part) -> list[Property]:
        """The properties whose column in `part` is of the promised type; the others are noted."""
        self.undeclared |= set(part.schema) - {p.column for p in self.table.properties}
        sound = []
        where = f" in {part.file}" if part.file else ""
        for prop in self.table.properties:
            if prop.column not in part.schema:
                wrong = [f"there is no column {prop.column!r}{where}"]
            else:
                found = mismatches(prop, part.schema[prop.column], is_json=False)
                said = [f"{m.path}: found {m.found}, wanted {m.wanted}{where}" for m in found]
                wrong = [text.removeprefix(f"{prop.name}: ") for text in said]
            self.types[prop.name].wrong += wrong
            if not wrong:
                sound.append(prop)
            else:
                self.skip(prop)
        return sound

    def skip(self, prop: Property) -> None:
        """A rule cannot be asked of a column of another type; saying nothing would look like a pass."""
        for rule in compile_rows(_only(self.table, [prop])):
            self.tallies.setdefault(rule.id, _Tally(rule)).checked = False

    def enrol(self, rules: Sequence[RowRule]) -> None:
        for rule in rules:
            self.tallies.setdefault(rule.id, _Tally(rule))

    def hashed(self, schema: dict[str, pl.DataType], sound: Sequence[Property]) -> list[tuple[int, KeyRule]]:
        names = {p.name for p in sound}
        whole = []
        for k, (rule, _) in enumerate(self.keys):
            if names >= {m.name for m in rule.members}:
                whole.append((k, rule))
            else:
                self.unkeyed.add(rule.id)
        return whole

    def mistyped(self, batch: JsonBatch, part: Part) -> None:
        for name, cells in batch.wrong.items():
            types = self.types[name]
            types.failed += len(cells)
            for row, found in cells[: max(0, self.show - len(types.examples))]:
                types.examples.append(self.example(batch.frame, row, part, batch.lines[row], found))
                types.wrong = types.wrong or [found.removeprefix(f"{name}: ")]

    def fold(self, frame: pl.DataFrame, rules: Sequence[RowRule], part: Part, batch: JsonBatch | None) -> None:
        """Count what the rows of `frame` break, and name the first of them."""
        for k, (_, keys) in enumerate(self.keys):
            if f"key{k}.1" in frame.columns:
                keys.add(frame[f"key{k}.1"], frame[f"key{k}.2"], self.rows)
        for word in range(0, len(rules), WORD):
            bits = frame[f"mask{word // WORD}"].to_numpy()
            if batch and batch.wrong:
                bits = bits & ~_not_asked(rules[word : word + WORD], batch, len(bits))
            bad = np.flatnonzero(bits)
            if not bad.size:
                continue
            held = bits[bad]
            for i, rule in enumerate(rules[word : word + WORD]):
                rows = bad[(held >> np.uint64(i)) & np.uint64(1) == 1]
                if rows.size:
                    self.note(rule, rows, frame, part, batch)
        self.rows += frame.height

    def note(self, rule: RowRule, rows: np.ndarray, frame: pl.DataFrame, part: Part, batch: JsonBatch | None) -> None:
        tally = self.tallies[rule.id]
        tally.failed += len(rows)
        named = rows[: max(0, self.show - len(tally.examples))]
        if not named.size:
            return
        first = frame[named]
        seen = first.select(rule.seen).to_series().to_list() if rule.seen is not None else [None] * len(named)
        for i, row in enumerate(named.tolist()):
            number = batch.lines[row] if batch else self.rows - self.starts[-1] + row + 1
            value = None if seen[i] is None else f"{seen[i]:,} {rule.unit}" if rule.unit else _short(seen[i])
            tally.examples.append(self.example(first, i, part, number, value))

    def example(self, frame: pl.DataFrame, row: int, part: Part, number: int, value: str | None) -> Example:
        id, record_id = (frame[name][row] if name in frame.columns else None for name in _IDS)
        if isinstance(record_id, bytes):
            record_id = record_id.hex()
        key = self.table.property("id")
        hidden = key is not None and not key.is_public
        return Example(
            row=number,
            file=part.file,
            id=None if id is None or hidden else _short(id, quote=False),
            record_id=None if record_id is None else str(record_id),
            value=value,
        )

    def outcomes(self, sources: Sequence[Part]) -> Iterator[Outcome]:
        """One for every rule, column by column, then the rules about the table."""
        keys = {rule.id: self.key_outcome(rule, keys, sources) for rule, keys in self.keys}
        for prop in self.table.properties:
            yield self.type_outcome(prop)
            for tally in self.tallies.values():
                if _within(tally.rule, prop.name):
                    yield self.row_outcome(tally, prop)
            for rule, _ in self.keys:
                if rule.kind != "primaryKey" and rule.members == (prop,) and rule.id.startswith(f"{prop.name}."):
                    yield keys.pop(rule.id)
        yield from keys.values()
        for metric in self.table.metrics:
            if metric.metric == "rowCount":
                yield self.count_outcome(metric)

    def type_outcome(self, prop: Property) -> Outcome:
        types = self.types[prop.name]
        wanted = prop.physical_type if prop.logical_type is None else prop.logical_type
        examples = tuple(types.examples)
        if types.failed:
            # An example's value is the sentence itself here: which field, what was found, what was wanted.
            says = f"hold a value of another type than {wanted}"
            message = sentence(prop.name, types.failed, self.rows, says, None, examples)
        elif types.wrong:
            message = f"{prop.name}: {'; '.join(types.wrong[:3])}"
            message += f"; and in {len(types.wrong) - 3:,} more places" if len(types.wrong) > 3 else ""
        else:
            message = f"{prop.name}: there, and of type {wanted}" if wanted else f"{prop.name}: there"
        return Outcome(
            id=f"{prop.name}.type",
            kind="type",
            field=prop.name,
            action="fail",
            severity="error",
            status="broken" if types.wrong else "passed",
            message=message,
            line=prop.line,
            rows=self.rows,
            failed=types.failed or None,
            threshold=wanted,
            examples=examples,
        )

    def row_outcome(self, tally: _Tally, prop: Property) -> Outcome:
        rule, metric = tally.rule, tally.rule.metric
        status: Status = "broken" if tally.failed else "passed"
        value: float | int = tally.failed
        if metric is not None:
            value = _measured(tally.failed, self.rows, metric.unit)
            status = "passed" if metric.holds(value) else "broken"
        message = sentence(
            rule.property, tally.failed, self.rows, rule.says, metric.promise if metric else None, tuple(tally.examples)
        )
        if not tally.checked:
            status = "unchecked"
            message = f"{rule.property}: {rule.kind} not checked, because the column is missing or of another type"
        return Outcome(
            id=rule.id,
            kind=rule.kind,
            field=prop.name,
            action=rule.action,
            severity=rule.severity,
            status=status,
            message=message,
            line=rule.line,
            rows=self.rows,
            failed=tally.failed,
            value=value,
            threshold=rule.bound,
            promise=metric.promise if metric else None,
            examples=tuple(tally.examples) if status == "broken" else (),
        )

    def key_outcome(self, rule: KeyRule, keys: Keys, sources: Sequence[Part]) -> Outcome:
        metric = rule.metric
        rows, origins = keys.repeats()
        failed = len(rows)
        value = _measured(failed, self.rows, metric.unit if metric else "rows")
        kept = metric.holds(value) if metric else failed == 0
        status: Status = "unchecked" if rule.id in self.unkeyed else "passed" if kept else "broken"
        examples: tuple[Example, ...] = ()
        if status == "broken":
            examples = tuple(self.repeated(rows[: self.show], origins[: self.show], sources))
        promise = metric.promise if metric else None
        message = sentence(
            rule.name, failed, self.rows, f"repeat the {_word(rule)} of an earlier row", promise, examples
        )
        if status == "unchecked":
            message = f"{rule.name}: {rule.kind} not checked, because a column is missing or of another type"
        return Outcome(
            id=rule.id,
            kind=rule.kind,
            field=rule.members[0].name if len(rule.members) == 1 else None,
            action=rule.action,
            severity=rule.severity,
            status=status,
            message=message,
            line=rule.line,
            rows=self.rows,
            failed=failed,
            value=value,
            threshold=0 if metric is None else list(metric.bound) if isinstance(metric.bound, tuple) else metric.bound,
            promise=promise,
            examples=examples,
        )

    def repeated(self, rows: np.ndarray, origins: np.ndarray, sources: Sequence[Part]) -> Iterator[Example]:
        for row, origin in zip(rows.tolist(), origins.tolist(), strict=True):
            part, local = self.place(row, sources)
            _, first = self.place(origin, sources)
            frame, number = _row(part, local, self.table)
            _, earlier = _row(self.place(origin, sources)[0], first, self.table, ids=False)
            again = self.place(origin, sources)[0].file
            where = f" of {again}" if again and again != part.file else ""
            yield self.example(frame, 0, part, number, f"row {number:,} repeats row {earlier:,}{where}")

    def place(self, row: int, sources: Sequence[Part]) -> tuple[Part, int]:
        """The part that row number `row` is in, and its number there, from 0."""
        k = int(np.searchsorted(self.starts, row, side="right")) - 1
        return sources[k], row - self.starts[k]

    def count_outcome(self, metric: Any) -> Outcome:
        return Outcome(
            id=metric.id,
            kind="rowCount",
            field=None,
            action=metric.action,
            severity=metric.severity,
            status="passed" if metric.holds(self.rows) else "broken",
            message=f"{self.table.name}: {self.rows:,} row{'s' if self.rows != 1 else ''}; {metric.promise}",
            line=metric.line,
            rows=self.rows,
            value=self.rows,
            threshold=list(metric.bound) if isinstance(metric.bound, tuple) else metric.bound,
            promise=metric.promise,
        )


def _only(table: Table, properties: Sequence[Property]) -> Table:
    return Table(table.name, table.line, tuple(properties), table.metrics, table.action)


def _within(rule: RowRule, name: str) -> bool:
    """True for a rule of the property called `name`, or of something inside it."""
    return rule.property == name or rule.property.startswith((f"{name}.", f"{name}[]"))


def _not_asked(rules: Sequence[RowRule], batch: JsonBatch, n: int) -> np.ndarray:
    """Bits of rules that a row is not asked, because its value is of another type: (n,) uint64."""
    bits = np.zeros(n, np.uint64)
    for name, cells in batch.wrong.items():
        of = sum(1 << i for i, rule in enumerate(rules) if _within(rule, name))
        bits[[row for row, _ in cells]] |= np.uint64(of)
    return bits


def _row(part: Part, local: int, table: Table, ids: bool = True) -> tuple[pl.DataFrame, int]:
    """The ids of row `local` (from 0) of `part`, and the number it is shown by."""
    if part.lazy is not None:
        names = [name for name in _IDS if name in part.schema]
        if not ids or not names:
            return pl.DataFrame(), local + 1
        return part.lazy.select(names).slice(local, 1).collect(engine="streaming"), local + 1
    assert part.path is not None
    for batch in read_json_lines(part.path, (), _IDS):
        if local < batch.frame.height:
            return batch.frame[local : local + 1], batch.lines[local]
        local -= batch.frame.height
    raise AssertionError("a row that was read is gone")


def _measured(failed: int, rows: int, unit: str) -> float | int:
    return failed if unit == "rows" else 100 * failed / rows if rows else 0.0


def _word(rule: KeyRule) -> str:
    return "key" if len(rule.members) > 1 or rule.kind == "primaryKey" else "value"


def _short(value: Any, quote: bool = True) -> str:
    """At most 60 characters, all of them printable: a message may end on a terminal."""
    text = repr(value) if quote and isinstance(value, str) else str(value)
    text = text if text.isprintable() else repr(text)[1:-1]
    return text if len(text) <= 60 else text[:59] + "…"
