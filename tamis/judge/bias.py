"""What a judge prefers that it should not: places, lengths, looks, its own family; each with an interval and a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import NamedTuple

import numpy as np
import polars as pl

from tamis.judge.played import BOTH, codes
from tamis.judge.style import MARKS
from tamis.statistics.estimate import Estimate, Means, around, clustered_mean, share

PAIR = ["item_id", "low", "high"]


class Finding(NamedTuple):
    """One number, what it would be without bias, and what it says in words."""

    judge: str
    name: str
    estimate: Estimate
    fair: float | None
    says: str


def findings(
    games: pl.DataFrame,
    looks: pl.DataFrame | None = None,
    family: Mapping[str, str] | None = None,
    confidence: float = 0.95,
) -> list[Finding]:
    """All that the games show of every judge's bias.

    games   rows of `games`, columns of JUDGMENT and share; those that no judge was asked about count for nothing
    looks   item_id, model, and a column for each feature of its answer (`looks` in tamis.judge.style)
    family  family of each model, judges among them
    """
    flip = pl.col("model_a") > pl.col("model_b")
    if "settled" in games.columns:
        games = games.filter(pl.col("settled").is_null())  # nobody was asked, so nobody's taste is in it
    rows = games.with_columns(
        low=pl.min_horizontal("model_a", "model_b"),
        high=pl.max_horizontal("model_a", "model_b"),
        low_share=pl.when(flip).then(1 - pl.col("share")).otherwise("share"),
    )
    if looks is not None:
        for side in ("a", "b"):
            own = looks.rename({c: f"{c}_{side}" for c in looks.columns if c not in ("item_id", "model")})
            rows = rows.join(
                own,
                left_on=["item_id", f"model_{side}"],
                right_on=["item_id", "model"],
                how="left",
                maintain_order="left",
            )
    out = []
    for (judge,), own in rows.sort("judge", maintain_order=True).group_by("judge", maintain_order=True):
        name = str(judge)
        out += [_first(name, own, confidence), _consistency(name, own, confidence), _longer(name, own, confidence)]
        out += [_more(name, own, mark, confidence) for mark in MARKS if f"{mark}_a" in own.columns]
        if family:
            out.append(_family(name, rows, family, confidence))
        out.append(_reasons(name, own, confidence))
    return out


def _first(judge: str, rows: pl.DataFrame, confidence: float) -> Finding:
    """Share of wins of the answer shown first."""
    shown = rows.filter(pl.col("order").is_in(["ab", "ba"]))
    won = shown.select(pl.when(pl.col("order") == "ab").then("share").otherwise(1 - pl.col("share")))["share"]
    found = _share(won.to_numpy(), shown, confidence, "no judgment says which answer was shown first")
    return Finding(judge, "first_slot", found, 0.5, _against_half(judge, "the answer shown first", found))


def _consistency(judge: str, rows: pl.DataFrame, confidence: float) -> Finding:
    """Share of pairs judged in both orders that get one verdict."""
    side = (pl.col("low_share") - 0.5).sign()
    shown = (
        pl.when(pl.col("model_a") <= pl.col("model_b"))
        .then("order")
        .otherwise(pl.col("order").replace({"ab": "ba", "ba": "ab"}))
    )
    pairs = rows.group_by(BOTH, maintain_order=True).agg(orders=shown.n_unique(), sides=side.n_unique())
    pairs = pairs.filter(pl.col("orders") > 1)
    same = (pairs["sides"] == 1).to_numpy().astype(np.float64)
    found = _share(same, pairs, confidence, "no pair was judged in both orders")
    says = (
        f"{judge}: {found.note}"
        if found.value is None
        else f"{judge} gives the same verdict in both orders in {_told(found)} of pairs."
    )
    return Finding(judge, "consistency", found, 1.0, says)


def _longer(judge: str, rows: pl.DataFrame, confidence: float) -> Finding:
    if "length_a" in rows.columns:
        rows = rows.with_columns(chars_a=pl.coalesce("chars_a", "length_a"), chars_b=pl.coalesce("chars_b", "length_b"))
    return _won_by_more(judge, rows, "chars_a", "chars_b", "longer", "the longer answer", confidence)


def _more(judge: str, rows: pl.DataFrame, mark: str, confidence: float) -> Finding:
    return _won_by_more(
        judge, rows, f"{mark}_a", f"{mark}_b", f"more_{mark}", f"the answer with more {mark}", confidence
    )


def _won_by_more(judge: str, rows: pl.DataFrame, a: str, b: str, name: str, what: str, confidence: float) -> Finding:
    """Share of wins of the side that has more, ties by half, of pairs where one has."""
    uneven = rows.filter((pl.col(a) != pl.col(b)).fill_null(False))
    won = np.where((uneven[a] > uneven[b]).to_numpy(), uneven["share"].to_numpy(), 1 - uneven["share"].to_numpy())
    known = rows.select(pl.col(a).is_not_null() & pl.col(b).is_not_null()).to_series().any()
    unknown = (
        f"no pair has one that is {what}" if known else f"of no pair is it known which is {what}; give the answers"
    )
    found = _share(won, uneven, confidence, unknown)
    return Finding(judge, name, found, None, _against_half(judge, what, found, ", which may well be the better one"))


def _family(judge: str, rows: pl.DataFrame, family: Mapping[str, str], confidence: float) -> Finding:
    """How much more of the win the judge gives its own family than other judges do, on the very same pairs."""
    home = family.get(judge)

    def none(note: str) -> Finding:
        return Finding(judge, "own_family", Estimate(None, note=note), 0.0, f"{judge}: {note}.")

    if home is None:
        return none("its family is not told")
    kin = [name for name, own in family.items() if own == home]
    mixed = rows.filter(pl.col("low").is_in(kin) != pl.col("high").is_in(kin))
    mixed = mixed.with_columns(
        kin_share=pl.when(pl.col("low").is_in(kin)).then("low_share").otherwise(1 - pl.col("low_share"))
    )
    others = pl.col("judge").replace_strict(dict(family), default=None) != home
    own = mixed.filter(pl.col("judge") == judge).group_by(PAIR).agg(own=pl.col("kin_share").mean())
    theirs = (
        mixed.filter((pl.col("judge") != judge) & others.fill_null(True))
        .group_by(PAIR)
        .agg(theirs=pl.col("kin_share").mean())
    )
    both = own.join(theirs, on=PAIR).sort(PAIR)
    if not both.height:
        return none(
            "no pair with one answer of its family was judged by another family or by people, so quality cannot be told apart"
        )
    mean = clustered_mean((both["own"] - both["theirs"]).to_numpy(), codes(both["item_id"]))
    found = around(mean, confidence, (-1.0, 1.0))
    which = "more" if mean.value >= 0 else "less"
    gives = f"{judge} gives its own family {_points(mean)} of the win {which}"
    says = f"{gives} than others do on the same pairs{_ends(found, 100)}."
    return Finding(judge, "own_family", found, 0.0, says)


def _reasons(judge: str, rows: pl.DataFrame, confidence: float) -> Finding:
    """Code points of the judge's reasons."""
    told = rows.drop_nulls("reasons")
    if not told.height:
        note = "it gave no reasons"
        return Finding(judge, "reasons", Estimate(None, note=note), None, f"{judge}: {note}.")
    mean = clustered_mean(told["reasons"].str.len_chars().cast(pl.Float64).to_numpy(), codes(told["item_id"]))
    found = around(mean, confidence, (0.0, inf))
    return Finding(
        judge,
        "reasons",
        found,
        None,
        f"{judge} gives reasons of {mean.value:,.0f} characters on average{_ends(found, 1)}.",
    )


def _share(won: np.ndarray, rows: pl.DataFrame, confidence: float, none: str) -> Estimate:
    return share(won, codes(rows["item_id"]), confidence) if won.size else Estimate(None, note=none)


def _against_half(judge: str, what: str, found: Estimate, but: str = "") -> str:
    if found.value is None:
        return f"{judge}: {found.note}."
    if found.low is None or found.high is None:
        return f"{judge} prefers {what} in {_told(found)} of judgments: too few to say more."
    if found.low > 0.5:
        return f"{judge} prefers {what}: in {_told(found)} of judgments{but}."
    if found.high < 0.5:
        return f"{judge} avoids {what}: it wins {_told(found)} of judgments{but.replace('better', 'worse')}."
    return f"{judge} shows no preference for {what}: it wins {_told(found)} of judgments."


def _told(found: Estimate) -> str:
    return f"{100 * (found.value or 0):.1f} percent{_ends(found, 100)}"


def _points(mean: Means) -> str:
    return f"{100 * abs(mean.value):.1f} points"


def _ends(found: Estimate, by: float) -> str:
    if found.low is None or found.high is None:
        return ""
    return f" ({by * found.low:,.1f} to {by * found.high:,.1f})"
