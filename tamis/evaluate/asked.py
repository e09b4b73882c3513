"""openai:URL#NAME: a model behind an endpoint, through tamis.models: what was asked before comes from its cache.

Answers are generated as a chat of one message. Choices and texts are weighed by the older protocol, `completions`, which some
endpoints give the likelihoods of a prompt by (`echo` with `logprobs`), and most do not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from tamis.errors import UsageError
from tamis.evaluate.answer import Answer, repeats
from tamis.evaluate.frozen import FrozenTask
from tamis.evaluate.suite import Settings
from tamis.models.asking import each
from tamis.models.client import Remote
from tamis.models.failure import Failed, Refused
from tamis.models.reply import Reply
from tamis.models.request import Request

STOPS = 4
"""Texts that end an answer, as the protocol takes at most; others are cut off here."""


class _Asked(NamedTuple):
    task: FrozenTask
    at: int
    repeat: int
    requests: list[Request]


class Asked:
    """The model `model`.

    window  requests under way at once
    """

    def __init__(self, model: Remote, settings: Settings, window: int = 16) -> None:
        self._model, self._settings, self._window = model, settings, window
        self.model: dict[str, Any] = {"backend": "openai", "name": model.name}
        self.varies: dict[str, Any] = {"endpoint": model.endpoint}  # a port may be another tomorrow

    def answers(self, tasks: list[FrozenTask]) -> Iterator[Answer]:
        """Answers in the order of items. Raises UsageError before much is asked where the endpoint gives no likelihoods."""
        try:
            for task in tasks:
                if task.task.type != "generation":
                    self._can_weigh(next(self._asked(task)))
            yield from each(self._all(tasks), self._answer, self._window)
        finally:
            self._model.close()

    def _all(self, tasks: Sequence[FrozenTask]) -> Iterator[_Asked]:
        for task in tasks:
            yield from self._asked(task)

    def _asked(self, task: FrozenTask) -> Iterator[_Asked]:
        made = task.task.generation
        for at, request in enumerate(task.requests):
            if made is None:
                texts = (
                    [request.prompt + c for c in request.continuations] if request.continuations else [request.prompt]
                )
                yield _Asked(task, at, 0, [Request((), _WEIGH, text=text) for text in texts])
                continue
            params: dict[str, Any] = {"max_tokens": made.max_tokens, "temperature": made.temperature}
            params |= {"seed": self._settings.seed} | ({"top_p": made.top_p} if made.top_p < 1 else {})
            params |= {"stop": list(made.stop[:STOPS])} if made.stop else {}
            message = {"role": "user", "content": request.prompt}
            for repeat in range(repeats(task)):
                yield _Asked(task, at, repeat, [Request((message,), params, repeat)])

    def _can_weigh(self, asked: _Asked) -> None:
        """Ask for one likelihood first."""
        (found,) = each([asked._replace(requests=asked.requests[:1])], self._answer, 1)
        if found.problem and found.problem.startswith(_NONE):
            raise UsageError(
                f"{self._model.endpoint} gives no log-probabilities of a prompt ({found.problem.removeprefix(_NONE)}): "
                f"{asked.task.task.type} cannot be run there. Make it of type generation with extract: [first_letter], or run the "
                "model on this machine: hf:PATH"
            )

    async def _answer(self, asked: _Asked) -> Answer:
        own, request = asked.task.task, asked.task.requests[asked.at]
        start, replies = time.perf_counter(), []
        blank = Answer(own.name, request.item_id, asked.repeat)
        for one in asked.requests:
            try:
                replies.append(await self._model.ask(one))
            except Refused as refused:
                if one.text is None or refused.reason == "auth":
                    raise
                return blank._replace(status="failed", problem=f"{_NONE}{refused}")
            except Failed as failed:
                if failed.reason == "empty" and one.text is None:  # it said nothing, which is an answer
                    return blank._replace(response="")
                none = _NONE if one.text is not None and failed.reason in ("bad_request", "malformed", "empty") else ""
                return blank._replace(status="failed", problem=f"{none}{failed}")
        spent = (time.perf_counter() - start) * 1000
        costs = [r.cost for r in replies if not r.cached]
        found = blank._replace(
            tokens_in=_sum([r.usage.tokens_in for r in replies]),
            latency_ms=None if any(r.cached for r in replies) else spent,
            cost=None if None in costs or not costs else sum((c for c in costs if c is not None), Decimal(0)),
        )
        if own.type == "generation":
            return _generated(found, replies[0], own.generation.stop if own.generation else ())
        sizes = [len(request.prompt) if request.continuations else 0] * len(replies)
        lls = [_weight(r, q.text or "", n) for r, q, n in zip(replies, asked.requests, sizes, strict=True)]
        if any(ll is None for ll in lls):
            return blank._replace(status="failed", problem=f"{_NONE}it answered without them")
        return found._replace(loglikelihoods=[ll for ll in lls if ll is not None])


_NONE = "no likelihoods: "

_WEIGH: dict[str, Any] = {"max_tokens": 0, "echo": True, "logprobs": 1, "temperature": 0}


def _generated(blank: Answer, reply: Reply, stops: Sequence[str]) -> Answer:
    text = reply.text
    for stop in stops:
        text = text.partition(stop)[0]
    cut = reply.finish == "length" and len(text) == len(reply.text)
    return blank._replace(response=text, truncated=cut, tokens_out=reply.usage.tokens_out)


def _weight(reply: Reply, text: str, size: int) -> float | None:
    """Log-likelihood of `text` from its character `size` on: of all tokens that end after it. None: the reply does not say."""
    if not reply.logprobs or not reply.text.startswith(text):
        return None
    total, some = 0.0, False
    for token in reply.logprobs:
        at, word, weight = token.get("offset"), token.get("token"), token.get("logprob")
        if not isinstance(at, int) or not isinstance(word, str):
            return None
        if at >= len(text):
            break
        if at + len(word) <= size or (weight is None and at == 0):  # nothing stands before the first token
            continue
        if not isinstance(weight, (int, float)):
            return None
        total, some = total + float(weight), True
    return total if some else None


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [c for c in counts if c is not None]
    return sum(known) if len(known) == len(counts) else None
