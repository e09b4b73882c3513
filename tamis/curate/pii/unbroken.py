"""Of a text, the runs between white space in which a regex can match: most regexes of recognisers match no white space.

Where every character that a regex takes, or looks at from an assertion, is none of WHITE, a match lies within one run, and
whether it is one depends on that run alone. So the regex may be asked about the runs that hold a character it cannot do
without, put together with spaces, and finds there what it finds in the whole text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from re import _constants as C  # type: ignore[attr-defined]
from typing import Any, NamedTuple

import polars as pl

from tamis.curate.pii.gates import REPEATS, Gate, matches, parsed

WHITE = " \t\n\r"
"""What ends a run: `re`, `regex` and Rust agree on these; on others, such as U+001C, they do not."""

SOLID = (C.CATEGORY_DIGIT, C.CATEGORY_WORD, C.CATEGORY_NOT_SPACE)
"""Classes without any of WHITE; the others of `re` hold all of it."""

FREQUENT = frozenset(".,-'\"")
"""Runs with one of these are so many that any other character tells more."""


class Runs(NamedTuple):
    """Some runs of a text, in one string. began, at: code points where each begins in `joined` and in the text."""

    joined: str
    began: list[int]
    at: list[int]

    def there(self, start: int, stop: int) -> tuple[int, int]:
        """The place in the text of what is within one run of `joined`."""
        run = bisect_right(self.began, start) - 1
        by = self.at[run] - self.began[run]
        return start + by, stop + by


def runs(texts: Sequence[str], holding: re.Pattern[str], gate: Gate) -> list[Runs | None]:
    """Of each text the runs that `holding` matches and `gate`, too; None: there are none."""
    found = [[(match.start(), match[0]) for match in holding.finditer(text)] for text in texts]
    column = pl.Series([run for of_text in found for _, run in of_text], dtype=pl.String)
    let = iter(matches(column, [gate])[0].tolist())
    return [_joined([run for run in of_text if next(let)]) for of_text in found]


def _joined(found: list[tuple[int, str]]) -> Runs | None:
    """Runs and where they begin."""
    if not found:
        return None
    began = [0, *accumulate(len(run) + 1 for _, run in found[:-1])]
    return Runs(" ".join(run for _, run in found), began, [at for at, _ in found])


def holding(patterns: Iterable[str], flags: int) -> re.Pattern[str] | None:
    """What matches the runs that may hold a match of one of `patterns`; None: a match may lie across runs."""
    needed: set[int] = set()
    for pattern in patterns:
        tree = parsed(pattern, flags)
        needs = _needs(tree) if tree and all(map(_is_solid, tree)) else None
        if needs is None:
            return None
        needed |= needs
    if not needed:
        return None
    chars = "".join(re.escape(chr(code)) for code in sorted(needed))
    return re.compile(rf"(?<![^{WHITE}])[^{WHITE}{chars}]*+[{chars}][^{WHITE}]*+")


def _is_solid(item: Any) -> bool:
    """Whether nothing that `item` takes or looks at can be of WHITE, and it cannot tell WHITE from the end of a text."""
    op, value = item
    if op is C.LITERAL:
        return chr(value) not in WHITE
    if op is C.IN:
        return not any(_is_in(ord(char), value) for char in WHITE)
    if op is C.AT:
        return value in (C.AT_BOUNDARY, C.AT_NON_BOUNDARY)
    if op is C.BRANCH:
        return all(_is_solid(one) for branch in value[1] for one in branch)
    if op in (C.ASSERT, C.ASSERT_NOT):
        return all(map(_is_solid, value[1]))
    if op is C.SUBPATTERN:
        return all(map(_is_solid, value[3]))
    if op in REPEATS:
        return all(map(_is_solid, value[2]))
    return op is C.GROUPREF or (op is C.ATOMIC_GROUP and all(map(_is_solid, value)))


def _is_in(code: int, items: Any) -> bool:
    """Whether the white space `code` is of a set."""
    negated = items[0][0] is C.NEGATE
    listed = any(
        (op is C.LITERAL and value == code)
        or (op is C.RANGE and value[0] <= code <= value[1])
        or (op is C.CATEGORY and value not in SOLID)
        for op, value in items
    )
    return bool(listed != negated)


def _needs(tree: Iterable[Any]) -> frozenset[int] | None:
    """Characters of which every match holds one, few and rare where there is a choice; None: there are none."""
    choices = [needs for needs in map(_needs_of, tree) if needs]
    return min(choices, key=lambda codes: sum(9 if chr(c) in FREQUENT else 1 for c in codes), default=None)


def _needs_of(item: Any) -> frozenset[int] | None:
    op, value = item
    if op is C.LITERAL:
        return _plain(value, value)
    if op is C.IN:
        found = [_plain(v, v) if o is C.LITERAL else _plain(*v) if o is C.RANGE else None for o, v in value]
        return frozenset[int]().union(*(f or () for f in found)) if all(found) else None
    if op is C.BRANCH:
        ways = [_needs(branch) for branch in value[1]]
        return frozenset[int]().union(*(way or () for way in ways)) if all(ways) else None
    if op is C.SUBPATTERN:
        return _needs(value[3])
    if op is C.ATOMIC_GROUP:
        return _needs(value)
    return _needs(value[2]) if op in REPEATS and value[0] > 0 else None


def _plain(low: int, high: int) -> frozenset[int] | None:
    """The characters from `low` to `high` where case is nothing to any of them."""
    codes = frozenset(range(low, high + 1)) if high < 128 else frozenset[int]()
    return codes if codes and not any(chr(code).isalpha() for code in codes) else None
