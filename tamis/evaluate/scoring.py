"""Answers to samples and scores: what was asked, what came, whether it is right.

An answer that failed or never came is a row, too: it scores what a wrong one scores.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from tamis.errors import InputError
from tamis.evaluate.answer import Answer, repeats
from tamis.evaluate.extract import extract
from tamis.evaluate.frozen import FrozenTask
from tamis.evaluate.items import Item, several
from tamis.evaluate.metrics import JUDGED, METRICS, answer, choices, pass_at, text
from tamis.evaluate.patience import TooSlow
from tamis.schemas import SAMPLE, SCORE, TIMING
from tamis.schemas.sample import SIGNIFICANT

Rows = list[dict[str, Any]]

ROUNDING = 1e-3
"""By which a log-likelihood may be above 0: a model that computes in half precision may tell what is certain so."""

Judge = Callable[[FrozenTask, Sequence[tuple[Item, Answer, str | None]]], list[tuple[dict[str, float], str | None]]]
"""Scores of a task by code, and what went wrong: its own scorer, or tests to pass. In the order of what it is given."""


class Rater(Protocol):
    """A judge that scores what only a reader can tell, as a `Judge` does by code.

    facts  who it is and what it goes by, as report.json has it
    """

    facts: dict[str, Any]

    def __call__(
        self, task: FrozenTask, asked: Sequence[tuple[Item, Answer, str | None]]
    ) -> list[tuple[dict[str, float], str | None]]: ...


class Tables(NamedTuple):
    """The three tables of a run, sorted by their keys.

    problems  answers that came to nothing, and scores that could not be computed: task, item_id, repeat, problem
    """

    samples: pa.Table
    scores: pa.Table
    timings: pa.Table
    problems: Rows


def score(
    tasks: Iterable[FrozenTask], answers: Iterable[Answer], judge: Judge | None = None, rater: Rater | None = None
) -> Tables:
    """Samples, scores and timings. Raises InputError where an answer is to no item, or comes twice."""
    came: dict[tuple[str, str, int], Answer] = {}
    for one in answers:
        key = (one.task, one.item_id, one.repeat)
        if key in came:
            raise InputError(
                f"item {one.item_id!r} of {one.task} has two answers of repeat {one.repeat}; one was wanted"
            )
        came[key] = one
    samples: Rows = []
    scores: Rows = []
    timings: Rows = []
    problems: Rows = []
    for task in tasks:
        for rows in _task(task, came, judge, rater):
            samples.append(rows[0])
            scores += rows[1]
            timings.append(rows[2])
            if rows[3]:
                problems.append({**{k: rows[0][k] for k in ("task", "item_id", "repeat")}, "problem": rows[3]})
    return Tables(
        pa.Table.from_pylist(sorted(samples, key=_key), SAMPLE),
        pa.Table.from_pylist(sorted(scores, key=lambda r: (*_key(r), r["metric"])), SCORE),
        pa.Table.from_pylist(sorted(timings, key=_key), TIMING),
        problems,
    )


def _key(row: dict[str, Any]) -> tuple[str, str, int]:
    return row["task"], row["item_id"], row["repeat"]


def _task(
    task: FrozenTask, came: dict[tuple[str, str, int], Answer], judge: Judge | None, rater: Rater | None
) -> Iterable[tuple[dict[str, Any], Rows, dict[str, Any], str | None]]:
    own = task.task
    asked = []
    for item, request in zip(task.items, task.requests, strict=True):
        for repeat in range(repeats(task)):
            gone = Answer(own.name, item.item_id, repeat, status="missing")
            one = came.get((own.name, item.item_id, repeat), gone)
            asked.append((item, request, _checked(task, item, one)))
    found: list[str | None] = []
    scored: list[dict[str, float]] = []
    wrong: list[str | None] = []
    slow: TooSlow | None = None
    for item, _, one in asked:
        extracted, mine = None, dict.fromkeys(own.metrics, math.nan)
        if slow is None:
            try:
                extracted = None if one.response is None else extract(one.response, own.extract)
                mine = _scores(task, item, one, extracted)
            except TooSlow as wait:
                slow = wait  # nobody waits for it once more with every answer
        found.append(extracted)
        scored.append(mine)
        wrong.append(one.problem or (None if slow is None else str(slow)))
    for wanted, by in ((wants_code(task), judge), (wants_judge(task), rater)):
        if by is None or not wanted:
            continue
        judged = by(task, [(i, a, e) for (i, _, a), e in zip(asked, found, strict=True)])
        for mine, (more, _) in zip(scored, judged, strict=True):
            mine.update(more)
        wrong = [ours or theirs for ours, (_, theirs) in zip(wrong, judged, strict=True)]
    _passing(task, scored)
    for (item, request, one), extracted, mine, problem in zip(asked, found, scored, wrong, strict=True):
        key = {"task": own.name, "item_id": item.item_id, "repeat": one.repeat}
        status = "invalid" if one.status == "ok" and extracted is None and own.type == "generation" else one.status
        taken = extracted
        if own.type == "multiple_choice" and one.loglikelihoods and item.choices:
            taken = item.choices[max(range(len(item.choices)), key=one.loglikelihoods.__getitem__)]
        sample = {
            **key,
            "cluster": item.cluster,
            "category": item.category,
            "prompt_sha256": request.sha256,
            "prompt": request.prompt,
            "target": "" if own.type == "perplexity" else item.target,
            "response": one.response,
            "extracted": taken,
            "loglikelihoods": one.loglikelihoods,
            "status": status,
            "truncated": one.truncated,
            "tokens_in": one.tokens_in,
            "tokens_out": one.tokens_out,
            "length": item.length,
        }
        rows = [
            {**key, "metric": m, "value": _worst(m) if one.status in ("failed", "missing") else mine[m]}
            for m in own.metrics
        ]
        yield sample, rows, {**key, **_timing(one)}, problem


def wants_code(task: FrozenTask) -> bool:
    """Whether code is run to score it."""
    return task.scorer is not None or any(metric.startswith("pass@") for metric in task.task.metrics)


def wants_judge(task: FrozenTask) -> bool:
    """Whether a judge has to say what it scores."""
    return any(metric in JUDGED for metric in task.task.metrics)


def _timing(one: Answer) -> dict[str, Any]:
    speed = None
    if one.latency_ms and one.tokens_out:
        speed = one.tokens_out / one.latency_ms * 1000
    cost = None if one.cost is None else one.cost.quantize(Decimal("1e-9"))
    return {"latency_ms": one.latency_ms, "tokens_per_second": speed, "cost": cost}


def _checked(task: FrozenTask, item: Item, one: Answer) -> Answer:
    """`one`, failed where it holds not what its task asks for."""
    if one.status in ("failed", "missing"):
        return one._replace(response=None, loglikelihoods=None)
    one = one._replace(status="ok")
    if task.task.type == "generation":
        if one.response is None:
            return one._replace(status="failed", problem="no response")
        return one._replace(loglikelihoods=None)
    wanted = len(item.choices or [""])
    lls = one.loglikelihoods
    if lls is None or len(lls) != wanted or not all(type(x) in (int, float) and abs(x) <= 1e300 for x in lls):
        said = f"{wanted} likelihoods were wanted, found {lls!r:.60}"
        return one._replace(status="failed", response=None, loglikelihoods=None, problem=said)
    if max(lls) > ROUNDING:
        said = f"log-likelihoods were wanted, which are 0 at most, found {lls!r:.60}"
        return one._replace(status="failed", response=None, loglikelihoods=None, problem=said)
    return one._replace(response=None)


def _scores(task: FrozenTask, item: Item, one: Answer, extracted: str | None) -> dict[str, float]:
    own = task.task
    if one.status != "ok":
        return {}
    if own.type == "multiple_choice":
        found = choices(one.loglikelihoods or [], item.choices or [], item.right or [], own.metrics)
    elif own.type == "perplexity":
        found = text((one.loglikelihoods or [math.nan])[0], item.target, own.metrics)
    else:
        return answer(
            one.response or "",
            extracted,
            several(item.target),
            own.metrics,
            own.normalize,
            item.passages or [],
            item.supporting or [],
        )
    return {name: value if value in (0.0, 1.0) else _rounded(value) for name, value in found.items()}


def _passing(task: FrozenTask, scored: list[dict[str, float]]) -> None:
    """pass@k of an item out of `passed` of each repeat: the same number in every row of it."""
    wanted = [m for m in task.task.metrics if m.startswith("pass@")]
    n = repeats(task)
    for at in range(0, len(scored) if wanted else 0, n):
        own = scored[at : at + n]
        right = sum(s.get("passed", 0.0) > 0 for s in own)
        for metric in wanted:
            value = pass_at(int(metric.partition("@")[2]), n, right)
            for mine in own:
                mine[metric] = value


def _worst(metric: str) -> float:
    """What an answer that did not come scores: nan where no number is the worst."""
    known = METRICS.get(metric)
    if known is None:
        return math.nan
    if known.higher:
        return known.low
    return known.high if known.high is not None else math.nan


def _rounded(value: float) -> float:
    return float(f"{value:.{SIGNIFICANT}g}")
