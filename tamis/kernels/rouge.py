"""ROUGE-L: how much of two texts stands in both in the same order (Lin 2004).

lcs  most words in the same order in both, not necessarily one after the other
F    2 · lcs / (words of one + words of the other); 0 where both have none

one    list three uses of a sieve
other  name three good uses of a drum sieve      lcs 5 (three uses of a sieve)      F = 10 / 14
"""

from __future__ import annotations

import numpy as np

from tamis.kernels.jit import njit

NONE = np.uint64(0)
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


def longest_common(one: np.ndarray, hashes: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(n,) int64: words in the same order in `one` and in each of n texts.

    one     (m,)     uint64   hashes of its words; m = 0 shares nothing
    hashes  (w,)     uint64   those of the texts; text i has `hashes[rows[i]:rows[i + 1]]`
    rows    (n + 1,) int64
    """
    out = np.zeros(len(rows) - 1, np.int64)
    if len(one):
        _longest(*_masks(one), one.size, hashes, rows, out)
    return out


def most_alike(one: np.ndarray, hashes: np.ndarray, rows: np.ndarray) -> tuple[int, float]:
    """Which of n texts has the highest ROUGE-L F with `one`, the first of equals, and that F; (-1, 0.0) where none shares a word.

    Arguments as for `longest_common`.
    """
    if not len(one):
        return -1, 0.0
    at, best = _most_alike(*_masks(one), one.size, hashes, rows)
    return int(at), float(best)


def rouge_l(one: np.ndarray, other: np.ndarray) -> float:
    """ROUGE-L F, 0 to 1, of two texts given as hashes of their words, (m,) and (k,) uint64."""
    shared = longest_common(one, other, np.array([0, len(other)], np.int64))[0]
    return 2 * int(shared) / max(1, len(one) + len(other))


def _masks(one: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The words that `one` has, ascending (k,) uint64, and where each stands: (k, blocks) uint64, a bit for every place."""
    values, which = np.unique(one, return_inverse=True)
    place = np.arange(len(one))
    masks = np.zeros((len(values), -(-len(one) // 64)), np.uint64)
    np.bitwise_or.at(masks, (which, place >> 6), np.uint64(1) << (place & 63).astype(np.uint64))
    return values, masks


@njit(nogil=True, cache=True)
def _longest(values, masks, m, hashes, rows, out):
    state = np.empty(masks.shape[1], np.uint64)
    for i in range(rows.size - 1):
        out[i] = _lcs(values, masks, m, hashes, rows[i], rows[i + 1], state)


@njit(nogil=True, cache=True)
def _most_alike(values, masks, m, hashes, rows):
    """The best so far lets a text be passed over that is too short or too long to be better."""
    state = np.empty(masks.shape[1], np.uint64)
    at, best = -1, 0.0
    for i in range(rows.size - 1):
        n = rows[i + 1] - rows[i]
        if 2.0 * min(m, n) / (m + n) <= best:
            continue
        f = 2.0 * _lcs(values, masks, m, hashes, rows[i], rows[i + 1], state) / (m + n)
        if f > best:
            at, best = i, f
    return at, best


@njit(nogil=True, cache=True)
def _lcs(values, masks, m, hashes, start, stop, state):
    """Bit-parallel (Hyyrö 2004): a zero of `state` for every place of the first text where the count steps up."""
    state[:] = ALL
    for j in range(start, stop):
        k = np.searchsorted(values, hashes[j])
        if k == values.size or values[k] != hashes[j]:
            continue
        carry = NONE
        for b in range(state.size):
            v, here = state[b], state[b] & masks[k, b]
            added = v + here
            over = added < v
            total = added + carry
            carry = np.uint64(1) if over or total < added else NONE
            state[b] = total | (v & ~masks[k, b])
    count = 0
    for b in range(state.size):
        zeros = ~state[b]
        left = m - 64 * b
        if left < 64:
            zeros &= (np.uint64(1) << np.uint64(left)) - np.uint64(1)
        while zeros != NONE:
            zeros &= zeros - np.uint64(1)
            count += 1
    return count
