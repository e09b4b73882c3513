"""The detector: which rows a recogniser need not look at is settled for all of them in one pass; the rest it is asked about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from tamis.curate.pii.context import Context, Near, supports, surer
from tamis.curate.pii.findings import Failure, Finding, Findings, resolved, tabled
from tamis.curate.pii.gates import Gate, fewer
from tamis.errors import UsageError

if TYPE_CHECKING:
    from tamis.curate.pii.presidio import Model

ENTITIES = (
    "EMAIL_ADDRESS",
    "PHONE_NUMBER",
    "CREDIT_CARD",
    "IBAN_CODE",
    "IP_ADDRESS",
    "US_SSN",
    "CRYPTO",
    "SECRET",
)
"""What is looked for by default."""

NAMES = frozenset({"PERSON", "LOCATION", "NRP", "ORGANIZATION"})
"""What only a model finds."""
NAMES_USUAL = ("LOCATION", "NRP", "PERSON")
"""What a model is asked for where `entities` names none: of organisations it is wrong more often than right."""

PATIENCE = 3
"""Texts on which a recogniser may run out of time before it is asked no more: a bad regex must not take days."""


class Asked(NamedTuple):
    """A recogniser, ready to be asked.

    find: its findings in a text, given also who can say what a model makes of it; it may raise whatever it likes.
    """

    name: str
    entities: frozenset[str]
    gate: Gate | None
    context: tuple[str, ...]
    find: Callable[[str, Callable[[], Any]], list[Finding]]


@dataclass(frozen=True)
class Detector:
    """Finds private data in texts.

    entities     what to look for: names of Presidio, SECRET, or what `recognisers` find
    threshold    score (0–1) below which a finding is none
    packs        countries by two letters: all of Presidio's recognisers for them
    recognisers  a user's own: YAML files in Presidio's form, Presidio's objects, or objects with name, entity, gate, find
    overlaps     True: every finding as Presidio would give it; False: findings that do not overlap
    seconds      that a regex may take for one text
    ner          a spaCy model for names, by name, path or name==version; True: the first that is installed
    """

    entities: tuple[str, ...] = ENTITIES
    threshold: float = 0.4
    packs: tuple[str, ...] = ()
    recognisers: tuple[Any, ...] = ()
    overlaps: bool = False
    seconds: float = 5.0
    ner: str | bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise UsageError(f"pii: threshold is {self.threshold!r}; it can be 0 to 1")
        for name in ("entities", "packs", "recognisers"):
            given = getattr(self, name)
            object.__setattr__(self, name, (given,) if isinstance(given, (str, Path)) else tuple(given))

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def find(self, strings: pa.Array) -> Findings:
        """Findings in every text of `strings` (string or large_string; null: none)."""
        column = pl.Series(strings)
        passing = self._passing(column)
        rows = np.unique(np.concatenate([np.empty(0, np.int64), *passing]))
        texts = dict(zip(rows.tolist(), column.gather(rows).to_list(), strict=True))
        ask: dict[int, list[Asked]] = {row: [] for row in texts}
        for one, at in zip(self.asked, passing, strict=True):
            for row in at.tolist():
                ask[row].append(one)
        told: list[tuple[int, str, list[Finding]]] = []
        failures: list[Failure] = []
        from tamis.curate.pii.presidio import bounded

        with bounded(self.seconds) as late:
            for row, text in texts.items():
                found = self._search(row, text, ask[row], late, failures)
                if found:
                    told.append((row, text, found))
        return tabled(told, failures)

    def _search(self, row: int, text: str, ask: list[Asked], late: list[str], failures: list[Failure]) -> list[Finding]:
        """What stands in one text. `late` has the regexes that just ran out of time; `failures` is added to."""
        if self._plain:
            return self._asked_plainly(self._plain, row, text, failures)
        found: list[Finding] = []
        read = _Once(lambda: self.words.process_text(text, "en"))
        for one in ask:
            if self._times[one.name] >= PATIENCE:
                failures.append(Failure(row, one.name, f"not asked: it ran out of time on {PATIENCE} texts"))
                continue
            try:
                found += one.find(text, read)
            # Whatever a recogniser raises, the others go on, and the row is told of. Its message may hold the text.
            except Exception as error:
                failures.append(Failure(row, one.name, type(error).__name__))
            if late:
                self._times[one.name] += 1
                failures.append(Failure(row, one.name, f"{', '.join(late)}: more than {self.seconds:g} seconds"))
                late.clear()
        return self._judged(text, found, read) if found else []

    def _asked_plainly(
        self, analyze: Callable[[str], list[Finding]], row: int, text: str, failures: list[Failure]
    ) -> list[Finding]:
        try:
            standing = analyze(text)
        except Exception as error:
            failures.append(Failure(row, "AnalyzerEngine", type(error).__name__))
            return []
        return standing if self.overlaps else resolved(standing, text)

    @cached_property
    def _plain(self) -> Callable[[str], list[Finding]] | None:
        """Presidio's own engine, where one of a user's recognisers judges context in its own way; else None."""
        from tamis.curate.pii import presidio

        if not any(presidio.has_own_context(one) for one in self.consulted):
            return None
        return presidio.plain(self.consulted, self.threshold, self.words)

    @cached_property
    def _times(self) -> Counter[str]:
        """How often each recogniser has run out of time."""
        return Counter()

    def _passing(self, column: pl.Series) -> list[np.ndarray]:
        """For each recogniser the rows it is asked about: (k,) int64, ascending."""
        text = pl.col("text")
        gates = [
            pl.any_horizontal(text.str.contains(g) for g in gate).fill_null(False) if gate else text.is_not_null()
            for gate in self._gates
        ]
        masks = pl.LazyFrame({"text": column}).select(g.alias(str(k)) for k, g in enumerate(gates)).collect()
        return [np.flatnonzero(masks[str(k)].to_numpy()) for k in range(len(gates))]

    @cached_property
    def _gates(self) -> list[Gate | None]:
        """The gate of each recogniser; None: it is always asked."""
        return [None] * len(self.asked) if self._plain else fewer([one.gate for one in self.asked])

    def _judged(self, text: str, found: list[Finding], read: Callable[[], Any]) -> list[Finding]:
        """What stands of all that was found in one text."""
        if self.ner:
            near: Near = self.model.context(text, read())
        else:
            near = Context(text, self.words.words, self.words.is_dull)
        scored = [
            f._replace(score=surer(f.score)) if supports(near, f.start, self._contexts[f.recogniser]) else f
            for f in found
        ]
        standing = undoubled(f for f in scored if f.score >= self.threshold)
        return standing if self.overlaps else resolved(standing, text)

    @cached_property
    def _contexts(self) -> dict[str, tuple[str, ...]]:
        return {one.name: one.context for one in self.asked}

    @cached_property
    def words(self) -> Any:
        """What takes texts apart into words: the model, or a tokenizer."""
        from tamis.curate.pii.presidio import Words

        return self.model if self.ner else Words()

    @cached_property
    def model(self) -> Model:
        """The model for names."""
        from tamis.curate.pii.presidio import model

        return model(self.ner)

    @cached_property
    def asked(self) -> tuple[Asked, ...]:
        """Every recogniser, in a fixed order."""
        from tamis.curate.pii import presidio

        return tuple(presidio.asked(one) for one in self.consulted)

    @cached_property
    def consulted(self) -> tuple[Any, ...]:
        """The same as Presidio's objects."""
        from tamis.curate.pii.choice import chosen

        names = [entity for entity in self.entities if entity in NAMES]
        if names and not self.ner:
            raise UsageError(f"pii: {names[0]} takes a model to find: say `ner: true`, or leave it out of `entities`")
        others = chosen([entity for entity in self.entities if entity not in NAMES], self.packs, self.recognisers)
        return (*others, self.model.recogniser(names or NAMES_USUAL)) if self.ner else tuple(others)


class _Once:
    """Calls `of` when it is first wanted, and keeps what it gave."""

    def __init__(self, of: Callable[[], Any]) -> None:
        self.of, self.has, self.gave = of, False, None

    def __call__(self) -> Any:
        if not self.has:
            self.gave, self.has = self.of(), True
        return self.gave


def undoubled(found: Iterable[Finding]) -> list[Finding]:
    """Without those that lie in another of the same entity that is as sure, and without those of score 0; sorted.

    As Presidio does it. Of equal ones the recogniser that is first by name stands.
    """
    kept: list[Finding] = []
    for one in sorted(found, key=lambda f: (f.entity, f.start, -f.stop, -f.score, f.recogniser)):
        inside = (k.entity == one.entity and k.stop >= one.stop and k.score >= one.score for k in reversed(kept))
        if one.score > 0 and not any(inside):
            kept.append(one)
    return sorted(kept)
