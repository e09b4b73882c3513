"""Clusters of vectors, and a map of their centres: plain NumPy, and the same whenever it is asked."""

from __future__ import annotations

import numpy as np

ROUNDS, STARTS = 30, 4
"""Rounds of k-means, at most, and beginnings of which the best is taken."""

ROUNDS_APART = 800
"""Rounds in which discs are pushed apart; in the first half they are also drawn to where they would stand."""

GAP = 6.0
"""Between two discs, in units of the map."""


def clusters(vectors: np.ndarray, k: int) -> np.ndarray:
    """Cluster of each of `vectors` (n, d) float32 of length 1: (n,) int64, 0 the largest (spherical k-means, Dhillon 2001).

    The best of STARTS, each begun as k-means++ does.
    """
    best, most = np.zeros(len(vectors), np.int64), -np.inf
    for start in range(STARTS):
        rnd = np.random.Generator(np.random.PCG64(start))
        label, closeness = _fitted(vectors, _begun(vectors, k, rnd))
        if closeness > most + 1e-6:
            best, most = label, closeness
    sizes = np.bincount(best, minlength=k)
    order = np.argsort(-sizes, kind="stable")
    rank = np.empty(k, np.int64)
    rank[order] = np.arange(k)
    # Clusters that lost all they had come last, and are no clusters.
    return rank[best]


def _begun(vectors: np.ndarray, k: int, rnd: np.random.Generator) -> np.ndarray:
    """Centres far from each other: each drawn by the squared distance from those before (Arthur and Vassilvitskii 2007)."""
    chosen = [int(rnd.integers(len(vectors)))]
    far = np.full(len(vectors), np.inf)
    for _ in range(k - 1):
        far = np.minimum(far, np.maximum(0, 2 - 2 * vectors @ vectors[chosen[-1]]))
        total = np.cumsum(far, dtype=np.float64)
        if total[-1] <= 1e-9:
            break
        chosen.append(int(np.searchsorted(total, rnd.random() * total[-1])))
    return vectors[chosen].copy()


def _fitted(vectors: np.ndarray, middle: np.ndarray) -> tuple[np.ndarray, float]:
    """Cluster of each vector, (n,) int64, from the centres `middle` (k, d); and the sum of the cosines to their own."""
    label = np.full(len(vectors), -1)
    for _ in range(ROUNDS):
        cosine = vectors @ middle.T
        now = np.argmax(cosine, axis=1)
        if (now == label).all():
            break
        label = now
        sums = np.zeros_like(middle)
        np.add.at(sums, label, vectors)
        size = np.linalg.norm(sums, axis=1, keepdims=True)
        middle = np.where(size > 1e-9, sums / np.maximum(size, 1e-9), middle)
    return label, float(np.take_along_axis(vectors @ middle.T, label[:, None], axis=1).sum())


def laid_out(middle: np.ndarray, radius: np.ndarray, width: float, height: float) -> np.ndarray:
    """Where discs of `radius` (k,) stand so that alike ones are near and none lies on another: (k, 2) float64.

    Classical scaling of the cosine distances of the centres `middle` (k, d) (Torgerson 1952); then they are pushed apart.
    """
    k = len(middle)
    if k == 1:
        return np.array([[width / 2, height / 2]])
    far = np.maximum(0.0, 2 - 2 * (middle @ middle.T).astype(np.float64))
    centring = np.eye(k) - 1 / k
    value, vector = np.linalg.eigh(-0.5 * centring @ far @ centring)
    place: np.ndarray = vector[:, ::-1][:, :2] * np.sqrt(np.maximum(value[::-1][:2], 0))
    # An eigenvector has no sign of its own: its largest number is to be positive.
    place *= np.sign(place[np.argmax(np.abs(place), axis=0), [0, 1]] + 1e-12)
    # Halfway to evenly spread, so that a few clusters far off do not press the others into a corner.
    rank = np.argsort(np.argsort(place, axis=0, kind="stable"), axis=0, kind="stable") / max(1, k - 1)
    place = _within(0.5 * _unit(place) + 0.5 * rank, radius, width, height)
    wanted = place.copy()
    for step in range(ROUNDS_APART):
        if step < ROUNDS_APART // 2:
            place += 0.02 * (wanted - place)
        apart = place[:, None] - place[None, :]
        distance = np.linalg.norm(apart, axis=2)
        overlap = np.maximum(0.0, radius[:, None] + radius[None, :] + GAP - distance)
        np.fill_diagonal(overlap, 0)
        # Two in one place part along a line that depends on which they are.
        turn = (
            2.4 * np.abs(np.arange(k)[:, None] - np.arange(k)[None, :]) + np.arange(k)[:, None] + np.arange(k)[None, :]
        )
        side = np.sign(np.arange(k)[:, None] - np.arange(k)[None, :])
        some = np.stack([np.cos(turn) * side, np.sin(turn) * side], axis=2)
        unit = np.where(distance[..., None] > 1e-6, apart / np.maximum(distance, 1e-6)[..., None], some)
        place += 0.45 * (unit * overlap[..., None]).sum(axis=1)
        place = np.clip(place, radius[:, None] + 2, np.array([width, height]) - radius[:, None] - 2)
    return place


def _unit(place: np.ndarray) -> np.ndarray:
    """`place` (k, 2) stretched to 0–1 both ways."""
    out: np.ndarray = (place - place.min(axis=0)) / np.maximum(np.ptp(place, axis=0), 1e-9)
    return out


def _within(place: np.ndarray, radius: np.ndarray, width: float, height: float) -> np.ndarray:
    """`place` (k, 2), from 0 to 1, on the map but for the radii."""
    out: np.ndarray = radius.max() + 2 + place * (np.array([width, height]) - 2 * radius.max() - 4)
    return out
