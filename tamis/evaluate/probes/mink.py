"""Min-K%++ (Zhang et al. 2024, arXiv 2404.02936): do the least likely tokens of the items surprise the model less than they should?

A text that a model was trained on has fewer tokens that surprise it. The score of a text is the mean of the lowest `share` of its
tokens' z; what it is worth shows only beside texts of the same kind that the model cannot have seen: the control.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from typing import Any

import numpy as np

from tamis.statistics import Estimate, Means, around

SHARE = 0.2
"""Of the tokens, those that count: where the paper's scores part best."""

FEWEST = 20
"""Texts on either side under which nothing is told."""


def mink(z: np.ndarray, share: float = SHARE) -> float:
    """The mean of the lowest `share` of `z`, (n,) float64, at least one; nan of none."""
    if not z.size:
        return float("nan")
    count = max(1, int(share * z.size))
    return float(np.sort(z)[:count].mean())


def known(items: Iterable[float], control: Iterable[float], confidence: float = 0.95) -> dict[str, Any]:
    """Chance that an item surprises less than a text of the control (AUROC), with DeLong's interval (1988); 0.5: no difference."""
    a, b = (np.array([v for v in own if np.isfinite(v)], np.float64) for own in (items, control))
    if min(a.size, b.size) < FEWEST:
        few = Estimate(
            None, note=f"too few texts: {a.size} items and {b.size} of the control; {FEWEST} of each are wanted"
        )
        return {"items": int(a.size), "control": int(b.size), "auroc": few.facts(), "says": few.note}
    above = (a[:, None] > b[None, :]) + 0.5 * (a[:, None] == b[None, :])
    value = float(above.mean())
    error = sqrt(above.mean(1).var(ddof=1) / a.size + above.mean(0).var(ddof=1) / b.size)
    found = around(Means(value, error, min(a.size, b.size)), confidence)
    return {"items": int(a.size), "control": int(b.size), "auroc": found.facts(), "says": _says(found)}


def _says(found: Estimate) -> str:
    weak = "a weak sign, and no proof: the two sets may differ in other ways"
    if found.low is not None and found.low > 0.5:
        return f"the items surprise the model less than the control does; {weak}"
    if found.high is not None and found.high < 0.5:
        return f"the items surprise the model more than the control does; {weak}"
    return "no difference is shown; a model may know items that this does not tell"
