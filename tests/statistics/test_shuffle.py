"""Two corpora dealt out at random: sacrebleu's own test where items are independent; clusters stay together; equals are equal."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tamis.statistics.shuffle import TRIALS, randomized

WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "saw", "that", "dog", "run", "far", "away", "from", "home"]


def said(seed: int, spoiled: float, count: int = 40) -> tuple[list[str], list[str]]:
    """Texts, and what each should have been; a word in `spoiled` is another."""
    own = random.Random(seed)
    wanted = [" ".join(own.choices(WORDS, k=12)) for _ in range(count)]
    told = [" ".join(own.choice(WORDS) if own.random() < spoiled else w for w in t.split()) for t in wanted]
    return told, wanted


@pytest.mark.parametrize("metric", ["bleu", "chrf"])
def test_of_independent_items_it_is_the_test_of_sacrebleu(metric: str) -> None:
    sacrebleu = pytest.importorskip("sacrebleu", reason="the extra eval is not installed")
    from sacrebleu.significance import PairedTest

    from tamis.evaluate.metrics import Corpus

    (first, wanted), (second, _) = said(1, 0.30), said(1, 0.36)
    theirs = sacrebleu.metrics.BLEU() if metric == "bleu" else sacrebleu.metrics.CHRF()
    told = PairedTest([("a", first), ("b", second)], {metric: theirs}, [wanted], "ar", n_samples=TRIALS)()[1]
    ours = [
        Corpus(metric, [{"extracted": s, "target": t} for s, t in zip(own, wanted, strict=True)])
        for own in (first, second)
    ]
    found = randomized(ours[0].counts, ours[1].counts, np.arange(40), ours[0].score)
    (wanted_p,) = [getattr(v[1], "p_value", None) for k, v in told.items() if k != "System"]
    assert found == wanted_p and 0.01 < found < 0.99


def test_two_that_never_differ_are_equal() -> None:
    counts = np.ones((9, 2))
    assert randomized(counts, counts, np.arange(9), lambda sums: float(sums[0])) == 1.0


def test_items_of_one_cluster_are_swapped_together() -> None:
    first, second = np.array([[1.0]] * 20), np.zeros((20, 1))
    alone, together = (
        randomized(first, second, c, lambda s: float(s[0])) for c in (np.arange(20), np.arange(20) // 10)
    )
    assert alone < 0.001 and together == pytest.approx(0.5, abs=0.02)
