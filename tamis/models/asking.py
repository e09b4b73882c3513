"""Plain functions over many requests: a window of them is under way, results come in the order of what was given.

All coroutines run on one loop in a thread of its own, so that answers go on landing while the caller works on the last ones.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from tamis.models.failure import BudgetSpent, Failed, Stopped
from tamis.models.reply import Reply
from tamis.models.request import Request

T = TypeVar("T")
R = TypeVar("R")

GRACE = 120.0
"""Seconds that answers under way are given to land in the cache once a run stops."""

INTERRUPTED = 10.0
"""As GRACE, where somebody interrupts it and waits; a second interrupt ends it at once."""


class Model(Protocol):
    """Text in, text out. `endpoint` is who answers, as it stands in keys and records; it holds no key of ours."""

    @property
    def name(self) -> str:
        """The model asked for."""
        ...

    @property
    def endpoint(self) -> str:
        """Who answers."""
        ...

    async def ask(self, request: Request) -> Reply:
        """The answer to `request`. Raises Failed, Stopped or BudgetSpent."""
        ...


@dataclass
class Line:
    """What one thread has under way. sent: requests whose answers are waited for; closed: no more is sent."""

    sent: int = 0
    closed: bool = False


_line: ContextVar[Line] = ContextVar("line")
"""Of the thread that a coroutine works for."""

_own = threading.local()


@contextmanager
def sending() -> Iterator[None]:
    """Around a request that is out. Raises CancelledError where no more is to be sent."""
    line = _line.get(None) or Line()
    if line.closed:
        raise asyncio.CancelledError
    line.sent += 1
    try:
        yield
    finally:
        line.sent -= 1


def each(items: Iterable[T], work: Callable[[T], Awaitable[R]], window: int) -> Iterator[R]:
    """`await work(item)` of every item, in their order, at most `window` of them begun and not yet taken.

    Items are drawn as they are needed: memory holds `window` of them. An error of `work` is raised in the place of its
    result. Where it says that nothing more can be asked (Stopped, BudgetSpent), what is under way may still land in the
    cache, and so, for some seconds, where it is interrupted; any other cancels the rest.
    """
    loop, line = _loop(), _line_of_this_thread()
    if threading.current_thread() is _running[1]:
        raise RuntimeError("each() is called from a coroutine that it runs itself; await the model there")
    under_way: deque[Future[R]] = deque()
    source = iter(items)
    more = True
    try:
        while more or under_way:
            while more and len(under_way) < max(1, window):
                for item in source:
                    under_way.append(asyncio.run_coroutine_threadsafe(_called(line, work, item), loop))
                    break
                else:
                    more = False
            if under_way:
                yield under_way.popleft().result()
    except (Stopped, BudgetSpent):
        wait(under_way, GRACE)
        raise
    except KeyboardInterrupt:
        land()
        raise
    finally:
        for future in under_way:
            future.cancel()


def ask_all(model: Model, requests: Iterable[Request], window: int) -> Iterator[Reply | Failed]:
    """The answer to each of `requests`, in order, or why there is none. Raises Stopped and BudgetSpent."""

    async def one(request: Request) -> Reply | Failed:
        try:
            return await model.ask(request)
        except Failed as failed:
            return failed

    return each(requests, one, window)


def on_loop(work: Awaitable[R]) -> R:
    """The result of one awaitable."""
    return next(each([work], lambda given: given, 1))


async def _called(line: Line, work: Callable[[T], Awaitable[R]], item: T) -> R:
    _line.set(line)
    return await work(item)


def _line_of_this_thread() -> Line:
    if not hasattr(_own, "line"):
        _own.line = Line()
    found: Line = _own.line
    return found


def land() -> None:
    """Send nothing more of what this thread began, and wait some seconds for what is out."""
    line = _line_of_this_thread()
    line.closed = True
    if line.sent:
        said = "stopping; %d answers are under way, for which it waits up to %.0f s: interrupt again to end at once"
        logging.getLogger(__name__).warning(said, line.sent, INTERRUPTED)
    end = time.monotonic() + INTERRUPTED
    try:
        while line.sent and time.monotonic() < end:
            time.sleep(0.02)
    finally:
        _own.line = Line()  # what is asked after this is asked by somebody who goes on


_running: tuple[Any, threading.Thread | None, int] = (None, None, 0)
_starting = threading.Lock()


def _loop() -> asyncio.AbstractEventLoop:
    """The loop of this process; a forked child has none of its parent's threads and starts its own."""
    global _running
    with _starting:
        if _running[2] != os.getpid():
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=loop.run_forever, name="tamis-models", daemon=True)
            _running = (loop, thread, os.getpid())
            thread.start()
        found: asyncio.AbstractEventLoop = _running[0]
        return found
