"""How often 95 percent intervals hold the truth, and how often a test of two equal models says they differ.

    python benchmarks/judge_coverage.py            some minutes; each line 2,000 data sets

Items are drawn from a population with differences of their own: what is judged on one item hangs together, so that intervals which
take judgments for independent are too narrow (the last column). The truth of a statistic is its value on 400,000 items.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from measure import save, table

from tamis.judge.agreement import alpha, cohen, gwet, raw
from tamis.judge.labels import Labels
from tamis.judge.paired import difference
from tamis.judge.people import corrected
from tamis.judge.strength import strengths
from tamis.statistics.estimate import Estimate, share

SETS = 2000


def rated(random: np.random.Generator, items: int, raters: int, labels: int = 3, right: float = 0.75) -> pl.DataFrame:
    """Labels of raters who see an item's own label with a chance that is the item's."""
    truth = random.choice(labels, items, p=np.array([0.6, 0.3, 0.1][:labels]))
    ease = random.beta(4 * right, 4 * (1 - right), items)
    seen = np.where(
        random.random((items, raters)) < ease[:, None], truth[:, None], random.integers(0, labels, (items, raters))
    )
    item = np.repeat(np.arange(items), raters)
    return pl.DataFrame({"item": item, "rater": np.tile(np.arange(raters), items), "label": seen.ravel()})


def wins(random: np.random.Generator, items: int, each: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Wins of a model judged `each` times on every item, chances by item, and the item of each."""
    chance = random.beta(2 * rate, 2 * (1 - rate), items)
    item = np.repeat(np.arange(items), each)
    return (random.random(item.size) < chance[item]).astype(np.float64), item


def covered(found: Estimate, truth: float) -> bool:
    return found.low is not None and found.high is not None and found.low <= truth <= found.high


def coverage(make: Callable[[np.random.Generator], Estimate], truth: float, sets: int) -> float:
    """Share of intervals that hold `truth`."""
    return float(np.mean([covered(make(np.random.default_rng([7, k])), truth) for k in range(sets)]))


def statistics(items: int) -> dict[str, tuple[Callable[[np.random.Generator], Estimate], float]]:
    """Agreement on `items` items: what is computed, and its truth."""
    how: dict[str, Any] = {"draws": 500}
    big = np.random.default_rng(99)
    two, three = Labels(rated(big, 400_000, 2)), Labels(rated(big, 400_000, 3))
    return {
        f"kappa, {items} items": (lambda r: cohen(Labels(rated(r, items, 2)), **how), cohen(two, draws=0).value or 0),
        f"alpha nominal, {items} items": (
            lambda r: alpha(Labels(rated(r, items, 3)), **how),
            alpha(three, draws=0).value or 0,
        ),
        f"alpha ordinal, {items} items": (
            lambda r: alpha(Labels(rated(r, items, 3)), "ordinal", **how),
            alpha(three, "ordinal", draws=0).value or 0,
        ),
        f"AC1, {items} items": (lambda r: gwet(Labels(rated(r, items, 3)), **how), gwet(three, draws=0).value or 0),
        f"raw, {items} items": (lambda r: raw(Labels(rated(r, items, 3)), **how), raw(three, draws=0).value or 0),
    }


def rates(items: int, rate: float) -> tuple[float, float]:
    """Coverage of a win rate judged four times an item, by items and as if judgments were independent."""
    own, naive = [], []
    for k in range(SETS):
        won, item = wins(np.random.default_rng([3, k]), items, 4, rate)
        own.append(covered(share(won, item), rate))
        naive.append(covered(share(won, np.arange(won.size)), rate))
    return float(np.mean(own)), float(np.mean(naive))


def powered(random: np.random.Generator) -> Estimate:
    """A judge that is right in four of five, on 900 items; people on 100 more. The truth is 0.6."""
    truth = (random.random(1000) < 0.6).astype(np.float64)
    judge = np.where(random.random(1000) < 0.8, truth, 1 - truth)
    return corrected(judge[100:], judge[:100], truth[:100])


def bradley_terry(random: np.random.Generator) -> Estimate:
    """The strongest of four models on 100 items, each pair judged twice on each, ties between; its truth is 0.6."""
    strength = np.array([0.6, 0.2, -0.2, -0.6])
    pairs = np.array([(i, j) for i in range(4) for j in range(i + 1, 4)] * 2)
    item = np.repeat(np.arange(100), len(pairs))
    a, b = np.tile(pairs, (100, 1)).T
    d = strength[a] - strength[b]
    weights = np.stack([np.exp(d / 2), np.exp(-d / 2), np.full(d.size, 0.5)])
    u = random.random(d.size) * weights.sum(axis=0)
    share_a = np.where(u < weights[0], 1.0, np.where(u < weights[0] + weights[1], 0.0, 0.5))
    names = np.array(["m0", "m1", "m2", "m3"])
    frame = pl.DataFrame({"item_id": item.astype(str), "model_a": names[a], "model_b": names[b], "share": share_a})
    return next(r.strength for r in strengths(frame, "davidson", draws=300).ratings if r.model == "m0")


def type_one(items: int, each: int) -> tuple[float, float]:
    """How often two equal models, judged `each` times on every item against a third, are told apart at 5 percent."""
    own, naive = 0, 0
    for k in range(SETS):
        random = np.random.default_rng([5, k])
        parts = []
        apart = random.normal(0, 0.8, items)
        for name, side in (("x", 1), ("y", -1)):
            chance = 1 / (1 + np.exp(-(random.normal(0, 0.5, items) + side * apart)))
            item = np.repeat(np.arange(items), each)
            won = (random.random(item.size) < chance[item]).astype(np.float64)
            parts.append(pl.DataFrame({"item_id": item, "model_a": name, "model_b": "base", "share": won}))
        frame = pl.concat(parts).with_columns(pl.col("item_id").cast(pl.String))
        found = difference(frame, "x", "y", "base")
        own += found.p is not None and found.p < 0.05
        x, y = (part["share"].to_numpy() for part in parts)
        error = (x.var(ddof=1) / x.size + y.var(ddof=1) / y.size) ** 0.5
        naive += abs(x.mean() - y.mean()) > 1.96 * error
    return own / SETS, naive / SETS


def main() -> None:
    """Print both tables and keep them."""
    lines: dict[str, list[float]] = {}
    for items in (50, 200):
        for name, (make, truth) in statistics(items).items():
            lines[name] = [coverage(make, truth, SETS)]
    for items, rate in ((50, 0.5), (200, 0.5), (200, 0.8), (200, 0.95)):
        lines[f"win rate {rate}, {items} items, four judgments each"] = list(rates(items, rate))
    lines["corrected by people, 100 of 1,000 items"] = [coverage(powered, 0.6, SETS)]
    lines["Bradley-Terry strength, 100 items"] = [coverage(bradley_terry, 0.6, SETS)]
    errors = {f"{n} items, {m} judgments each": list(type_one(n, m)) for n, m in ((30, 5), (100, 5), (100, 1))}
    percent = {name: [f"{100 * v:.1f}" for v in own] + [""] * (2 - len(own)) for name, own in lines.items()}
    print(table(["95 percent intervals", "hold the truth", "by judgments"], [[n, *v] for n, v in percent.items()]))
    print(
        table(
            ["two equal models", "said to differ", "by judgments"],
            [[n, *(f"{100 * v:.1f}" for v in own)] for n, own in errors.items()],
        )
    )
    save(__file__, {"sets": SETS, "coverage": lines, "type_one": errors})


if __name__ == "__main__":
    main()
