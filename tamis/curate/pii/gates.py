"""Gates: from a recogniser's own regex, a cheaper one that matches every text in which the recogniser finds something.

Dropping an assertion (`\\b`, `^`, `$`, lookarounds) or putting a copy of a group in place of a reference to it only lets more
strings through; so does raising an upper bound or forgetting case. What is left is a regular language, which Rust's regex
engine (Polars) searches for in one pass, without Unicode word boundaries, which would make it slow. Where the gate does not
match, the recogniser finds nothing.

A construct that is not understood here gives no gate, and then the recogniser is always asked.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from re import _constants as C  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import numpy as np
import polars as pl

CATEGORY = {
    C.CATEGORY_DIGIT: r"\d\p{Cn}",
    C.CATEGORY_NOT_DIGIT: r"\D",
    C.CATEGORY_SPACE: r"\s\x1c-\x1f",
    C.CATEGORY_NOT_SPACE: r"\S",
    C.CATEGORY_WORD: r"\w\p{N}\p{Cn}",
    C.CATEGORY_NOT_WORD: r"\W\p{M}\p{Pc}\x{200C}\x{200D}\p{So}",
}
"""Python's classes as sets of Rust's that hold all their members: a test asks every code point.

Cn is what the older of two Unicode versions does not know yet.
"""

REPEATS = (C.MAX_REPEAT, C.MIN_REPEAT, C.POSSESSIVE_REPEAT)
ASSERTIONS = (C.AT, C.ASSERT, C.ASSERT_NOT)
FOREIGN = re.compile(r"\[:\^?[a-z]+:|\{[^}]*[a-z<]|\(\?(?:[|&RV]|\d)|\\[GKLmMpPRX]")
"""What the module `regex` reads otherwise than `re`: POSIX classes, fuzzy counts, recursion, other escapes."""

USUAL = int(re.I | re.S | re.M | re.U | re.X)
"""Flags under which a gate holds. FULLCASE of `regex` lets ss match ß; what is ASCII to `re` is another syntax to `regex`."""

DOTS = r"\x{130}\x{131}"
"""İ and ı: where case does not count, `regex` takes them for an i; Rust does not."""

MANY = 8
"""An upper bound above this is forgotten: counting makes the automaton large."""


Gate = tuple[str, ...]
"""Regexes in Rust's syntax: where none matches, the recogniser finds nothing.

They stay apart: an automaton for all shapes of secrets at once is 30 times slower than one after the other.
"""


def gate(patterns: Iterable[str], flags: int = re.IGNORECASE) -> Gate | None:
    """What matches wherever one of `patterns` (of `re` or `regex`) matches a character or more; None: nobody knows.

    Of `flags` only IGNORECASE counts: without it the gate looks at case, too.
    """
    relaxed = [relax(pattern, flags) for pattern in patterns]
    found = tuple(dict.fromkeys(one for one in relaxed if one is not None))
    return found if None not in relaxed and all(map(works, found)) else None


def matches(column: pl.Series, gates: Sequence[Gate | None]) -> list[np.ndarray]:
    """For each gate whether it matches each string: (n,) bool. None matches all; no gate matches a null."""
    text = pl.col("text")
    some = [
        pl.any_horizontal(text.str.contains(one) for one in gate).fill_null(False) if gate else text.is_not_null()
        for gate in gates
    ]
    masks = pl.LazyFrame({"text": column}).select(one.alias(str(k)) for k, one in enumerate(some)).collect()
    return [masks[str(k)].to_numpy() for k in range(len(gates))]


def works(pattern: str) -> bool:
    """Whether Polars can search for `pattern`: Rust refuses what would need too large an automaton."""
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError:
        return False
    return True


def relax(pattern: str, flags: int = re.IGNORECASE) -> str | None:
    """One pattern without its assertions; None where it has something that is not understood."""
    tree = parsed(pattern, flags)
    if tree is None:
        return None
    try:
        written = _written(_core(tree), {})
        ignores = bool(flags & re.I or re.match(r"\(\?[a-z]*i[a-z]*\)", pattern))
        if not ignores and "(?i:" not in written:
            written = written.replace(DOTS, "")
        return f"(?{'i' if ignores else ''}s:{written})" if written else None
    except (KeyError, ValueError, RecursionError):
        return None


def parsed(pattern: str, flags: int) -> list[Any] | None:
    """The tree that `re` makes of a pattern of `re` or `regex`; None where they read it differently, or `re` cannot."""
    if FOREIGN.search(pattern) or flags & ~USUAL:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return list(_parser.parse(pattern, re.I | re.S | re.M | (flags & re.X)))
    except (re.error, ValueError, RecursionError, FutureWarning, DeprecationWarning, OverflowError):
        return None


def _core(items: list[Any]) -> list[Any]:
    """`items` without what a match may do without at its ends: any match holds a match of the rest."""
    if not any(op is C.GROUPREF or op is C.GROUPREF_EXISTS for op, _ in items):
        while items and _optional(items[-1]):
            items = items[:-1]
        while items and _optional(items[0]):
            items = items[1:]
        for k in (0, -1):
            if items and items[k][0] in REPEATS:
                op, (low, _, body) = items[k]
                items[k] = (op, (low, low, body))
    return items


def _optional(item: Any) -> bool:
    op, value = item
    if op is C.SUBPATTERN:
        return value[0] is None and all(_optional(one) for one in value[3])
    if op is C.BRANCH:
        return any(all(_optional(one) for one in branch) for branch in value[1])
    return op in ASSERTIONS or (op in REPEATS and value[0] == 0 and not _has_groups(value[2]))


def _has_groups(tree: Any) -> bool:
    """Whether a reference may point into `tree`."""
    return any(op is C.SUBPATTERN and value[0] is not None for op, value in tree)


def _written(tree: Iterable[Any], groups: dict[int, str]) -> str:
    """`tree` in Rust's syntax; `groups` collects what its groups say, for those who refer to them."""
    out = []
    for op, value in tree:
        if op is C.LITERAL:
            out.append(_set([(op, value)]))
        elif op is C.NOT_LITERAL:
            out.append(_set([(C.NEGATE, None), (C.LITERAL, value)]))
        elif op is C.ANY:
            out.append(".")
        elif op is C.IN:
            out.append(_set(value))
        elif op is C.BRANCH:
            out.append("(?:" + "|".join(_written(branch, groups) for branch in value[1]) + ")")
        elif op is C.SUBPATTERN:
            number, added, _, body = value
            own = ("(?i:" if added & re.I else "(?:") + _written(body, groups) + ")"
            if number is not None:
                groups[number] = own
            out.append(own)
        elif op is C.ATOMIC_GROUP:
            out.append("(?:" + _written(value, groups) + ")")
        elif op is C.GROUPREF:
            out.append(groups[value])
        elif op in REPEATS:
            out.append(_repeat(value, groups))
        elif op not in ASSERTIONS:
            raise ValueError(f"{op} is not understood")
    return "".join(out)


def _repeat(value: Any, groups: dict[int, str]) -> str:
    low, high, body = value
    own = _written(body, groups)
    if not own:
        return ""
    top = "" if high is C.MAXREPEAT or (high > MANY and high != low) else str(high)
    return f"(?:{own}){{{low},{top}}}"


def _set(items: Any) -> str:
    """A set of characters, or a larger one."""
    if items[0][0] is C.NEGATE:
        return _others(items[1:])
    out = []
    for op, value in items:
        if op is C.LITERAL:
            out.append(_literal(value))
        elif op is C.RANGE:
            out.append(f"{_literal(value[0])}-{_literal(value[1])}")
        else:
            out.append(CATEGORY[value])
    if any(op is C.CATEGORY or (value if op is C.LITERAL else value[1]) > 127 for op, value in items):
        return "[" + "".join(out) + r"iI\p{Cn}" + DOTS + "]"
    if any(value in (73, 105) if op is C.LITERAL else value[0] <= 105 and value[1] >= 73 for op, value in items):
        return "[" + "".join(out) + DOTS + "]"
    return out[0] if len(items) == 1 and items[0][0] is C.LITERAL else "[" + "".join(out) + "]"


def _others(items: Any) -> str:
    """What is not of a set. Forgetting case lets in what it leaves out, and two engines know two sets of classes: so only marks
    and digits are left out, and the white space that all agree on."""
    ranges = [(value, value) if op is C.LITERAL else value for op, value in items if op is not C.CATEGORY]
    codes = {code for low, high in ranges for code in range(low, min(high, 127) + 1) if not chr(code).isalpha()}
    if any(value is C.CATEGORY_SPACE for op, value in items if op is C.CATEGORY):
        codes |= set(b" \t\n\r")
    return "[^" + "".join(map(_literal, sorted(codes))) + "]" if codes else "."


def _literal(code: int) -> str:
    char = chr(code)
    return char if char.isascii() and (char.isalnum() or char == "_") else f"\\x{{{code:X}}}"


KEPT, LEAST = 30, 4
"""Polars keeps the 32 regexes that each thread compiled last. One automaton for all patterns of a recogniser is too large to
be quick (17 times the time on web text); four are not."""


def fewer(gates: Sequence[Gate | None], kept: int = KEPT) -> list[Gate | None]:
    """The same gates, in few enough regexes that none is compiled again for every batch, which took 50 ms each time."""
    most = max((len(gate) for gate in gates if gate), default=0)
    while most > LEAST and sum(min(len(gate), most) for gate in gates if gate) > kept:
        most -= 1
    return [gate and tuple("|".join(f"(?:{one})" for one in part) for part in _parts(gate, most)) for gate in gates]


def _parts(gate: Gate, most: int) -> list[Gate]:
    """`gate` in parts, `most` of them at most: neighbours are alike, and together are the quicker for it."""
    count = min(len(gate), most)
    return [gate[k * len(gate) // count : (k + 1) * len(gate) // count] for k in range(count)]
