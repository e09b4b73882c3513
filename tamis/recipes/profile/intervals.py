"""95 % intervals of what a sample says."""

from __future__ import annotations

import numpy as np

from tamis.report.profile.facts import Estimate

Z = 1.959964


def share(rows: int, n: int, of: int) -> Estimate:
    """`rows` of the `n` records drawn from `of` (Wilson 1927); nothing to estimate where all were drawn or none was."""
    if not n or n >= of:
        return Estimate(rows / n if n else 0.0, None, None, n)
    p, z2 = rows / n, Z * Z
    middle, half = p + z2 / (2 * n), Z * np.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    low, high = (middle - half) / (1 + z2 / n), (middle + half) / (1 + z2 / n)
    # Its ends are 0 and 1 just where none and all are, but for rounding.
    return Estimate(p, 0.0 if rows == 0 else max(0.0, float(low)), 1.0 if rows == n else min(1.0, float(high)), n)


def density(found: np.ndarray, size: np.ndarray, per: float, of: int) -> Estimate:
    """Findings for `per` units of size, in a sample of whole records, of which findings come in bunches.

    The ratio of two sums, its error that of a ratio estimator, the interval symmetric in the logarithm; where nothing was
    found, `high` is what three findings would be (Hanley and Lippman-Hand 1983).

    found, size  (n,)  findings in each record, and how large it is
    """
    n, total = len(found), float(size.sum())
    if not total:
        return Estimate(0.0, None, None, n)
    rate = float(found.sum()) / total
    if n >= of:
        return Estimate(per * rate, None, None, n)
    if not rate:
        return Estimate(0.0, 0.0, per * 3 / total, n)
    error = np.sqrt(n / max(1, n - 1) * np.sum((found - rate * size) ** 2)) / total
    wide = float(np.exp(Z * error / rate))
    return Estimate(per * rate, per * rate / wide, per * rate * wide, n)


def lost(sizes: np.ndarray, alone: int, alike: float, all_there: bool) -> Estimate:
    """Share of records that go where one of each group stays, from groups that were drawn as a whole.

    A group may be drawn in part: a pair of similarity J is together with probability J. `low` takes what was seen; `high`
    makes up for all that pairs would have lost, which is too much for larger groups; the value lies between. Of 90,832
    documents, 8.0 % near-duplicates: a quarter said 7.8 % (6.9 to 8.8), a tenth 8.1 (6.9 to 9.4), 2 % said 7.7 (5.7 to 9.9).

    sizes      (g,) records of each group of two or more
    alone      records that are in none
    alike      mean similarity (0–1) of the records that go to those that stay
    all_there  nothing was drawn
    """
    n = int(sizes.sum()) + alone
    gone = float((sizes - 1).sum())
    if not n or all_there:
        return Estimate(gone / n if n else 0.0, None, None, n)
    rate = gone / n
    error = np.sqrt(np.sum((sizes - 1 - rate * sizes) ** 2) + alone * rate * rate) / n
    if not gone:
        return Estimate(0.0, 0.0, min(1.0, 3 / n), n)
    alike = max(alike, 0.5)
    low, high = max(0.0, rate - Z * float(error)), min(1.0, (rate + Z * float(error)) / alike)
    return Estimate(min(1.0, rate / float(np.sqrt(alike))), low, high, n)
