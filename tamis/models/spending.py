"""Tokens and money, and a budget that is reserved before a request is sent: it is never exceeded, whatever comes back."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from tamis.bench import Means
from tamis.errors import UsageError
from tamis.models.failure import BudgetSpent
from tamis.models.prices import Price
from tamis.models.reply import UNTOLD, Usage

ZERO = Decimal(0)


class Amount(NamedTuple):
    """What something costs, or could cost at most."""

    requests: int = 0
    tokens: int = 0
    money: Decimal = ZERO

    def plus(self, other: Amount) -> Amount:
        """Both together."""
        return Amount(self.requests + other.requests, self.tokens + other.tokens, self.money + other.money)

    def times(self, count: int) -> Amount:
        """So many of it."""
        return Amount(self.requests * count, self.tokens * count, self.money * count)

    def left_of(self, other: Amount) -> Amount:
        """This without the other, and nothing where that is more."""
        rest = self.less(other)
        return Amount(max(0, rest.requests), max(0, rest.tokens), max(ZERO, rest.money))

    def less(self, other: Amount) -> Amount:
        """This without the other."""
        return Amount(self.requests - other.requests, self.tokens - other.tokens, self.money - other.money)


@dataclass(eq=False)
class Account:
    """One task of several requests. held: what its requests may take together, from its first on; spent: what they took."""

    requests: int
    held: Amount = field(default=Amount())
    spent: Amount = field(default=Amount())


_account: ContextVar[Account | None] = ContextVar("account", default=None)
"""Of the task that a coroutine works for."""


@dataclass
class Budget:
    """What may be spent this time by all models that share it; None: no limit. The cache costs nothing.

    A request reserves the most it can cost. Once its answer is there, what it cost takes the place of that; an answer
    that broke off, or of which nobody knows what it cost, leaves all that was reserved as spent. So the sum of what an
    endpoint may charge never exceeds the limit, as long as its template adds no more than `most_tokens` allows for.

    thrifty: it is not resumed, and a task that is not finished was paid for in vain. So one begins only where all that
    others may still take, and it itself, fits in (as many times what its first request may cost as it has requests); where
    that does not, it waits until another has ended. One that is alone begins whatever is left, and if that does not suffice,
    it is the last.
    """

    money: Decimal | None = None
    requests: int | None = None
    tokens: int | None = None
    thrifty: bool = False
    spent: Amount = field(default=Amount(), init=False)
    reserved: Amount = field(default=Amount(), init=False)
    _last: bool = field(default=False, init=False, repr=False)
    _begun: set[Account] = field(default_factory=set, init=False, repr=False)
    _waiting: deque[asyncio.Future[None]] = field(default_factory=deque, init=False, repr=False)

    @classmethod
    def of(cls, means: Means) -> Budget:
        """What `means` allow for."""
        return cls(means.budget, means.max_requests, means.max_tokens, means.when_spent == "finish")

    @contextmanager
    def task(self, requests: int) -> Iterator[None]:
        """Around a task of so many requests, at most: what the coroutine asks in it, and what that starts."""
        account = Account(max(1, requests))
        token = _account.set(account)
        try:
            yield
        finally:
            _account.reset(token)
            self._begun.discard(account)
            self._wake()

    async def begin(self, most: Amount) -> None:
        """Wait until the task may begin whose first request takes `most`; not where it has. Raises BudgetSpent.

        Nobody who waits here may hold what those that have begun need, as a place among the requests under way.
        """
        account = _account.get()
        if not self.thrifty or account is None or account in self._begun:
            return
        account.held = most.times(account.requests)
        while self._begun and not self._fits(self._promised().plus(account.held)):
            await self._turn()
        if self._last:
            raise BudgetSpent(self._sentence(most))
        self._begun.add(account)

    async def reserve(self, most: Amount) -> None:
        """Set `most` aside. Waits while answers under way may give back enough. Raises BudgetSpent."""
        account = _account.get()
        while not self._fits(self.spent.plus(self.reserved).plus(most)):
            if not self._fits(self.spent.plus(most)):
                self._last |= account is not None and account.spent != Amount()
                raise BudgetSpent(self._sentence(most))
            await self._turn()
        self.reserved = self.reserved.plus(most)

    def settle(self, most: Amount, spent: Amount) -> None:
        """Put what was `spent` in the place of what was set aside for it. Called on the loop, as `reserve` is."""
        self.reserved, self.spent = self.reserved.less(most), self.spent.plus(spent)
        if account := _account.get():
            account.spent = account.spent.plus(spent)
        self._wake()

    def _promised(self) -> Amount:
        """What is spent, and what those that have begun may still take."""
        total = self.spent
        for account in self._begun:
            total = total.plus(account.held.left_of(account.spent))
        return total

    async def _turn(self) -> None:
        """Wait until something was settled, or somebody has ended."""
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(ready)
        await ready

    def _wake(self) -> None:
        while self._waiting:
            ready = self._waiting.popleft()
            if not ready.done():
                ready.set_result(None)

    def _fits(self, total: Amount) -> bool:
        return (
            (self.money is None or total.money <= self.money)
            and (self.requests is None or total.requests <= self.requests)
            and (self.tokens is None or total.tokens <= self.tokens)
        )

    def _sentence(self, most: Amount) -> str:
        limits = [
            f"{name} {getattr(self, name)} ({getattr(self.spent, name)} spent, the next request may take "
            f"{getattr(most, name)})"
            for name in ("money", "requests", "tokens")
            if getattr(self, name) is not None
        ]
        return (
            f"the budget is spent: {', '.join(limits)}; give another and resume: what was bought is in the "
            "cache and costs nothing. A smaller max_tokens makes a request reserve less"
        )


@dataclass
class Bill:
    """What the tries of one request come to; cost None: that of one is not known."""

    usage: Usage = UNTOLD
    cost: Decimal | None = ZERO

    def add(self, usage: Usage, cost: Decimal | None) -> None:
        """Another try."""
        known = ([t for t in pair if t is not None] for pair in zip(self.usage, usage, strict=True))
        self.usage = Usage(*(sum(tokens) if tokens else None for tokens in known))
        self.cost = None if self.cost is None or cost is None else self.cost + cost


@dataclass
class Spending:
    """What one model was asked for this time, and what of it was paid.

    sent      tries that went out, those that failed with them
    answered  requests that were bought
    cached    requests answered from the cache
    failed    requests that ended without an answer
    unknown   answers whose cost is not known
    money     what the known ones cost; `worth` is what the cached ones did when they were bought
    """

    sent: int = 0
    answered: int = 0
    cached: int = 0
    failed: int = 0
    unknown: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    money: Decimal = ZERO
    worth: Decimal = ZERO

    def bought(self, usage: Usage, cost: Decimal | None) -> None:
        """Count what an endpoint charges for."""
        self.tokens_in += usage.tokens_in or 0
        self.tokens_out += usage.tokens_out or 0
        self.money += cost or ZERO
        self.unknown += cost is None

    def facts(self) -> dict[str, Any]:
        """As JSON; money as text."""
        return {k: str(v) if isinstance(v, Decimal) else v for k, v in vars(self).items()}


def unpriced() -> UsageError:
    """What is said where money is limited, and nobody knows what a request costs."""
    return UsageError(
        "a budget of money wants a price, and the table has none for this model at this endpoint; "
        "give one: --price 0.15,0.60, or price in the recipe (for a million tokens in and out; 0,0 where it costs nothing)"
    )


def most(tokens: tuple[int, int | None], price: Price | None, budget: Budget) -> Amount:
    """The most a request of so many tokens can cost. Raises UsageError where `budget` limits what cannot be known."""
    into, out = tokens
    if budget.money is not None and price is None:
        raise unpriced()
    if out is None and (budget.money is not None or budget.tokens is not None):
        raise UsageError("a budget of money or tokens wants requests with a limit; set max_tokens")
    money = price.cost(into, out or 0) if price else ZERO
    return Amount(1, into + (out or 0), money)
