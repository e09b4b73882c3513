"""The tasks of one map on their way through a cluster: which are sent, sent again, and given up.

A bounded window of bundles is under way. A bundle that was lost with its node is taken apart, and its tasks are sent one by
one: those that were done answer at once, by their completion records. One that killed its worker is sent again as it is, to
be carried out in processes of their own (tamis.engine.alone): a record that kills costs one worker. A task that takes far
longer than the others is sent a second time; the first answer counts, for both write the same bytes.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from statistics import median
from typing import Any, Literal, NamedTuple, Protocol

from tamis.engine.parcel import Done, Packer
from tamis.errors import RunError, TamisError

Why = Literal["crash", "node", "memory"]

MOST: dict[Why, int] = {"crash": 24, "node": 12, "memory": 3}
"""Times that one task may kill its worker, lose its node, or be killed for its memory, before the run is given up."""

BUNDLE_SECONDS = 0.5
"""Short tasks are sent together up to about so many seconds of work: a Ray task costs 1 to 2 ms."""

BUNDLE, BUNDLE_BYTES = 64, 1 << 20
"""Tasks and bytes of one bundle, at most."""

SLOW, SLOW_SECONDS = 5, 30.0
"""A bundle is sent again when it takes so many times the median, and so many seconds."""

PATIENCE = 300.0
"""Seconds without a processor in the cluster after which a run is given up."""


class Lost(NamedTuple):
    """A bundle that will not answer."""

    why: Why
    said: str


class Carrier(Protocol):
    """A cluster, as a flight sees it."""

    def slots(self, memory: int) -> int:
        """Tasks of so many bytes that can go on at once."""
        ...

    def send(self, packed: bytes, memory: int, gpus: float, elsewhere: bool, apart: bool) -> Hashable:
        """Send a bundle; `elsewhere`: rather not where most are; `apart`: each of its tasks in a process of its own."""
        ...

    def landed(self, sent: Sequence[Any], seconds: float) -> list[tuple[Any, list[Done] | Lost]]:
        """Bundles that came back within so many seconds."""
        ...

    def stop(self, sent: Sequence[Any]) -> None:
        """Nobody waits for these any more."""
        ...


@dataclass
class Open:
    """A task that is not done. `lost`: how often, and why; `memory`: bytes that it asks for."""

    item: Any
    memory: int
    lost: Counter[Why] = field(default_factory=Counter)


class Bundle(NamedTuple):
    """Places of tasks that were sent together, when, and whether for the second time."""

    places: tuple[int, ...]
    sent: float
    twin: bool = False


@dataclass
class Flight:
    """One map under way. `fresh`: places and tasks that were not sent yet; `memory`: bytes that each asks for."""

    carrier: Carrier
    packer: Packer
    fresh: Iterator[tuple[int, Any]]
    memory: int
    again: Counter[str]
    """What was sent again, by why: counted here."""
    tasks: dict[int, Open] = field(default_factory=dict)
    waiting: deque[tuple[int, ...]] = field(default_factory=deque)
    """Places of tasks that were lost, as they are sent again."""
    aloft: dict[Any, Bundle] = field(default_factory=dict)
    took: deque[float] = field(default_factory=lambda: deque(maxlen=64))
    """Seconds of the last tasks."""
    back: deque[float] = field(default_factory=lambda: deque(maxlen=64))
    """Seconds between sending the last bundles and their answers."""
    weight: float = 0.0
    """Bytes of a task, packed."""
    alone: float | None = None
    """Since when the cluster has no processor."""

    def results(self) -> Iterator[tuple[int, Any]]:
        """Place and result of every task, as they are done. Raises what the first that fails raised, or RunError."""
        try:
            self._fill()
            while self.aloft:
                landed = self.carrier.landed(list(self.aloft), 1.0)
                for sent, outcome in landed:
                    bundle = self.aloft.pop(sent)
                    if isinstance(outcome, Lost):
                        self._lost(bundle, outcome)
                    else:
                        yield from self._done(bundle, outcome)
                self._drop_answered()
                self._fill()
                self._send_slow_again()
                self._check_alive(bool(landed))
        finally:
            self.carrier.stop(list(self.aloft))

    def _fill(self) -> None:
        """Send what there is until the window is full."""
        window = 2 * max(1, self.carrier.slots(self.memory))
        while len(self.aloft) < window:
            if self.waiting:
                self._send(self.waiting.popleft())
                continue
            fresh = list(islice(self.fresh, self._size()))
            if not fresh:
                return
            self.tasks |= {place: Open(item, self.memory) for place, item in fresh}
            self._send(tuple(place for place, _ in fresh))

    def _size(self) -> int:
        """Tasks of the next bundle."""
        if not self.took:
            return 1
        by_time = BUNDLE_SECONDS / max(1e-6, median(self.took))
        return max(1, min(BUNDLE, int(min(by_time, BUNDLE_BYTES / max(1.0, self.weight)))))

    def _send(self, places: tuple[int, ...], twin: bool = False) -> None:
        tasks = [self.tasks[place] for place in places]
        packed = self.packer.pack([task.item for task in tasks])
        self.weight = len(packed) / len(places)
        gpus = max(getattr(task.item, "gpus", 0.0) for task in tasks)
        elsewhere = twin or any(task.lost for task in tasks)
        apart = any(task.lost["crash"] for task in tasks)
        sent = self.carrier.send(packed, max(task.memory for task in tasks), gpus, elsewhere, apart)
        self.aloft[sent] = Bundle(places, time.monotonic(), twin)

    def _done(self, bundle: Bundle, answers: list[Done]) -> Iterator[tuple[int, Any]]:
        self.back.append(time.monotonic() - bundle.sent)
        for place, done in zip(bundle.places, answers, strict=False):
            if self.tasks.pop(place, None) is None:
                continue  # its twin was first
            if done.error is not None:
                if not isinstance(done.error, TamisError):
                    done.error.add_note(f"in a worker:\n{done.trace}")
                raise done.error
            self.took.append(done.seconds)
            yield place, done.result

    def _lost(self, bundle: Bundle, lost: Lost) -> None:
        """Send the tasks of a lost bundle again. Raises RunError where one was lost too often."""
        under_way, left = {place for other in self.aloft.values() for place in other.places}, []
        for place in bundle.places:
            if (task := self.tasks.get(place)) is None:
                continue
            task.lost[lost.why] += 1
            self.again[lost.why] += 1
            if task.lost[lost.why] >= MOST[lost.why]:
                raise RunError(f"{_GIVEN_UP[lost.why].format(times=task.lost[lost.why])} (Ray says: {lost.said})")
            if lost.why == "memory":
                task.memory *= 2
            if place not in under_way:
                left.append(place)
        self.waiting.extend([tuple(left)] if lost.why == "crash" and left else [(place,) for place in left])

    def _drop_answered(self) -> None:
        """Stop bundles whose twin has answered."""
        over = [sent for sent, bundle in self.aloft.items() if not any(place in self.tasks for place in bundle.places)]
        self.carrier.stop(over)
        for sent in over:
            del self.aloft[sent]

    def _send_slow_again(self) -> None:
        """Where nothing else is left to send: a second time what takes far longer than the others did."""
        if self.waiting or len(self.back) < 3 or len(self.aloft) > self.carrier.slots(self.memory):
            return
        late = time.monotonic() - max(SLOW_SECONDS, SLOW * median(self.back))
        doubled = {place for bundle in self.aloft.values() if bundle.twin for place in bundle.places}
        for bundle in list(self.aloft.values()):
            places = tuple(place for place in bundle.places if place in self.tasks)
            if bundle.sent < late and not doubled & {*places}:
                self.again["slow"] += len(places)
                self._send(places, twin=True)

    def _check_alive(self, landed: bool) -> None:
        """Raises RunError where the cluster has had no processor for long."""
        if landed or self.carrier.slots(self.memory):
            self.alone = None
            return
        self.alone = self.alone or time.monotonic()
        if time.monotonic() - self.alone > PATIENCE:
            raise RunError(
                f"the cluster has had no processor for {PATIENCE:.0f} seconds: its nodes are gone; "
                "start some, and go on with --resume"
            )


_GIVEN_UP: dict[Why, str] = {
    "crash": "a worker process died {times} times over the same task, killed by the system (out of memory?) or by a stage; "
    "find the stage that kills it, and go on with --resume",
    "node": "a task lost its node {times} times; look at the nodes of the cluster, and go on with --resume",
    "memory": "memory ran out {times} times over the same task; go on with --resume where nodes have more memory, "
    "or begin anew with a smaller --partition-size or --memory",
}
