"""A walk carried out: each step a `tamis` of its own, written down once done, and looked at again before it is skipped.

steps/04-write.json    {"words": [...], "exit": 0, "seconds": 61.2, "cpu_seconds": 60.1, "made": "sha256 of all it wrote"}
steps/04-write.log     all it said
walk.json              what was asked for, and the port of the model server: answers are kept under its address
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import tamis
from tamis.data.writer import write_bytes
from tamis.errors import GateError, InputError, RunError, UsageError
from tamis.models.serving import serving
from tamis.models.weights import folder_digest
from tamis.recipes.walk.base import Base, base_of, writer_of
from tamis.recipes.walk.course import AFTER, BEFORE, UNPACK, Course, Step, course
from tamis.recipes.walk.told import answers, facts_of, tell
from tamis.report.walk import page

OnStep = Callable[[str, int, int, dict[str, Any]], None]
"""Told `begins`, `goes on`, `done` or `had`, the step's number, how many there are, and facts of it."""

ABOUT = "walk.json"
PAGE = "index.html"
_WAITING = (
    "import os, sys; sys.stdin.readline() or sys.exit(9); os.dup2(os.open(os.devnull, os.O_RDONLY), 0); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
"""A process that becomes another once it is told to: by then its number is on disk, so nobody who is killed leaves one behind."""

OFTEN = 15.0
"""Seconds after which a step says how far it is."""


@dataclass(frozen=True)
class Walked:
    """A walk to its end. passed: whether the gate let the adapter through."""

    path: Path
    steps: list[dict[str, Any]]
    facts: dict[str, Any]
    passed: bool


def walk(own: Course, out: Path, resume: bool = False, on_step: OnStep | None = None) -> Walked:
    """Walk `own` in the folder `out`. With `resume` steps that are done are looked at, and not taken again.

    Raises GateError where a step that was done is not what it was, RunError where one fails.
    """
    base = base_of(own.base)
    about = _begin(own, out, resume)
    writer, served = writer_of(own.ask, base, about["port"])
    steps = [*_unpacking(base), *course(own, base.folder, writer)]
    (out / "steps").mkdir(exist_ok=True)
    _end_what_runs(out)
    told = on_step or (lambda *_: None)
    taken: list[dict[str, Any]] = []
    fresh = False
    for number, step in enumerate(steps, 1):
        receipt = out / "steps" / f"{number:02}-{step.name}.json"
        facts: dict[str, Any] = {"name": step.name, "title": step.title, "typed": step.typed, "place": step.made}
        done = None if fresh else _done(receipt, step, out)
        if done is not None:
            state = "had"
        else:
            fresh, state = True, "done"
            told("begins", number, len(steps), facts)
            if step.name == "judge":
                _lay_out(out)
            wants = serving(served, about["port"], receipt.with_suffix(".server")) if step.asks and served else None
            done = _take(step, out, receipt, wants or nullcontext(), partial(_goes_on, told, number, len(steps), facts))
        facts |= {**done, "says": tell(step.name, out, done)}
        taken.append(facts)
        told(state, number, len(steps), facts)
    found = facts_of(out)
    write_bytes(out / PAGE, page(taken, found))
    return Walked(out, taken, found, taken[-1]["exit"] == 0)


def _goes_on(told: OnStep, number: int, of: int, step: dict[str, Any], more: dict[str, Any]) -> None:
    told("goes on", number, of, {**step, **more})


def _begin(own: Course, out: Path, resume: bool) -> dict[str, Any]:
    """What walk.json says, written where the walk begins. Raises where it is another walk's."""
    asked = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(own).items() if k != "example"}
    if own.base is not None:
        asked["base"] = str(own.base.resolve())
    wanted = {
        **asked,
        "example": folder_digest(own.example, ("corpus.jsonl", "**/*.yaml", "walk/**/*.jsonl", "walk/**/*.j2")),
    }
    place = out / ABOUT
    if place.is_file():
        if not resume:
            raise UsageError(f"{out} holds a walk; go on with it, --resume, or name another folder")
        try:
            about: dict[str, Any] = json.loads(place.read_text("utf-8"))
        except (ValueError, RecursionError):
            raise InputError(f"{place} is damaged; begin anew in another folder") from None
        if other := [k for k, v in wanted.items() if about["asked"].get(k) != v]:
            raise UsageError(
                f"{out} holds a walk with another {', '.join(other)}; type what it was begun with, or name another folder"
            )
        return about
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"{out} is not empty, and holds no walk; name another folder")
    kept = out / "example"
    shutil.rmtree(kept, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__", "*.py")
    shutil.copytree(own.example, kept, ignore=ignored)
    about = {"asked": wanted, "port": _free_port()}
    write_bytes(place, json.dumps(about, indent=2).encode())
    return about


def _unpacking(base: Base) -> Iterator[Step]:
    if base.gguf is not None:
        yield Step(UNPACK, "The model, unpacked", (str(base.gguf), base.folder), base.folder)


def _done(receipt: Path, step: Step, out: Path) -> dict[str, Any] | None:
    """What was written down of `step`; None: it is to be taken. Raises GateError where what it made is something else now."""
    try:
        found: dict[str, Any] = json.loads(receipt.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if tuple(found["words"]) != step.words:
        return None
    if found["made"] != _digest(step, out):
        raise GateError(
            f"{out / step.made} is not what step {step.name} wrote; put it back, or remove {receipt} to take the walk from there"
        )
    return found


def _digest(step: Step, out: Path) -> str | None:
    return folder_digest(out / step.made) if step.made else None


def _take(
    step: Step, out: Path, receipt: Path, beside: AbstractContextManager[Any], told: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Carry `step` out and write its receipt."""
    there = bool(step.made) and (out / step.made).exists()
    # Of a step that was interrupted where it cannot go on; or that was done, but a step before it was taken again since.
    if there and (not step.again or receipt.exists()):
        shutil.rmtree(out / step.made)
        there = False
    receipt.unlink(missing_ok=True)
    if step.made:
        (out / step.made).parent.mkdir(parents=True, exist_ok=True)
    words = ["-m", "tamis", *step.words]
    if step.name == UNPACK:
        words = ["-m", "tamis.models.unpacked", *step.words]
    elif step.again and (there or _began(step, out)):
        words.append("--resume")
    log = receipt.with_suffix(".log")
    began, cpu = time.monotonic(), _cpu()
    with beside:
        code = _run([sys.executable, *words], out, log, told)
    if code != 0 and not (code == 1 and step.says and (step.says == "-" or (out / step.made / step.says).is_file())):
        raise RunError(
            f"step {step.name} ended with {code}: {_last(log)}; {log} has all of it; --resume goes on from there"
        )
    found = {
        "words": list(step.words),
        "exit": code,
        "seconds": round(time.monotonic() - began, 1),
        "cpu_seconds": round(_cpu() - cpu, 1),
        "made": _digest(step, out),
    }
    write_bytes(receipt, json.dumps(found, indent=2).encode())
    return found


def _began(step: Step, out: Path) -> bool:
    """Is there a work folder of the step, as training leaves one beside its output?"""
    place = out / step.made
    return any(place.parent.glob(f".{place.name}*"))


def _run(words: list[str], out: Path, log: Path, told: Callable[[dict[str, Any]], None]) -> int:
    """The exit code. The process leads a group of its own, so that all of it can be ended, also by the next walk."""
    running = out / "steps" / "running"
    above = str(Path(tamis.__file__).parents[1])
    path = ":".join([above, *filter(None, [os.environ.get("PYTHONPATH")])])
    env = {**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
    env |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "COLUMNS": "120"}
    began = time.monotonic()
    with log.open("wb") as said:
        waiting = [words[0], "-c", _WAITING, *words[1:]]
        process = subprocess.Popen(
            waiting, cwd=out, env=env, stdin=subprocess.PIPE, stdout=said, stderr=said, start_new_session=True
        )
        try:
            write_bytes(running, json.dumps({"pid": process.pid, "words": words[1:]}).encode())
            assert process.stdin is not None
            process.stdin.write(b"go\n")
            process.stdin.close()
            while True:
                try:
                    return process.wait(OFTEN)
                except subprocess.TimeoutExpired:
                    told({"seconds": time.monotonic() - began, "says": _last(log)})
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            running.unlink(missing_ok=True)


def _end_what_runs(out: Path) -> None:
    """End the step of a walk that was killed: nobody waits for it, and two must not write to one folder."""
    running = out / "steps" / "running"
    try:
        found = json.loads(running.read_text("utf-8"))
        line = Path(f"/proc/{found['pid']}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
    except (OSError, ValueError, RecursionError):
        running.unlink(missing_ok=True)
        return
    if line[-len(found["words"]) :] == found["words"]:  # a number may have gone to another process since
        os.killpg(found["pid"], signal.SIGKILL)
        while Path(f"/proc/{found['pid']}/cmdline").exists() and _state(found["pid"]) != "Z":
            time.sleep(0.05)
    running.unlink(missing_ok=True)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return "Z"


def _lay_out(out: Path) -> None:
    """What both wrote, as judges read answers."""
    for name in (BEFORE, AFTER):
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in answers(out / "runs" / name, name))
        write_bytes(out / "steps" / f"{name}.jsonl", lines.encode("utf-8", "backslashreplace"))


def _last(log: Path) -> str:
    """The last line of a log that says something."""
    try:
        lines = log.read_bytes()[-4000:].decode("utf-8", "replace").replace("\r", "\n").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:160] for line in reversed(lines) if line.strip()), "nothing")


def _cpu() -> float:
    """Seconds of processor time of all that ended below us."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _free_port() -> int:
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        return int(own.getsockname()[1])
