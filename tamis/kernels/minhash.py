"""MinHash signatures folded to band keys, in one pass over the text (Broder 1997; Indyk and Motwani 1998).

    shingle  h, the high 32 bits of its hash (tamis.kernels.shingles)
    slot     min over all shingles of (a h + b) modulo 2^32, one for each permutation (a odd)
    key      of `rows` slots next to each other: two texts of Jaccard similarity J share it with probability J^rows

A text is worked through in pieces of CHUNK units: memory does not depend on its size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.kernels.hash import bytes_of
from tamis.kernels.jit import njit
from tamis.kernels.shingles import BASE, CHUNK, FINISH, finish, power
from tamis.kernels.unicode import table
from tamis.kernels.units import ROOM, Unit, code_of, take_units
from tamis.kernels.words import MIX, PRIME, SEED

MOST_BANDS = 64
MOST_PERMUTATIONS = 512
LEAST_PERMUTATIONS = 36

FALSE_CANDIDATES = 0.25
"""Chance that a pair of half the threshold's similarity may have to be compared in vain."""

_TOP = np.uint32(0xFFFFFFFF)
_BAND = np.uint64(MOST_BANDS - 1)
_LANES = 32
"""Shingles that one turn of the vectorised loop takes, at most."""


@dataclass(frozen=True)
class Sketches:
    """What is kept of n texts.

    keys   (n, bands) uint64  the six lowest bits are the band, so that keys of two bands never meet; 0 where count is
    same   (n, 2)     uint64  a 128-bit hash of all units in order; 0 where count is
    count  (n,)       uint32  shingles, repeats included; 0: nothing to compare
    """

    keys: np.ndarray
    same: np.ndarray
    count: np.ndarray


@cache
def permutations(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Drawn from `seed`: a (count,) uint32, odd, and b (count,) uint32. The same arrays every time, not to be written to."""
    drawn = np.random.Generator(np.random.PCG64(seed)).integers(0, 1 << 32, (count, 2), np.uint32)
    return drawn[:, 0] | np.uint32(1), drawn[:, 1].copy()


def sketch(strings: pa.Array, n: int, unit: Unit, a: np.ndarray, b: np.ndarray, bands: int) -> Sketches:
    """Band keys, identity and size of every string of an Arrow array, large or not, sliced or not; a null has none.

    a, b   (p,) uint32  of `permutations`; p is a multiple of bands
    bands  1 to MOST_BANDS
    """
    if n < 1:
        raise ValueError(f"n is {n}; a shingle has at least one unit")
    if not 1 <= bands <= MOST_BANDS or len(a) % bands or len(a) != len(b) or not len(a):
        raise ValueError(
            f"{len(a)} and {len(b)} numbers in {bands} bands; each band takes equally many, of 1 to 64 bands"
        )
    strings = pc.fill_null(strings, "") if strings.null_count else strings
    out = Sketches(
        np.zeros((len(strings), bands), np.uint64),
        np.zeros((len(strings), 2), np.uint64),
        np.zeros(len(strings), np.uint32),
    )
    pad = -len(a) % 4
    a, b = np.append(a, np.ones(pad, np.uint32)), np.append(b, np.zeros(pad, np.uint32))
    numbers = (n, code_of(unit), a, b, (len(a) - pad) // bands)
    _sketch_all(*bytes_of(strings), *table(), *numbers, out.keys, out.same, out.count)
    return out


def choose(threshold: float, recall: float) -> tuple[int, int]:
    """Bands and rows by which a pair of Jaccard similarity `threshold` is met with probability `recall` or more.

    Of all that reach it within MOST_BANDS and MOST_PERMUTATIONS: the fewest permutations (bands times rows) by which a
    pair of half the similarity is met with probability FALSE_CANDIDATES or less; where none keeps to that, as below a
    threshold of about 0.55, the bands and rows by which such a pair is met least. Up to LEAST_PERMUTATIONS bands are added:
    they cost next to nothing, and find pairs that would be missed.
    """
    reach = [(b, r) for r in range(1, MOST_PERMUTATIONS + 1) if (b := _bands(threshold, recall, r))]
    if not reach:
        best = met(threshold, MOST_BANDS, 1)
        raise ValueError(
            f"a recall of {recall} at a threshold of {threshold} is out of reach: {MOST_BANDS} bands of one row meet "
            f"{best:.6f} of such pairs; ask for less recall or a higher threshold"
        )
    strict = [(b, r) for b, r in reach if met(threshold / 2, b, r) <= FALSE_CANDIDATES]
    if strict:
        bands, rows = min(strict, key=lambda shape: (shape[0] * shape[1], shape[0]))
        return max(bands, LEAST_PERMUTATIONS // rows), rows
    return min(reach, key=lambda shape: met(threshold / 2, *shape))


def met(similarity: float, bands: int, rows: int) -> float:
    """The probability that a pair of that Jaccard similarity shares a key: 1 - (1 - J^rows)^bands."""
    return 1.0 - (1.0 - similarity**rows) ** bands


def _bands(threshold: float, recall: float, rows: int) -> int:
    """The fewest bands of `rows` that reach `recall`; 0 where none do within the bounds."""
    most = min(MOST_BANDS, MOST_PERMUTATIONS // rows)
    # Of what is missed, as 1 - 1e-20 is 1: no number of bands reaches a recall of 1 below a threshold of 1.
    return next((bands for bands in range(1, most + 1) if (1.0 - threshold**rows) ** bands <= 1.0 - recall), 0)


@njit(nogil=True, cache=True)
def _sketch_all(data, offsets, block, info, n, kind, a, b, rows, keys, same, counts):
    """Fill `keys`, `same` and `counts` (see `Sketches`). a, b: of a length that 4 divides, so that none is left over."""
    text, stage, leaf = data.ctypes.data, block.ctypes.data, info.ctypes.data
    units, sums = np.empty(CHUNK + ROOM, np.uint64), np.empty(n + CHUNK + ROOM, np.uint64)
    hashes, slots = np.empty(CHUNK + ROOM + _LANES, np.uint32), np.empty(a.size, np.uint32)
    far = power(n)
    for i in range(counts.size):
        at, end, seen = np.int64(offsets[i]), np.int64(offsets[i + 1]), 0
        chain = SEED
        slots[:] = _TOP
        sums[n - 1] = np.uint64(0)
        while at < end:
            at, count = take_units(text, at, end, data.size, stage, leaf, kind, seen > 0, CHUNK, units)
            chain = _sum_up(units, count, n, chain, sums)
            first = max(0, n - 1 - seen)
            seen += count
            if count > first:
                _take_minima(_hash_up(sums, first, count, n, far, hashes), hashes, a, b, slots)
            for k in range(n):
                sums[k] = sums[k + count]
        if seen == 0:
            continue
        total = sums[n - 1]
        if seen < n:
            hashes[0] = np.uint32(finish(total) >> np.uint64(32))
            _take_minima(1, hashes, a, b, slots)
        counts[i] = min(max(seen - n + 1, 1), 0xFFFFFFFF)
        same[i, 0], same[i, 1] = finish(total ^ np.uint64(seen)), chain
        for band in range(keys.shape[1]):
            keys[i, band] = _key(slots, band, rows)


@njit(nogil=True, cache=True)
def _sum_up(units, count, n, chain, sums):
    """`sums[n + k]` = that of all units up to k; return `chain` with these units in it.

    A sum alone would not tell some texts of two words apart (Thue-Morse sequences); the chain, which is none, does.
    """
    total = sums[n - 1]
    for k in range(count):
        total = total * BASE + units[k]
        sums[n + k] = total
        chain = (chain ^ units[k]) * PRIME
        chain ^= chain >> np.uint64(32)
    return chain


@njit(nogil=True, cache=True)
def _hash_up(sums, first, count, n, far, hashes):
    """The shingles that end with the units from `first` on, to `hashes`; the last comes again up to a full turn of the loop."""
    for k in range(first, count):
        total = sums[n + k] - sums[k] * far
        total ^= total >> np.uint64(32)
        total *= FINISH
        hashes[k - first] = np.uint32(total >> np.uint64(32))
    size = count - first
    full = (size + _LANES - 1) // _LANES * _LANES
    for k in range(size, full):
        hashes[k] = hashes[size - 1]
    return full


@njit(nogil=True, cache=True)
def _take_minima(size, hashes, a, b, slots):
    """Lower every slot to the least value of its permutation among the first `size` hashes, four slots a pass."""
    for p in range(0, a.size, 4):
        a0, a1, a2, a3 = a[p], a[p + 1], a[p + 2], a[p + 3]
        b0, b1, b2, b3 = b[p], b[p + 1], b[p + 2], b[p + 3]
        low0, low1, low2, low3 = slots[p], slots[p + 1], slots[p + 2], slots[p + 3]
        for k in range(size):
            h = hashes[k]
            low0 = min(low0, np.uint32(a0 * h + b0))
            low1 = min(low1, np.uint32(a1 * h + b1))
            low2 = min(low2, np.uint32(a2 * h + b2))
            low3 = min(low3, np.uint32(a3 * h + b3))
        slots[p], slots[p + 1], slots[p + 2], slots[p + 3] = low0, low1, low2, low3


@njit(nogil=True, cache=True)
def _key(slots, band, rows):
    """The key of a band: its slots multiplied in one after the other, its number in the lowest bits."""
    h = SEED
    for k in range(band * rows, (band + 1) * rows):
        h = (h ^ np.uint64(slots[k])) * PRIME
        h ^= h >> np.uint64(32)
    h *= MIX
    h ^= h >> np.uint64(32)
    return (h & ~_BAND) | np.uint64(band)
