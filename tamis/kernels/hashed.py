"""Texts as hashed n-grams (Weinberger et al. 2009): words and pairs of words, and runs of characters, in 2**bits slots each.

text   The sieve
words  the  sieve  the·sieve                chars (n = 4)  "the "  "he s"  "e si"  …

Words are those of docs/words.md in lower case; characters are in lower case too, with white space as one space. A text
counts by its n-grams over the square root of their number: where they are all different, that is its vector at length 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tamis.kernels.hash import bytes_of
from tamis.kernels.jit import njit
from tamis.kernels.unicode import table
from tamis.kernels.units import CHARS, ROOM, WORDS, take_units
from tamis.kernels.words import MIX, PRIME


class Slots(NamedTuple):
    """The slots that each text fills, repeats included; those of text i are `[rows[i]:rows[i + 1]]`.

    slots   (s,)     int32    of words and pairs 0 to 2**bits - 1; of characters from 2**bits on
    values  (s,)     float32  1 over the square root of how many there are of that sort
    rows    (n + 1,) int64
    """

    slots: np.ndarray
    values: np.ndarray
    rows: np.ndarray


def slots(strings: pa.Array, bits: int, ngram: int, limit: int) -> Slots:
    """The slots of an Arrow string array. ngram: characters of a run; limit: bytes of a text that are looked at."""
    data, offsets = bytes_of(strings)
    # Two words have a byte between them, or one is a letter of two bytes or more: words and pairs are no more than bytes
    # are, and neither are runs. The system gives memory for what is written alone.
    most = np.minimum(np.diff(offsets.astype(np.int64)), limit)
    rows = np.zeros(len(strings) + 1, np.int64)
    out = np.empty(int(2 * most.sum()) + 2 * len(strings), np.int32)
    values = np.empty(len(out), np.float32)
    fill_slots(data, offsets, *table(), limit, bits, ngram, out, values, rows)
    return Slots(out[: rows[-1]].copy(), values[: rows[-1]].copy(), rows)


def scored(strings: pa.Array, weights: np.ndarray, bias: float, ngram: int, limit: int) -> np.ndarray:
    """(n,) float64: `bias` and the weights of the slots of each string, times their values; nan where it has none.

    weights  (2, 2**bits) float32  of words and pairs, and of characters
    """
    data, offsets = bytes_of(strings)
    out = np.empty(len(strings))
    bits = weights.shape[1].bit_length() - 1
    score_all(data, offsets, *table(), limit, bits, ngram, weights, bias, out)
    return out


@njit(nogil=True, cache=True)
def _word_slot(h, bits):
    return np.int64((h * PRIME) >> np.uint64(64 - bits))


@njit(nogil=True, cache=True)
def _pair_slot(before, h, bits):
    return np.int64((((before ^ MIX) * PRIME ^ h) * PRIME) >> np.uint64(64 - bits))


@njit(nogil=True, cache=True)
def _run_slot(chars, at, ngram, bits):
    h = MIX
    for k in range(ngram):
        h = (h ^ chars[at + k]) * PRIME
        h ^= h >> np.uint64(32)
    return np.int64((h * MIX) >> np.uint64(64 - bits))


@njit(nogil=True, cache=True)
def _ends(data, start, end, limit):
    """Where the part of a text that is looked at ends: no character is cut."""
    if end - start > limit:
        end = start + limit
        while end > start and data[end] & 0xC0 == 0x80:
            end -= 1
    return end


@njit(nogil=True, cache=True)
def fill_slots(data, offsets, block, info, limit, bits, ngram, slots, values, rows):
    """Fill `slots`, `values` and `rows` (see `Slots`), all with room for the most there can be."""
    text, stage, leaf = data.ctypes.data, block.ctypes.data, info.ctypes.data
    units = np.empty(limit + 2 * ROOM, np.uint64)
    k = 0
    for i in range(offsets.size - 1):
        at = np.int64(offsets[i])
        end = _ends(data, at, np.int64(offsets[i + 1]), limit)
        _, n = take_units(text, at, end, np.int64(data.size), stage, leaf, WORDS, False, limit, units)
        first = k
        for j in range(n):
            slots[k] = _word_slot(units[j], bits)
            k += 1
            if j:
                slots[k] = _pair_slot(units[j - 1], units[j], bits)
                k += 1
        for j in range(first, k):
            values[j] = 1 / np.sqrt(k - first)
        _, n = take_units(text, at, end, np.int64(data.size), stage, leaf, CHARS, False, limit, units)
        first = k
        for j in range(n - ngram + 1):
            slots[k] = _run_slot(units, j, ngram, bits) + (np.int64(1) << bits)
            k += 1
        for j in range(first, k):
            values[j] = 1 / np.sqrt(k - first)
        rows[i + 1] = k


@njit(nogil=True, cache=True)
def score_all(data, offsets, block, info, limit, bits, ngram, weights, bias, out):
    """`out[i]` = score of string i (see `scored`). out (n,) float64, written in place."""
    text, stage, leaf = data.ctypes.data, block.ctypes.data, info.ctypes.data
    units = np.empty(limit + 2 * ROOM, np.uint64)
    for i in range(out.size):
        at = np.int64(offsets[i])
        end = _ends(data, at, np.int64(offsets[i + 1]), limit)
        _, n = take_units(text, at, end, np.int64(data.size), stage, leaf, WORDS, False, limit, units)
        total = 0.0
        for j in range(n):
            total += weights[0, _word_slot(units[j], bits)]
            if j:
                total += weights[0, _pair_slot(units[j - 1], units[j], bits)]
        score = total / np.sqrt(2 * n - 1) if n else 0.0
        _, m = take_units(text, at, end, np.int64(data.size), stage, leaf, CHARS, False, limit, units)
        total, m = 0.0, m - ngram + 1
        for j in range(m):
            total += weights[1, _run_slot(units, j, ngram, bits)]
        if m > 0:
            score += total / np.sqrt(m)
        out[i] = bias + score if n or m > 0 else np.nan
