"""In which order the records of all strata come into a mix.

In each stratum the records stand one after the other, in the order of their draws, each as long as what it costs: 1, or its
tokens. A record comes into the mix at the position

    (costs before it in its stratum + u × its own cost) / share of the stratum        0 < u ≤ 1, drawn once a stratum

and the mix takes records by position, lowest first, until the budget is used up. Hence

-   at any budget a stratum has its share of what is taken, but for one record; over all seeds just its share on average,
    also where that is a fraction of one record;
-   where a stratum has no record left, the others go on in proportion to their shares, and no record comes twice;
-   a larger budget takes all that a smaller one does, and more.
"""

from __future__ import annotations

import numpy as np


def positions(starts: np.ndarray, costs: np.ndarray, lead: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Where each record comes into the mix: (n,) float64; infinity where its stratum has no share.

    starts  (n,) int64    costs before it in its stratum
    costs   (n,) int64    its own
    lead    (n,) float64  u of its stratum
    share   (n,) float64  of its stratum
    """
    out = np.full(len(starts), np.inf)
    np.divide(starts + lead * costs, share, out=out, where=share > 0)
    return out


def before(codes: np.ndarray, costs: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Costs before each record in its stratum: (n,) int64.

    codes  (n,) int64   stratum of each record, ascending
    costs  (n,) int64
    base   (s,) int64   costs of each stratum before the first of these records
    """
    ends = np.cumsum(costs)
    firsts = np.searchsorted(codes, np.arange(len(base)))
    own = np.concatenate([[0], ends])[firsts]
    out: np.ndarray = ends - costs + (base - own)[codes]
    return out
