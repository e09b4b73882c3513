"""The scores of one metric of one task, an item a row, and the numbers they come to with their error bars."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import exp, fsum, isfinite, log, nan
from typing import Any

import numpy as np
import polars as pl

from tamis.evaluate.metrics import METRICS, Corpus, Metric, total, weight
from tamis.evaluate.results import Results
from tamis.statistics import Estimate, around, clustered_mean, clustered_ratio, share
from tamis.statistics.jackknife import jackknife

LOGS = ("words", "bytes", "bits")
"""Totals that are sums of likelihoods by sums of sizes."""

CORPUS = ("bleu", "chrf")
"""Totals that are of the task as one text, and no mean of its items."""


@dataclass(frozen=True)
class Scored:
    """Items of one task with what they scored in one metric, in the order of their ids.

    ids       names of the items
    values    (n,) float64  mean over an item's repeats; nan: it has no score
    clusters  (n,) int64    code of each item's cluster; an item without one is a cluster of its own
    category  what each is counted under, or None
    rows      the samples behind them, of the first repeat
    """

    task: str
    metric: str
    ids: list[str]
    values: np.ndarray
    clusters: np.ndarray
    category: list[str | None]
    rows: list[dict[str, Any]]

    @property
    def kind(self) -> Metric:
        """What is known of the metric; of one of the suite's own: more is better, and no more."""
        return METRICS.get(self.metric) or Metric("generation", "Scored by the suite's own code.", high=None, low=nan)

    @cached_property
    def unit(self) -> bool:
        """Whether scores lie within 0 and 1."""
        return self.kind.total == "mean" and self.kind.low == 0 and self.kind.high == 1

    @cached_property
    def lacking(self) -> int:
        """How many items have no score and can be given none: no least one is known, or less is better."""
        return int(np.isnan(self.values).sum())

    @cached_property
    def weights(self) -> np.ndarray:
        """(n,) float64: words or bytes of a text, 1 of everything else."""
        return np.array([weight(self.metric, row["prompt"]) for row in self.rows], np.float64)

    @cached_property
    def logs(self) -> np.ndarray:
        """(n,) float64: minus the log-likelihood of a text, in bits where the metric is."""
        scale = log(2) if self.kind.total == "bits" else 1.0
        found = [row["loglikelihoods"] for row in self.rows]
        return np.array([-lls[0] / scale if lls else nan for lls in found], np.float64)

    def only(self, keep: np.ndarray) -> Scored:
        """The items where `keep`, (n,) bool, is true."""
        at = np.flatnonzero(keep).tolist()
        return Scored(
            self.task,
            self.metric,
            [self.ids[k] for k in at],
            self.values[keep],
            self.clusters[keep],
            [self.category[k] for k in at],
            [self.rows[k] for k in at],
        )

    def number(self) -> float:
        """What the scores come to, as lm-eval has it; nan where there are none."""
        if self.kind.total == "mean":
            # Rounded once, so that the order of the items does not matter.
            return fsum(self.values.tolist()) / len(self.ids) if self.ids else nan
        return total(self.metric, self.values.tolist(), self.rows)

    def estimate(self, confidence: float = 0.95) -> Estimate:
        """The number with its interval."""
        if not self.ids:
            return Estimate(None, note="there is no item")
        if self.lacking:
            return Estimate(None, note=f"{self.lacking:,} of {len(self.ids):,} items have no score")
        value = self.number()
        if not isfinite(value):
            return Estimate(None, items=len(self.ids), note=f"it is {value}")
        if self.kind.total in CORPUS:
            found = jackknife(self.of_rows, self.clusters, confidence)
        elif self.kind.total in LOGS:
            ratio = around(clustered_ratio(self.logs, self.weights, self.clusters), confidence)
            found = ratio if self.kind.total == "bits" else ratio._replace(low=_exp(ratio.low), high=_exp(ratio.high))
        elif self.unit:
            found = share(self.values, self.clusters, confidence)
        else:
            found = around(clustered_mean(self.values, self.clusters), confidence)
        return found._replace(value=value)

    def error(self) -> float | None:
        """Standard error of the number by clusters, of a mean alone; None: there is none."""
        if self.kind.total != "mean" or not self.ids or self.lacking:
            return None
        mean = clustered_mean(self.values, self.clusters)
        return mean.error if mean.items > 1 else None

    @cached_property
    def corpus(self) -> Corpus:
        """Of BLEU and chrF, the items as one text."""
        return Corpus(self.kind.total, self.rows)

    def of_rows(self, at: np.ndarray) -> float:
        """BLEU or chrF of the items `at`, (m,) int."""
        return self.corpus.score(self.corpus.counts[at].sum(0))


def scored(results: Results, task: str, metric: str) -> Scored:
    """The scores of `metric` of `task`. An answer that failed or never came scores the least there is, where that is known."""
    samples = results.samples.filter(pl.col("task") == task)
    scores = results.scores.filter((pl.col("task") == task) & (pl.col("metric") == metric))
    found = samples.join(scores.select("item_id", "repeat", "value"), on=["item_id", "repeat"], how="left")
    kind = METRICS.get(metric)
    if kind is None or (kind.total == "mean" and kind.higher):
        least = kind.low if kind else nan
        found = found.with_columns(
            value=pl.when(pl.col("status") != "ok").then(pl.col("value").fill_null(least)).otherwise(pl.col("value"))
        )
    items = found.group_by("item_id", maintain_order=True).agg(
        pl.col("value").mean(), pl.col("value").null_count().alias("lacking"), pl.col("cluster", "category").first()
    )
    values = items.select(pl.when(pl.col("lacking") == 0).then("value").otherwise(None).fill_null(nan)).to_series()
    named = items.select(
        # \0 parts the two: an item that stands alone never shares a cluster that happens to have its name.
        pl.when(pl.col("cluster").is_null()).then(pl.lit("\0") + pl.col("item_id")).otherwise(pl.col("cluster"))
    ).to_series()
    first = samples.unique("item_id", keep="first", maintain_order=True)
    return Scored(
        task,
        metric,
        items["item_id"].to_list(),
        values.to_numpy(),
        named.rank("dense").cast(pl.Int64).to_numpy() - 1,
        items["category"].to_list(),
        first.select("prompt", "extracted", "target", "loglikelihoods").to_dicts(),
    )


def _exp(value: float | None) -> float | None:
    return None if value is None else exp(min(value, 700.0))
