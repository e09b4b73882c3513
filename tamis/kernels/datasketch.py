"""MinHash with the arithmetic of datasketch 2: the same permutations, the same slots, bit for bit.

    affine32  (a h' + b) modulo 2^32, a odd, h' the 32-bit hash of the n-gram after the finaliser of MurmurHash3
    affine64  the same in 64 bits
    legacy    (a h + b) modulo 2^64, then modulo 2^61 - 1, then the low 32 bits; h of 32 bits

A slot is the least of these over all n-grams (datasketch/minhash.py, Zhu, MIT licence, read in version 2.0.0). The
modulo 2^64 of `legacy` is what runs there, though its formula has none: 64-bit numbers wrap.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import numpy as np

from tamis.kernels.jit import njit

Scheme = Literal["affine32", "affine64", "legacy"]

MERSENNE = np.uint64((1 << 61) - 1)
LOW = np.uint64((1 << 32) - 1)

DTYPES: dict[str, Any] = {"affine32": np.uint32, "affine64": np.uint64, "legacy": np.uint32}
"""What holds a slot. datasketch keeps the 32 bits of `legacy` in uint64."""


@lru_cache(8)
def permutations(count: int, seed: int, scheme: Scheme) -> tuple[np.ndarray, np.ndarray]:
    """The factors `a` and addends `b` that datasketch draws: (count,) uint32 for affine32, else uint64."""
    draw = np.random.RandomState(seed)
    if scheme == "legacy":
        drawn = [draw.randint(low, MERSENNE, dtype=np.uint64) for _ in range(count) for low in (1, 0)]
        pairs = np.array(drawn, np.uint64).reshape(count, 2)
        return np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])
    dtype = DTYPES[scheme]
    bits = dtype().itemsize * 8
    a = draw.randint(0, 1 << (bits - 1), count, dtype=dtype) * dtype(2) + dtype(1)
    return a, draw.randint(0, 1 << bits, count, dtype=dtype)


def slots(hashes: np.ndarray, rows: np.ndarray, count: int, seed: int, scheme: Scheme) -> np.ndarray:
    """The signature of every text: (m, count) of DTYPES[scheme]; all ones in every bit where it has no n-gram.

    hashes  (g,) uint64     those of n-grams, all of text i in `[rows[i]:rows[i + 1]]`; repeats change nothing
    rows    (m + 1,) int64
    """
    out = np.full((len(rows) - 1, count), np.iinfo(DTYPES[scheme]).max, DTYPES[scheme])
    fill = {"affine32": fill_affine32, "affine64": fill_affine64, "legacy": fill_legacy}[scheme]
    fill(hashes, rows, *permutations(count, seed, scheme), out)
    return out


@njit(nogil=True, cache=True)
def fill_affine32(hashes, rows, a, b, out):
    """`out[i, k]` = the least `a[k] h' + b[k]` of text i. a, b (k,) uint32; out (m, k) uint32."""
    for i in range(rows.size - 1):
        least = out[i]
        for g in range(rows[i], rows[i + 1]):
            h = np.uint32(hashes[g])
            h = np.uint32(h ^ np.uint32(h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
            h = np.uint32(h)
            h = np.uint32(h ^ np.uint32(h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
            h = np.uint32(h)
            h = np.uint32(h ^ np.uint32(h >> np.uint32(16)))
            for k in range(a.size):
                least[k] = min(least[k], np.uint32(np.uint32(a[k] * h) + b[k]))


@njit(nogil=True, cache=True)
def fill_affine64(hashes, rows, a, b, out):
    """As fill_affine32. a, b (k,) uint64; out (m, k) uint64."""
    for i in range(rows.size - 1):
        least = out[i]
        for g in range(rows[i], rows[i + 1]):
            h = hashes[g]
            h = (h ^ (h >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
            h = (h ^ (h >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
            h ^= h >> np.uint64(33)
            for k in range(a.size):
                least[k] = min(least[k], a[k] * h + b[k])


@njit(nogil=True, cache=True)
def fill_legacy(hashes, rows, a, b, out):
    """`out[i, k]` = the least `(a[k] h + b[k]) % (2**61 - 1) & 0xFFFFFFFF`. a, b (k,) uint64; out (m, k) uint32."""
    for i in range(rows.size - 1):
        least = out[i]
        for g in range(rows[i], rows[i + 1]):
            h = hashes[g] & LOW
            for k in range(a.size):
                wrapped = a[k] * h + b[k]
                # 2^61 is 1 modulo the prime: the three high bits are added to the others, at most once too many.
                folded = (wrapped & MERSENNE) + (wrapped >> np.uint64(61))
                rest = folded - MERSENNE if folded >= MERSENNE else folded
                least[k] = min(least[k], np.uint32(rest))
