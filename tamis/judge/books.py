"""The books of a sitting: what became of every case, and run.json, which says so."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import polars as pl

from tamis.errors import RunError
from tamis.judge.answers import Answers
from tamis.judge.case import prompt_digests
from tamis.judge.clerk import Clerk, Outcome
from tamis.judge.docket import unreferenced
from tamis.judge.plan import Plan, asks
from tamis.judge.rubric import Rubric

STATUSES = ("ok", "settled", "unparsed", "failed", "skipped")


@dataclass
class Books:
    """What became of all cases. Every one that was planned ends in exactly one way."""

    planned: int
    counts: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    by_judge: dict[str, Counter[str]] = field(default_factory=dict)

    def take(self, outcome: Outcome) -> None:
        """Count one."""
        self.counts[outcome.status] += 1
        self.by_judge.setdefault(outcome.judge, Counter())[outcome.status] += 1
        if failure := outcome.rows[0].get("failure"):
            self.failures[failure] += 1

    def balance(self) -> None:
        """Raises RunError unless all that was planned came to an end."""
        if self.counts.total() != self.planned:
            raise RunError(
                f"the books do not balance: {self.planned:,} were to be judged, {self.counts.total():,} came to an end"
            )

    def facts(self) -> dict[str, int]:
        """in, and what became of it."""
        return {"in": self.planned, **{name: self.counts[name] for name in STATUSES}}


def facts(
    plan: Plan, own: Rubric, answers: Answers, clerk: Clerk, books: Books, judgments: pl.DataFrame
) -> dict[str, Any]:
    """All that is the same whenever the same answers come back."""
    asked = asks(plan, own)
    once = judgments.unique("request", keep="first", maintain_order=True).filter(pl.col("request").is_not_null())
    cost = None if once["cost"].null_count() else sum(once["cost"].to_list(), Decimal(0))
    notes = list(filter(None, [answers.uneven()]))
    if missing := unreferenced(answers, own):
        notes.append(f"{missing:,} of {len(answers.items):,} items have no reference, and were not judged")
    if books.counts["settled"]:
        notes.append(
            f"{books.counts['settled']:,} needed no judge: equal answers are a tie, and one that is empty loses"
        )
    return {
        "what": "judge",
        "form": own.form,
        "rubric": asked["rubric"],
        "prompts": prompt_digests(),
        "judges": [
            {
                "name": j.name,
                "endpoint": j.model.endpoint,
                "form": "schema" if j.schema else "text",
                "logprobs": j.logprobs,
            }
            for j in clerk.judges
        ],
        "asked": asked["asked"],
        "by": asked["by"],
        "inputs": asked["inputs"],
        "items": len(answers.items),
        "models": [{"model": m, "answers": n} for m, n in answers.models.items()],
        "set_aside": dict(answers.counts),
        "problems": answers.problems,
        "judgments": books.facts(),
        "by_judge": {name: {s: counts[s] for s in STATUSES} for name, counts in books.by_judge.items()},
        "failures": dict(sorted(books.failures.items())),
        "requests": once.height,
        "tokens_in": _sum(once, "tokens_in"),
        "tokens_out": _sum(once, "tokens_out"),
        "cost": None if cost is None else f"{cost:f}",
        "notes": notes,
        "panel": None,
        "probe": None,
    }


def _sum(rows: pl.DataFrame, name: str) -> int | None:
    """Of all requests; None where one is not known."""
    return None if rows[name].null_count() else int(rows[name].cast(pl.Int64).sum())
