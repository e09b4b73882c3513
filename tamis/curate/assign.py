"""Which split a cluster of near-duplicates goes to.

A cluster is known by a key: the smallest record_id in it (`identity`). Its draw, a hash of that key, falls into the interval
of a split: under {train: 0.95, test: 0.05} train has the draws from 0 up to 0.95 of all, test has the rest. That is `assign`.

What holds, of `assign`:

-   Where a cluster goes depends on its key, the seed and the shares, and on nothing else that is in the data. Adding or
    taking away records moves no cluster whose key stays.
-   Every record goes to a split with the odds of its share. So in any stratum, over all choices of a seed, a split has its
    share on average, whatever the stratum is; how clusters are drawn has nothing to do with each other. The standard
    deviation is sqrt(s (1 - s) sum c²) records, with c records of the stratum in each cluster: of 2,000 single records a
    share of 0.05 has 100 give or take 10. `balanced` is for where that is too much.
-   A record that joins a cluster of k becomes its smallest id with odds of 1 in k + 1; then the cluster is drawn anew, and
    moves with odds of 1 - sum s²: 0.095 for 0.95 and 0.05, so 4.75 % for k = 1. Where a record joins two clusters they
    become one, and are where the one with the smaller id was: with odds of 1 - sum s² (0.095 again) the other one moves, as
    one of them must. No rule that looks at the key alone does better, as long as no cluster is to lie in two splits.
-   Other shares move only what lies between the old and the new borders. The order counts: put what should lose records to
    a new split beside it.

`balanced` cuts the clusters of each stratum, in the order of their draws, where the shares are reached: a split has its
share of the records of every stratum but for half a cluster at each border. The price is that borders move with the data:
m clusters added to n move about 0.8 sqrt(s (1 - s) n m / (n + m)) of the old ones at each border, in a stratum of its own
(s: share up to the border): 122 of a million doubled, at 0.95. A model trained on the old train may meet some in the new test.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from tamis.curate.draw import draws
from tamis.errors import UsageError

PURPOSE = "split"
OFF_BY = Fraction(1, 10**9)
"""How far from 1 shares may add up: a third, three times, is not 1 in floating point."""


def check(shares: Mapping[str, float], stage: str = "split") -> None:
    """Raise UsageError, in the name of `stage`, where `shares` do not add up to 1 or one is no share."""
    if not shares:
        raise UsageError(f"{stage}: there are no splits; name them with their shares, as in train: 0.95, test: 0.05")
    for name, share in shares.items():
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share <= 1:
            raise UsageError(f"{stage}: the share of {name!r} is {share!r}; it must be over 0 and at most 1")
    total = sum(map(_exact, shares.values()), Fraction(0))
    if abs(total - 1) > OFF_BY:
        raise UsageError(f"{stage}: the shares add up to {float(total):.12g}, not to 1; change one of them")


def assign(keys: np.ndarray, shares: Mapping[str, float], seed: int) -> np.ndarray:
    """Position in `shares` of the split of every cluster: (n,) int64.

    keys  (n,) or (n, 2) uint64   of clusters, or one for each record, equal within a cluster
    """
    ends = [min(2**64 * border.numerator // border.denominator, 2**64 - 1) for border in _borders(shares)]
    drawn = draws(keys, PURPOSE, seed)
    return np.searchsorted(np.array(ends[:-1], np.uint64), drawn, side="right").astype(np.int64)


def balanced(
    keys: np.ndarray, strata: np.ndarray, sizes: np.ndarray, shares: Mapping[str, float], seed: int
) -> np.ndarray:
    """As `assign`, for the price above with the shares reached in every stratum: (n,) int64.

    keys    (n,) or (n, 2) uint64   of clusters, each once
    strata  (n,) int64              stratum of each cluster; what stands for its records is for the caller to say
    sizes   (n,) int64              records in each cluster, at least 1
    """
    drawn = draws(keys, PURPOSE, seed)
    second = keys[:, 1] if keys.ndim == 2 else keys
    order = np.lexsort((second, drawn, strata))
    sizes, strata = sizes[order].astype(np.int64), strata[order]
    firsts = np.flatnonzero(np.diff(strata, prepend=strata[:1] - 1))
    ends = np.cumsum(sizes)
    which = np.cumsum(np.bincount(firsts, minlength=len(order))) - 1
    base = (ends - sizes)[firsts]
    total = np.diff(base, append=ends[-1:])
    # A cluster is where its middle is: whatever its size, it is as likely to go over a border as under.
    middle = (2 * (ends - base[which]) - sizes) / (2 * total[which])
    out = np.empty(len(order), np.int64)
    out[order] = np.searchsorted([float(border) for border in _borders(shares)[:-1]], middle, side="right")
    return out


def identity(ids: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """The key of the cluster of every record, its smallest id: (n, 2) uint64.

    ids       (n, 2) uint64   record ids, as tamis.schemas.ids.halves gives them
    clusters  (n,)   int64    equal for records of one cluster
    """
    order = np.lexsort((ids[:, 1], ids[:, 0], clusters))
    ranked = clusters[order]
    starts = np.flatnonzero(np.diff(ranked, prepend=ranked[:1] - 1))
    which = np.cumsum(np.bincount(starts, minlength=len(order))) - 1
    out = np.empty((len(order), 2), np.uint64)
    out[order] = ids[order[starts[which]]]
    return out


def _borders(shares: Mapping[str, float]) -> list[Fraction]:
    """Where the interval of each split ends, from 0 to 1, the last at 1."""
    borders, end = [], Fraction(0)
    for share in shares.values():
        end = min(end + _exact(share), Fraction(1))
        borders.append(end)
    return [*borders[:-1], Fraction(1)]


def _exact(share: float) -> Fraction:
    """The decimal that was written: 0.7 + 0.2 + 0.1 is 1."""
    return Fraction(repr(float(share)))
