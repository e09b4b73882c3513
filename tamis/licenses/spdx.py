"""Licences as people write them, as SPDX expressions; and how much a licence permits.

    "cc by 4.0"            ->  CC-BY-4.0
    "GPLv3 or later"       ->  GPL-3.0-or-later
    "apache-2.0 or mit"    ->  Apache-2.0 OR MIT

Two tables lie beside this file. aliases.csv: spellings, compared as `plain` leaves them; `source` is hf (an id on the Hugging
Face hub's page of licences), trove (a PyPI classifier) or usual (met in use, no list behind it). A spelling that differs
from an SPDX id in case and punctuation only needs no line there. Names without a version (`cc-by`, `bsd`) stay unknown,
but for those of GNU, which mean any version. flags.csv: what a licence asks for; the first pattern that fits counts. It
was written from general knowledge and held against the categories of ScanCode's licence index, not read off the licence
texts: a ranking for choosing among copies, no legal advice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from csv import DictReader
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

LONGEST = 500
"""Characters; what is longer is no licence expression but a licence text, and stays unknown."""

PUBLIC_DOMAIN, PERMISSIVE, WEAK_COPYLEFT, STRONG_COPYLEFT, RESTRICTED, NONCOMMERCIAL, UNKNOWN = range(6, -1, -1)
"""How much a licence permits, most to least. RESTRICTED: for any purpose but some. NONCOMMERCIAL: not for sale, or for
research only, or not to be changed."""


class Flags(NamedTuple):
    """What a licence asks for."""

    use: str
    """any, restricted, noncommercial or research"""
    attribution: bool
    share_alike: str
    """none, weak (its own files or data) or strong (all that is built with it)"""
    derivatives: bool
    ai_training: str = "unclear"
    """yes: any use is granted, or this one by name; no: it is shut out by name; unclear: the licence leaves it open"""

    @property
    def rank(self) -> int:
        """PUBLIC_DOMAIN, PERMISSIVE, …"""
        if self.use in ("noncommercial", "research") or not self.derivatives:
            return NONCOMMERCIAL
        if self.use == "restricted":
            return RESTRICTED
        copyleft = {"none": PERMISSIVE, "weak": WEAK_COPYLEFT, "strong": STRONG_COPYLEFT}[self.share_alike]
        return PUBLIC_DOMAIN if copyleft == PERMISSIVE and not self.attribution else copyleft


@lru_cache(65_536)
def canonical(declared: str) -> str | None:
    """`declared` as an SPDX expression; None where some part of it is no licence known to SPDX nor a LicenseRef."""
    node = parse(declared)
    return None if node is None else str(node.render("{symbol.key}"))


@lru_cache(65_536)
def parse(declared: str) -> Any:
    """The tree of the SPDX expression `declared` stands for, or None."""
    from boolean import ParseError
    from license_expression import ExpressionError

    text = declared.strip()
    if not text or len(text) > LONGEST:
        return None
    # Cargo long wrote MIT/Apache-2.0 for a choice.
    text = _from_url(text) or _spelling(text) or re.sub(r"\s*/\s*", " OR ", text)
    # Where some operator is in capitals, `or` in small letters belongs to a name: GPL v3 or later OR MIT.
    flag = re.NOFLAG if re.search(r"\s(?:AND|OR|WITH)\s", text) else re.I
    parts = re.split(r"([()]|\s(?:AND|OR|WITH)\s)", text, flags=flag)
    try:
        tree = _spdx().parse("".join(_spelled_out(part) for part in parts))
    except (ExpressionError, ParseError, IndexError, TypeError):
        # The last two are how boolean.py says that an operand is missing: `()`, `MIT OR ()`.
        return None
    return tree if tree is not None and all(map(_is_known, tree.symbols)) else None


@lru_cache(65_536)
def permissiveness(expression: str) -> int:
    """How much `expression` permits: of a choice the most, of a sum the least."""
    tree = parse(expression)
    return UNKNOWN if tree is None else fold(tree, lambda id, _: UNKNOWN if (asks := flags(id)) is None else asks.rank)


def leaves(expression: str | None) -> list[str]:
    """Ids of the licences in `expression`, in order, each once; none where it is no expression."""
    tree = None if expression is None else parse(expression)
    if tree is None:
        return []
    return list(dict.fromkeys(str(getattr(s, "license_symbol", s).key) for s in tree.symbols))


def fold(tree: Any, leaf: Callable[[str, str], int]) -> int:
    """`leaf` of every licence in `tree`: the highest of a choice (OR), the lowest of a sum (AND).

    `leaf` is given the licence's id, and the id again or, under an exception, `id WITH exception`.
    """
    if _is_exception(tree):
        return leaf(str(tree.license_symbol.key), str(tree.render("{symbol.key}")))
    if not tree.args:
        return leaf(str(tree.key), str(tree.key))
    return (max if isinstance(tree, _spdx().OR) else min)(fold(part, leaf) for part in tree.args)


@cache
def flags(id: str) -> Flags | None:
    """What the licence with this SPDX id asks for; None where the table does not say."""
    return next((found for pattern, found in _flags() if fnmatchcase(id, pattern)), None)


def plain(name: str) -> str:
    """`name` in lower case, without punctuation and the words that say nothing: `The GPLv3 License` is `gpl 3`."""
    words = re.sub(r"[^a-z0-9.+]+", " ", name.lower().replace("licence", "license"))
    words = re.sub(r"(?<=[a-z])v(?=\d)|\bv(?:er)?\.?\s?(?=\d)|\bversion\b", " ", words)
    words = re.sub(r"\b(?:the|license|osi approved|international|unported|generic)\b", " ", words)
    return " ".join(words.split()).strip(".")


def _spelling(name: str) -> str | None:
    """The expression that `name` is a usual spelling of: `Boost Software License 1.0 (BSL-1.0)`, unless the two differ."""
    known, low = _spellings(), plain(name)
    if found := known.get(low) or known.get(re.sub(r"(?<![\d.])(\d+)(?![\d.]| clause)", r"\1.0", low)):
        return found
    named = re.fullmatch(r"([^()]*[^()\s])\s*\(([^()]+)\)", name)
    if named is None or "licen" not in named[1].lower():
        return None
    outer, inner = _spelling(named[1]), _spelling(named[2])
    return inner if outer in (None, inner) else None


def _from_url(text: str) -> str | None:
    """The licence whose page `text` links to."""
    link = re.fullmatch(r"https?://(?:www\.)?(\S+?)/?", text, re.I)
    if not link:
        return None
    where = link[1].lower()
    if found := re.match(r"creativecommons\.org/licenses/([a-z-]+)/(\d\.\d)", where):
        return _spelling(f"cc-{found[1]}-{found[2]}")
    if found := re.match(r"creativecommons\.org/publicdomain/(zero|mark)/", where):
        return "CC0-1.0" if found[1] == "zero" else "CC-PDM-1.0"
    if found := re.match(r"(?:opensource\.org/licenses?|spdx\.org/licenses)/([\w.+-]+?)(?:\.html|\.php)?$", where):
        return _spelling(found[1])
    if found := re.match(r"gnu\.org/(?:copyleft|licenses)/(?:old-licenses/)?([\w.-]+?)(?:\.(?:en|html|txt))*$", where):
        return _spelling(found[1])
    return "Apache-2.0" if where.startswith("apache.org/licenses/license-2.0") else None


def _spelled_out(part: str) -> str:
    spelled = _spelling(part)
    return part if spelled is None else f" ({spelled}) " if " " in spelled else f" {spelled} "


def _is_known(symbol: Any) -> bool:
    if _is_exception(symbol):
        return _is_known(symbol.license_symbol) and symbol.exception_symbol.key in _spdx().known_symbols
    known = _spdx().known_symbols.get(symbol.key)
    if known is not None:
        return not known.is_exception
    return re.fullmatch(r"LicenseRef-[A-Za-z0-9.-]+", symbol.key) is not None


def _is_exception(symbol: Any) -> bool:
    return hasattr(symbol, "exception_symbol")


@cache
def _spdx() -> Any:
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()


@cache
def _spellings() -> dict[str, str]:
    """Every plain name with the expression it stands for."""
    ids = {}
    for key, symbol in _spdx().known_symbols.items():
        if not symbol.is_exception and not key.startswith("LicenseRef-"):
            ids[plain(key)] = key
            ids |= {plain(alias): key for alias in symbol.aliases if plain(alias) not in ids}
    return ids | {row["alias"]: row["license"] for row in _table("aliases.csv")}


@cache
def _flags() -> list[tuple[str, Flags]]:
    return [
        (
            row["pattern"],
            Flags(
                row["use"],
                row["attribution"] == "yes",
                row["share_alike"],
                row["derivatives"] == "yes",
                row["ai_training"],
            ),
        )
        for row in _table("flags.csv")
    ]


def _table(name: str) -> Iterable[dict[str, str]]:
    with files("tamis.licenses").joinpath(name).open(encoding="utf-8") as lines:
        return list(DictReader(lines))
