"""What is learned by scikit-learn, by one thread, so that a learner's bits do not depend on who else is at work."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tamis.extras import extra


class Line(NamedTuple):
    """weights (d,) float64 and bias of a logistic regression: the margin is `weights · x + bias`."""

    weights: np.ndarray
    bias: float


def logistic(x: Any, y: np.ndarray, strength: float, weight: np.ndarray | None = None) -> Line:
    """Logistic regression with an L2 penalty of 1 / (2 strength).

    x  (n, d) sparse or dense;  y (n,) bool;  weight (n,) of each row, all 1 where there is none
    """
    with extra("classify"):
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits
    with threadpool_limits(1):
        found = LogisticRegression(C=strength, max_iter=1000).fit(x, y, sample_weight=weight)
    return Line(found.coef_[0].astype(np.float64), float(found.intercept_[0]))


def centres(x: np.ndarray, k: int, seed: int) -> np.ndarray:
    """(k, d) float32: centres of `k` clusters of the rows of `x` (n, d) float32 (mini-batch k-means, Sculley 2010)."""
    with extra("semantic"):
        from sklearn.cluster import MiniBatchKMeans
        from threadpoolctl import threadpool_limits
    with threadpool_limits(1):
        found = MiniBatchKMeans(k, random_state=seed, batch_size=4096, n_init=3).fit(x)
    middle: np.ndarray = found.cluster_centers_.astype(np.float32)
    return middle


def sparse(values: np.ndarray, slots: np.ndarray, rows: np.ndarray, width: int) -> Any:
    """A sparse matrix (n, width): row i has `values` at the columns `slots`, both `[rows[i]:rows[i + 1]]`; repeats add up."""
    with extra("classify"):
        from scipy.sparse import csr_array
    found = csr_array((values, slots, rows), shape=(len(rows) - 1, width))
    found.sum_duplicates()
    return found
