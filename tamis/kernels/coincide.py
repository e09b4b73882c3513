"""Krippendorff's alpha of many weightings of the same items, and which items were labelled alike.

An item is how often each label was given to it: item i has `counts[j]` times the label `codes[j]`, for j from `starts[i]` to
`starts[i + 1]`, codes rising. Sums run over labels, never over pairs: with `x` the place of a label (its value, or for ordinal
its mid-rank) the squared differences of all pairs of an item of m labels are `2 * (m * sum(n x²) - sum(n x)²)`.
"""

from __future__ import annotations

import numpy as np

from tamis.kernels.jit import njit

NOMINAL, ORDINAL = range(2)


@njit(cache=True, nogil=True)
def alphas(weights, block, starts, codes, counts, labels, level, out):
    """`1 - observed / expected` disagreement (Krippendorff 2004, chapter 11) of every row of weights.

    weights  (b, d) int64    how often each block counts
    block    (g,) int64      the block of each item; only items of two labels or more
    starts   (g + 1,) int64
    codes    (k,) int32      labels, in their order
    counts   (k,) int64
    labels   how many different ones there are
    level    NOMINAL, or ORDINAL: by mid-ranks of the labels that can be paired
    out      (b,) float64    written; nan where all labels are the same
    """
    totals = np.empty(labels, np.int64)
    x = np.zeros(labels, np.float64)
    for b in range(weights.shape[0]):
        totals[:] = 0
        for i in range(starts.size - 1):
            w = weights[b, block[i]]
            if w:
                for j in range(starts[i], starts[i + 1]):
                    totals[codes[j]] += w * counts[j]
        n = totals.sum()
        _place(totals, n, level, x)
        observed = 0.0
        for i in range(starts.size - 1):
            w = weights[b, block[i]]
            if w:
                observed += w * _apart(starts[i], starts[i + 1], codes, counts, x, level)
        expected = 0.0
        if level == NOMINAL:
            for t in totals:
                expected += float(t) * float(n - t)
        else:
            first = second = 0.0
            for c in range(totals.size):
                first += totals[c] * x[c]
                second += totals[c] * x[c] * x[c]
            expected = 2 * (n * second - first * first)
        out[b] = np.nan
        if _differ(totals):
            out[b] = 1 - (n - 1) * observed / expected


@njit(cache=True, nogil=True)
def _differ(totals):
    """Is there more than one label?"""
    found = 0
    for t in totals:
        found += t > 0
    return found > 1


@njit(cache=True, nogil=True)
def _place(totals, n, level, x):
    """The mid-rank of each label, their mean at 0: rounding stays as small as the spread."""
    if level == NOMINAL:
        return
    before = 0
    for c in range(totals.size):
        x[c] = before + totals[c] / 2
        before += totals[c]
    mean = 0.0
    for c in range(totals.size):
        mean += totals[c] * x[c] / max(n, 1)
    for c in range(totals.size):
        x[c] -= mean


@njit(cache=True, nogil=True)
def _apart(lo, hi, codes, counts, x, level):
    """Disagreement within an item, over ordered pairs of its m labels, divided by m - 1."""
    m = 0
    first = second = 0.0
    for j in range(lo, hi):
        m += counts[j]
        if level == NOMINAL:
            second += float(counts[j]) * counts[j]
        else:
            first += counts[j] * x[codes[j]]
            second += counts[j] * x[codes[j]] * x[codes[j]]
    if level == NOMINAL:
        return (float(m) * m - second) / (m - 1)
    return 2 * (m * second - first * first) / (m - 1)


@njit(cache=True, nogil=True)
def spreads(starts, codes, counts, points, out):
    """What the interval alpha is made of, item by item: both of its disagreements are sums of these.

    points  (c,) float64    where the labels lie, around 0
    out     (g, 4) float64  written: disagreement within the item, labels, their sum, their sum of squares
    """
    for i in range(starts.size - 1):
        out[i] = 0.0
        for j in range(starts[i], starts[i + 1]):
            out[i, 1] += counts[j]
            out[i, 2] += counts[j] * points[codes[j]]
            out[i, 3] += counts[j] * points[codes[j]] ** 2
        out[i, 0] = _apart(starts[i], starts[i + 1], codes, counts, points, ORDINAL)


@njit(cache=True, nogil=True)
def by_item(item, code, starts, codes, counts):
    """Sort labels by item, then label, and count those that are equal; returns how many are left.

    item    (n,) int64
    code    (n,) int32
    starts  (g + 1,) int64  zeros; where each item's labels begin is written
    codes   (n,) int32      written
    counts  (n,) int64      written
    """
    for i in item:
        starts[i + 1] += 1
    for i in range(starts.size - 1):
        starts[i + 1] += starts[i]
    fill = starts[:-1].copy()
    for k in range(item.size):
        at = fill[item[k]]
        while at > starts[item[k]] and codes[at - 1] > code[k]:
            codes[at] = codes[at - 1]
            at -= 1
        codes[at] = code[k]
        fill[item[k]] += 1
    used = lo = 0
    for i in range(starts.size - 1):
        hi = starts[i + 1]
        begin = used
        for k in range(lo, hi):
            if used > begin and codes[used - 1] == codes[k]:
                counts[used - 1] += 1
            else:
                codes[used] = codes[k]
                counts[used] = 1
                used += 1
        lo = hi
        starts[i + 1] = used
    return used


@njit(cache=True, nogil=True)
def patterns(starts, codes, counts, out):
    """A number for each item that is equal where labels and counts are (FNV-1a over both, mixed).

    starts  (g + 1,) int64, codes (k,) int32, counts (k,) int64
    out     (g,) uint64   written
    """
    for i in range(starts.size - 1):
        h = np.uint64(0xCBF29CE484222325)
        for j in range(starts[i], starts[i + 1]):
            h = (h ^ np.uint64(codes[j])) * np.uint64(0x100000001B3)
            h = (h ^ np.uint64(counts[j])) * np.uint64(0x100000001B3)
            h ^= h >> np.uint64(29)
        out[i] = h


@njit(cache=True, nogil=True)
def all_alike(starts, codes, counts, like):
    """Whether every item has the very labels of the item `like[i]`: a number alone could be equal by chance.

    like  (g,) int64
    """
    for i in range(starts.size - 1):
        lo, other = starts[i], starts[like[i]]
        size = starts[i + 1] - lo
        if starts[like[i] + 1] - other != size:
            return False
        for k in range(size):
            if codes[lo + k] != codes[other + k] or counts[lo + k] != counts[other + k]:
                return False
    return True
