"""A sitting: judges asked about all cases, and what they said written to a folder that is sealed.

judgments.parquet   a row for each time a judge was asked            panel.parquet    what several say together
rubric.yaml         what they were asked, byte for byte               probe.parquet    attacks, where they were asked for
run.json            what went in, what became of it, what it cost     MANIFEST.sha256
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa

from tamis.bench import Means, responses_at
from tamis.data.writer import write_bytes, write_json, write_parquet
from tamis.errors import InputError, RunError, UsageError
from tamis.judge.answers import Answers, read_answers
from tamis.judge.attack import attack_cases, fooled
from tamis.judge.case import Case, prompt_digests, settled
from tamis.judge.clerk import Asking, Clerk, Outcome, Row, costs, names_of
from tamis.judge.docket import pair_cases, pairs_of, score_cases, unreferenced
from tamis.judge.folder import earlier, has_more, prepare, read_back
from tamis.judge.panel import disagreement, verdicts
from tamis.judge.rubric import Rubric, rubric
from tamis.models import Request, estimate, trusting
from tamis.models.client import Remote
from tamis.models.local import Local
from tamis.runs.manifest import sha256
from tamis.schemas.judgment import JUDGMENT, PANEL

STATUSES = ("ok", "settled", "unparsed", "failed", "skipped")

GROUP = 8192
"""Rows written together."""

TELLS_EVERY = 0.5
"""Seconds."""


class Progress(NamedTuple):
    """How far a sitting is, as a bar shows it; `more` is what judges were asked for, as Clerk.progress has it."""

    what: str
    done: int
    total: int
    rows: int
    more: Mapping[str, Any]


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


class Sat(NamedTuple):
    """A sitting that is over: what run.json says, and what it was about."""

    facts: dict[str, Any]
    judgments: pl.DataFrame
    answers: Answers
    rubric: Rubric


def sit(
    plan: Plan,
    out: Path,
    means: Means | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Sat:
    """Judge, and write all to `out` but the report and the manifest.

    resume  go on in a folder that a sitting was broken off in, or ended in with requests that failed or were not made; one that
            is whole is not judged again

    Raises BudgetSpent and Stopped: what was bought is kept. Raises UsageError where `out` holds another sitting.
    """
    began, tell = time.monotonic(), on_progress or (lambda _: None)
    means = trusting(means or Means(), plan.judges, plan.asking.base_url)
    own = rubric(plan.rubric, plan.base)
    answers = read_answers(plan.answers, plan.items)
    total = _total(plan, answers, own)
    before = earlier(out, _asks(plan, own)) if resume else None
    if before is not None and not has_more(before):
        return Sat(before, read_back(out / "judgments.parquet"), answers, own)
    prepare(out, again=before is not None)
    with Clerk(plan.judges, plan.asking, responses_at(means.responses, out.parent), means) as clerk:
        clerk.settle()
        books = Books(total)
        outcomes = _told(clerk, plan.cases(answers, own), own, books, "judging", tell)
        write_parquet(out / "judgments.parquet", _groups(outcomes), JUDGMENT)
        books.balance()
        judgments = read_back(out / "judgments.parquet")
        facts = _facts(plan, own, answers, clerk, books, judgments)
        if len(plan.judges) > 1:
            table = verdicts(judgments, plan.weights)
            write_parquet(out / "panel.parquet", [table], PANEL)
            facts["panel"] = {"weights": dict(plan.weights), **disagreement(table)}
        if plan.probe:
            facts["probe"] = _probe(plan, own, answers, clerk, out, tell)
        facts["varies"] = {
            "seconds": round(time.monotonic() - began, 3),
            "spending": clerk.spending(),
            "replay": means.replay,
            "endpoint": clerk.can,
        }
    write_bytes(out / "rubric.yaml", own.text)
    write_json(out / "run.json", facts)
    return Sat(facts, judgments, answers, own)


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
    own = rubric(plan.rubric, plan.base)
    answers = read_answers(plan.answers, plan.items)
    total = _total(plan, answers, own)
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


def table_of(rows: Iterable[Row]) -> pa.Table:
    """`rows` with all columns of JUDGMENT."""
    return pa.Table.from_pylist(list(rows), JUDGMENT)


def _total(plan: Plan, answers: Answers, own: Rubric) -> int:
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


def _told(
    clerk: Clerk, cases: Iterable[Case], own: Rubric, books: Books, what: str, tell: Callable[[Progress], None]
) -> Iterator[Outcome]:
    """What became of `cases`, counted and told of as it comes, where it takes a while."""
    began = said = time.monotonic()
    done = 0
    for outcome in clerk.ask(cases, own):
        books.take(outcome)
        done += 1
        if time.monotonic() - said > TELLS_EVERY:
            tell(Progress(what, done, books.planned, done, clerk.progress()))
            said = time.monotonic()
        yield outcome
    if said > began:
        tell(Progress(what, done, books.planned, done, clerk.progress()))


def _groups(outcomes: Iterator[Outcome]) -> Iterator[pa.Table]:
    rows = (row for outcome in outcomes for row in outcome.rows)
    while some := list(islice(rows, GROUP)):
        yield table_of(some)


def _asks(plan: Plan, own: Rubric) -> dict[str, Any]:
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


def _facts(
    plan: Plan, own: Rubric, answers: Answers, clerk: Clerk, books: Books, judgments: pl.DataFrame
) -> dict[str, Any]:
    """All that is the same whenever the same answers come back."""
    asks = _asks(plan, own)
    once = judgments.unique("request", keep="first", maintain_order=True).filter(pl.col("request").is_not_null())
    cost = costs(once.select("request", "cost").iter_rows(named=True))
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
        "rubric": asks["rubric"],
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
        "asked": asks["asked"],
        "by": asks["by"],
        "inputs": asks["inputs"],
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


def _probe(
    plan: Plan, own: Rubric, answers: Answers, clerk: Clerk, out: Path, tell: Callable[[Progress], None]
) -> dict[str, Any]:
    cases = list(attack_cases(answers, own, plan.probe, plan.baseline))
    books = Books(len(cases) * len(clerk.judges))
    outcomes = _told(clerk, cases, own, books, "attacks", tell)
    write_parquet(out / "probe.parquet", _groups(outcomes), JUDGMENT)
    books.balance()
    return {
        "items": len({case.item_id for case in cases}),
        "against": cases[0].model_b if cases else None,
        "judgments": books.facts(),
        "attacks": fooled(read_back(out / "probe.parquet"), own),
    }
