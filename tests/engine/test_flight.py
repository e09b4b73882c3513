"""What becomes of tasks on a cluster: sent, lost, sent again, given up; on a carrier that does as it is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.engine import flight
from tamis.engine.flight import Flight, Lost, Why
from tamis.engine.parcel import Done, Packer, carry_out, unpack_shared
from tamis.errors import RunError


class Job(NamedTuple):
    """A task for these tests; `plan` is shared."""

    plan: tuple[str, ...]
    number: int


def number(job: Job) -> int:
    """What a task answers."""
    if job.number < 0:
        raise RunError(f"found {job.number}")
    return job.number


@dataclass
class Sky:
    """A carrier. `losses`: what becomes of the first bundles, in order of sending; `hang`: bundles that never answer."""

    packer: Packer
    losses: list[Why | None] = field(default_factory=list)
    hang: set[int] = field(default_factory=set)
    processors: int = 2
    up: dict[int, bytes] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)
    most: int = 0
    stopped: list[Any] = field(default_factory=list)
    apart: list[bool] = field(default_factory=list)

    def slots(self, memory: int) -> int:
        return self.processors

    def send(self, packed: bytes, memory: int, gpus: float, elsewhere: bool, apart: bool) -> Hashable:
        self.asked.append(memory)
        self.apart.append(apart)
        self.up[len(self.asked) - 1] = packed
        self.most = max(self.most, len(self.up))
        return len(self.asked) - 1

    def landed(self, sent: Sequence[Any], seconds: float) -> list[tuple[Any, list[Done] | Lost]]:
        one = next((s for s in sent if s not in self.hang), None)
        if one is None:
            return []
        packed, why = self.up.pop(one), self.losses[one] if one < len(self.losses) else None
        if why:
            return [(one, Lost(why, "told to"))]
        return [(one, carry_out(unpack_shared(self.packer.shared.name, lambda: self.packer.shared.packed), packed))]

    def stop(self, sent: Sequence[Any]) -> None:
        self.stopped += sent
        for one in sent:
            self.up.pop(one, None)


def fly(numbers: Sequence[int], **sky: Any) -> tuple[dict[int, Any], Sky, Counter[str]]:
    """Results by place, the carrier, and what was sent again."""
    plan = ("a", "plan")
    jobs = [Job(plan, n) for n in numbers]
    packer, again = Packer(number, *jobs[:2]), Counter[str]()
    carrier = Sky(packer, **sky)
    return dict(Flight(carrier, packer, enumerate(jobs), 100, again).results()), carrier, again


@given(
    st.lists(st.integers(0, 99), min_size=1, max_size=40),
    st.lists(st.sampled_from(["node", "crash", None]), max_size=9),
)
def test_every_task_is_answered_once_whatever_is_lost(numbers: list[int], losses: list[Why | None]) -> None:
    found, sky, _ = fly(numbers, losses=losses)
    assert [found[k] for k in range(len(numbers))] == numbers
    assert sky.most <= 2 * sky.processors and not sky.up


def test_a_task_that_killed_its_worker_has_a_process_of_its_own_from_then_on() -> None:
    found, sky, again = fly([1, 2, 3], losses=["crash", "node"])
    assert (
        found == {0: 1, 1: 2, 2: 3} and again == {"crash": 1, "node": 1} and sorted(sky.apart) == [*[False] * 4, True]
    )


def test_a_task_that_was_killed_for_its_memory_asks_for_more() -> None:
    assert fly([1], losses=["memory"])[1].asked == [100, 200]


@pytest.mark.parametrize("why", ["crash", "node", "memory"])
def test_a_task_that_is_lost_too_often_ends_the_run(why: Why) -> None:
    with pytest.raises(RunError, match=f"{flight.MOST[why]} times.*--resume"):
        fly([1, 2], losses=[why] * 99)


def test_what_a_task_raises_ends_the_map_and_stops_the_others() -> None:
    with pytest.raises(RunError, match="found -1"):
        fly([5, -1, 6, 7])


def test_a_task_that_takes_far_too_long_is_sent_again_and_its_first_answer_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flight, "SLOW_SECONDS", 0.0)
    monkeypatch.setattr(flight, "SLOW", 0)
    found, sky, again = fly(range(8), hang={1})
    assert sorted(found) == [*range(8)] and again["slow"] >= 1 and 1 in sky.stopped


def test_a_cluster_without_processors_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight, "PATIENCE", 0.0)
    with pytest.raises(RunError, match="no processor"):
        fly([1], hang={0}, processors=0)


def test_short_tasks_are_sent_together() -> None:
    _, sky, _ = fly(range(200))
    assert len(sky.asked) < 20
