"""Where keys of two numbers are among sorted ones."""

from __future__ import annotations

from tamis.kernels.jit import njit


@njit(nogil=True, cache=True)
def seek(known, sought, out):
    """The first place of each key of `sought` among `known`, -1 where it is not there.

    known   (n, 2) uint64   ascending, by the first number and then the second
    sought  (m, 2) uint64   in any order
    out     (m,) int64      written in place
    """
    for row in range(sought.shape[0]):
        first, second = sought[row, 0], sought[row, 1]
        low, high = 0, known.shape[0]
        while low < high:
            middle = (low + high) // 2
            here = known[middle, 0]
            if here < first or (here == first and known[middle, 1] < second):
                low = middle + 1
            else:
                high = middle
        there = low < known.shape[0] and known[low, 0] == first and known[low, 1] == second
        out[row] = low if there else -1
