"""What of a score rests on items that the model was trained on: the same score on clean items, and what the others added.

contamination.parquet names every item of an evaluation as clean, dirty or too_short (nobody can tell). What counts as dirty
is a matter of a threshold, and the right one differs by model and benchmark (Singh et al. 2024): so several are shown.
"""

from __future__ import annotations

from math import isfinite, sqrt
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from tamis.errors import InputError
from tamis.evaluate.scored import Scored
from tamis.statistics import Estimate, Means, around
from tamis.statistics.jackknife import jackknife

THRESHOLDS = (0.25, 0.5, 0.8, 1.0)
"""Shares of an item in one record, as its longest run or its n-grams, from which on it is left out."""

FEWEST = 30
"""Independent clean items under which no clean score is given: its interval would be 30 points wide and more."""

NEEDED = ("eval", "id", "status")


class Split(NamedTuple):
    """The items of a task by what training data holds of them.

    eval     name of the evaluation set in the table; None: the table has no such items
    status   (n,) str      clean, dirty, too_short, or unknown: the table does not name it
    extent   (n,) float64  share of the item that one record holds, 0 to 1
    answers  dirty items with their answer close by
    """

    eval: str | None
    status: np.ndarray
    extent: np.ndarray
    answers: int

    @property
    def clean(self) -> np.ndarray:
        """(n,) bool."""
        found: np.ndarray = self.status == "clean"
        return found

    @property
    def dirty(self) -> np.ndarray:
        """(n,) bool."""
        found: np.ndarray = self.status == "dirty"
        return found


def read_contamination(table: pl.DataFrame, where: str = "contamination.parquet") -> pl.DataFrame:
    """The columns that are asked for. Raises InputError for a table that is none."""
    if missing := [name for name in NEEDED if name not in table.columns]:
        raise InputError(
            f"{where} has no column {missing[0]!r}; contamination.parquet as `tamis contamination -o` writes it was wanted"
        )
    other = set(table["status"].drop_nulls().unique()) - {"clean", "dirty", "too_short"}
    if other or table["status"].null_count():
        raise InputError(f"{where}: status is {min(other, default=None)!r}; it is clean, dirty or too_short")
    twice = table.filter(pl.struct("eval", "id").is_duplicated())
    if twice.height:
        raise InputError(f"{where} names item {twice['id'][0]!r} of {twice['eval'][0]!r} twice; once was wanted")
    if odd := next((name for name in _SHARES if name in table.columns and not table[name].dtype.is_numeric()), None):
        raise InputError(f"{where}: column {odd!r} is of {table[odd].dtype}; shares of an item, 0 to 1, were wanted")
    if "answer" in table.columns and table["answer"].dtype not in (pl.Boolean, pl.Null):
        raise InputError(f"{where}: column 'answer' is of {table['answer'].dtype}; true, false or null was wanted")
    shares = [
        pl.col(name).fill_null(0.0).cast(pl.Float64) if name in table.columns else pl.lit(0.0) for name in _SHARES
    ]
    by_page = pl.col("rule").cast(pl.String) == "url" if "rule" in table.columns else pl.lit(False)
    extent = pl.when(by_page.fill_null(False)).then(1.0).otherwise(pl.max_horizontal(*shares))
    answer = pl.col("answer").cast(pl.Boolean).fill_null(False) if "answer" in table.columns else pl.lit(False)
    return table.select(pl.col("eval", "id", "status").cast(pl.String), extent=extent, answer=answer)


_SHARES = ("run", "containment")


def split(table: pl.DataFrame, task: str, ids: list[str]) -> Split:
    """The items `ids` of `task`, as `table` (of `read_contamination`) has them.

    They stand there under the name of the task, or else under that of the only set that has all of them.
    """
    named = table.filter(pl.col("eval") == task)
    if not named.height:
        wanted = set(ids)
        holding = [
            own for _, own in table.group_by("eval", maintain_order=True) if ids and wanted <= set(own["id"].to_list())
        ]
        named = holding[0] if len(holding) == 1 else named
    found = pl.DataFrame({"id": ids}, schema={"id": pl.String}).join(named, on="id", how="left", maintain_order="left")
    return Split(
        named["eval"][0] if named.height else None,
        found["status"].fill_null("unknown").to_numpy(),
        found["extent"].fill_null(0.0).to_numpy(),
        int((found["answer"].fill_null(False) & (found["status"] == "dirty")).sum()),
    )


def facts(own: Scored, found: Split, confidence: float = 0.95) -> dict[str, Any]:
    """Scores on all, clean and dirty items, what contamination may have added, and what each threshold leaves out."""
    counts = {name: int((found.status == name).sum()) for name in ("clean", "dirty", "too_short", "unknown")}
    dirty = own.only(found.dirty).estimate(confidence)
    return {
        "eval": found.eval,
        "items": counts,
        "share": counts["dirty"] / len(own.ids) if own.ids else None,
        "answers": found.answers,
        "clean": clean(own, found.clean, confidence).facts(),
        "dirty": dirty.facts(),
        "gain": gain(own, found.clean, confidence).facts(),
        "enough": enough(own, found.clean),
        "thresholds": [_at(own, found, t, confidence) for t in THRESHOLDS],
    }


def enough(own: Scored, keep: np.ndarray) -> bool:
    """Whether there are as many independent items as a score wants."""
    return np.unique(own.clusters[keep]).size >= FEWEST


def clean(own: Scored, keep: np.ndarray, confidence: float = 0.95) -> Estimate:
    """The score on the items `keep`, or that they are too few for one: which is a result, too."""
    if not enough(own, keep):
        items = int(np.unique(own.clusters[keep]).size)
        return Estimate(None, items=items, note=f"too few clean items: {items:,}, and a score wants {FEWEST}")
    return own.only(keep).estimate(confidence)


def gain(own: Scored, keep: np.ndarray, confidence: float = 0.95) -> Estimate:
    """How much higher the score is on all items than on those of `keep`: estimated performance gain (Singh et al. 2024).

    The two share items, and the interval knows it: each cluster counts with what it adds to one less what to the other.
    """
    if own.lacking or not enough(own, keep):
        return Estimate(None, note=clean(own, keep, confidence).note)
    if own.kind.total != "mean":

        def apart(at: np.ndarray) -> float:
            rows = np.zeros(keep.size, np.bool_)
            rows[at] = True
            return own.only(rows).number() - own.only(rows & keep).number()

        return jackknife(apart, own.clusters, confidence)
    both, one = own.number(), own.only(keep).number()
    if not isfinite(both - one):
        return Estimate(None, note="a score is no number")
    residual = (own.values - both) / own.values.size - np.where(keep, own.values - one, 0.0) / int(keep.sum())
    sums = np.bincount(own.clusters, weights=residual)
    items = int((np.bincount(own.clusters) > 0).sum())
    error = sqrt(float(sums @ sums) * items / (items - 1))
    if error == 0:
        note = "no item is left out" if keep.all() else "every item scores the same"
        return Estimate(both - one, items=items, note=note)
    return around(Means(both - one, error, items), confidence)


def _at(own: Scored, found: Split, threshold: float, confidence: float) -> dict[str, Any]:
    out = found.extent >= threshold
    keep = ~out & (found.status != "too_short") & (found.status != "unknown")
    return {"threshold": threshold, "excluded": int(out.sum()), **clean(own, keep, confidence).facts()}
