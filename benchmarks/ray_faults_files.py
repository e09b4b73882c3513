"""Faults of files and of storage: damaged, dated wrongly, and a server that is overloaded, slow, or gone for good."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ray_faults_bench import Bench, outcome, told


def corrupt_running(bench: Bench) -> str:
    """A bit of an exchange file is flipped between map and reduce, while the run goes on."""
    out = bench.place()
    process = bench.ray(bench.recipe, out)
    return outcome(bench, process, told(process, "record ids", lambda: flip(out)), out)


def resumed(harm: Callable[[Path], None]) -> Callable[[Bench], str]:
    """The driver is killed, harm is done to the files of the run, and it goes on."""

    def cause(bench: Bench) -> str:
        out = bench.place()
        process = bench.ray(bench.recipe, out)
        told(process, "sieving", process.kill)
        harm(out)
        process = bench.ray(bench.recipe, out, "--resume")
        return outcome(bench, process, told(process), out)

    return cause


def flip(out: Path) -> None:
    """Flip one bit in the middle of each exchange file of the first pass."""
    for path in sorted((out / ".work" / "0").glob("*.sketch")):
        with path.open("r+b") as f:
            f.seek(path.stat().st_size // 2)
            byte = f.read(1)
            f.seek(-1, 1)
            f.write(bytes([byte[0] ^ 1]))


def times(out: Path) -> None:
    """All times of files jump: half to 1979, half to 2060."""
    for k, path in enumerate(sorted((out / ".work").rglob("*"))):
        os.utime(path, (3e8, 3e8) if k % 2 else (2.85e9, 2.85e9))


def stored(fault: Callable[[int, str, str], str | None]) -> Callable[[Bench], str]:
    """The run is written to object storage, which fails; where the run stops, it goes on once the storage is well."""

    def cause(bench: Bench) -> str:
        out = f"s3://bucket/{bench.place().name}"
        bench.s3.faults = fault
        process = bench.ray(bench.recipe, out, env={"AWS_MAX_ATTEMPTS": "4"})
        words = told(process)
        asked = [fault(number, *one) for number, one in enumerate(bench.s3.asked)]
        bench.s3.faults = {}
        found = outcome(bench, process, words, out)
        return f"{found}; {sum(one is not None for one in asked)} of {len(asked)} requests failed or waited"

    return cause


def overloaded(number: int, method: str, path: str) -> str | None:
    """Every fifth request is answered 503."""
    return "503" if number % 5 == 4 else None


def slow(number: int, method: str, path: str) -> str | None:
    """Every third read waits for two seconds, or half of it comes."""
    return None if method != "GET" or number % 3 else ("cut" if number % 2 else "wait:2")


def gone(number: int, method: str, path: str) -> str | None:
    """From the 25th request on, 503 for ever."""
    return "503" if number >= 25 else None
