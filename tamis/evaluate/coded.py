"""Scores by code: a suite's own scorer, and programs that a model wrote against an item's tests.

A scorer is a function of a response and its item, and gives a number, or numbers by metric:

    def score(response, item):
        return {"polite": float("please" in response.lower())}

It runs in a process of its own, out of the bytes that were verified. Where it throws or hangs, that item has no score (nan), the
report says so, and the answers are kept.
"""

from __future__ import annotations

import json
import math
import os
import selectors
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from tamis.evaluate.answer import Answer
from tamis.evaluate.frozen import FrozenTask
from tamis.evaluate.items import Item
from tamis.evaluate.metrics import METRICS
from tamis.evaluate.sandbox import passes

SECONDS = 30.0
"""That a scorer may take for one response."""

LOST = 5
"""Processes of a scorer that may hang or end; then it is not asked about the rest."""

Given = Sequence[tuple[Item, Answer, str | None]]

_INSIDE = r"""
import json, os, sys
told = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
job = json.loads(sys.stdin.buffer.readline())
names = {"__name__": "scoring"}
try:
    exec(compile(job["source"], job["name"], "exec"), names)
    score = names[job["function"]]
except BaseException as wrong:
    told.write(json.dumps({"broken": f"{type(wrong).__name__}: {wrong}"[:300]}) + "\n")
    told.close()
    sys.exit()
for line in sys.stdin.buffer:
    try:
        found = score(*json.loads(line))
        if not isinstance(found, dict):
            found = {"": found}
        out = {"score": {str(k): float(v) for k, v in found.items()}}
    except BaseException as wrong:
        out = {"error": f"{type(wrong).__name__}: {wrong}"[:300]}
    told.write(json.dumps(out) + "\n")
    told.flush()
"""


def coded(task: FrozenTask, given: Given) -> list[tuple[dict[str, float], str | None]]:
    """Scores by code of each answer of a task, and what went wrong with one."""
    found: list[tuple[dict[str, float], str | None]] = [({}, None) for _ in given]
    if task.scorer is not None:
        found = list(_scored(task, given))
    if any(metric.startswith("pass@") for metric in task.task.metrics):
        for (item, one, extracted), (mine, _) in zip(given, found, strict=True):
            tried = one.status == "ok" and extracted is not None
            mine["passed"] = float(tried and passes(extracted or "", item.tests or "")[0])
    return found


def _scored(task: FrozenTask, given: Given) -> Iterator[tuple[dict[str, float], str | None]]:
    own = [m for m in task.task.metrics if m not in METRICS]
    none = dict.fromkeys(own, math.nan)
    rows = [(one.response, {**item.fields, "item_id": item.item_id, "target": item.target}) for item, one, _ in given]
    asked = [k for k, (_, one, _) in enumerate(given) if one.status == "ok"]
    results = iter(_run(task, [rows[k] for k in asked]))
    for k in range(len(given)):
        if k not in asked:
            yield dict(none), None
            continue
        told = next(results)
        if "score" not in told:
            yield dict(none), f"the scorer of {task.task.name} {told.get('error') or told['broken']}"
            continue
        score = {own[0] if name == "" and own else name: value for name, value in told["score"].items()}
        lacking = [m for m in own if not math.isfinite(score.get(m, math.nan))]
        yield {**none, **score}, f"the scorer of {task.task.name} gave no {lacking[0]}" if lacking else None


def _run(task: FrozenTask, rows: list[tuple[Any, Any]]) -> Iterator[dict[str, Any]]:
    """What the scorer says of each row. A process that hangs is ended, and another goes on with the next row."""
    lost = 0
    while rows:
        done, why = 0, ""
        for told in _process(task, rows):
            if "broken" in told:
                yield from [{"error": f"cannot be loaded: {told['broken']}"}] * len(rows)
                return
            if "gone" in told:
                why = told["gone"]
                break
            done += 1
            yield {"error": f"threw {told['error']}"} if "error" in told else told
        rows = rows[done:]
        if rows:
            yield {"error": why}
            rows, lost = rows[1:], lost + 1
        if lost == LOST:
            yield from [{"error": f"was not asked: {LOST} times before, it {why}"}] * len(rows)
            return


def _process(task: FrozenTask, rows: list[tuple[Any, Any]]) -> Iterator[dict[str, Any]]:
    assert task.scorer is not None
    head = {"source": task.scorer.decode("utf-8", "replace"), "function": task.function, "name": f"{task.task.name}.py"}
    with tempfile.TemporaryDirectory(prefix="tamis-scorer-") as folder, tempfile.TemporaryFile() as job:
        for line in (head, *rows):
            job.write(json.dumps(line, ensure_ascii=True).encode() + b"\n")
        job.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _INSIDE],
            stdin=job,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
        )
        assert process.stdout is not None
        try:
            lines: Iterator[bytes | None] = _lines(process.stdout.fileno())
            for _ in rows:
                told = next(lines)
                if not told:
                    yield {"gone": "ended its process" if told == b"" else f"did not end within {SECONDS:g} s"}
                    return
                yield json.loads(told)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def _lines(pipe: int) -> Iterator[bytes | None]:
    """Lines as they come; b"" where there will be no more, None where SECONDS passed without one."""
    held = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            line, end, rest = held.partition(b"\n")
            if end:
                held = rest
                yield line
            elif not selector.select(SECONDS):
                yield None
            elif more := os.read(pipe, 1 << 16):
                held += more
            else:
                yield b""
