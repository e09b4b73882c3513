"""What labels say of each rule: how often it dropped what people would have kept, and how sure that is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import polars as pl

from tamis.contracts.agreement import agreement
from tamis.runs.audit.draw import Stratum
from tamis.runs.audit.key import Key
from tamis.runs.audit.labels import Label, Labels
from tamis.statistics.wilson import Interval, wilson

Bound = Literal["upper", "rate", "lower"]
"""What of an interval must not be past a limit: upper, the rate must be shown to keep it; lower, to break it."""


class Rate(NamedTuple):
    """How often people disagree with what became of the records of a stratum.

    drawn      tasks of it       labelled   those of which a majority of raters says keep or drop
    wrong      of the labelled, those that people would have kept, or dropped if they were kept
    interval   where the share of the wrong lies, in all of the stratum
    past       whether it is past its limit; None: it has none
    """

    stratum: Stratum
    drawn: int
    labelled: int
    wrong: int
    interval: Interval
    past: bool | None

    @property
    def rate(self) -> float | None:
        """The share that is wrong of those labelled (0–1); None where none was."""
        return self.wrong / self.labelled if self.labelled else None


@dataclass(frozen=True)
class Audit:
    """What an audit found. `undecided` tasks had as many raters for keep as for drop; `missing` have no label."""

    key: Key
    rules: tuple[Rate, ...]
    kept: Rate
    raters: dict[str, int]
    agreement: dict[str, float | None]
    says: str
    undecided: int
    missing: int
    repeated: int
    disputed: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """False where a rate is past its limit."""
        return not any(rate.past for rate in (*self.rules, self.kept))

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "run": self.key.facts["run"],
            "seal": self.key.seal,
            "raters": self.raters,
            "agreement": self.agreement,
            "undecided": self.undecided,
            "missing": self.missing,
            "repeated": self.repeated,
            "disputed": list(self.disputed),
            "rules": [_as_dict(rate, "false_drop") for rate in self.rules],
            "kept": _as_dict(self.kept, "false_keep"),
            "passed": self.passed,
        }


def judge(
    key: Key,
    labels: Labels,
    *,
    max_false_drop: float | None = None,
    max_false_keep: float | None = None,
    bound: Bound = "upper",
    confidence: float = 0.95,
) -> Audit:
    """What `labels` say of the rules in `key`. A rule of which nobody labelled anything is past any limit."""
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for label in labels.given:
        votes[label.task][label.label] += 1
    decided = {task: found for task, found in votes.items() if found["keep"] != found["drop"]}
    of, strata = key.tasks, key.strata
    drawn, seen, wrong = Counter(of.values()), Counter[int](), Counter[int]()
    for task, found in decided.items():
        k = of[task]
        seen[k] += 1
        wrong[k] += (found["keep"] > found["drop"]) == (strata[k].fate == "dropped")
    rates = []
    for k, stratum in enumerate(strata):
        limit = max_false_drop if stratum.fate == "dropped" else max_false_keep
        interval = wilson(wrong[k], seen[k], stratum.population, confidence)
        past = None if limit is None else _past(wrong[k], seen[k], interval, limit, bound)
        rates.append(Rate(stratum, drawn[k], seen[k], wrong[k], interval, past))
    agreed, says = _agreement(labels.given)
    return Audit(
        key=key,
        rules=tuple(rates[:-1]),
        kept=rates[-1],
        raters=dict(sorted(Counter(label.rater for label in labels.given).items())),
        agreement=agreed,
        says=says,
        undecided=len(votes) - len(decided),
        missing=len(of) - len(votes),
        repeated=labels.repeated,
        disputed=tuple(sorted(task for task, found in votes.items() if len(found) > 1)),
    )


def _past(wrong: int, seen: int, interval: Interval, limit: float, bound: Bound) -> bool:
    if not seen:
        return True
    return {"upper": interval.high, "rate": wrong / seen, "lower": interval.low}[bound] > limit


def _agreement(given: Sequence[Label]) -> tuple[dict[str, float | None], str]:
    """Krippendorff's alpha and the share of pairs that agree, and both in words."""
    if len({label.rater for label in given}) < 2:
        return {"alpha": None, "raw": None}, ""
    table = pl.DataFrame(
        [(label.task, label.rater, label.label) for label in given],
        schema={"item": pl.String, "rater": pl.String, "label": pl.String},
        orient="row",
    )
    alpha, raw = agreement(table, "alpha"), agreement(table, "raw")
    return {"alpha": alpha.value, "raw": raw.value}, alpha.says


def _as_dict(rate: Rate, what: str) -> dict[str, Any]:
    stratum = rate.stratum
    named = {"step": stratum.step, "stage": stratum.stage, "rule": stratum.rule} if stratum.rule else {}
    return {
        **named,
        "population": stratum.population,
        "drawn": rate.drawn,
        "labelled": rate.labelled,
        what: rate.wrong,
        "rate": rate.rate,
        "low": rate.interval.low,
        "high": rate.interval.high,
        "past_limit": rate.past,
    }
