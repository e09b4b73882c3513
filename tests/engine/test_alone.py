"""Tasks that kill their process, where one more death costs a fork: each is answered, or given up, and nobody else dies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from dying import Job, raising, told
from raylets import descendants, left_over, wait_for

from tamis.engine import alone as module
from tamis.engine.alone import alone
from tamis.errors import RunError


def test_each_task_is_told_of_its_own_deaths_and_answered_in_order() -> None:
    assert [answer.result for answer in alone(told, [Job(0), Job(2), Job(0), Job(1)])] == [0, 2, 0, 1]


def test_a_task_that_always_dies_is_given_up_and_the_next_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = alone(told, [Job(module.CRASHES), Job(0)])
    assert second.result == 0
    with pytest.raises(RunError, match=f"died {module.CRASHES} times over the same task"):
        raise first.raised()


def test_what_a_task_raises_is_said_where_it_cannot_be_sent() -> None:
    (answer,) = alone(raising, ["it"])
    assert isinstance(answer.error, RunError) and "ValueError: ('it', " in str(answer.error)
    assert "in raising" in answer.trace


def test_nothing_is_left_of_it_when_its_caller_is_killed(tmp_path: Path) -> None:
    code = "import time; from tamis.engine.alone import alone; print([*alone(time.sleep, [60])])"
    with subprocess.Popen([sys.executable, "-c", code]) as caller:
        assert wait_for(
            lambda: len(descendants(caller.pid)) > 3, 30
        )  # the caller, a tracker, the server, what it forked
        below = descendants(caller.pid)
        caller.kill()
    assert wait_for(lambda: not left_over(below), 10)
