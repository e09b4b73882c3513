"""A dataset against its contract: one streaming pass for all row rules, one narrow pass for the keys.

The passes hand over 64 bits and two hashes a row, never the text; what rows to name is looked up afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from tamis.contracts.columns import roots
from tamis.contracts.evidence import IDS, ROW, example, examples_of, look_up, numbered
from tamis.contracts.json_lines import JsonBatch, read_json_lines
from tamis.contracts.keys import KeyRule, Keys, key_columns, key_rules
from tamis.contracts.model import Contract, Property, Table
from tamis.contracts.others import Circumstances, Others
from tamis.contracts.outcomes import count_outcome, key_outcome, other_outcome, row_outcome, type_outcome
from tamis.contracts.queries import SECONDS
from tamis.contracts.result import Example, Outcome, Result
from tamis.contracts.rules import WORD, RowRule, compile_rows, masks
from tamis.contracts.sources import Part, flow_of, parts
from tamis.contracts.types import mismatches
from tamis.errors import InputError


def check(
    data: Any,
    contract: Contract,
    table: str | None = None,
    show: int = 5,
    on_progress: Callable[[int], None] | None = None,
    *,
    references: Mapping[str, Any] | None = None,
    now: datetime | None = None,
    flow: Mapping[str, Any] | None = None,
    sql_seconds: float = SECONDS,
) -> Result:
    """`data` against `contract`.

    data         paths (Parquet, JSON Lines, folders, globs), a Polars LazyFrame or DataFrame, or an Arrow table
    table        which table of the contract; needed where it has several
    show         how many rows to name for each broken rule
    on_progress  called with the number of rows read so far
    references   rows of other tables that rows refer to, by the name of the table: what `data` may be
    now          the moment that ages are counted from, with its zone; None: this one
    flow         `rows` and `sources` of the run that made the data (run.json); found where `data` is a run's folder
    sql_seconds  a query may take this long
    """
    around = Circumstances(now or datetime.now(UTC), references or {}, flow or flow_of(data), sql_seconds)
    run = _Check(contract, contract.table(table), show, parts(data), around)
    for part in run.parts:
        run.take(part, on_progress or (lambda rows: None))
    return Result(
        contract=contract.id,
        version=contract.version,
        sha256=contract.sha256,
        table=run.table.name,
        rows=run.rows,
        files=tuple(part.file for part in run.parts if part.file is not None),
        outcomes=tuple(run.outcomes()),
        undeclared=tuple(sorted(run.undeclared)),
    )


@dataclass
class Tally:
    """What one row rule has come to so far."""

    rule: RowRule
    failed: int = 0
    examples: list[Example] = field(default_factory=list)
    is_checked: bool = True


@dataclass
class TypeTally:
    """What was found wrong with the type of one column."""

    wrong: list[str] = field(default_factory=list)
    failed: int = 0
    examples: list[Example] = field(default_factory=list)


class _Check:
    def __init__(
        self, contract: Contract, table: Table, show: int, sources: Sequence[Part], around: Circumstances
    ) -> None:
        self.table, self.show, self.parts = table, show, sources
        self.others = Others(contract, table, sources, around)
        self.rows = 0
        self.starts: list[int] = []
        """Number of the first row of each part, over all parts."""
        self.tallies: dict[str, Tally] = {}
        self.types = {p.name: TypeTally() for p in table.properties}
        self.keys = [(rule, Keys()) for rule in key_rules(table)]
        self.unkeyed: set[str] = set()
        self.undeclared: set[str] = set()

    def take(self, part: Part, on_progress: Callable[[int], None]) -> None:
        """Read `part`."""
        self.starts.append(self.rows)
        if part.is_json:
            self.json(part, on_progress)
        else:
            self.columns(part, on_progress)

    def columns(self, part: Part, on_progress: Callable[[int], None]) -> None:
        """Read a part that has its types: row rules in one pass, keys and what is watched in another that is narrow."""
        sound = self.compare(part)
        rules = self.enrol(compile_rows(_only(self.table, sound), part.schema))
        named: dict[str, list[int]] = {}
        height = 0
        for frame in _stream(part, masks(rules)):
            self.fold(rules, _words(frame, frame.height), frame[ROW].to_numpy(), named)
            height += frame.height
            on_progress(self.rows + height)
        hashes = self.narrow(part.schema, sound, False)
        counted = 0
        for frame in _stream(part, hashes):
            self.fold_keys(frame, frame[ROW].to_numpy().astype(np.int64) + self.rows)
            counted += frame.height
        if not rules and not hashes:
            assert part.lazy is not None
            with part.readable():
                counted = part.lazy.select(pl.len()).collect(engine="streaming").item()
        self.name(part, rules, named)
        self.rows += max(height, counted)
        on_progress(self.rows)

    def json(self, part: Part, on_progress: Callable[[int], None]) -> None:
        """Read a part whose lines are parsed, batch by batch; a value of another type is a finding, not an end."""
        assert part.path is not None
        rules: list[RowRule] | None = None
        for batch in read_json_lines(part.path, self.table.properties, IDS):
            if rules is None:
                schema = dict(batch.frame.schema)
                rules = self.enrol(compile_rows(self.table, schema, is_json=True))
                words, hashes = masks(rules), self.narrow(schema, self.table.properties, True)
            frame = numbered(batch.frame, batch.lines)
            self.mistyped(batch, frame, part)
            if not frame.height:
                continue
            named: dict[str, list[int]] = {}
            bits = _words(batch.frame.select(words), frame.height) & ~_not_asked(rules, batch)
            here = np.arange(frame.height)
            self.fold(rules, bits, here, named)
            for rule in rules:
                if rows := self.first(rule, named):
                    self.tallies[rule.id].examples += examples_of(rule, frame[rows], self.table, part.file)
            if hashes:
                self.fold_keys(batch.frame.select(hashes), here + self.rows)
            self.rows += frame.height
            on_progress(self.rows)

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
                continue
            # A rule cannot be asked of a column of another type; saying nothing would look like a pass.
            for rule in self.enrol(compile_rows(_only(self.table, [prop]))):
                self.tallies[rule.id].is_checked = False
        return sound

    def enrol(self, rules: list[RowRule]) -> list[RowRule]:
        """Open a tally for each of `rules` that has none yet."""
        for rule in rules:
            self.tallies.setdefault(rule.id, Tally(rule))
        return rules

    def narrow(self, schema: dict[str, pl.DataType], sound: Sequence[Property], is_json: bool) -> list[pl.Expr]:
        """Columns of the narrow pass: hashes of keys and what is watched; what lacks a sound column stays unchecked."""
        names = {p.name for p in sound}
        exprs: list[pl.Expr] = []
        for k, (rule, _) in enumerate(self.keys):
            if names >= {m.name for m in rule.members}:
                exprs += key_columns(rule, k, schema)
            else:
                self.unkeyed.add(rule.id)
        return exprs + self.others.columns(schema, sound, is_json)

    def mistyped(self, batch: JsonBatch, frame: pl.DataFrame, part: Part) -> None:
        """Note the cells of `batch` whose value is of another type."""
        for name, cells in batch.wrong.items():
            types = self.types[name]
            types.failed += len(cells)
            types.wrong = types.wrong or [cells[0][1]]
            for row, found in cells[: max(0, self.show - len(types.examples))]:
                said = found.removeprefix(f"{name}: ")
                types.examples.append(example(frame, row, self.table, part.file, said))

    def fold(self, rules: Sequence[RowRule], bits: np.ndarray, rows: np.ndarray, named: dict[str, list[int]]) -> None:
        """Count the rows that break each rule, and add the first of them to `named`.

        bits  (n, words) uint64   rule i is bit i % 64 of word i // 64
        rows  (n,) int            number of each row in its part, from 0, ascending
        """
        for word in range(bits.shape[1]):
            bad = np.flatnonzero(bits[:, word])
            held = bits[bad, word]
            for i, rule in enumerate(rules[word * WORD : (word + 1) * WORD] if bad.size else ()):
                at = bad[(held >> np.uint64(i)) & np.uint64(1) == 1]
                self.tallies[rule.id].failed += len(at)
                if at.size:
                    found = named.get(rule.id, []) + rows[at[: self.show]].tolist()
                    named[rule.id] = sorted(found)[: self.show]

    def first(self, rule: RowRule, named: dict[str, list[int]]) -> list[int]:
        """Those of the rows found for `rule` in a part that are still to be named."""
        return named.get(rule.id, [])[: self.show - len(self.tallies[rule.id].examples)]

    def fold_keys(self, frame: pl.DataFrame, rows: np.ndarray) -> None:
        """Take in the columns of `narrow`. rows: (n,) int64, number of each row over all parts, from 0."""
        for k, (_, keys) in enumerate(self.keys):
            if f"key{k}.1" in frame.columns:
                keys.add(frame[f"key{k}.1"], frame[f"key{k}.2"], rows)
        self.others.fold(frame, rows)

    def name(self, part: Part, rules: Sequence[RowRule], named: dict[str, list[int]]) -> None:
        """Look the rows in `named` up, all with one query."""
        broken = [rule for rule in rules if self.first(rule, named)]
        rows = sorted({row for rule in broken for row in self.first(rule, named)})
        if not rows:
            return
        columns = roots((rule.seen for rule in broken if rule.seen is not None), part.schema)
        frame = look_up(part, rows, sorted(columns))
        for rule in broken:
            at = np.searchsorted(rows, self.first(rule, named)).tolist()
            self.tallies[rule.id].examples += examples_of(rule, frame[at], self.table, part.file)

    def outcomes(self) -> Iterator[Outcome]:
        """One for every rule, column by column, then the rules about the table."""
        keys = {rule.id: self.key(rule, keys) for rule, keys in self.keys}
        for prop in self.table.properties:
            types = self.types[prop.name]
            yield type_outcome(prop, types.wrong, types.failed, self.rows, types.examples)
            for tally in self.tallies.values():
                if _within(tally.rule, prop.name):
                    yield row_outcome(prop, tally.rule, tally.failed, self.rows, tally.examples, tally.is_checked)
            for rule, _ in self.keys:
                if rule.id.startswith(f"{prop.name}.") and rule.members == (prop,):
                    yield keys.pop(rule.id)
        yield from keys.values()
        for metric in self.table.metrics:
            if metric.metric == "rowCount":
                yield count_outcome(self.table, metric, self.rows)
        for asked in self.others.asked(self.rows, self.show):
            named = [] if asked.found.kept else [self.one(row) for row in asked.found.rows]
            yield other_outcome(asked, self.rows, named)

    def one(self, row: int) -> Example:
        """Row number `row` by what it has."""
        part, local = self.place(row)
        return example(look_up(part, [local], ()), 0, self.table, part.file, None)

    def key(self, rule: KeyRule, keys: Keys) -> Outcome:
        """What came of a rule that no two rows have the same values."""
        if rule.id in self.unkeyed:
            return key_outcome(rule, 0, self.rows, (), is_checked=False)
        rows, origins = keys.repeats()
        named = [self.repeat(*pair) for pair in zip(rows[: self.show].tolist(), origins.tolist(), strict=False)]
        return key_outcome(rule, len(rows), self.rows, named, is_checked=True)

    def repeat(self, row: int, origin: int) -> Example:
        """Row number `row`, which has the values of the earlier row `origin`."""
        part, local = self.place(row)
        first, earlier = self.place(origin)
        frame, before = look_up(part, [local], ()), look_up(first, [earlier], ())
        number, of = frame[ROW][0], before[ROW][0]
        where = f" of {first.file}" if first is not part else ""
        return example(frame, 0, self.table, part.file, f"row {number:,} repeats row {of:,}{where}")

    def place(self, row: int) -> tuple[Part, int]:
        """The part that row number `row` is in, and its number there, from 0."""
        k = int(np.searchsorted(self.starts, row, side="right")) - 1
        return self.parts[k], row - self.starts[k]


def _stream(part: Part, exprs: Sequence[pl.Expr]) -> Iterator[pl.DataFrame]:
    """`exprs` over the rows of `part`, some thousand at a time, with their numbers from 0 as `tamis.row`.

    The numbers are asked for because batches come out of order now and then, `maintain_order=True` or not (polars
    2.1.0, 44 of 300 runs over six rows; pola-rs/polars#26912). Where a thread of Polars panics the batches just end (2.1.0,
    a time in the year 292,278 brought into a zone): rows that were not looked at would be rows that keep every rule.
    """
    if not exprs:
        return
    assert part.lazy is not None
    came = 0
    with part.readable(), _one_ahead():
        for frame in part.lazy.with_row_index(ROW).select(ROW, *exprs).collect_batches(engine="streaming"):
            came += frame.height
            yield frame if frame[ROW].is_sorted() else frame.sort(ROW)
        there = part.lazy.select(pl.len()).collect(engine="streaming").item()
    if came != there:
        raise InputError(
            f"{part.file or 'the data'}: Polars gave up after {came:,} of {there:,} rows; a value it cannot work on, "
            "as a time outside the years 1 to 9999, is the likely cause: mend or remove it"
        )


_AHEAD = "POLARS_ROW_GROUP_PREFETCH_SIZE"


@contextmanager
def _one_ahead() -> Iterator[None]:
    """Let Polars unpack one row group ahead instead of as many as it likes.

    A million rows of 1 kB in groups of 50,000: 250 MB instead of 375 at their peak, for the same CPU (polars 2.1.0). What the
    caller has set stays.
    """
    before = os.environ.get(_AHEAD)
    os.environ.setdefault(_AHEAD, "1")
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_AHEAD, None)


def _words(frame: pl.DataFrame, height: int) -> np.ndarray:
    """The masks in `frame`, which has no rows where it has no masks: (height, words) uint64."""
    words = [column.to_numpy() for column in frame if column.name.startswith("mask")]
    return np.stack(words, axis=1) if words else np.zeros((height, 0), np.uint64)


def _only(table: Table, properties: Sequence[Property]) -> Table:
    return Table(table.name, table.line, tuple(properties), table.rules, table.action)


def _within(rule: RowRule, name: str) -> bool:
    """True for a rule of the property called `name`, or of something inside it."""
    return rule.property == name or rule.property.startswith((f"{name}.", f"{name}[]"))


def _not_asked(rules: Sequence[RowRule], batch: JsonBatch) -> np.ndarray:
    """Bits of the rules that a row is not asked, because its value is of another type: (rows, words) uint64."""
    bits = np.zeros((batch.frame.height, -(-len(rules) // WORD)), np.uint64)
    for name, cells in batch.wrong.items():
        for i, rule in enumerate(rules):
            if _within(rule, name):
                bits[[row for row, _ in cells], i // WORD] |= np.uint64(1 << i % WORD)
    return bits
