from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from questions import opened, question
from serving import Served

from tamis.models import BudgetSpent, Reply, ask_all, each
from tamis.models.asking import land

TESTS = Path(__file__).parents[1]


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 8))
def test_results_come_in_the_order_of_the_items(waits: list[int], window: int) -> None:
    async def work(item: tuple[int, int]) -> int:
        await asyncio.sleep(item[1] / 10_000)
        return item[0]

    assert list(each(enumerate(waits), work, window)) == list(range(len(waits)))


def test_no_more_items_are_drawn_than_the_window_holds() -> None:
    drawn, taken = [], 0

    async def work(item: int) -> int:
        return item

    def items() -> object:
        for k in range(100):
            drawn.append(k)
            yield k

    for taken, _ in enumerate(each(items(), work, 5), 1):  # type: ignore[arg-type]
        assert len(drawn) <= taken + 5
    assert taken == 100


def test_an_error_is_raised_in_the_place_of_its_result() -> None:
    async def work(item: int) -> int:
        if item == 3:
            raise ValueError("three")
        return item

    found = each(range(10), work, 4)
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(found)


def test_leaving_the_loop_cancels_what_is_under_way() -> None:
    ended = threading.Event()

    async def work(item: int) -> int:
        try:
            await asyncio.sleep(item * 3600)
        finally:
            if item:
                ended.set()
        return item

    for _ in each([0, 1], work, 2):
        time.sleep(0.01)
        break
    assert ended.wait(5)


def test_what_is_under_way_lands_where_the_budget_ends(tmp_path: Path) -> None:
    landed: list[int] = []

    async def work(item: int) -> int:
        if item == 0:
            raise BudgetSpent("spent")
        await asyncio.sleep(0.02)
        landed.append(item)
        return item

    with pytest.raises(BudgetSpent):
        list(each(range(4), work, 4))
    assert sorted(landed) == [1, 2, 3]


def test_equal_questions_are_sent_once(tmp_path: Path) -> None:
    with Served(delay=0.02) as server, opened(server.url, tmp_path) as model:
        replies = [r for r in ask_all(model, [question()] * 30, 30) if isinstance(r, Reply)]
    assert len(server.asked) == 1
    assert {r._replace(cached=True) for r in map(_hashable, replies)} == {_hashable(replies[0])._replace(cached=True)}


def _hashable(reply: Reply) -> Reply:
    return reply._replace(logprobs=None)


def test_a_process_killed_at_any_moment_never_asks_twice(tmp_path: Path) -> None:
    """An answer that had reached the process is in the cache; what was under way when it was killed is asked again."""
    code = (
        "import sys; from pathlib import Path; from questions import opened, question; from tamis.models import ask_all\n"
        "with opened(sys.argv[1], Path(sys.argv[2]), concurrency=4, timeout=30) as model:\n"
        "    for reply in ask_all(model, [question(str(k)) for k in range(60)], 8): print(reply.text, flush=True)\n"
    )
    command = [sys.executable, "-c", code]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    with Served(delay=0.01) as server:
        for wait in (7, 23):
            process = subprocess.Popen(
                [*command, server.url, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=env
            )
            assert process.stdout is not None
            for _ in range(wait):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
            process.communicate()
        done = subprocess.run(
            [*command, server.url, str(tmp_path)], check=True, capture_output=True, text=True, env=env
        )
    assert len(done.stdout.splitlines()) == 60
    # Four at most were under way at each kill.
    assert 60 <= len(server.asked) <= 68


INTERRUPTED = (
    "import sys; from pathlib import Path; from questions import opened, question; from tamis.models import ask_all\n"
    "with opened(sys.argv[1], Path(sys.argv[2]), timeout=600, concurrency=4) as model:\n"
    "    for _ in ask_all(model, [question(str(k)) for k in range(40)], 8): pass\n"
)


def interrupted(server: Served, folder: Path, after: int, times: int) -> tuple[str, float]:
    """What a process says that is interrupted so often once so many requests came, and how long it takes to end."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    command = [sys.executable, "-c", INTERRUPTED, server.url, str(folder)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env)
    while len(server.asked) < after:
        time.sleep(0.01)
    began = time.monotonic()
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
    return process.communicate(timeout=30)[1], time.monotonic() - began


def test_what_is_under_way_lands_where_it_is_interrupted_and_nothing_is_bought_twice(tmp_path: Path) -> None:
    with Served(delay=0.5) as server:
        said, seconds = interrupted(server, tmp_path, 10, 1)
        assert "answers are under way" in said and said.rstrip().endswith("KeyboardInterrupt") and seconds < 8
        sent = len(server.asked)
        assert sent <= 12
        with opened(server.url, tmp_path, concurrency=40) as model:
            assert all(isinstance(one, Reply) for one in ask_all(model, [question(str(k)) for k in range(40)], 40))
        assert len(server.asked) == 40 and model.spending.cached == sent


def test_what_is_under_way_lands_where_somebody_else_is_interrupted(tmp_path: Path) -> None:
    with Served(delay=0.1) as server, opened(server.url, tmp_path, concurrency=4) as model:
        found = ask_all(model, [question(str(k)) for k in range(12)], 12)
        next(found)
        land()
        assert model.spending.answered == len(server.asked) < 12
        assert isinstance(next(ask_all(model, [question("after")], 1)), Reply)


def test_a_second_interrupt_ends_it_at_once(tmp_path: Path) -> None:
    with Served(faults=lambda *_: "stall") as server:
        said, seconds = interrupted(server, tmp_path, 4, 2)
    assert said.rstrip().endswith("KeyboardInterrupt") and seconds < 8
