"""Who carries out tasks. An executor is one method, `map(task, items)`; a task may be carried out twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

from tamis.engine.alone import alone, begin
from tamis.errors import UsageError

T = TypeVar("T")
R = TypeVar("R")


class Engine(Protocol):
    """Carries out independent tasks."""

    def map(self, task: Callable[[T], R], items: Iterable[T], *, processes: bool = False) -> Iterator[tuple[int, R]]:
        """`task` of every item, as they are done: (place of the item, result). The first error stops the rest."""
        ...


@runtime_checkable
class Apart(Protocol):
    """An engine whose tasks may be carried out on other machines: it is told what each takes and must see there."""

    memory: int
    """Bytes of memory that a task takes, its process included."""
    witness: Path | None
    """A file that every machine must see."""

    def abreast(self) -> int:
        """Tasks that go on at once on one machine."""
        ...

    def join(self) -> None:
        """Join the other machines, unless that is done: what is wrong with them is told before a run begins."""
        ...


@dataclass(frozen=True)
class Inline:
    """One task after another in the caller's thread: for small inputs and debuggers."""

    def map(self, task: Callable[[T], R], items: Iterable[T], *, processes: bool = False) -> Iterator[tuple[int, R]]:
        """As `Engine.map`, in order."""
        for place, item in enumerate(items):
            yield place, task(item)


@dataclass
class Local:
    """`workers` threads, which suffice where the work is kernels and Arrow; processes where it holds the GIL.

    `setup` is called first in every process, to import what tasks are made of. Processes stay from one map to the next, and
    with them the models that stages have loaded.
    """

    workers: int
    setup: Callable[[], None] | None = field(default=None, repr=False)
    _warm: ProcessPoolExecutor | None = field(default=None, repr=False)

    def map(self, task: Callable[[T], R], items: Iterable[T], *, processes: bool = False) -> Iterator[tuple[int, R]]:
        """As `Engine.map`; at most two tasks a worker are pending.

        A task whose process dies is carried out again on its own: see tamis.engine.alone.
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

    def close(self) -> None:
        """End the processes."""
        if self._warm is not None:
            self._warm.shutdown(wait=True, cancel_futures=True)
            self._warm = None

    def _in_processes(self, task: Callable[[T], R], items: Iterable[T]) -> Iterator[tuple[int, R]]:
        left, begun = enumerate(items), dict[int, T]()
        try:
            while True:
                self._warm = self._warm or self._pool(self.workers)
                try:
                    yield from _bounded(self._warm, task, left, 2 * self.workers, begun)
                    return
                except BrokenProcessPool:
                    self.close()
                    for place, answer in zip(list(begun), alone(task, [*begun.values()], self.setup), strict=True):
                        if answer.error is not None:
                            raise answer.raised() from None
                        yield place, answer.result
                    begun.clear()
        finally:
            if begun:  # something was raised, here or by the caller
                self.close()

    def _pool(self, workers: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=begin, initargs=(self.setup,))


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
    local = Local(workers or processors(), setup)
    try:
        yield local
    finally:
        local.close()


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
