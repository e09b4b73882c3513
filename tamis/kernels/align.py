"""Two sequences side by side: the longest sequence that both have in order (LCS; Wagner & Fischer 1974).

a b c d e
x b d e       b, d, e: positions 1, 3, 4 of the first and 1, 2, 3 of the second
"""

from __future__ import annotations

import numpy as np

from tamis.kernels.jit import njit


@njit(nogil=True, cache=True)
def longest_common(a, b, at_a, at_b):
    """Length of the longest common sequence of `a` and `b`; its positions are put into `at_a` and `at_b`, ascending.

    a, b        (n,) and (m,) uint64   one of them under 2**16 long; (n + 1) * (m + 1) * 2 bytes are held meanwhile
    at_a, at_b  (min(n, m),) int64     written in place, as far as the answer goes
    """
    n, m = a.size, b.size
    # longest[i, j]: of a[i:] and b[j:], so that the way is then walked from the front.
    longest = np.zeros((n + 1, m + 1), np.uint16)
    for i in range(n - 1, -1, -1):
        for j in range(m - 1, -1, -1):
            if a[i] == b[j]:
                longest[i, j] = longest[i + 1, j + 1] + 1
            else:
                longest[i, j] = max(longest[i + 1, j], longest[i, j + 1])
    i = j = found = 0
    while longest[i, j]:
        if a[i] == b[j]:
            at_a[found], at_b[found] = i, j
            i, j, found = i + 1, j + 1, found + 1
        elif longest[i + 1, j] >= longest[i, j + 1]:
            i += 1
        else:
            j += 1
    return found
