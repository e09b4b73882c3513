"""A rehearsal: what a sitting would ask and may cost, with nothing sent."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from tamis.bench import Means, responses_at
from tamis.judge.answers import read_answers
from tamis.judge.case import settled
from tamis.judge.clerk import Clerk
from tamis.judge.plan import Plan, planned
from tamis.judge.shelf import find_rubric
from tamis.models import Request, estimate, trusting
from tamis.models.client import Remote
from tamis.models.local import Local


class Rehearsal(NamedTuple):
    """What a sitting would ask: cases by judges, requests for which no answer is kept, and what those may cost at most."""

    judgments: int
    settled: int
    cached: int
    tokens_in: int
    tokens_out: int | None
    money: Decimal | None
    first: list[Request]


def rehearse(plan: Plan, means: Means, out: Path, shown: int = 2) -> Rehearsal:
    """What `sit` would ask, with the first requests. Nothing is sent, and nothing written but an empty cache."""
    own = find_rubric(plan.rubric, plan.base)
    answers = read_answers(plan.answers, plan.items)
    total = planned(plan, answers, own)
    trusted = trusting(means, plan.judges, plan.asking.base_url)
    with Clerk(plan.judges, plan.asking, responses_at(means.responses, out.parent), trusted) as clerk:
        clerk.rehearse()
        open_cases = [case for case in plan.cases(answers, own) if not settled(case)]
        parts = [
            estimate(judge.model, (clerk.request(case, judge, own) for case in open_cases))
            for judge in clerk.judges
            if isinstance(judge.model, (Remote, Local))
        ]
        first = [clerk.request(case, clerk.judges[0], own) for case in open_cases[:shown]]
    money = None if any(p.money is None for p in parts) else sum((p.money or Decimal(0) for p in parts), Decimal(0))
    return Rehearsal(
        total,
        total - len(open_cases) * len(plan.judges),
        sum(p.cached for p in parts),
        sum(p.tokens_in for p in parts),
        sum(p.tokens_out or 0 for p in parts),
        money,
        first,
    )
