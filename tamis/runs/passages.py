"""What two texts share and where they differ, passage by passage, in words.

    A drum sieve keeps every receipt.        shared     "A "            "A "
    A fine sieve keeps every receipt!        only here  "drum "
                                             only there               "fine "
                                             shared     "sieve keeps every receipt."   "sieve keeps every receipt!"

Words are those of tamis.kernels.words, compared in lower case: texts that differ in case, space or punctuation share all
their words. Words that stand once in both texts, with the same words after them, hold the two together (patience diff,
Cohen 2010); what lies between them is compared exactly where it is small. So the time grows with the length of the texts,
not with its square.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.kernels.align import longest_common
from tamis.kernels.words import words

Kind = Literal["shared", "only_here", "only_there"]

MOST_WORDS = 1 << 20
"""Words of a text that are compared; what follows counts as differing."""

SMALL = 1 << 22
"""Pairs of words that are compared each with each: 8 MB, a hundredth of a second."""

ANCHORS = (8, 3, 1)
"""Words that must follow each other for a place to be told by them: long ones first, they mislead least."""

WEIGHTY = 5
"""Words that are always a passage of their own, however much differs around them."""

_FACTOR = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Passage:
    """A stretch of one text or of both; one after the other they are each text, whole.

    here, there              as it stands in either text; "" where it is not in it
    start_here, start_there  first code point, from 0
    words                    how many words it has, in the longer of the two
    """

    kind: Kind
    here: str
    there: str
    start_here: int
    start_there: int
    words: int


class Match(NamedTuple):
    """Words `here` up to `here + size` of one text, which are words `there` up to `there + size` of the other."""

    here: int
    there: int
    size: int


def passages(here: str, there: str) -> list[Passage]:
    """Shared and differing passages of two texts, in order: what is only `here` before what is only `there`.

    A few words that both happen to have within longer passages that differ do not part these.
    """
    one, other = _Text.of(here), _Text.of(there)
    if here == there:
        return [Passage("shared", here, there, 0, 0, one.count)] if here else []
    found: list[Passage] = []
    for match in _weighty(matches(one.words, other.words), Match(len(one.words), len(other.words), 0)):
        _differing(found, one.take(match.here), other.take(match.there))
        shared, also = one.take(match.here + match.size), other.take(match.there + match.size)
        _add(found, "shared", shared.text, also.text, shared.words)
    _differing(found, one.take(), other.take())
    return found


class Piece(NamedTuple):
    """Part of a text, and how many words it has."""

    text: str
    words: int


def _differing(found: list[Passage], here: Piece, there: Piece) -> None:
    _add(found, "only_here", here.text, "", here.words)
    _add(found, "only_there", "", there.text, there.words)


def _add(found: list[Passage], kind: Kind, here: str, there: str, words: int) -> None:
    if here or there:
        before = found[-1] if found else Passage(kind, "", "", 0, 0, 0)
        starts = before.start_here + len(before.here), before.start_there + len(before.there)
        found.append(Passage(kind, here, there, *starts, words))


class _Text:
    """A text that is handed out from front to back, cut before words; what stands before its first word goes with it."""

    def __init__(self, data: bytes, hashes: np.ndarray, starts: np.ndarray) -> None:
        self._data, self._starts, self._byte, self._word = data, starts, 0, 0
        self.words, self.count = hashes[:MOST_WORDS], len(hashes)

    @classmethod
    def of(cls, text: str) -> _Text:
        found = words(pa.array([text], pa.string()))
        return cls(text.encode(), found.hashes, found.starts)

    def take(self, word: int | None = None) -> Piece:
        """What comes before word number `word`, or up to the end, from where the last piece stopped."""
        word = self.count if word is None else word
        if word == self._word and (word < self.count or self._byte == len(self._data)):
            return Piece("", 0)
        end = int(self._starts[word]) if word < self.count else len(self._data)
        piece = Piece(self._data[self._byte : end].decode(), word - self._word)
        self._byte, self._word = end, word
        return piece


def matches(here: np.ndarray, there: np.ndarray) -> list[Match]:
    """Matches of equal words of `here` (n,) and `there` (m,) uint64, ascending in both, as long as they go.

    Where n * m is at most SMALL, together they are a longest common sequence.
    """
    pairs: list[tuple[np.ndarray, np.ndarray]] = []
    gaps = [(0, len(here), 0, len(there), 0)]
    while gaps:
        a, a_end, b, b_end, level = gaps.pop()
        ahead = _equal_ahead(here[a:a_end], there[b:b_end])
        behind = _equal_ahead(here[a + ahead : a_end][::-1], there[b + ahead : b_end][::-1])
        pairs.append((np.arange(a, a + ahead), np.arange(b, b + ahead)))
        pairs.append((np.arange(a_end - behind, a_end), np.arange(b_end - behind, b_end)))
        a, b, a_end, b_end = a + ahead, b + ahead, a_end - behind, b_end - behind
        left, right = here[a:a_end], there[b:b_end]
        if not (len(left) and len(right)):
            continue
        if len(left) * len(right) <= SMALL:
            at_left, at_right = _closely(left, right)
        elif level < len(ANCHORS):
            at_left, at_right = _anchors(left, right, ANCHORS[level])
            gaps += _between(a, a_end, b, b_end, a + at_left, b + at_right, level + 1)
        else:
            at_left, at_right = _piecewise(left, right)
        pairs.append((a + at_left, b + at_right))
    return _as_matches(np.concatenate([p for p, _ in pairs]), np.concatenate([p for _, p in pairs]))


def _equal_ahead(left: np.ndarray, right: np.ndarray) -> int:
    """How many words both begin with."""
    size = min(len(left), len(right))
    differ = left[:size] != right[:size]
    return int(differ.argmax()) if differ.any() else size


def _closely(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of a longest common sequence in both."""
    size = min(len(left), len(right))
    at_left, at_right = np.empty(size, np.int64), np.empty(size, np.int64)
    found = longest_common(np.ascontiguousarray(left), np.ascontiguousarray(right), at_left, at_right)
    return at_left[:found], at_right[:found]


def _anchors(left: np.ndarray, right: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions, ascending in both, of words that stand once in each with the same `size` - 1 words after them."""
    (grams, once), (others, other_once) = _once(left, size), _once(right, size)
    _, k, o = np.intersect1d(grams, others, assume_unique=True, return_indices=True)
    at_left, at_right = once[k], other_once[o]
    order = np.argsort(at_left)
    chosen = order[_ascending(at_right[order].tolist())]
    return at_left[chosen], at_right[chosen]


def _once(words: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Hash and position of each run of `size` words that occurs once."""
    grams = np.zeros(max(len(words) - size + 1, 0), np.uint64)
    for k in range(size):
        grams = grams * _FACTOR + words[k : k + len(grams)]
    found, first, counts = np.unique(grams, return_index=True, return_counts=True)
    return found[counts == 1], first[counts == 1]


def _ascending(values: list[int]) -> list[int]:
    """Places of a longest ascending part of `values`, which are all different (patience sorting)."""
    tops: list[int] = []
    places: list[int] = []
    before = [-1] * len(values)
    for place, value in enumerate(values):
        pile = bisect_left(tops, value)
        if pile:
            before[place] = places[pile - 1]
        tops[pile : pile + 1], places[pile : pile + 1] = [value], [place]
    found = []
    place = places[-1] if places else -1
    while place >= 0:
        found.append(place)
        place = before[place]
    return found[::-1]


def _between(
    a: int, a_end: int, b: int, b_end: int, at_a: np.ndarray, at_b: np.ndarray, level: int
) -> Iterator[tuple[int, int, int, int, int]]:
    """What lies before, between and after words that were matched, for the next kind of anchor."""
    starts_a, starts_b = np.append(a, at_a + 1), np.append(b, at_b + 1)
    ends_a, ends_b = np.append(at_a, a_end), np.append(at_b, b_end)
    for k in np.flatnonzero((ends_a > starts_a) & (ends_b > starts_b)).tolist():
        yield int(starts_a[k]), int(ends_a[k]), int(starts_b[k]), int(ends_b[k]), level


def _piecewise(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `_closely`, a piece of the one beside the piece of the other at the same share of its length.

    For what is long and holds no word just once: a table, a list of the same few words. More may be shared than is found.
    """
    pieces = -(-max(len(left), len(right)) // int(SMALL**0.5))
    cuts = [np.linspace(0, len(words), pieces + 1).astype(np.int64) for words in (left, right)]
    found = [
        (a + at_a, b + at_b)
        for a, a_end, b, b_end in zip(cuts[0], cuts[0][1:], cuts[1], cuts[1][1:], strict=False)
        for at_a, at_b in [_closely(left[a:a_end], right[b:b_end])]
    ]
    return np.concatenate([f for f, _ in found]), np.concatenate([f for _, f in found])


def _as_matches(at_here: np.ndarray, at_there: np.ndarray) -> list[Match]:
    """Matched positions, in any order, as few matches as they make."""
    if not len(at_here):
        return []
    order = np.argsort(at_here)
    at_here, at_there = at_here[order], at_there[order]
    starts = np.flatnonzero(np.append(True, (np.diff(at_here) != 1) | (np.diff(at_there) != 1)))
    sizes = np.diff(np.append(starts, len(at_here)))
    return [
        Match(*found) for found in zip(at_here[starts].tolist(), at_there[starts].tolist(), sizes.tolist(), strict=True)
    ]


def _weighty(found: list[Match], last: Match) -> list[Match]:
    """`found` without matches of less than WEIGHTY words that are no longer than what differs on either side of them."""
    kept: list[Match] = []
    for match in [*found, last]:
        while kept and kept[-1].size < WEIGHTY:
            before = _apart(kept[-2] if kept[1:] else Match(0, 0, 0), kept[-1])
            if kept[-1].size > min(before, _apart(kept[-1], match)):
                break
            kept.pop()
        kept.append(match)
    return kept[:-1]


def _apart(match: Match, next: Match) -> int:
    """Words between two matches, in the text that has more there."""
    return max(next.here - match.here - match.size, next.there - match.there - match.size)
