"""How often a gate passes a model that loses exactly what it may not, and a test tells two equal models apart.

    python benchmarks/eval_type_one.py             some ten minutes; each line 20,000 samples

The gate is max_regression at its default confidence: at a true loss of the limit it may pass 5 percent of the time. Items come in
clusters whose chance of being lost or won is drawn anew for each (beta, with the correlation that is named), so that items of one
cluster hang together. Beside it, in the same samples, the gates that are in use elsewhere: Student's interval by clusters, and one
that takes items for independent. The test is of two models that are equally good, but each on passages of its own.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
from measure import save, table

from tamis.statistics import around, clustered_mean, holm, paired
from tamis.statistics.paired import of_shares

SETS = 20_000

LIMIT = 0.055
"""Share of samples in which a gate may pass: 5 percent, and three standard errors of so many samples."""

SHAPES = ((200, 1), (500, 1), (1000, 1), (50, 10), (100, 5), (200, 5), (400, 5))
"""Clusters, and items of each."""

CHANCES = ((0.03, 0.01), (0.07, 0.05), (0.15, 0.10))
"""Chance that an item is lost, and that it is won: the true loss, which is the limit, is their difference."""


def propensity(random: np.random.Generator, chance: float, clusters: int, correlation: float) -> np.ndarray:
    """The chance of each cluster."""
    if not correlation:
        return np.full(clusters, chance)
    strength = 1 / correlation - 1
    return random.beta(chance * strength, (1 - chance) * strength, clusters)


def drawn(
    random: np.random.Generator, shape: tuple[int, int], chances: tuple[float, float], correlation: float
) -> np.ndarray:
    """Items lost (-1), won (1) and neither."""
    lost, won = (np.repeat(propensity(random, c, shape[0], correlation), shape[1]) for c in chances)
    at = random.random(lost.size)
    return np.where(at < lost, -1.0, np.where(at < lost + won, 1.0, 0.0))


def gate(shape: tuple[int, int], chances: tuple[float, float], correlation: float) -> dict[str, float]:
    """How often each gate passes a loss of exactly the limit."""
    clusters, limit = np.repeat(np.arange(shape[0]), shape[1]), chances[0] - chances[1]
    passed, z = np.zeros(3), NormalDist().inv_cdf(0.95)
    for k in range(SETS):
        apart = drawn(np.random.default_rng([1, *shape, k]), shape, chances, correlation)
        own = of_shares(apart, clusters, 0.9).low
        student = around(clustered_mean(apart, clusters), 0.9).low
        naive = apart.mean() - z * apart.std(ddof=1) / np.sqrt(apart.size)
        passed += [low is not None and low > -limit for low in (own, student, naive)]
    return dict(zip(("tamis", "student", "items_alone"), (passed / SETS).tolist(), strict=True))


def equal(shape: tuple[int, int]) -> dict[str, float]:
    """How often the test finds a difference at 5 percent where there is none but by passage."""
    clusters, found = np.repeat(np.arange(shape[0]), shape[1]), np.zeros(4)
    for k in range(SETS):
        random = np.random.default_rng([2, *shape, k])
        hard, own = random.normal(size=clusters.size), random.normal(0, 0.6, (2, shape[0]))
        ease = random.normal(size=shape[0])[clusters]
        a, b = (
            np.asarray(ease + hard + o[clusters] + random.normal(0, 0.5, clusters.size) > 0, np.float64) for o in own
        )
        with_clusters, alone = paired(a, b, clusters), paired(a, b, np.arange(clusters.size))
        interval = with_clusters.value
        out = interval.low is not None and interval.high is not None and not interval.low <= 0 <= interval.high
        found += [p is not None and p < 0.05 for p in (with_clusters.p, alone.p, alone.mcnemar)] + [out]
    return dict(zip(("clustered", "items_alone", "mcnemar", "interval"), (found / SETS).tolist(), strict=True))


def family(tasks: int = 10, items: int = 200) -> dict[str, float]:
    """How often any of several tasks shows a difference, with Holm's p-values and with plain ones."""
    plain = adjusted = 0
    for k in range(SETS):
        random = np.random.default_rng([3, k])
        chances = [_p(random, items) for _ in range(tasks)]
        plain += min(chances) < 0.05
        adjusted += min(holm(chances)) < 0.05
    return {"holm": adjusted / SETS, "plain": plain / SETS}


def _p(random: np.random.Generator, items: int) -> float:
    a, b = (random.random(items) < 0.6).astype(np.float64), (random.random(items) < 0.6).astype(np.float64)
    return paired(a, b, np.arange(items)).p or 1.0


def main() -> None:
    gates: list[dict[str, Any]] = []
    for shape in SHAPES:
        for chances in CHANCES:
            for correlation in (0.0,) if shape[1] == 1 else (0.0, 0.1, 0.2):
                told = {
                    "clusters": shape[0],
                    "items": shape[1],
                    "lost": chances[0],
                    "won": chances[1],
                    "correlation": correlation,
                }
                gates.append(told | gate(shape, chances, correlation))
    tests = [{"clusters": shape[0], "items": shape[1]} | equal(shape) for shape in ((200, 1), (50, 10), (100, 5))]
    heads = ("clusters", "items", "lost", "won", "correlation", "tamis", "student", "items_alone")
    print(table(heads, [[f"{one[head]:g}" for head in heads] for one in gates]))
    heads = ("clusters", "items", "clustered", "interval", "items_alone", "mcnemar")
    print("\n" + table(heads, [[f"{one[head]:g}" for head in heads] for one in tests]))
    worst, mean = max(one["tamis"] for one in gates), float(np.mean([one["tamis"] for one in gates]))
    many = family()
    print(f"\nworst {worst:.3f}, mean {mean:.3f}; ten tasks: {many}")
    facts = {"samples": SETS, "gates": gates, "tests": tests, "ten_tasks": many, "worst": worst, "mean": mean}
    save(__file__, facts | {"limit": LIMIT, "above_limit": sum(one["tamis"] > LIMIT for one in gates)})


if __name__ == "__main__":
    main()
