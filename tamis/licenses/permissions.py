"""What a licence expression lets one do: use, attribution, share-alike, derivatives, AI training.

    permissions("CC-BY-SA-4.0 OR MIT")    the better part of a choice: MIT
    permissions("CC-BY-4.0 AND MIT")      all parts of a sum at once: attribution, any use
    permissions("who knows")              UNKNOWN: nobody gave leave

The columns are those of the Data Provenance Initiative (use, attribution, share-alike), with derivatives and AI training
beside them. families.csv says which share-alike licence may be exchanged for which: `into` is what an adaptation of a work
under `family` may be released under. As flags.csv it was written from general knowledge.
"""

from __future__ import annotations

from collections.abc import Iterable
from csv import DictReader
from functools import cache, lru_cache, reduce
from importlib.resources import files
from typing import Any, NamedTuple

from tamis.licenses.spdx import flags, parse

USES = ("any", "restricted", "noncommercial", "research", "unknown")
"""What it may be used for, widest first. restricted: for any purpose but some."""

TRAINING = ("yes", "unclear", "no")

MOST_CHOICES = 256
"""Ways to take an expression that are weighed; of more, those that are best by their parts."""


class Permissions(NamedTuple):
    """What is permitted, and what is asked for in return."""

    use: str
    """one of USES"""
    attribution: bool
    share_alike: frozenset[str]
    """licences that all built with it must come under; more than one where parts ask for different ones"""
    derivatives: bool
    ai_training: str
    """one of TRAINING"""

    def facts(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {**self._asdict(), "share_alike": sorted(self.share_alike)}


FREE = Permissions("any", False, frozenset(), True, "yes")
"""Nothing asked for: what a sum of no parts permits."""

UNKNOWN = Permissions("unknown", True, frozenset(), False, "unclear")
"""Of what has no licence, or none that is known: missing does not mean free."""


@lru_cache(65_536)
def permissions(expression: str | None) -> Permissions:
    """What `expression` permits, taken the best way its choices leave open."""
    return choices(expression)[0]


@lru_cache(65_536)
def choices(expression: str | None) -> tuple[Permissions, ...]:
    """What `expression` permits, by each way its choices leave open, best first."""
    tree = None if expression is None else parse(expression)
    return (UNKNOWN,) if tree is None else tuple(join(map(_of, way)) for way in _ways(tree))


def permissions_of_all(expressions: Iterable[str | None]) -> Permissions:
    """What is permitted where all of `expressions` must be kept at once, their choices taken the best way together."""
    trees = [None if e is None else parse(e) for e in expressions]
    ways = reduce(_each_with_each, (_ways(tree) for tree in trees if tree is not None), [frozenset[str]()])
    return join([*map(_of, ways[0]), *(UNKNOWN for tree in trees if tree is None)])


def join(parts: Iterable[Permissions]) -> Permissions:
    """What is permitted where all of `parts` must be kept at once."""
    return reduce(_both, parts, FREE)


def standing_conflict(asked: Permissions) -> str | None:
    """Why nothing can be released under `asked`; None where it can.

    Share-alike licences conflict where no licence is open to all of them, or where that one lets nobody add a restriction
    which another part asks for.
    """
    if not asked.share_alike:
        return None
    common = together(asked.share_alike)
    names = ", ".join(sorted(asked.share_alike))
    if not common:
        return f"{names}: each wants all built with it under itself, and no licence is open to all of them"
    if asked.use != "unknown" and all(USES.index(_of(id).use) < USES.index(asked.use) for id in common):
        return f"{names} lets nobody add a restriction, and another part permits {asked.use} use only"
    return None


def together(families: Iterable[str]) -> frozenset[str]:
    """Share-alike licences under which works under each of `families` can be released as one."""
    return frozenset.intersection(*map(open_to, families))


@cache
def open_to(family: str) -> frozenset[str]:
    """Licences that an adaptation of a work under `family` may come under, itself among them."""
    found, ahead = {family}, [family]
    while ahead:
        for next in _exits().get(ahead.pop(), ()):
            if next not in found:
                found.add(next)
                ahead.append(next)
    return frozenset(found)


def _both(one: Permissions, other: Permissions) -> Permissions:
    return Permissions(
        max(one.use, other.use, key=USES.index),
        one.attribution or other.attribution,
        one.share_alike | other.share_alike,
        one.derivatives and other.derivatives,
        max(one.ai_training, other.ai_training, key=TRAINING.index),
    )


@cache
def _of(id: str) -> Permissions:
    """What one licence permits. Weak copyleft asks for its own files alone: nothing that reaches what is built with it."""
    asks = flags(id)
    if asks is None:
        return UNKNOWN
    family = frozenset([id]) if asks.share_alike == "strong" else frozenset()
    return Permissions(asks.use, asks.attribution, family, asks.derivatives, asks.ai_training)


def _ways(tree: Any) -> list[frozenset[str]]:
    """Every way to take an expression, best first: the licences that must then be kept, none of them needlessly."""
    if hasattr(tree, "exception_symbol"):  # an exception only grants more
        return [frozenset([str(tree.license_symbol.key)])]
    if not tree.args:
        return [frozenset([str(tree.key)])]
    parts = [_ways(part) for part in tree.args]
    if type(tree).__name__ == "OR":
        return _fewest([way for part in parts for way in part])
    return reduce(_each_with_each, parts)


def _each_with_each(ways: list[frozenset[str]], others: list[frozenset[str]]) -> list[frozenset[str]]:
    return _fewest([way | other for way in ways for other in others])


def _fewest(ways: list[frozenset[str]]) -> list[frozenset[str]]:
    """`ways`, best first, without those that keep all licences of another and more."""
    unlike = sorted(set(ways), key=lambda way: (_rank(join(map(_of, way))), sorted(way)))[:MOST_CHOICES]
    return [way for way in unlike if not any(other < way for other in unlike)]


def _rank(found: Permissions) -> tuple[Any, ...]:
    """Order of choices, best first: what it may be used for weighs most, attribution least."""
    return (
        USES.index(found.use),
        not found.derivatives,
        TRAINING.index(found.ai_training),
        standing_conflict(found) is not None,
        len(found.share_alike),
        found.attribution,
        sorted(found.share_alike),
    )


@cache
def _exits() -> dict[str, list[str]]:
    exits: dict[str, list[str]] = {}
    with files("tamis.licenses").joinpath("families.csv").open(encoding="utf-8") as lines:
        for row in DictReader(lines):
            exits.setdefault(row["family"], []).append(row["into"])
    return exits
