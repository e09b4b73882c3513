"""Who carries out tasks. An executor is one method, `map(task, items)`; a task may be carried out twice."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Protocol, TypeVar

from tamis.errors import RunError, UsageError

T = TypeVar("T")
R = TypeVar("R")


class Engine(Protocol):
    """Carries out independent tasks."""

    def map(self, task: Callable[[T], R], items: Iterable[T], *, processes: bool = False) -> Iterator[tuple[int, R]]:
        """`task` of every item, as they are done: (place of the item, result). The first error stops the rest."""
        ...


@dataclass(frozen=True)
class Inline:
    """One task after another in the caller's thread: for small inputs and debuggers."""

    def map(self, task: Callable[[T], R], items: Iterable[T], *, processes: bool = False) -> Iterator[tuple[int, R]]:
        """As `Engine.map`, in order."""
        for place, item in enumerate(items):
            yield place, task(item)


@dataclass(frozen=True)
class Local:
    """`workers` threads, which suffice where the work is kernels and Arrow; processes where it holds the GIL.

    `setup` is called first in every process, to import what tasks are made of.
    """

    workers: int
    setup: Callable[[], None] | None = field(default=None, repr=False)

    def map(self, task: Callable[[T], R], items: Iterable[T], *, processes: bool = False) -> Iterator[tuple[int, R]]:
        """As `Engine.map`; at most two tasks a worker are pending.

        A task whose process dies is carried out again on its own; if it has a method `after_crash`, what that returns is.
        """
        if processes:
            yield from self._in_processes(task, items)
        elif self.workers == 1:
            yield from Inline().map(task, items)
        else:
            pool = ThreadPoolExecutor(self.workers, thread_name_prefix="tamis")
            try:
                yield from _bounded(pool, task, enumerate(items), 2 * self.workers, {})
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _in_processes(self, task: Callable[[T], R], items: Iterable[T]) -> Iterator[tuple[int, R]]:
        left = enumerate(items)
        while True:
            pool, begun = self._pool(self.workers), dict[int, T]()
            try:
                yield from _bounded(pool, task, left, 2 * self.workers, begun)
                return
            except BrokenProcessPool:
                pool.shutdown(wait=True, cancel_futures=True)
                for place, item in list(begun.items()):
                    yield place, self._alone(task, item)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _alone(self, task: Callable[[T], R], item: T) -> R:
        for _ in range(CRASHES):
            with self._pool(1) as pool:
                try:
                    return pool.submit(task, item).result()
                except BrokenProcessPool:
                    item = item.after_crash() if hasattr(item, "after_crash") else item
        raise RunError(
            f"a worker process died {CRASHES} times over the same task, killed by the system (out of memory?) or by a stage; "
            "run again with --resume and --workers 1, or find the stage that kills it"
        )

    def _pool(self, workers: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin, initargs=(self.setup,))


def _begin(setup: Callable[[], None] | None) -> None:
    """First in every worker process. Ctrl-C reaches all of them: the caller alone answers it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if setup is not None:
        setup()


CRASHES = 24
"""Times that one task may kill its process before the run is given up."""


def _bounded(
    pool: Executor, task: Callable[[T], R], items: Iterator[tuple[int, T]], window: int, begun: dict[int, T]
) -> Iterator[tuple[int, R]]:
    """Results as they come; `begun` holds the items that were given out and are not done."""
    pending: dict[Future[R], int] = {}
    while True:
        while len(pending) < window and (following := next(items, None)) is not None:
            place, item = following
            begun[place] = item
            pending[pool.submit(task, item)] = place
        if not pending:
            return
        done, _ = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            result = future.result()
            place = pending.pop(future)
            del begun[place]
            yield place, result


@contextmanager
def engine(
    name: str, workers: int | None, setup: Callable[[], None] | None = None, address: str | None = None
) -> Iterator[Engine]:
    """The executor called `name`: inline, local or ray. `workers` None: one for every processor this process may use.

    What it has started, processes or a cluster, ends with the block.
    """
    if address is not None and name != "ray":
        raise UsageError(f"--address is where a Ray cluster is; the engine is {name}: add --engine ray")
    if name == "inline":
        yield Inline()
        return
    if name == "ray":
        # Imported here: a file that knows of Ray's failures is of no use to other engines.
        from tamis.engine.ray import Ray

        cluster = Ray(workers, address, setup)
        try:
            yield cluster
        finally:
            cluster.close()
        return
    able = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Local(workers or able, setup)
