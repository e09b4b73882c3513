"""Context words: what stands before a finding may make it surer, as Presidio's lemma enhancer has it.

Presidio takes the whole text apart into words, though it looks at six: the word a finding begins in and five before it, stop
words and punctuation not counted, and the first from there on. Here only the stretch round the finding is taken apart. That
gives the same words, because spaCy's tokenizer looks at each run between white space on its own; and the same score.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from itertools import islice
from typing import Protocol

BEFORE = 6
"""Words that count, the one the finding begins in included."""
SURER = 0.35
AT_LEAST = 0.4
REACH = 96
"""Code points before a finding that are looked at first; four times as many where they hold too few words."""

LONGEST = 1_000
"""Code points without white space that are taken apart on either side of a finding: the tokenizer's time may grow with their
square. A longer run is cut at a multiple of this, so that what is near many findings is taken apart once; only in such a text
may a score differ from Presidio's.
"""

UNBROKEN = re.compile(r"\S+")

Tokens = Callable[[str], list[tuple[int, int, str]]]
"""Where each word of a text begins and ends, and the word in lower case."""


def surer(score: float) -> float:
    """The score of a finding that has a context word beside it."""
    return min(max(score + SURER, AT_LEAST), 1.0)


class Near(Protocol):
    """Knows the words near places in one text."""

    def near(self, start: int) -> frozenset[str]:
        """The words that count for a finding that begins at `start`."""
        ...


def supports(text: Near, start: int, words: Iterable[str]) -> bool:
    """Whether a word near `start` has one of `words` in it."""
    near = text.near(start)
    return any(word.lower() in one for word in words for one in near)


class Whole:
    """One text that was taken apart as a whole, as a model does it: `words` as of Tokens, and those that count."""

    def __init__(self, words: list[tuple[int, int, str]], keywords: frozenset[str]) -> None:
        self.words, self.keywords = words, keywords

    def near(self, start: int) -> frozenset[str]:
        """The words that count for a finding that begins at `start`."""
        place = next((k for k, (at, stop, _) in enumerate(self.words) if at >= start or start < stop), len(self.words))
        before = [w for _, _, w in reversed(self.words[: place + 1]) if w in self.keywords][:BEFORE]
        after = [w for _, _, w in self.words[place:] if w in self.keywords][:1]
        return frozenset(before + after)


class Context:
    """One text, of which only what is near a finding is taken apart."""

    def __init__(self, text: str, tokens: Tokens, is_dull: Callable[[str], bool]) -> None:
        self.text, self.tokens, self.is_dull = text, tokens, is_dull
        self.known: dict[int, frozenset[str]] = {}
        self.taken: dict[tuple[int, int], list[tuple[int, int, str]]] = {}

    def near(self, start: int) -> frozenset[str]:
        """The words that count for a finding that begins at `start`."""
        if start not in self.known:
            self.known[start] = self._near(start)
        return self.known[start]

    def _near(self, start: int) -> frozenset[str]:
        reach = REACH
        while True:
            low, high = self._from(start - reach), self._to(start, reach)
            cut = (low and not self.text[low - 1].isspace()) or self.text[high : high + 1].strip() != ""
            words = self._words(low, high)
            place = next((k for k, (at, stop, _) in enumerate(words) if low + at >= start or start < low + stop), None)
            if place is not None:
                counting = (w for _, _, w in reversed(words[: place + 1]) if self._counts(w))
                before = list(islice(counting, BEFORE))
                after = next((w for _, _, w in words[place:] if self._counts(w)), None)
                enough = (low == 0 or len(before) == BEFORE) and (high == len(self.text) or after is not None)
                if enough or cut:
                    return frozenset(before if after is None else [*before, after])
            elif cut or (high == len(self.text) and low == 0):
                return frozenset()
            reach *= 4

    def _words(self, low: int, high: int) -> list[tuple[int, int, str]]:
        """The words from `low` to `high`, places from `low` on."""
        if (low, high) not in self.taken:
            self.taken[low, high] = self.tokens(self.text[low:high])
        return self.taken[low, high]

    def _from(self, at: int) -> int:
        """The last place, `at` or before, where a word begins after white space, or 0."""
        text, lowest = self.text, max(0, (at // LONGEST - 1) * LONGEST)
        while at > lowest and not (text[at - 1].isspace() and not text[at].isspace()):
            at -= 1
        return max(at, 0)

    def _to(self, start: int, reach: int) -> int:
        """The end of the first run between white space that ends `reach` or more after `start`, or of the text."""
        text, at = self.text, min(start + reach // 4, len(self.text))
        highest = min((at // LONGEST + 2) * LONGEST, len(text))
        while at < highest and (not text[at].isspace() or text[at - 1].isspace()):
            at += 1
        return at

    def _counts(self, word: str) -> bool:
        return ":" not in word and (not self.is_dull(word) or word in self._pieces)

    @cached_property
    def _pieces(self) -> frozenset[str]:
        """What stands between the colons of words that have some: Presidio takes these for words, dull or not."""
        runs = [run[:LONGEST] for run in UNBROKEN.findall(self.text) if ":" in run] if ":" in self.text else []
        words = {word for run in runs for _, _, word in self.tokens(run) if ":" in word and not self.is_dull(word)}
        return frozenset(piece for word in words for piece in word.split(":"))
