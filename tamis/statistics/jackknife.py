"""An interval for a number that is no mean: by leaving groups of items out, one at a time (Shao & Tu 1995, section 2.3)."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite, sqrt

import numpy as np

from tamis.statistics.estimate import Estimate, Means, around

GROUPS = 20
"""Groups of items that are left out in turn: Student's quantile is then within 7 percent of the normal one."""


def jackknife(
    number: Callable[[np.ndarray], float], clusters: np.ndarray, confidence: float = 0.95, groups: int = GROUPS
) -> Estimate:
    """`number` of all rows, with Student's interval from what it is without each group of clusters.

    number    takes the rows to use, (m,) int, and gives the number
    clusters  (n,) int  code of each row's cluster: rows of one cluster are left out together
    """
    rows = np.arange(clusters.size)
    value = number(rows)
    _, code = np.unique(clusters, return_inverse=True)
    items = int(code.max()) + 1 if code.size else 0
    count = min(groups, items)
    if count < 2 or not isfinite(value):
        return Estimate(value if isfinite(value) else None, items=items, note="one item alone has no interval")
    # Dealt out by a fixed draw, so that items next to each other do not make a group.
    dealt = (np.random.default_rng(0).permutation(items) % count)[code]
    without = np.array([number(rows[dealt != k]) for k in range(count)])
    error = sqrt((count - 1) / count * float(np.sum((without - without.mean()) ** 2)))
    return around(Means(value, error, count), confidence)._replace(items=items)
