"""A sitting: judges asked about all cases, and what they said written to a folder that is sealed.

judgments.parquet   a row for each time a judge was asked            panel.parquet    what several say together
rubric.yaml         what they were asked, byte for byte               probe.parquet    attacks, where they were asked for
run.json            what went in, what became of it, what it cost     MANIFEST.sha256
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa

from tamis.bench import Means, responses_at
from tamis.data.writer import write_bytes, write_json, write_parquet
from tamis.judge.answers import Answers, read_answers
from tamis.judge.attack import attack_cases, fooled
from tamis.judge.books import Books
from tamis.judge.books import facts as run_facts
from tamis.judge.case import Case
from tamis.judge.clerk import Clerk, Outcome, Row
from tamis.judge.folder import earlier, has_more, prepare, read_back
from tamis.judge.panel import disagreement, verdicts
from tamis.judge.plan import Plan, asks, planned
from tamis.judge.rubric import Rubric
from tamis.judge.shelf import find_rubric
from tamis.models import trusting
from tamis.schemas.judgment import JUDGMENT, PANEL

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
    own = find_rubric(plan.rubric, plan.base)
    answers = read_answers(plan.answers, plan.items)
    total = planned(plan, answers, own)
    before = earlier(out, asks(plan, own)) if resume else None
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
        facts = run_facts(plan, own, answers, clerk, books, judgments)
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


def table_of(rows: Iterable[Row]) -> pa.Table:
    """`rows` with all columns of JUDGMENT."""
    return pa.Table.from_pylist(list(rows), JUDGMENT)


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
