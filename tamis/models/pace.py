"""How many requests are under way at once: additive increase, multiplicative decrease (Chiu and Jain 1989)."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from types import TracebackType


class Pace:
    """A gate that requests pass while they are under way.

    It lets `limit` of them through, `most` at first. An endpoint that says "too many" or does not answer in time halves
    it, once for all requests that were sent before; every answer adds 1/limit, so that a full round of them adds one.
    """

    def __init__(self, most: int) -> None:
        self.most, self.limit, self.active = max(1, most), float(max(1, most)), 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._round = 0
        self._until = 0.0
        self._halted = asyncio.Event()

    def halt(self) -> None:
        """Let everyone through at once, and end every rest: nothing will be sent any more."""
        self._halted.set()
        self._wake()

    async def rest(self, seconds: float) -> None:
        """Wait, unless all is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._halted.wait()

    async def enter(self) -> int:
        """Wait for a place. Returns the round it was given in, for `slow`."""
        loop = asyncio.get_running_loop()
        while True:
            if self._halted.is_set() or (self._until <= loop.time() and self.active < int(self.limit)):
                self.active += 1
                return self._round
            if (pause := self._until - loop.time()) > 0:
                await self.rest(pause)
            else:
                place: asyncio.Future[None] = loop.create_future()
                self._waiting.append(place)
                try:
                    await place
                except asyncio.CancelledError:
                    self._wake()
                    raise

    def leave(self) -> None:
        """Give the place back."""
        self.active -= 1
        self._wake()

    def quicken(self) -> None:
        """An answer came."""
        self.limit = min(float(self.most), self.limit + 1 / self.limit)

    def slow(self, given: int, pause: float) -> None:
        """An endpoint wants less of a request of the round `given`; nothing is sent for `pause` seconds."""
        if pause > 0:
            self._until = max(self._until, asyncio.get_running_loop().time() + pause)
        if given == self._round:
            self._round += 1
            self.limit = max(1.0, self.limit / 2)

    def _wake(self) -> None:
        room = len(self._waiting) if self._halted.is_set() else int(self.limit) - self.active
        while self._waiting and room > 0:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                room -= 1


class Place:
    """`async with Place(pace) as given:` one place of a pace, given back at the end."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace

    async def __aenter__(self) -> int:
        return await self._pace.enter()

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._pace.leave()
