"""What is watched while the rows go by: relations, ages, lengths, agreement. A few bytes a row are kept, never the text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Protocol

import numpy as np
import polars as pl

from tamis.contracts.agreement import agreement
from tamis.contracts.columns import named
from tamis.contracts.keys import as_key, hashes
from tamis.contracts.model import Measure, Property, Relation, Service, Table
from tamis.contracts.relations import Referred
from tamis.contracts.result import Found
from tamis.contracts.services import moments, oldest, told
from tamis.errors import InputError

Columns = Mapping[str, pl.DataType]


class Watch(Protocol):
    """Something that is told of every row in the narrow pass.

    needs    properties whose columns it asks for
    columns  what it wants of each row, for columns of these types; every name begins with `name`
    fold     takes those of some rows, with the numbers of the rows over all parts: (n,) int64
    found    what came of it, of so many rows
    """

    @property
    def name(self) -> str: ...
    @property
    def needs(self) -> tuple[Property, ...]: ...

    def columns(self, found: Columns, is_json: bool) -> list[pl.Expr]: ...
    def fold(self, frame: pl.DataFrame, rows: np.ndarray) -> None: ...
    def found(self, rows: int, show: int) -> Found: ...


@dataclass
class _First:
    """The first of the rows that broke something, and how many there are."""

    count: int = 0
    rows: list[int] = field(default_factory=list)

    def add(self, rows: np.ndarray, keep: int = 100) -> None:
        """Take rows, in any order of batches."""
        self.count += len(rows)
        self.rows = sorted([*self.rows, *rows[:keep].tolist()])[:keep]


class RelationWatch:
    """Rows that refer to what is not there."""

    def __init__(self, relation: Relation, table: Table, k: int, referred: Referred, as_float: bool) -> None:
        self.name, self.relation, self.referred, self.as_float = f"ref{k}", relation, referred, as_float
        self.needs = tuple(p for n in relation.columns if (p := table.property(n)))
        self.first = _First()

    def columns(self, found: Columns, is_json: bool) -> list[pl.Expr]:
        """Two hashes of what the row refers to."""
        return hashes([as_key(named(p.column), p.name, found[p.column], self.as_float) for p in self.needs], self.name)

    def fold(self, frame: pl.DataFrame, rows: np.ndarray) -> None:
        """Look every reference up."""
        self.first.add(rows[self.referred.lacks(frame[f"{self.name}.1"], frame[f"{self.name}.2"])])

    def found(self, rows: int, show: int) -> Found:
        """How many refer to nothing."""
        to = f"{self.relation.table}.{', '.join(self.relation.to_columns)}"
        return Found(self.first.count, self.first.rows[:show], says=f"refer to no row of {to}")


class ServiceWatch:
    """How old rows are. `now`: the moment of the check, with its zone."""

    def __init__(self, service: Service, table: Table, k: int, now: datetime) -> None:
        prop = table.property(service.column)
        assert prop is not None
        self.name, self.service, self.needs = f"age{k}", service, (prop,)
        self.oldest = oldest(service, prop, now)
        self.now = round(now.timestamp() * 1e6)
        self.newest: int | None = None
        self.ahead = 0
        self.first = _First()

    def columns(self, found: Columns, is_json: bool) -> list[pl.Expr]:
        """The time of the row."""
        time = moments(self.needs[0], found, is_json)
        return [(pl.lit(None, pl.Int64) if time is None else time).alias(f"{self.name}.at")]

    def fold(self, frame: pl.DataFrame, rows: np.ndarray) -> None:
        """Note the newest, and which are too old. A time that is yet to come makes nothing fresh."""
        column = frame[f"{self.name}.at"]
        present = column.is_not_null().to_numpy()
        times = column.drop_nulls().to_numpy()
        self.first.add(rows[present][times < self.oldest])
        past = times[times <= self.now + 86_400_000_000]
        self.ahead += len(times) - len(past)
        if past.size:
            self.newest = max(int(past.max()), -(1 << 63) if self.newest is None else self.newest)

    def found(self, rows: int, show: int) -> Found:
        """Whether the newest is new enough, or how many are too old."""
        limit = f"{self.service.kind} {self.service.says}: nothing before {told(self.oldest)}"
        if self.service.kind == "retention":
            return Found(self.first.count, self.first.rows[:show], says=f"are older than {self.service.says}")
        hidden = not self.needs[0].is_public
        ahead = f"; {self.ahead:,} of times that are yet to come do not count" if self.ahead else ""
        if self.newest is None:
            return Found(None, says=f"no row has a time; wanted {limit}{ahead}", kept=not rows)
        newest = "" if hidden else f"the newest is of {told(self.newest)}; "
        kept = self.newest >= self.oldest
        return Found(None, value=None if hidden else told(self.newest), says=f"{newest}{limit}{ahead}", kept=kept)


class LengthWatch:
    """How long texts are: 4 bytes a row.

    count  the tokens of each text, where they are what is counted
    """

    def __init__(
        self, measure: Measure, prop: Property, k: int, count: Callable[[pl.Series], np.ndarray] | None
    ) -> None:
        self.name, self.measure, self.needs, self.count = f"length{k}", measure, (prop,), count
        self.lengths: list[np.ndarray] = []

    def columns(self, found: Columns, is_json: bool) -> list[pl.Expr]:
        """The length of the text, or the text itself where tokens are counted."""
        prop = self.needs[0]
        if not isinstance(found[prop.column], pl.String | pl.Categorical | pl.Enum | pl.Null):
            raise InputError(f"{prop.name}: length is of text; the column holds {found[prop.column]}")
        text = named(prop.column).cast(pl.String)
        of = self.measure.arguments.get("of", "characters")
        lengths = {"characters": text.str.len_chars(), "words": text.str.count_matches(r"\S+"), "tokens": text}[of]
        return [lengths.alias(f"{self.name}.of")]

    def fold(self, frame: pl.DataFrame, rows: np.ndarray) -> None:
        """Note the lengths of texts that are there."""
        column = frame[f"{self.name}.of"].drop_nulls()
        self.lengths.append((self.count(column) if self.count else column.to_numpy()).astype(np.uint32))

    def found(self, rows: int, show: int) -> Found:
        """The statistic, or how far it is from the baseline."""
        given = self.measure.arguments
        lengths = np.concatenate(self.lengths) if self.lengths else np.zeros(0, np.uint32)
        statistic = given.get("statistic", "mean")
        what = f"{statistic} length in {given.get('of', 'characters')}"
        if not lengths.size:
            return Found(None, says=f"{what}: there is no text", kept=not rows)
        value = _statistic(lengths, statistic)
        if "baseline" not in given:
            return Found(None, value=value, says=f"{what} is {value:,.6g}")
        drift = 100 * abs(value - given["baseline"]) / given["baseline"]
        return Found(
            None, value=drift, says=f"{what} is {value:,.6g}, {drift:.3g} percent from {given['baseline']:,.6g}"
        )


def _statistic(lengths: np.ndarray, name: str) -> float:
    """mean, or the smallest length that at least so many percent of all do not exceed."""
    if name == "mean":
        return float(lengths.mean(dtype=np.float64))
    share = {"min": 0.0, "median": 50.0, "max": 100.0}.get(name)
    percent = float(name[1:]) if share is None else share
    return float(np.percentile(lengths, percent, method="inverted_cdf"))


class AgreementWatch:
    """How far reviewers agree: 24 bytes a row."""

    names: ClassVar[tuple[str, ...]] = ("item", "rater", "label")

    def __init__(self, measure: Measure, prop: Property, table: Table, k: int) -> None:
        self.name, self.measure = f"agreement{k}", measure
        item, rater = (table.property(measure.arguments[n]) for n in ("item", "rater"))
        assert item is not None and rater is not None
        self.needs = (item, rater, prop)
        self.parts: list[pl.DataFrame] = []

    def columns(self, found: Columns, is_json: bool) -> list[pl.Expr]:
        """Hashes of item, reviewer and label."""
        columns = []
        for prop, name in zip(self.needs, self.names, strict=True):
            key = as_key(named(prop.column), prop.name, found[prop.column])
            columns.append(pl.when(key.is_not_null()).then(key.hash()).alias(f"{self.name}.{name}"))
        return columns

    def fold(self, frame: pl.DataFrame, rows: np.ndarray) -> None:
        """Keep the labels that are there."""
        own = [pl.col(f"{self.name}.{n}").alias(n) for n in self.names]
        self.parts.append(frame.select(own).drop_nulls())

    def found(self, rows: int, show: int) -> Found:
        """The agreement, or why there is none."""
        whole = pl.concat(self.parts) if self.parts else pl.DataFrame(schema=dict.fromkeys(self.names, pl.UInt64))
        statistic = self.measure.arguments.get("statistic", "alpha")
        result = agreement(whole, statistic)
        return Found(None, value=result.value, says=result.says, kept=None if result.value is not None else False)
