"""Rules about single rows, as Polars expressions.

RowRule("text.minLength", col("text").str.len_chars() < 20, "fail", says="are shorter than minLength 20")
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from tamis.contracts.bounds import BROKEN, SAYS, beyond, not_multiple
from tamis.contracts.columns import member, named, roots
from tamis.contracts.formats import STRING_FORMATS
from tamis.contracts.model import Action, Contract, Measure, Metric, Property, Severity, Table
from tamis.contracts.options import INTEGER_FORMATS
from tamis.contracts.patterns import to_rust
from tamis.contracts.temporal import moment_for, parsed
from tamis.contracts.types import DEFAULT, is_text_moment, mismatches, physical
from tamis.errors import ColumnMissing, GateError, UsageError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Wrap = Callable[[pl.Expr], pl.Expr]


@dataclass(frozen=True, eq=False)
class RowRule:
    """A rule that a single row fulfils or breaks."""

    id: str
    expr_broken: pl.Expr
    """True where a row breaks it; null counts as fulfilled."""
    action: Action
    severity: Severity = "error"
    property: str = ""
    kind: str = ""
    """The word of the contract: `minLength`, `required`, `nullValues`."""
    says: str = ""
    """What broken rows are, as the end of a sentence: `are shorter than minLength 20`."""
    seen: pl.Expr | None = None
    """What was measured of the row."""
    unit: str = ""
    bound: Any = None
    line: int = 0
    metric: Metric | Measure | None = None
    """Where rows are only counted, and the count compared."""


def row_rules(contract: Contract, schema: pa.Schema | None = None, table: str | None = None) -> list[RowRule]:
    """The rules of `contract` that single rows break, for rows of `schema`.

    Without `schema` columns are taken to be of the usual type (integer: Int64, number: Float64, …). Raises GateError
    where the columns of `schema` are not of the promised types, so that a run can stop before a row moves.
    Library metrics are among them where no row at all may break them (`mustBe: 0`).
    """
    one = contract.table(table)
    found = None if schema is None else pl.from_arrow(schema.empty_table()).schema  # type: ignore[union-attr]
    if found is not None:
        wrong = list(type_errors(one, found))
        if wrong:
            raise GateError(f"{contract.path}: {'; '.join(wrong)}")
    rules = compile_rows(one, found)
    return [rule for rule in rules if rule.metric is None or rule.metric.per_row]


def type_errors(table: Table, found: Mapping[str, pl.DataType]) -> Iterator[str]:
    """A sentence for every column of `table` that is missing from `found` or of another type."""
    for prop in table.properties:
        if prop.column not in found:
            yield f"{prop.name}: there is no column {prop.column!r}"
            continue
        for wrong in mismatches(prop, found[prop.column], is_json=False):
            yield f"{wrong.path}: found {wrong.found}, wanted {wrong.wanted}"


def compile_rows(table: Table, found: Mapping[str, pl.DataType] | None = None, is_json: bool = False) -> list[RowRule]:
    """All row rules of `table`, for columns of the types in `found`; columns that are not in it are left out."""
    rules: list[RowRule] = []
    for prop in table.properties:
        if found is not None and prop.column not in found:
            continue
        dtype = usual_type(prop) if found is None or found[prop.column] == pl.Null else found[prop.column]
        rules += _property(prop, named(prop.column), dtype, is_json, found)
    return rules


def usual_type(prop: Property) -> pl.DataType:
    """The type of a column of `prop` of which nothing else is known."""
    if prop.logical_type in ("array", "map"):
        return pl.List(usual_type(prop.items) if prop.items else pl.String)
    if prop.logical_type == "object":
        return pl.Struct({member.column: usual_type(member) for member in prop.properties})
    return DEFAULT.get(prop.logical_type or "string", pl.String())


def _property(
    prop: Property, column: pl.Expr, dtype: pl.DataType, is_json: bool, found: Mapping[str, pl.DataType] | None
) -> list[RowRule]:
    if found is not None and found[prop.column] == pl.Null:
        column = column.cast(dtype)  # all null: a cast changes nothing and lets every rule be asked
    rules = list(_Rules(prop.name, is_json, lambda broken: broken, True).of(prop, column, dtype, None))
    if prop.key_position is not None and not prop.required:
        rules.insert(0, _null_rule(prop, column, "primaryKey"))
    for metric in prop.metrics:
        if metric.metric != "duplicateValues":
            rules.append(_metric(prop, metric, column, dtype))
    for measure in prop.rules:
        if isinstance(measure, Measure) and measure.name == "rubric":
            rules.append(_rubric(prop, measure, column, dtype))
    return rules


def _null_rule(prop: Property, column: pl.Expr, kind: str) -> RowRule:
    return RowRule(
        f"{prop.name}.{kind}.required",
        column.is_null(),
        prop.action,
        prop.severity,
        prop.name,
        kind,
        "are null in the primary key",
        line=prop.line,
    )


@dataclass(frozen=True)
class _Rules:
    """Rules of one property, or of something inside it: `wrap` turns what is broken inside into a broken row."""

    path: str
    is_json: bool
    wrap: Wrap
    is_column: bool

    def of(self, prop: Property, value: pl.Expr, dtype: pl.DataType, owner: pl.Expr | None) -> Iterator[RowRule]:
        if prop.required:
            absent = value.is_null() if owner is None else owner.is_not_null() & value.is_null()
            yield self.rule(prop, "required", absent, "are null but required", line=prop.line)
        if isinstance(dtype, pl.Categorical | pl.Enum):
            value, dtype = value.cast(pl.String), pl.String()
        if is_text_moment(prop, dtype, self.is_json):
            yield from self.text_moment(prop, value)
        else:
            yield from self.options(prop, value, dtype)
        if prop.enum is not None:
            says = f"are not in {_list(prop.enum)}"
            seen = value if prop.is_public else None
            line = prop.enum_line or prop.line
            yield self.rule(
                prop, "enum", not_among(value, dtype, prop.enum), says, seen, bound=list(prop.enum), line=line
            )
        yield from self.inside(prop, value, dtype)

    def rule(
        self,
        prop: Property,
        kind: str,
        broken: pl.Expr,
        says: str,
        seen: pl.Expr | None = None,
        unit: str = "",
        bound: Any = None,
        line: int = 0,
    ) -> RowRule:
        bound = prop.options.get(kind, bound)
        return RowRule(
            f"{self.path}.{kind}",
            self.wrap(broken),
            prop.action,
            prop.severity,
            self.path,
            kind,
            says,
            seen if self.is_column and prop.is_public else None,
            unit,
            bound,
            line or prop.option_lines.get(kind, prop.line),
        )

    def options(self, prop: Property, value: pl.Expr, dtype: pl.DataType) -> Iterator[RowRule]:
        options = prop.options
        if prop.logical_type == "string":
            yield from self.text(prop, value)
        elif prop.logical_type in ("integer", "number"):
            for name in BROKEN:
                if name in options:
                    broken = beyond(value, dtype, name, options[name])
                    yield self.rule(prop, name, broken, f"{SAYS[name]} {name} {options[name]}", self.shown(prop, value))
            if "multipleOf" in options:
                says = f"are no multiple of {options['multipleOf']}"
                broken = not_multiple(value, dtype, options["multipleOf"])
                yield self.rule(prop, "multipleOf", broken, says, self.shown(prop, value))
            yield from self.number_format(prop, value, dtype)
        elif prop.logical_type in ("date", "timestamp", "time"):
            yield from self.moments(prop, value, getattr(dtype, "time_zone", None))
        elif prop.logical_type == "array":
            yield from self.lengths(prop, value, dtype)

    def text(self, prop: Property, value: pl.Expr) -> Iterator[RowRule]:
        options = prop.options
        length = value.str.len_chars()
        if "minLength" in options:
            says = f"are shorter than minLength {options['minLength']}"
            yield self.rule(prop, "minLength", length < options["minLength"], says, length, "characters")
        if "maxLength" in options:
            says = f"are longer than maxLength {options['maxLength']}"
            yield self.rule(prop, "maxLength", length > options["maxLength"], says, length, "characters")
        limit = physical(prop.physical_type).max_length if prop.physical_type else None
        if limit is not None:
            says = f"are longer than physicalType {prop.physical_type}"
            yield self.rule(prop, "physicalType", length > limit, says, length, "characters", limit)
        if "pattern" in options:
            says = f"do not match pattern {options['pattern']}"
            broken = ~value.str.contains(to_rust(options["pattern"]))
            yield self.rule(prop, "pattern", broken, says, self.shown(prop, value))
        form = STRING_FORMATS.get(options.get("format", ""))
        if form is not None:
            broken = ~value.str.contains(form)
            yield self.rule(prop, "format", broken, f"are no {options['format']}", self.shown(prop, value))

    def number_format(self, prop: Property, value: pl.Expr, dtype: pl.DataType) -> Iterator[RowRule]:
        name = prop.options.get("format")
        if name in INTEGER_FORMATS:
            low, high = INTEGER_FORMATS[name]
        elif name == "f32":
            low, high = -340282346638528859811704183484516925440, 340282346638528859811704183484516925440
        else:
            return
        broken = beyond(value, dtype, "minimum", low) | beyond(value, dtype, "maximum", high)
        if not dtype.is_integer() and name == "f32":
            broken = broken & value.cast(pl.Float64).is_finite()
        yield self.rule(prop, "format", broken, f"do not fit format {name}", self.shown(prop, value))

    def text_moment(self, prop: Property, value: pl.Expr) -> Iterator[RowRule]:
        moment = parsed(value, prop.logical_type or "", prop.options)
        form = prop.options.get("format", "ISO 8601")
        zone = " with a time zone" if prop.options.get("timezone") is True else ""
        broken = value.is_not_null() & moment.is_null()
        yield self.rule(
            prop, "format", broken, f"are no {prop.logical_type} ({form}{zone})", self.shown(prop, value), bound=form
        )
        yield from self.moments(prop, moment, "UTC" if prop.logical_type == "timestamp" else None)

    def moments(self, prop: Property, value: pl.Expr, zone: str | None) -> Iterator[RowRule]:
        for name, breaks in BROKEN.items():
            if name in prop.options:
                bound = prop.options[name]
                broken = breaks(value, pl.lit(moment_for(bound, zone, prop.options)))
                yield self.rule(
                    prop, name, broken, f"{SAYS[name]} {name} {bound}", self.shown(prop, value), bound=bound
                )

    def lengths(self, prop: Property, value: pl.Expr, dtype: pl.DataType) -> Iterator[RowRule]:
        options = prop.options
        if isinstance(dtype, pl.Array):
            value = value.arr.to_list()
        length = value.list.len()
        if "minItems" in options:
            says = f"have fewer than minItems {options['minItems']}"
            yield self.rule(prop, "minItems", length < options["minItems"], says, length, "items")
        if "maxItems" in options:
            says = f"have more than maxItems {options['maxItems']}"
            yield self.rule(prop, "maxItems", length > options["maxItems"], says, length, "items")
        if options.get("uniqueItems"):
            yield self.rule(prop, "uniqueItems", value.list.n_unique() < length, "hold an item twice", length, "items")

    def inside(self, prop: Property, value: pl.Expr, dtype: pl.DataType) -> Iterator[RowRule]:
        """Rules of the fields of an object and of the items of an array: a row is broken where any item is."""
        if isinstance(dtype, pl.Struct):
            fields = {f.name: f.dtype for f in dtype.fields}
            for one in prop.properties:
                if one.column in fields:
                    at = _Rules(f"{self.path}.{one.name}", self.is_json, self.wrap, False)
                    kind: Any = fields[one.column]
                    field = member(value, one.column, [*fields])
                    if kind == pl.Null:
                        kind = usual_type(one)
                        field = field.cast(kind)
                    yield from at.of(one, field, kind, value)
            for name in prop.options.get("required", ()):
                lacks = member(value, name, [*fields]).is_null() if name in fields else pl.lit(True)
                absent = value.is_not_null() & lacks
                at = _Rules(f"{self.path}.{name}", self.is_json, self.wrap, False)
                line = prop.option_lines["required"]
                yield at.rule(prop, "required", absent, "have no such field, which the object requires", line=line)
        elif prop.items and isinstance(dtype, pl.List | pl.Array):
            lists = value.arr.to_list() if isinstance(dtype, pl.Array) else value
            wrap = self.wrap

            def any_item(broken: pl.Expr) -> pl.Expr:
                return wrap(lists.list.eval(broken.fill_null(False)).list.any())

            item: Any = dtype.inner
            element = pl.element()
            if item == pl.Null:
                item = usual_type(prop.items)
                element = element.cast(item)
            yield from _Rules(f"{self.path}[]", self.is_json, any_item, False).of(prop.items, element, item, None)

    def shown(self, prop: Property, value: pl.Expr) -> pl.Expr | None:
        """Values of a classified column stay out of messages."""
        return value if prop.is_public else None


def not_among(value: pl.Expr, dtype: pl.DataType, allowed: Sequence[Any]) -> pl.Expr:
    """True where `value` is none of `allowed`, compared in the column's own type; null where it is null."""
    fitting = _fitting(allowed, dtype)
    if not fitting.len():
        return pl.when(value.is_not_null()).then(pl.lit(True))
    return ~value.is_in(fitting.implode())


def among(value: pl.Expr, dtype: pl.DataType, listed: Sequence[Any]) -> pl.Expr:
    """True where `value` is one of `listed`, in which None stands for null."""
    fitting = _fitting([v for v in listed if v is not None], dtype)
    found = value.is_in(fitting.implode()).fill_null(False) if fitting.len() else pl.lit(False)
    return (found | value.is_null()) if None in listed else found & value.is_not_null()


def _fitting(values: Sequence[Any], dtype: pl.DataType) -> pl.Series:
    """Those of `values` that a column of `dtype` can hold, as a series of that type."""
    kept = []
    for value in values:
        if isinstance(value, bool) != (dtype == pl.Boolean) or isinstance(value, str) != (dtype == pl.String):
            continue
        try:
            series = pl.Series([int(value) if dtype.is_integer() and float(value).is_integer() else value], dtype=dtype)
        except (TypeError, OverflowError, ValueError, pl.exceptions.PolarsError):
            continue
        kept.append(series)
    return pl.concat(kept) if kept else pl.Series([], dtype=dtype)


def _metric(prop: Property, metric: Metric, column: pl.Expr, dtype: pl.DataType) -> RowRule:
    """The rows that a library metric counts."""
    if isinstance(dtype, pl.Categorical | pl.Enum):
        column, dtype = column.cast(pl.String), pl.String()
    seen: pl.Expr | None = column if prop.is_public else None
    if metric.metric == "nullValues":
        counted, says, seen = column.is_null(), "are null", None
    elif metric.metric == "missingValues":
        counted, says = among(column, dtype, metric.values or ()), f"are missing ({_list(metric.values or ())})"
    else:
        counted, parts = pl.lit(False), []
        if metric.values is not None:
            counted, parts = counted | not_among(column, dtype, metric.values), [f"not in {_list(metric.values)}"]
        if metric.pattern is not None:
            counted = counted | ~column.str.contains(to_rust(metric.pattern))
            parts.append(f"no match of {metric.pattern}")
        says = f"are invalid ({' or '.join(parts)})"
    bound = list(metric.promised.bound) if isinstance(metric.promised.bound, tuple) else metric.promised.bound
    return RowRule(
        f"{prop.name}.{metric.id}",
        counted,
        metric.action,
        metric.severity,
        prop.name,
        metric.metric,
        says,
        seen,
        bound=bound,
        line=metric.line,
        metric=metric,
    )


def _rubric(prop: Property, measure: Measure, column: pl.Expr, dtype: pl.DataType) -> RowRule:
    """The rows in which a criterion of the rubric has no score, or one that is not on the scale."""
    given = measure.arguments
    fields: dict[str, Any] = {f.name: f.dtype for f in dtype.fields} if isinstance(dtype, pl.Struct) else {}
    broken = column.is_null()
    for name in given["criteria"]:
        if name not in fields:
            broken = broken | pl.lit(True)
            continue
        score = member(column, name, [*fields])
        broken = broken | score.is_null()
        if fields[name].is_numeric():
            wrong = [beyond(score, fields[name], b, given[k]) for k, b in _SCALE.items() if k in given]
            broken = pl.any_horizontal([broken, *wrong])
        elif given.keys() & _SCALE.keys():
            broken = broken | pl.lit(True)
    scale = " to ".join(str(given[k]) for k in _SCALE if k in given)
    says = f"are not scored by the whole rubric ({', '.join(given['criteria'])}{': ' * bool(scale)}{scale})"
    return RowRule(
        f"{prop.name}.{measure.id}",
        broken,
        measure.action,
        measure.severity,
        prop.name,
        "rubric",
        says,
        bound=list(measure.promised.bound) if isinstance(measure.promised.bound, tuple) else measure.promised.bound,
        line=measure.line,
        metric=measure,
    )


_SCALE = {"low": "minimum", "high": "maximum"}


def _list(values: Sequence[Any]) -> str:
    shown = ", ".join("null" if v is None else repr(v) for v in values[:8])
    return f"[{shown}, … {len(values) - 8:,} more]" if len(values) > 8 else f"[{shown}]"


WORD = 64


def masks(rules: Sequence[RowRule]) -> list[pl.Expr]:
    """One UInt64 expression for every 64 rules, named `mask0`, `mask1`, …: bit i set where rule i is broken."""
    words = []
    for k in range(0, len(rules), WORD):
        bits = [
            pl.when(rule.expr_broken).then(pl.lit(1 << i, pl.UInt64)).otherwise(pl.lit(0, pl.UInt64))
            for i, rule in enumerate(rules[k : k + WORD])
        ]
        words.append(pl.sum_horizontal(bits).cast(pl.UInt64).alias(f"mask{k // WORD}"))
    return words


def broken(batch: pa.RecordBatch, rules: Sequence[RowRule]) -> np.ndarray:
    """Which of `rules` each row of `batch` breaks: (n,) uint64, bit i set where rules[i] is broken.

    Raises UsageError for more than 64 rules (ask in turns) and ColumnMissing where `batch` lacks a column they ask for.
    """
    import numpy as np

    if len(rules) > WORD:
        raise UsageError(f"{len(rules)} rules at once; {WORD} bits are all there is: ask for some of them at a time")
    if not rules or not batch.num_rows:
        return np.zeros(batch.num_rows, np.uint64)
    needed = sorted(roots((rule.expr_broken for rule in rules), batch.schema.names))
    if missing := set(needed) - set(batch.schema.names):
        raise ColumnMissing("the contract", missing, batch.schema.names)
    frame: Any = pl.from_arrow(batch.select(needed))
    frame = frame.with_columns(pl.col(pl.Categorical).cast(pl.String))  # Arrow dictionaries of text are text
    word: np.ndarray = frame.select(masks(rules)[0]).to_series().to_numpy()
    return np.resize(word, batch.num_rows) if len(word) == 1 else word
