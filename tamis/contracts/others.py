"""Rules that are neither about single rows nor about keys: relations, ages, measures, SQL, texts for people.

Most watch the rows go by in the narrow pass (tamis.contracts.watches). What needs the data once more (a query, a stage) is
asked afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl

from tamis.contracts.attrition import attrition
from tamis.contracts.comparison import Comparison
from tamis.contracts.measures import KINDS
from tamis.contracts.model import Action, Contract, Measure, Property, Query, Review, Rule, Severity, Table
from tamis.contracts.queries import SECONDS, Answer, ask
from tamis.contracts.references import on_disk, referred
from tamis.contracts.result import Found
from tamis.contracts.sources import Part, parts
from tamis.contracts.sql import check_query, counted
from tamis.contracts.staged import staged, token_counter
from tamis.contracts.watches import AgreementWatch, Columns, LengthWatch, RelationWatch, ServiceWatch, Watch
from tamis.errors import TamisError, UsageError


@dataclass(frozen=True)
class Circumstances:
    """What a check is told beside data and contract.

    references  where the rows of other tables lie, by the name of the table: paths, frames or tables
    now         moment of the check, with its zone
    flow        `rows` and `sources` of the run that made the data, as run.json has them
    seconds     a query may take this long
    """

    now: datetime
    references: Mapping[str, Any]
    flow: Mapping[str, Any] | None = None
    seconds: float = SECONDS


class Asked(NamedTuple):
    """A rule with what came of it. `field`: name of its property."""

    id: str
    kind: str
    field: str | None
    action: Action
    severity: Severity
    line: int
    promised: Comparison | None
    found: Found
    status: Literal["review"] | None = None


class Others:
    """The other rules of one table."""

    def __init__(self, contract: Contract, table: Table, sources: Sequence[Part], around: Circumstances) -> None:
        self.contract, self.table, self.parts, self.around = contract, table, sources, around
        for name in around.references:
            contract.table(name)
        self.watches: list[tuple[Any, Watch]] = []
        """Rule and what watches the rows for it."""
        self.unasked: dict[int, str] = {}
        """Why a rule (by its id()) cannot be asked."""
        for k, relation in enumerate(table.relations):
            self._relate(k, relation)
        for k, service in enumerate(table.services):
            self.watches.append((service, ServiceWatch(service, table, k, around.now)))
        for k, (prop, rule) in enumerate(table.all_rules()):
            if isinstance(rule, Measure) and prop is not None:
                self._measure(k, prop, rule)

    def _relate(self, k: int, relation: Any) -> None:
        other = self.contract.table(relation.table)
        given: Any = self.around.references.get(relation.table)
        if given is None and relation.table == self.table.name:
            sources = list(self.parts)
        elif given is None and other.path is None:
            self.unasked[id(relation)] = (
                f"the rows of {relation.table!r} are not known; name them: --reference {relation.table}=PATH, "
                "or tamis.path in the contract"
            )
            return
        else:
            try:
                sources = parts(given if given is not None else str(other.path))
            except TamisError as wrong:
                self.unasked[id(relation)] = str(wrong)
                return
        ends = [*(self.table.property(n) for n in relation.columns), *_by_column(other, relation.to_columns)]
        as_float = any(p is not None and p.logical_type == "number" for p in ends)
        try:
            keys = referred(other, relation.to_columns, sources, as_float)
        except UsageError as wrong:
            self.unasked[id(relation)] = str(wrong)
            return
        self.watches.append((relation, RelationWatch(relation, self.table, k, keys, as_float)))

    def _measure(self, k: int, prop: Property, rule: Measure) -> None:
        if rule.name == "length":
            tokens = rule.arguments.get("of") == "tokens"
            count = token_counter(rule.base / rule.arguments["tokenizer"]) if tokens else None
            self.watches.append((rule, LengthWatch(rule, prop, k, count)))
        elif rule.name == "agreement":
            self.watches.append((rule, AgreementWatch(rule, prop, self.table, k)))

    def columns(self, found: Columns, sound: Sequence[Property], is_json: bool) -> list[pl.Expr]:
        """What the watches want of rows of these types; one whose columns are not all sound is not asked."""
        names = {p.name for p in sound}
        exprs: list[pl.Expr] = []
        for rule, watch in self.watches:
            if names >= {p.name for p in watch.needs}:
                exprs += watch.columns(found, is_json)
            else:
                self.unasked[id(rule)] = "a column is missing or of another type"
        return exprs

    def fold(self, frame: pl.DataFrame, rows: np.ndarray) -> None:
        """Show some rows to every watch."""
        for _, watch in self.watches:
            if any(name.startswith(f"{watch.name}.") for name in frame.columns):
                watch.fold(frame, rows)

    def asked(self, rows: int, show: int) -> Iterator[Asked]:
        """Every other rule with what came of it, `rows` of the data having gone by."""
        watched = {id(rule): watch for rule, watch in self.watches}
        answers = self._queries(show)
        for relation in self.table.relations:
            found = self._found(relation, watched, rows, show)
            name = relation.columns[0] if len(relation.columns) == 1 else None
            yield Asked(
                relation.id, "relationship", name, relation.action, relation.severity, relation.line, None, found
            )
        for service in self.table.services:
            found = self._found(service, watched, rows, show)
            yield Asked(
                service.id, service.kind, service.column, service.action, service.severity, service.line, None, found
            )
        for prop, rule in self.table.all_rules():
            asked = self._rule(prop, rule, watched, answers, rows, show)
            if asked is not None:
                yield asked

    def _rule(
        self,
        prop: Property | None,
        rule: Rule,
        watched: Mapping[int, Watch],
        answers: Mapping[int, Found],
        rows: int,
        show: int,
    ) -> Asked | None:
        name = prop.name if prop else None
        full = f"{name}.{rule.id}" if name else rule.id
        if isinstance(rule, Review):
            return Asked(full, "text", name, "warn", "info", rule.line, None, Found(None, says=rule.text), "review")
        if isinstance(rule, Query):
            found = answers[id(rule)]
            return Asked(full, "sql", name, rule.action, rule.severity, rule.line, rule.promised, found)
        if not isinstance(rule, Measure) or rule.name == "rubric":
            return None
        if rule.name == "attrition":
            found = attrition(self.around.flow, rule.arguments.get("by", "run"))
        elif KINDS[rule.name].stage or rule.name == "stage":
            found = self._staged(rule, prop, rows, show)
        else:
            found = self._found(rule, watched, rows, show)
        return Asked(full, rule.name, name, rule.action, rule.severity, rule.line, rule.promised, found)

    def _found(self, rule: Any, watched: Mapping[int, Watch], rows: int, show: int) -> Found:
        if id(rule) in self.unasked:
            return Found(None, says=f"not checked: {self.unasked[id(rule)]}", checked=False)
        return watched[id(rule)].found(rows, show)

    def _staged(self, rule: Measure, prop: Property | None, rows: int, show: int) -> Found:
        """What a stage decides; one that cannot be carried out here is a rule not checked."""
        if not rows:
            return Found(0, says=f"are counted by {rule.name}", kept=True)
        try:
            return staged(rule, prop, self.parts, rows, show)
        except TamisError as wrong:
            return Found(None, says=f"not checked: {wrong}", checked=False)

    def _queries(self, show: int) -> dict[int, Found]:
        queries = [(rule, prop) for prop, rule in self.table.all_rules() if isinstance(rule, Query)]
        if not queries:
            return {}
        known = {t.name: t for t in self.contract.tables}
        asked, conditions = [], []
        for rule, _ in queries:
            words = check_query(rule.text, tuple(known), self.contract.path, rule.line)
            asked.append((rule.text, counted(words, self.table.name)))
            conditions.append(asked[-1][1] is not None)
        given: dict[str, Sequence[Part]] = {self.table.name: self.parts}
        for name, table in known.items():
            if name != self.table.name and (name in self.around.references or table.path):
                with suppress(TamisError):  # a query that reads it says that it is not there
                    given[name] = parts(self.around.references.get(name, str(table.path)))
        with on_disk(given, known) as tables:
            columns = {name: [p.column for p in table.properties] for name, table in known.items()}
            answers = list(ask(self.table.name, tables, columns, asked, show, self.around.seconds))
        return {
            id(rule): self._answer(rule, answer, is_count)
            for (rule, _), answer, is_count in zip(queries, answers, conditions, strict=True)
        }

    def _answer(self, rule: Query, answer: Answer, is_count: bool) -> Found:
        if answer.error is not None:
            return Found(None, says=f"not checked: {answer.error}", checked=False)
        assert answer.value is not None
        known = [p for t in self.contract.tables for p in t.properties]
        private = [p.name for p in known if p.column in rule.columns and not p.is_public]
        if private and not is_count:
            kept = rule.promised.holds(answer.value)
            return Found(None, says=f"the query's value is withheld: {', '.join(private)} is not public", kept=kept)
        return Found(None, answer.rows, answer.value, f"the query gives {answer.value:,}")


def _by_column(table: Table, columns: Sequence[str]) -> list[Property | None]:
    return [next((p for p in table.properties if p.column == c), None) for c in columns]
