"""A model behind an endpoint: what was asked before comes from the cache, the rest is bought once, within a budget."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tamis.models.asking import on_loop, sending
from tamis.models.completion import NOTHING, Completion, Fault, read_completion
from tamis.models.endpoint import Endpoint
from tamis.models.failure import Down, Failed, Missed, Refused, Stopped
from tamis.models.pace import Pace, Place
from tamis.models.prices import Price
from tamis.models.reply import Reply, Usage
from tamis.models.request import Request, canonical, most_tokens, request_key
from tamis.models.responses import Responses
from tamis.models.retry import Patience
from tamis.models.spending import ZERO, Amount, Bill, Budget, Spending, most

LAST = 5
"""Requests tried to the end in a row, with no answer to any other between: then the endpoint is down."""

_SLOW = {"rate_limit", "timeout"}
_DEAD = {"auth", "timeout", "refused", "rate_limit", "server", "reset", "truncated", "malformed", "html"}


class Remote:
    """The model `name` at `endpoint`."""

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        responses: Responses,
        *,
        replay: bool = False,
        price: Price | None = None,
        budget: Budget | None = None,
        concurrency: int = 16,
        patience: Patience | None = None,
    ) -> None:
        self._name, self._endpoint, self._responses, self.replay = name, endpoint, responses, replay
        self.price, self._budget, self._patience = price, budget or Budget(), patience or Patience()
        self.spending, self._pace = Spending(), Pace(concurrency)
        self._under_way: dict[bytes, asyncio.Task[Reply]] = {}
        self._stopped: Stopped | None = None
        self._dead = 0

    @property
    def name(self) -> str:
        """The model asked for."""
        return self._name

    @property
    def endpoint(self) -> str:
        """The base URL."""
        return self._endpoint.name

    @property
    def responses(self) -> Responses:
        """Where answers are kept."""
        return self._responses

    async def ask(self, request: Request) -> Reply:
        """The answer to `request`: the cached one, the one on its way, or a new one."""
        body = canonical(self._name, request)
        key = request_key(body, self.endpoint, request.sample)
        if found := self._responses.get(key):
            return self._cached(found)
        if self.replay:
            if lost := self._responses.failure(key):
                self.spending.failed += 1
                raise lost
            raise Missed("missed", f"replay: the cache at {self._responses.path} has no answer to {_told(body)}")
        if other := self._under_way.get(key):
            return self._cached((await asyncio.shield(other))._replace(cached=True))
        task = asyncio.get_running_loop().create_task(self._buy(key, body, request))
        self._under_way[key] = task
        task.add_done_callback(lambda _: self._under_way.pop(key, None))
        return await task

    def has(self, request: Request) -> bool:
        """Is the answer in the cache?"""
        return request_key(canonical(self._name, request), self.endpoint, request.sample) in self._responses

    async def get(self, path: str) -> bytes:
        """What the endpoint says under `path`, by GET. Raises Fault; in replay always."""
        if self.replay:
            raise Fault("missed", "replay asks nothing", again=False)
        return await self._endpoint.get(path)

    def close(self) -> None:
        """Let the connections go."""
        on_loop(self._endpoint.close())

    def __enter__(self) -> Remote:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _buy(self, key: bytes, body: bytes, request: Request) -> Reply:
        """Try until there is an answer, and keep it."""
        reserve = most(most_tokens(request), self.price, self._budget)
        bill = Bill()
        await self._budget.begin(reserve)
        attempt = empty = 0
        while True:
            attempt += 1
            async with Place(self._pace) as given:
                if self._stopped:
                    raise self._stopped
                try:
                    found = await self._try(body, reserve, request.path, bill)
                except Fault as fault:
                    last = fault
                    asked = min(fault.wait or 0.0, self._patience.longest_asked)
                    if fault.reason in _SLOW:
                        self._pace.slow(given, asked)
                else:
                    self._pace.quicken()
                    self._dead = 0
                    return self._keep(found, key, body, request, attempt, bill)
            empty += last.reason == "empty"
            if last.stop:
                raise self._stop(Refused(last.reason, self._refusal(last)))
            if not last.again or attempt >= self._patience.attempts or empty >= self._patience.empty:
                raise self._failed(last, key, attempt, bill)
            await self._pace.rest(self._patience.wait(attempt, last.wait))

    async def _try(self, body: bytes, reserve: Amount, path: str, bill: Bill) -> Completion:
        """One try. What it may have cost is settled however it ends, and put on the bill."""
        await self._budget.reserve(reserve)
        spent = Amount()
        try:
            with sending():
                spent = reserve  # until something better is known; so also where the try is cancelled
                self.spending.sent += 1
                found = read_completion(await self._endpoint.post(body, path), self._name)
            spent = self._charge(found.usage, reserve, bill)
            return found
        except Fault as fault:
            if fault.charged == NOTHING:
                spent = Amount(1)
                bill.add(NOTHING, ZERO)
            else:
                spent = self._charge(fault.charged or Usage(), reserve, bill)
            raise
        finally:
            self._budget.settle(reserve, spent)

    def _charge(self, usage: Usage, reserve: Amount, bill: Bill) -> Amount:
        """Count `usage`; what the budget has to bear is all that was reserved where nobody knows."""
        cost = self.price.of(usage) if self.price else None
        self.spending.bought(usage, cost)
        bill.add(usage, cost)
        if usage.tokens_in is None or usage.tokens_out is None:
            return reserve
        return Amount(1, usage.tokens_in + usage.tokens_out, reserve.money if cost is None else cost)

    def _keep(self, found: Completion, key: bytes, body: bytes, request: Request, attempts: int, bill: Bill) -> Reply:
        text, finish, model, _, logprobs, fingerprint, choices = found
        paid = (bill.usage, bill.cost)
        bought = Reply(text, finish, model, *paid, key, False, attempts, logprobs, fingerprint, choices)
        self.spending.answered += 1
        return self._responses.put(bought, body, self.endpoint, self._name, request.sample)

    def _cached(self, found: Reply) -> Reply:
        self.spending.cached += 1
        self.spending.worth += found.cost or 0
        return found

    def _failed(self, last: Fault, key: bytes, attempts: int, bill: Bill) -> Failed | Stopped:
        """The end of one request, kept for a replay; or of all where the last few came to nothing, too."""
        self.spending.failed += 1
        self._dead = self._dead + 1 if last.reason in _DEAD else 0
        if self._dead >= LAST:
            return self._stop(
                Down(
                    "circuit",
                    f"{self.endpoint} is down: {self._dead} requests in a row got no answer in {attempts} tries each; the "
                    f"last: {last.message}. What was bought is in {self._responses.path}: see to the server, then resume",
                )
            )
        tries = "try" if attempts == 1 else "tries"
        said = f"{self._name} at {self.endpoint}, {attempts} {tries}: {last.message}"
        lost = Failed(last.reason, said, attempts, bill.usage, bill.cost)
        self._responses.lose(lost, key, self.endpoint, self._name)
        return lost

    def _stop(self, why: Stopped) -> Stopped:
        self._stopped = self._stopped or why
        self._pace.halt()
        return self._stopped

    def _refusal(self, fault: Fault) -> str:
        step = (
            "set the key in the environment (--key-env names the variable), then resume"
            if fault.reason == "auth"
            else "mend it, then resume"
        )
        return (
            f"{self.endpoint} takes no request for {self._name}: {fault.message}; {step}: what was bought is in "
            f"{self._responses.path}"
        )


def _told(body: bytes) -> str:
    found: Any = json.loads(body)
    said = found.get("messages")
    last = found.get("prompt", "") if said is None else said[-1].get("content", "") if said else ""
    params = {k: v for k, v in found.items() if k not in ("messages", "model", "prompt")}
    return (
        f"{found['model']} being asked {last[:80]!r}{'…' if len(last) > 80 else ''} with {params}; an answer is found only by the "
        "very same prompt, parameters, endpoint and sample: buy it without --replay, or undo the change"
    )
