"""The detector: which rows a recogniser need not look at is settled for all of them in one pass; the rest it is asked about."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from tamis.curate.pii.context import Context, Near, supports, surer
from tamis.curate.pii.findings import Failure, Finding, Findings, resolved, tabled
from tamis.curate.pii.gates import Gate
from tamis.curate.pii.passing import Passing
from tamis.curate.pii.unbroken import Runs, runs
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

LONG = 100_000
"""Code points of a text for which a regex has all the time there is; a shorter one has its share of it."""
LEAST_SHARE = 0.1


class Asked(NamedTuple):
    """A recogniser, ready to be asked.

    holding  where it can be asked about runs of a text alone: what matches those
    find     its findings in a text, given also who can say what a model makes of it; it may raise whatever it likes
    """

    name: str
    entities: frozenset[str]
    gate: Gate | None
    holding: re.Pattern[str] | None
    context: tuple[str, ...]
    find: Callable[[str, Callable[[], Any]], list[Finding]]


class Ask(NamedTuple):
    """A recogniser that is asked about a text, or about some runs of it."""

    asked: Asked
    runs: Runs | None = None

    def answer(self, text: str, read: Callable[[], Any]) -> list[Finding]:
        """What it finds, with places in the text."""
        if self.runs is None:
            return self.asked.find(text, read)
        found = self.asked.find(self.runs.joined, read)
        places = [self.runs.there(one.start, one.stop) for one in found]
        return [one._replace(start=a, stop=b) for one, (a, b) in zip(found, places, strict=True)]


@dataclass(frozen=True)
class Detector:
    """Finds private data in texts.

    entities     what to look for: names of Presidio, SECRET, or what `recognisers` find
    threshold    score (0–1) below which a finding is none
    packs        countries by two letters: all of Presidio's recognisers for them
    recognisers  a user's own: YAML files in Presidio's form, Presidio's objects, or objects with name, entity, gate, find
    overlaps     True: every finding as Presidio would give it; False: findings that do not overlap
    seconds      that a regex may take for one text of LONG or more; for a shorter its share, a tenth at least
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
        passing = self.passing.rows(column)
        rows = np.unique(np.concatenate([np.empty(0, np.int64), *passing]))
        texts = dict(zip(rows.tolist(), column.gather(rows).to_list(), strict=True))
        ask = self._ask(texts, passing)
        told: list[tuple[int, str, list[Finding]]] = []
        failures: list[Failure] = []
        for row, text in texts.items():
            found = self._search(row, text, ask[row], failures)
            if found:
                told.append((row, text, found))
        return tabled(told, failures)

    def _ask(self, texts: dict[int, str], passing: list[np.ndarray]) -> dict[int, list[Ask]]:
        """Whom to ask about each of `texts`."""
        ask: dict[int, list[Ask]] = {row: [] for row in texts}
        for one, gate, at in zip(self.asked, self.passing.gates, passing, strict=True):
            rows = at.tolist()
            if one.holding and gate:
                held = runs([texts[row] for row in rows], one.holding, gate)
                for row, some in zip(rows, held, strict=True):
                    if some:
                        ask[row].append(Ask(one, some))
            else:
                for row in rows:
                    ask[row].append(Ask(one))
        return ask

    def _search(self, row: int, text: str, ask: list[Ask], failures: list[Failure]) -> list[Finding]:
        """What stands in one text; `failures` is added to."""
        from tamis.curate.pii.presidio import bounded

        found: list[Finding] = []
        read = cache(lambda: self.words.process_text(text, "en"))
        # By the text alone: what was slow before it must not decide whether it is searched.
        seconds = self.seconds * min(1, max(LEAST_SHARE, len(text) / LONG))
        with bounded(seconds) as late:
            for one in ask:
                try:
                    found += one.answer(text, read)
                # Whatever a recogniser raises, the others go on, and the row is told of. Its message may hold the text.
                except Exception as error:
                    failures.append(Failure(row, one.asked.name, type(error).__name__))
                if late:
                    failures.append(Failure(row, one.asked.name, f"{', '.join(late)}: more than {seconds:g} seconds"))
                    late.clear()
        if self._by_engine:
            return found if self.overlaps else resolved(found, text)
        return self._judged(text, found, read) if found else []

    @cached_property
    def _by_engine(self) -> bool:
        """Whether one of a user's recognisers judges context in its own way: then Presidio's own engine is asked."""
        from tamis.curate.pii import presidio

        return any(presidio.has_own_context(one) for one in self.consulted)

    @cached_property
    def passing(self) -> Passing:
        """Which rows each is asked about."""
        return Passing([(one.name, one.gate) for one in self.asked])

    def _judged(self, text: str, found: list[Finding], read: Callable[[], Any]) -> list[Finding]:
        """What stands of all that was found in one text."""
        if self.ner:
            near: Near = self.model.context(text, read())
        else:
            near = Context(text, self.words.words, self.words.is_dull)
        scored = [
            # What is as sure as can be, or has no words that could make it surer, costs no look at the words beside it.
            f._replace(score=surer(f.score))
            if f.score < 1 and (words := self._contexts[f.recogniser]) and supports(near, f.start, words)
            else f
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
        """Every recogniser, in a fixed order; or Presidio's engine, as one."""
        from tamis.curate.pii import presidio

        if not self._by_engine:
            return tuple(presidio.asked(one) for one in self.consulted)
        analyze = presidio.plain(self.consulted, self.threshold, self.words)
        entities = frozenset(entity for one in self.consulted for entity in one.supported_entities)
        return (Asked("AnalyzerEngine", entities, None, None, (), lambda text, _: analyze(text)),)

    @cached_property
    def consulted(self) -> tuple[Any, ...]:
        """Every recogniser as an object of Presidio's. Raises UsageError for an entity that nothing here finds."""
        from tamis.curate.pii.choice import chosen

        names = [entity for entity in self.entities if entity in NAMES]
        if names and not self.ner:
            raise UsageError(f"pii: {names[0]} takes a model to find: say `ner: true`, or leave it out of `entities`")
        others = chosen([entity for entity in self.entities if entity not in NAMES], self.packs, self.recognisers)
        return (*others, self.model.recogniser(names or NAMES_USUAL)) if self.ner else tuple(others)


def undoubled(found: Iterable[Finding]) -> list[Finding]:
    """Without those that lie in another of the same entity that is as sure, and without those of score 0; sorted.

    As Presidio does it. Of equal ones the recogniser that is first by name stands.
    """
    kept: list[Finding] = []
    near: list[Finding] = []  # of those kept, the ones that may hold what comes next
    for one in sorted(found, key=lambda f: (f.entity, f.start, -f.stop, -f.score, f.recogniser)):
        near = [k for k in near if k.entity == one.entity and k.stop >= one.start]
        if one.score > 0 and not any(k.stop >= one.stop and k.score >= one.score for k in near):
            kept.append(one)
            near.append(one)
    return sorted(kept)
