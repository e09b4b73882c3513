"""The words of a text, each run between white space taken apart once: most runs come again and again.

spaCy's tokenizer does the same, and then puts words together again that spell a special case (an emoticon) across runs, or
does not put them together because they might. So where the ends of two runs could be part of one, it is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

Word = tuple[int, int, str]
"""Where a word begins and ends in its text, and the word in lower case."""

PIECE = re.compile(r"\S+|\s+")

KNOWN, LONGEST = 100_000, 64
"""Runs remembered, at most, and code points of each, at most."""


class RunByRun:
    """The words of texts.

    whole   the tokenizer
    bare    the same without special cases: what they are made of
    special the special cases
    beside  pairs of bare words that stand side by side in one of them
    """

    def __init__(
        self,
        whole: Callable[[str], list[Word]],
        bare: Callable[[str], list[str]],
        special: Collection[str],
        beside: Collection[tuple[str, str]],
    ) -> None:
        self.whole, self.bare, self.special, self.beside = whole, bare, special, beside
        self._known: dict[str, tuple[list[Word], str, str]] = {}

    def __call__(self, text: str) -> list[Word]:
        """The words of `text`; white space is one, too, but for the single space after a word."""
        words: list[Word] = []
        last = ""
        for match in PIECE.finditer(text):
            run, at = match[0], match.start()
            if run[0].isspace():
                if at and run[0] == " ":
                    run, at = run[1:], at + 1
                if run:
                    words.append((at, at + len(run), run.lower()))
                    last = ""
                continue
            own, first, then = self._run(run)
            if (last, first) in self.beside:
                return self.whole(text)
            words += [(at + low, at + high, word) for low, high, word in own]
            last = then
        return words

    def _run(self, run: str) -> tuple[list[Word], str, str]:
        """The words of a run, and the first and the last without special cases."""
        known = self._known.get(run)
        if known is None:
            # What splits a run is a mark, or a unit behind a digit.
            if run.isascii() and run.isalpha() and run not in self.special:
                return [(0, len(run), run.lower())], run, run
            bare = self.bare(run)
            known = self.whole(run), bare[0], bare[-1]
            if len(self._known) < KNOWN and len(run) <= LONGEST:
                self._known[run] = known
        return known
