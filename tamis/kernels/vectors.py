"""Vectors on a grid of whole numbers, whose dot products come out the same whoever adds them up, and in what order.

A vector is brought to length 4,000 and rounded: (d,) int16. A dot product of two is then a whole number of at most 2**24,
and so is every sum on the way to it (Cauchy and Schwarz): a matrix product in float32 rounds nothing, whatever its blocks,
its threads and its processor. What the grid costs: cosines change by about 0.0001.
"""

from __future__ import annotations

import numpy as np

from tamis.kernels.jit import njit

LENGTH = 4000.0
MOST = 16_384
"""Numbers of a vector, at most: half a step for each may lengthen it, to 4,064."""


def rounded(vectors: np.ndarray) -> np.ndarray:
    """(n, d) int16 of vectors (n, d) float32 or float64; one without a length, or with a number that is none, is all 0."""
    out = np.zeros(vectors.shape, np.int16)
    round_all(vectors, out)
    return out


@njit(nogil=True, cache=True)
def round_all(vectors, out):
    """`out[i]` = vector i on the grid. out (n, d) int16, zeros, written in place."""
    for i in range(vectors.shape[0]):
        square = 0.0
        for k in range(vectors.shape[1]):
            square += np.float64(vectors[i, k]) * np.float64(vectors[i, k])
        if square > 0.0 and np.isfinite(square):
            by = LENGTH / np.sqrt(square)
            for k in range(vectors.shape[1]):
                out[i, k] = np.int16(np.rint(vectors[i, k] * by))


@njit(nogil=True, cache=True)
def mean_all(table, weight, ids, rows, out):
    """`out[i]` = weighted mean of the rows `ids[rows[i]:rows[i + 1]]` of `table`; 0 where there are none.

    table   (t, d)   float32
    weight  (t,)     float32
    ids     (s,)     int64    those out of range are left out
    rows    (n + 1,) int64
    out     (n, d)   float64  zeros, written in place
    """
    for i in range(out.shape[0]):
        count = 0
        for s in range(rows[i], rows[i + 1]):
            t = ids[s]
            if t < 0 or t >= table.shape[0]:
                continue
            count += 1
            for k in range(table.shape[1]):
                out[i, k] += np.float64(table[t, k]) * weight[t]
        if count:
            for k in range(table.shape[1]):
                out[i, k] /= count


@njit(nogil=True, cache=True)
def lengths(vectors, out):
    """`out[i]` = length of vector i. vectors (n, d) int16; out (n,) float64, written in place."""
    for i in range(out.size):
        square = np.int64(0)
        for k in range(vectors.shape[1]):
            square += np.int64(vectors[i, k]) * np.int64(vectors[i, k])
        out[i] = np.sqrt(np.float64(square))


@njit(nogil=True, cache=True)
def take_best(dots, length, others, first, base, best, at):
    """Bring `best` and `at` up to date with one tile of dot products; of several that are equal the first counts.

    dots    (m, n) float32  of the vectors at places first, first + 1, … with those at base, base + 1, …
    length  (m,)   float64  of the former;  others (n,) float64  of the latter
    best    (m,)   float64  cosine of each with the most alike of those at a place before its own; at (m,) int64: that place
    """
    for i in range(dots.shape[0]):
        here = min(dots.shape[1], first + i - base)
        for j in range(here):
            cosine = np.float64(dots[i, j]) / (length[i] * others[j])
            if cosine > best[i]:
                best[i], at[i] = cosine, base + j


@njit(nogil=True, cache=True)
def cosines(vectors, ask, with_, out):
    """`out[k]` = cosine of the vectors `ask[k]` and `with_[k]`. vectors (n, d) int16; out (p,) float64, written in place."""
    for p in range(out.size):
        dot, one, two = np.int64(0), np.int64(0), np.int64(0)
        for k in range(vectors.shape[1]):
            a, b = np.int64(vectors[ask[p], k]), np.int64(vectors[with_[p], k])
            dot, one, two = dot + a * b, one + a * a, two + b * b
        out[p] = np.float64(dot) / (np.sqrt(np.float64(one)) * np.sqrt(np.float64(two)))
