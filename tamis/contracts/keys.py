"""Rules about all rows together: no key twice. Held as 128 bits a row, never as the keys themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from tamis.contracts.columns import named
from tamis.contracts.model import Action, Metric, Property, Severity, Table
from tamis.errors import InputError


@dataclass(frozen=True)
class KeyRule:
    """Rows whose `members` are equal to those of an earlier row break it; a row with a null among them does not."""

    id: str
    kind: str
    members: tuple[Property, ...]
    action: Action
    severity: Severity
    line: int
    metric: Metric | None = None

    @property
    def name(self) -> str:
        """The key, as it is named in a message."""
        return ", ".join(m.name for m in self.members)


def key_rules(table: Table) -> list[KeyRule]:
    """The uniqueness `table` promises. A rule about all rows cannot set one aside, so `quarantine` becomes `fail`."""
    rules = []
    for prop in table.properties:
        action: Action = "warn" if prop.action == "warn" else "fail"
        if prop.unique and (prop,) != table.key:
            rules.append(KeyRule(f"{prop.name}.unique", "unique", (prop,), action, prop.severity, prop.line))
        rules += [_duplicates(f"{prop.name}.{m.id}", m, (prop,)) for m in prop.metrics if m.metric == "duplicateValues"]
    if table.key:
        action = "warn" if table.action == "warn" else "fail"
        line = table.key[0].line
        rules.append(KeyRule("primaryKey", "primaryKey", table.key, action, "error", line))
    for metric in table.metrics:
        if metric.metric == "duplicateValues":
            members = tuple(p for name in metric.columns if (p := table.property(name)))
            rules.append(_duplicates(metric.id, metric, members))
    return rules


def _duplicates(id: str, metric: Metric, members: tuple[Property, ...]) -> KeyRule:
    return KeyRule(id, "duplicateValues", members, metric.action, metric.severity, metric.line, metric)


def key_columns(rule: KeyRule, k: int, found: Mapping[str, pl.DataType]) -> list[pl.Expr]:
    """Two UInt64 hashes of the key of each row, named `key{k}.1` and `key{k}.2`; null where the key has a null."""
    return hashes([as_key(named(m.column), m.name, found[m.column]) for m in rule.members], f"key{k}")


def as_key(column: pl.Expr, name: str, dtype: pl.DataType, as_float: bool = False) -> pl.Expr:
    """The column in a form whose hash is the same wherever the value is: in any batch, file and width.

    as_float  whole numbers are to equal the fractions 1.0, 2.0, …: both are compared as Float64
    """
    if dtype.is_nested():
        raise InputError(f"{name}: keys are single values; the column holds {dtype}")
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return column.cast(pl.String)
    if dtype.is_float() or (as_float and dtype.is_numeric()):
        return column.cast(pl.Float64) + 0.0  # -0.0 equals 0.0
    if dtype.is_integer():
        return column.cast(pl.Int128)
    return column.cast(pl.String) if dtype == pl.Null else column


def hashes(parts: Sequence[pl.Expr], name: str) -> list[pl.Expr]:
    """Two hashes of `parts` together, named `{name}.1` and `{name}.2`; null where one of them is."""
    whole = parts[0] if len(parts) == 1 else pl.struct([p.alias(str(i)) for i, p in enumerate(parts)])
    present = pl.all_horizontal([p.is_not_null() for p in parts])
    return [pl.when(present).then(whole.hash(seed)).alias(f"{name}.{seed}") for seed in (1, 2)]


@dataclass
class Keys:
    """The hashes of one key over all rows."""

    first: list[np.ndarray] = field(default_factory=list)
    second: list[np.ndarray] = field(default_factory=list)
    rows: list[np.ndarray] = field(default_factory=list)
    """Row number of each, where rows without a key were left out."""

    def add(self, first: pl.Series, second: pl.Series, rows: np.ndarray) -> None:
        """Take the hashes of a batch of rows with these numbers, over all parts."""
        present = first.is_not_null().to_numpy()
        self.first.append(first.drop_nulls().to_numpy())
        self.second.append(second.drop_nulls().to_numpy())
        self.rows.append(rows[present])

    def repeats(self) -> tuple[np.ndarray, np.ndarray]:
        """Two (n,) int64: rows that repeat an earlier one, ascending, and for each the first of its kind."""
        none = np.zeros(0, np.int64)
        if not self.first:
            return none, none
        first = np.concatenate(self.first)
        ordered = np.sort(first)
        twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
        if not twice.size:
            return none, none
        suspect = np.isin(first, twice)
        a, b = first[suspect], np.concatenate(self.second)[suspect]
        rows = np.concatenate(self.rows)[suspect]
        order = np.lexsort((rows, b, a))
        a, b, rows = a[order], b[order], rows[order]
        fresh = np.ones(len(rows), bool)
        fresh[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
        origin = rows[fresh][np.cumsum(fresh) - 1]
        by_row = np.argsort(rows[~fresh])
        return rows[~fresh][by_row], origin[~fresh][by_row]
