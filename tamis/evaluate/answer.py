"""What came back for one item: the same from a model on this machine, from an endpoint, and from a file."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from tamis.evaluate.frozen import FrozenTask
from tamis.schemas.sample import Status


class Answer(NamedTuple):
    """An answer to an item.

    repeat          how often the item was asked before: 0 to n - 1
    response        what was written; None: nothing came, or nothing was to be written
    loglikelihoods  of each choice, or of the whole text
    status          failed: `problem` says why; missing: nothing is there for it
    truncated       prompt or response was cut for its length
    latency_ms      None: it was not measured, as where it came from a cache
    """

    task: str
    item_id: str
    repeat: int = 0
    response: str | None = None
    loglikelihoods: list[float] | None = None
    status: Status = "ok"
    truncated: bool = False
    tokens_in: int | None = None
    tokens_out: int | None = None
    latency_ms: float | None = None
    cost: Decimal | None = None
    problem: str | None = None


class Backend(Protocol):
    """Who answers."""

    model: dict[str, Any]
    """Name and digests: nothing in it changes from run to run."""

    varies: dict[str, Any]
    """What else is worth knowing of it, as versions: filled while it answers."""

    def answers(self, tasks: list[FrozenTask]) -> Iterator[Answer]:
        """An answer to each item of `tasks`, in any order; those that are not there never come."""
        ...


def repeats(task: FrozenTask) -> int:
    """How often an item is asked."""
    return task.task.generation.n if task.task.generation else 1
