from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from tamis.models.pace import Pace, Place
from tamis.models.retry import Patience


@given(st.lists(st.sampled_from(["fine", "slow", "cancel"]), min_size=1, max_size=60), st.integers(1, 8))
def test_no_more_than_the_limit_are_inside_and_all_get_through(ends: list[str], most: int) -> None:
    inside, seen = 0, 0

    async def one(pace: Pace, end: str) -> None:
        nonlocal inside, seen
        async with Place(pace) as given:
            inside += 1
            seen = max(seen, inside)
            assert inside <= most
            await asyncio.sleep(0)
            inside -= 1
            pace.slow(given, 0) if end == "slow" else pace.quicken()

    async def all_of_them() -> None:
        pace = Pace(most)
        tasks = [asyncio.create_task(one(pace, end)) for end in ends]
        await asyncio.sleep(0)
        for task, end in zip(tasks, ends, strict=True):
            if end == "cancel" and not task.done() and inside == 0:
                task.cancel()
        async with asyncio.timeout(10):
            await asyncio.gather(*tasks, return_exceptions=True)
        assert pace.active == 0

    asyncio.run(all_of_them())
    assert 1 <= seen <= most


def test_a_round_of_requests_that_fail_together_halves_once() -> None:
    async def limits() -> list[float]:
        pace = Pace(16)
        rounds = [await pace.enter() for _ in range(16)]
        for entered in rounds:
            pace.slow(entered, 0)
        halved = pace.limit
        for _ in range(8):
            pace.quicken()
        return [halved, pace.limit]

    halved, later = asyncio.run(limits())
    assert halved == 8 and 8.9 < later <= 9


@given(st.integers(1, 40), st.none() | st.floats(0, 1e9))
def test_waits_are_bounded(attempt: int, asked: float | None) -> None:
    patience = Patience()
    assert 0 <= patience.wait(attempt, asked) <= 1.1 * patience.longest_asked


def test_waits_grow() -> None:
    patience = Patience(first=1.0, longest=8.0)
    assert [0.5 * 2**k <= patience.wait(k + 1, None) <= 2**k for k in range(4)] == [True] * 4
    assert patience.wait(9, None) <= 8
