"""Faults of drivers: killed, interrupted, started twice; and what is left of a cluster of their own."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress

from ray_faults_bench import SHORT, Bench, outcome, told
from raylets import descendants, left_over, wait_for

OTHER = "clean@1: {}, exact@1: {}"


def killed(fresh: bool) -> Callable[[Bench], str]:
    """The driver is killed -9 in the middle; the run goes on, on one machine or on a `fresh` cluster of three raylets."""

    def cause(bench: Bench) -> str:
        out = bench.place()
        process = bench.ray(bench.recipe, out)
        words = told(process, "sieving", process.kill)
        if process.returncode != -signal.SIGKILL:
            raise RuntimeError(f"the driver ended before: {words[-300:]}")
        if fresh:
            bench.anew()
        again = bench.ray if fresh else bench.tamis
        process = again(bench.recipe, out, "--resume")
        return outcome(bench, process, told(process), out)

    return cause


def signalled(number: signal.Signals) -> Callable[[Bench], str]:
    """The driver of a cluster of its own is sent a signal; the cluster ends with it."""

    def cause(bench: Bench) -> str:
        out, own = bench.place(), list[int]()
        process = bench.tamis(bench.recipe, out, "--engine", "ray", "--workers", "1")

        def send() -> None:
            own.extend(descendants(process.pid)[1:])
            process.send_signal(number)

        words = told(process, "record ids", send)
        if number == signal.SIGKILL:
            process = bench.tamis(bench.recipe, out, "--resume")
            words = told(process)
        if not own:
            raise RuntimeError(f"the driver had no cluster: {words[-300:]}")
        gone = wait_for(lambda: not left_over(own), 30)
        left = f"of its cluster's {len(own)} processes none is left" if gone else f"{SHORT}: left are {left_over(own)}"
        for pid in own:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return f"{outcome(bench, process, words, out)}; {left}"

    return cause


def twice(stages: str | None = None) -> Callable[[Bench], str]:
    """The same folder is given to a second run while the first goes on; `stages`: of the second, where it is another."""

    def cause(bench: Bench) -> str:
        out, answers = bench.place(), []
        recipe = bench.written("other", stages) if stages else bench.recipe

        def second() -> None:
            other = bench.tamis(recipe, out, "--resume", "--engine", "local", "--quiet")
            answers.append((told(other).strip().replace(f"{bench.work}/", ""), other.returncode))

        process = bench.ray(bench.recipe, out)
        found = outcome(bench, process, told(process, "record ids", second), out)
        words, code = answers[0]
        if code != 3 and code != 2:
            return f"{SHORT}: the second ended with {code}: {words[-300:]}"
        return f"first: {found}; second: exit {code}, {words.removeprefix('tamis: ')[:160]}"

    return cause


def taken(bench: Bench) -> str:
    """A folder in which a run of one recipe was killed is given to a run of another."""
    out = bench.place()
    process = bench.ray(bench.recipe, out)
    told(process, "sieving", process.kill)
    other = bench.ray(bench.written("other", OTHER), out, "--resume")
    words = told(other)
    return outcome(bench, other, words, out)
