"""A plan: what is to be judged, by whom and how, before anyone is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tamis.errors import InputError, UsageError
from tamis.judge.answers import Answers
from tamis.judge.case import Case
from tamis.judge.clerk import Asking, names_of
from tamis.judge.docket import pair_cases, pairs_of, score_cases, unreferenced
from tamis.judge.rubric import Rubric
from tamis.runs.manifest import sha256


@dataclass(frozen=True)
class Plan:
    """What is to be judged, by whom and how.

    answers   files of answers; `items` one of questions, where those have none
    judges    models; several make a panel
    weights   of judges in it, by name
    baseline  pairs with this model alone; None: all pairs
    both      each pair in both orders
    probe     items to put attacks beside; 0: none
    """

    answers: Sequence[str | Path]
    rubric: str | Path
    judges: Sequence[str]
    asking: Asking = field(default_factory=Asking)
    items: str | Path | None = None
    baseline: str | None = None
    both: bool = True
    repeats: int = 1
    limit: int | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    probe: int = 0
    base: Path | None = None

    def cases(self, answers: Answers, own: Rubric) -> Iterator[Case]:
        """All cases, in order."""
        if own.form == "pairwise":
            return pair_cases(answers, own, self.baseline, self.both, self.repeats, self.limit)
        return score_cases(answers, own, self.repeats, self.limit)


def planned(plan: Plan, answers: Answers, own: Rubric) -> int:
    """Cases by judges. Raises where there is nothing to judge."""
    if own.form == "pairwise":
        pairs_of(answers, plan.baseline)
    elif plan.baseline is not None:
        raise UsageError(f"{own.label} scores answers one by one; a baseline is of comparisons")
    if plan.repeats < 1:
        raise UsageError(f"repeats is {plan.repeats}; 1 or more was wanted")
    if unknown := set(plan.weights) - set(names_of(plan.judges)):
        raise UsageError(
            f"a weight is of {sorted(unknown)[0]!r}, who is no judge here; there are {', '.join(plan.judges)}"
        )
    if wrong := [name for name, weight in plan.weights.items() if not 0 < weight < 1e6]:
        raise UsageError(f"the weight of {wrong[0]} is {plan.weights[wrong[0]]}; a number above 0 was wanted")
    n = sum(1 for _ in plan.cases(answers, own))
    if not n:
        missing = unreferenced(answers, own)
        why = (
            f"{own.label} wants a reference, and {missing:,} of {len(answers.items):,} items have none"
            if missing
            else "no item was answered by both models of a pair"
        )
        raise InputError(f"there is nothing to judge: {why}")
    return n * len(plan.judges)


def asks(plan: Plan, own: Rubric) -> dict[str, Any]:
    """What is asked: another one of these is another sitting."""
    asking = plan.asking
    return {
        "rubric": {"name": own.label, "says": own.says, "sha256": own.sha256},
        "asked": {
            "temperature": asking.temperature,
            "max_tokens": asking.max_tokens,
            "seed": asking.seed,
            "both_orders": plan.both if own.form == "pairwise" else None,
            "repeats": plan.repeats,
            "limit": plan.limit,
            "baseline": plan.baseline,
            "probe": plan.probe,
        },
        "by": {"judges": names_of(plan.judges), "weights": dict(plan.weights)},
        "inputs": [
            {"file": Path(p).name, "sha256": sha256(Path(p))}
            for p in [*plan.answers, *([plan.items] if plan.items else [])]
        ],
    }
