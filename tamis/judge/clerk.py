"""Clerk: asks the judges, and writes down what each said as rows of judgments."""

from __future__ import annotations

from asyncio import gather
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

from tamis.bench import Means
from tamis.errors import UsageError
from tamis.judge.case import Case, messages, settled
from tamis.judge.chances import chance_of_first, chances
from tamis.judge.rubric import Rubric
from tamis.judge.verdict import Said, read_verdict
from tamis.models import (
    Budget,
    BudgetSpent,
    Capabilities,
    Failed,
    Model,
    Reply,
    Request,
    Responses,
    each,
    open_by,
    price,
    probe,
)
from tamis.models.local import Local
from tamis.models.request import canonical, request_key

Structured = Literal["auto", "schema", "text"]

Row = dict[str, Any]
"""A row of JUDGMENT, the columns that have a value."""

TOP = 5
"""Likeliest tokens asked for in each place: as many as the protocol's first endpoints gave."""


@dataclass(frozen=True)
class Asking:
    """How judges are asked. None of it is in the rubric.

    seed       sent along, one more for every repeat; None: none is
    max_tokens for one answer; a verdict that the tokens did not suffice for is unparsed
    """

    base_url: str | None = None
    price: str | None = None
    temperature: float = 0.0
    max_tokens: int = 1024
    seed: int | None = 0
    structured: Structured = "auto"

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise UsageError(f"max_tokens is {self.max_tokens}; 1 or more was wanted")
        if self.temperature < 0:
            raise UsageError(f"temperature is {self.temperature}; 0 or more was wanted")
        if self.price:
            price(self.price)


class Outcome(NamedTuple):
    """What became of one case.

    status  ok, settled (no judge was needed), unparsed, failed, skipped
    rows    of JUDGMENT: one, or one for each aspect
    reply   what the judge answered; None: it was not asked, or did not
    key     of the request, 32 bytes, where one was made; `why` it came to nothing, in so many `attempts`
    """

    case: Case
    judge: str
    status: str
    rows: list[Row]
    reply: Reply | None = None
    key: bytes | None = None
    why: str = "ok"
    attempts: int = 0


class Judge(NamedTuple):
    """A model, and what it can do."""

    name: str
    model: Model
    schema: bool
    logprobs: bool


class Clerk:
    """Judges by name, sharing one budget and one cache of answers. Use it as a context."""

    def __init__(self, judges: Sequence[str], asking: Asking, responses: Path, means: Means | None = None) -> None:
        names_of(judges)
        self.asking, self.means = asking, means or Means()
        self._responses = Responses(responses)
        self.judges: list[Judge] = []
        self._models: dict[str, Any] = {}
        self.budget, money = Budget.of(self.means), price(asking.price) if asking.price else None
        for spec in judges:
            self._models[spec] = open_by(self.means, spec, asking.base_url, money, self._responses, self.budget)
        self.can: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Clerk:
        return self

    def __exit__(self, *_: object) -> None:
        for model in self._models.values():
            if (close := getattr(model, "close", None)) is not None:
                close()
        self._responses.close()

    def settle(self) -> None:
        """Find out what each judge's endpoint can do. Raises Stopped where nobody answers."""
        for spec, model in self._models.items():
            real = isinstance(model, Local) or hasattr(model, "responses")
            can = probe(model) if real and (self.asking.structured == "auto") else Capabilities()
            self.can[spec] = dict(can._asdict())
            schema = {"schema": True, "text": False}.get(self.asking.structured, bool(can.json_schema))
            self.judges.append(Judge(name_of(spec), model, schema, bool(can.logprobs)))

    def rehearse(self) -> None:
        """As `settle`, but nothing is sent: what nobody found out before is taken as not there."""
        for spec, model in self._models.items():
            found = model.responses.probed(model.endpoint, model.name) if hasattr(model, "responses") else None
            can = Capabilities(**{k: (found or {}).get(k) for k in Capabilities._fields})
            schema = {"schema": True, "text": False}.get(self.asking.structured, bool(can.json_schema))
            self.judges.append(Judge(name_of(spec), model, schema, bool(can.logprobs)))

    def ask(self, cases: Iterable[Case], rubric: Rubric) -> Iterator[Outcome]:
        """What every judge says of every case, in their order, case by case. Raises Stopped, BudgetSpent."""
        pairs = ((case, judge) for case in cases for judge in self.judges)
        # In groups: handing each answer over by itself from the thread of the loop took half as long again as reading it.
        groups = iter(lambda: list(islice(pairs, self.means.concurrency)), [])

        async def some(group: list[tuple[Case, Judge]]) -> list[Outcome]:
            asked = (self.judged(case, judge, rubric) for case, judge in group)
            found = await gather(*asked, return_exceptions=True)  # what is under way may land before all is over
            if lost := [one for one in found if isinstance(one, BaseException)]:
                raise lost[0]
            return [one for one in found if isinstance(one, Outcome)]

        for outcomes in each(groups, some, 2):
            yield from outcomes

    def request(self, case: Case, judge: Judge, rubric: Rubric) -> Request:
        """What is sent."""
        asking = self.asking
        params: dict[str, Any] = {"temperature": asking.temperature, "max_tokens": asking.max_tokens}
        if asking.seed is not None:
            params["seed"] = asking.seed + case.repeat
        if judge.schema:
            held = {"name": rubric.form, "strict": True, "schema": rubric.schema}
            params["response_format"] = {"type": "json_schema", "json_schema": held}
        if judge.logprobs and rubric.form == "pairwise":
            params |= {"logprobs": True, "top_logprobs": TOP}
        return Request(messages(case, rubric), params, case.repeat)

    async def judged(self, case: Case, judge: Judge, rubric: Rubric) -> Outcome:
        """What `judge` says of `case`, whatever happens. Raises Stopped, and BudgetSpent where that stops all."""
        base = _base(case, judge.name, rubric)
        if why := settled(case):
            return Outcome(case, judge.name, "settled", _settled(base, case, rubric, why))
        request = self.request(case, judge, rubric)
        try:
            reply = await judge.model.ask(request)
        except Failed as failed:
            status = "unparsed" if failed.reason == "empty" else "failed"
            key = request_key(canonical(judge.model.name, request), judge.model.endpoint, request.sample)
            paid = {"request": key.hex(), **failed.usage._asdict(), "cost": failed.cost}
            lost = [{**base, "verdict": "unparsed", "failure": failed.reason, **paid}]
            return Outcome(case, judge.name, status, lost, None, key, failed.reason, failed.attempts)
        except BudgetSpent:
            if self.means.when_spent == "stop":
                raise
            return Outcome(case, judge.name, "skipped", [{**base, "verdict": "unparsed", "failure": "budget"}])
        said = read_verdict(reply.text, reply.finish, rubric)
        base |= {
            "reasons": said.reasons,
            "raw": reply.text,
            "failure": said.failure,
            "judged_at": reply.created or datetime.now(UTC).replace(microsecond=0),
            "request": reply.key.hex(),
            "returned": reply.model,
            "tokens_in": reply.usage.tokens_in,
            "tokens_out": reply.usage.tokens_out,
            "cost": reply.cost,
        }
        status = "unparsed" if said.failure else "ok"
        rows = _rows(base, case, said, reply, rubric)
        return Outcome(case, judge.name, status, rows, reply, reply.key, "ok", reply.attempts)

    def spending(self) -> dict[str, Any]:
        """What each judge was asked for this time, and what of it was paid."""
        found = {name_of(spec): getattr(model, "spending", None) for spec, model in self._models.items()}
        return {name: own.facts() for name, own in found.items() if own is not None}

    def progress(self) -> dict[str, Any]:
        """Requests, cached answers, tokens and money so far."""
        told: dict[str, Any] = {"requests": 0, "cached": 0, "tokens_in": 0, "tokens_out": 0, "unknown": 0}
        told["money"] = Decimal(0)
        for model in self._models.values():
            if (own := getattr(model, "spending", None)) is not None:
                told["requests"] += own.answered
                for name in ("cached", "tokens_in", "tokens_out", "unknown", "money"):
                    told[name] += getattr(own, name)
        return told


def names_of(judges: Sequence[str]) -> list[str]:
    """What each is called. Raises UsageError where there is none, or two have one name."""
    if not judges or not all(judges):
        raise UsageError("who judges? name a model: NAME at a base URL, openai:URL#NAME, or hf:PATH")
    names = [name_of(spec) for spec in judges]
    if twice := [name for k, name in enumerate(names) if name in names[:k]]:
        raise UsageError(
            f"two judges are called {twice[0]!r}; each has one voice, and rows tell them apart by name; --weight makes one louder"
        )
    return names


def name_of(spec: str) -> str:
    """How a judge is called in rows: without where it is."""
    if spec.startswith("hf:"):
        return "+".join(Path(part).name for part in spec.removeprefix("hf:").split("+"))
    return spec.rpartition("#")[2] if spec.startswith("openai:") else spec


def length(answers: Sequence[str] | None) -> int | None:
    """Code points of all of them."""
    return None if answers is None else sum(len(text) for text in answers)


def _base(case: Case, judge: str, rubric: Rubric) -> Row:
    return {
        "item_id": case.item_id,
        "model_a": case.model_a,
        "model_b": case.model_b,
        "judge": judge,
        "human": False,
        "rubric": rubric.label,
        "rubric_sha256": rubric.sha256,
        "turn": case.turn,
        "order": case.order,
        "repeat": case.repeat,
        "chars_a": length(case.first),
        "chars_b": length(case.second),
    }


def _settled(base: Row, case: Case, rubric: Rubric, why: str) -> list[Row]:
    """A case without a judge: equal answers are a tie, an empty one loses, or has the fewest points."""
    base |= {"settled": why}
    if case.second is None:
        assert rubric.scale is not None
        return [{**base, "aspect": aspect, "score": rubric.scale.low} for aspect in _aspects(rubric)]
    if why == "identical":
        return [{**base, "verdict": "tie"}]
    return [{**base, "verdict": "a" if any(part.strip() for part in case.first) else "b"}]


def _rows(base: Row, case: Case, said: Said, reply: Reply, rubric: Rubric) -> list[Row]:
    if said.failure:
        return [{**base, "verdict": "unparsed"}]
    if rubric.form == "score":
        names = zip(_aspects(rubric), rubric.names, strict=True)
        return [{**base, "aspect": aspect, "score": said.scores[name]} for aspect, name in names]
    first = chance_of_first(chances(reply.logprobs, reply.text, said.place, rubric.options))
    turned = case.order == "ba"
    return [
        {
            **base,
            "verdict": {"A": "ab"[turned], "B": "ba"[turned]}.get(said.verdict or "", "tie"),
            "probability_a": None if first is None else 1 - first if turned else first,
        }
    ]


def _aspects(rubric: Rubric) -> tuple[str | None, ...]:
    return rubric.names if rubric.aspects else (None,)
