"""Texts compared by their words: ROUGE-L against one text or a growing pool, and what a set of texts repeats."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from tamis.kernels.rouge import longest_common, most_alike, rouge_l
from tamis.kernels.words import words


def words_of(text: str) -> np.ndarray:
    """(m,) uint64: the hashes of its words; docs/words.md says what a word is."""
    return words(pa.array([text], pa.string())).hashes


def alike(one: str, other: str) -> float:
    """ROUGE-L F of two texts, 0 to 1."""
    return rouge_l(words_of(one), words_of(other))


def copied(part: str, whole: str) -> float:
    """Share of the words of `part` that stand in `whole` in the same order, 0 to 1; 0 where it has none."""
    mine, theirs = words_of(part), words_of(whole)
    return int(longest_common(mine, theirs, np.array([0, len(theirs)], np.int64))[0]) / max(1, len(mine))


class Pool:
    """Texts by their words, in arrays that double as they fill."""

    def __init__(self) -> None:
        self._hashes = np.empty(1 << 10, np.uint64)
        self._rows = np.zeros(1 << 6, np.int64)
        self.size = 0

    def add(self, found: np.ndarray) -> None:
        """One more text, given as the hashes of its words."""
        start = int(self._rows[self.size])
        while start + len(found) > len(self._hashes):
            self._hashes = np.concatenate([self._hashes, np.empty_like(self._hashes)])
        if self.size + 2 > len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
        self._hashes[start : start + len(found)] = found
        self.size += 1
        self._rows[self.size] = start + len(found)

    def nearest(self, found: np.ndarray) -> tuple[int, float]:
        """Place of the text most like the one given, and its ROUGE-L F; (-1, 0.0) where none shares a word."""
        return most_alike(found, self._hashes, self._rows[: self.size + 1])


def distinct(texts: Sequence[str], n: int = 2) -> float | None:
    """Different n-grams of words for each n-gram there is (distinct-n; Li et al. 2016); None where there is none."""
    found = words(pa.array(texts, pa.string()))
    grams = []
    for a, b in zip(found.rows, found.rows[1:], strict=False):
        own = found.hashes[a:b]
        if b - a >= n:
            grams.append(np.lib.stride_tricks.sliding_window_view(own, n))
    if not grams:
        return None
    every = np.concatenate(grams)
    return round(len(np.unique(every, axis=0)) / len(every), 4)


def self_alike(texts: Sequence[str], pairs: int = 2000) -> float | None:
    """Mean ROUGE-L F of pairs of `texts`: of all of them, or of `pairs` spread evenly over them; None for fewer than two."""
    n = len(texts)
    if n < 2:
        return None
    all_pairs = n * (n - 1) // 2
    chosen = np.unique(np.linspace(0, all_pairs - 1, min(pairs, all_pairs)).astype(np.int64))
    left, right = np.triu_indices(n, 1)
    found = words(pa.array(texts, pa.string()))
    split = [found.hashes[a:b] for a, b in zip(found.rows, found.rows[1:], strict=False)]
    return round(float(np.mean([rouge_l(split[left[k]], split[right[k]]) for k in chosen])), 4)
