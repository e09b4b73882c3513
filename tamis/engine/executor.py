"""Who carries out tasks. An executor is one method, `map(task, items)`; a task may be carried out twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Protocol, TypeVar

from tamis.errors import RunError

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
    """`workers` threads, which suffice where the work is kernels and Arrow; processes where it holds the GIL."""

    workers: int

    def map(self, task: Callable[[T], R], items: Iterable[T], *, processes: bool = False) -> Iterator[tuple[int, R]]:
        """As `Engine.map`; at most two tasks a worker are pending."""
        if self.workers == 1 and not processes:
            yield from Inline().map(task, items)
            return
        pool: Executor
        if processes:
            pool = ProcessPoolExecutor(self.workers, mp_context=get_context("spawn"))
        else:
            pool = ThreadPoolExecutor(self.workers, thread_name_prefix="tamis")
        try:
            yield from _bounded(pool, task, items, 2 * self.workers)
        except BrokenProcessPool as dead:
            raise RunError(
                "a worker process died, killed by the system (out of memory?) or by a stage; "
                "run again with --resume and --workers 1, or with a smaller --partition-size"
            ) from dead
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _bounded(pool: Executor, task: Callable[[T], R], items: Iterable[T], window: int) -> Iterator[tuple[int, R]]:
    pending: dict[Future[R], int] = {}
    queue = enumerate(items)
    exhausted = False
    while pending or not exhausted:
        while not exhausted and len(pending) < window:
            try:
                place, item = next(queue)
            except StopIteration:
                exhausted = True
            else:
                pending[pool.submit(task, item)] = place
        done, _ = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            yield pending.pop(future), future.result()


def engine(name: str, workers: int | None) -> Engine:
    """The executor called `name`: inline or local. `workers` None: one for every processor this process may use."""
    if name == "inline":
        return Inline()
    return Local(workers or len(os.sched_getaffinity(0)))
