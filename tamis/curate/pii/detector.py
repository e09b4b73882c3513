"""The detector: which rows a recogniser need not look at is settled for all of them in one pass; the rest it is asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from tamis.curate.pii.context import Context, surer
from tamis.curate.pii.findings import Failure, Finding, Findings, resolved, tabled
from tamis.errors import UsageError

if TYPE_CHECKING:
    from tamis.curate.pii.presidio import Words

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

PATIENCE = 3
"""Texts on which a recogniser may run out of time before it is asked no more: a bad regex must not take days."""


class Asked(NamedTuple):
    """A recogniser, ready to be asked. find: its findings in a text; it may raise whatever it likes."""

    name: str
    entities: frozenset[str]
    gate: str | None
    context: tuple[str, ...]
    find: Callable[[str], list[Finding]]


@dataclass(frozen=True)
class Detector:
    """Finds private data in texts.

    entities     what to look for: names of Presidio, SECRET, or what `recognisers` find
    threshold    score (0–1) below which a finding is none
    packs        countries by two letters: all of Presidio's recognisers for them
    recognisers  a user's own: YAML files in Presidio's form, Presidio's objects, or objects with name, entity, gate, find
    overlaps     True: every finding as Presidio would give it; False: findings that do not overlap
    seconds      that a regex may take for one text
    """

    entities: tuple[str, ...] = ENTITIES
    threshold: float = 0.4
    packs: tuple[str, ...] = ()
    recognisers: tuple[Any, ...] = ()
    overlaps: bool = False
    seconds: float = 5.0

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
        found: dict[int, list[Finding]] = {}
        failures: list[Failure] = []
        texts = column.to_list()
        for one, rows in zip(self.asked, self._passing(column), strict=True):
            for row in rows.tolist():
                try:
                    found.setdefault(row, []).extend(one.find(texts[row]))
                # Whatever a recogniser raises, the others go on, and the row is told of. Its message may hold the text.
                except Exception as error:
                    failures.append(Failure(row, one.name, type(error).__name__))
        told = [(row, texts[row], self._judged(texts[row], found[row])) for row in sorted(found) if found[row]]
        return tabled([one for one in told if one[2]], failures)

    def _passing(self, column: pl.Series) -> list[np.ndarray]:
        """For each recogniser the rows it is asked about: (k,) int64, ascending."""
        gates = [
            pl.col("text").is_not_null() if one.gate is None else pl.col("text").str.contains(one.gate).fill_null(False)
            for one in self.asked
        ]
        masks = pl.LazyFrame({"text": column}).select(g.alias(str(k)) for k, g in enumerate(gates)).collect()
        return [np.flatnonzero(masks[str(k)].to_numpy()) for k in range(len(gates))]

    def _judged(self, text: str, found: list[Finding]) -> list[Finding]:
        """What stands of all that was found in one text."""
        contexts = {one.name: one.context for one in self.asked}
        near = Context(text, self.words.words, self.words.is_dull)
        scored = [
            f._replace(score=surer(f.score)) if contexts[f.recogniser] and near.supports(f.start, contexts[f.recogniser]) else f
            for f in found
        ]
        standing = undoubled(f for f in scored if f.score >= self.threshold)
        return standing if self.overlaps else resolved(standing, text)

    @cached_property
    def words(self) -> Words:
        """The tokenizer."""
        from tamis.curate.pii.presidio import Words

        return Words()

    @cached_property
    def asked(self) -> tuple[Asked, ...]:
        """Every recogniser, in a fixed order."""
        from tamis.curate.pii import presidio

        return tuple(presidio.asked(one, self.seconds) for one in self.consulted)

    @cached_property
    def consulted(self) -> tuple[Any, ...]:
        """The same as Presidio's objects."""
        from tamis.curate.pii.choice import chosen

        return tuple(chosen(self.entities, self.packs, self.recognisers))


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
