"""An evaluation snapshot asked of a model: verified first, then answers, then scores.

RUN/samples.parquet   what was asked and what came         RUN/timings.parquet   how long it took, and what it cost
RUN/scores.parquet    what that scored                     RUN/run.json          when, where, with which versions
"""

from __future__ import annotations

import fcntl
import math
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from tamis.data.disk import disk_errors
from tamis.data.inputs import legible
from tamis.data.writer import write_json, write_parquet
from tamis.errors import OutputError, RunError, UsageError
from tamis.evaluate.answer import Answer, Backend, repeats
from tamis.evaluate.frozen import Frozen, FrozenTask, open_eval
from tamis.evaluate.kept import ANSWERS, Kept
from tamis.evaluate.metrics import JUDGED, total
from tamis.evaluate.results import REPORT
from tamis.evaluate.scoring import Judge, Rater, Tables, score, wants_code, wants_judge
from tamis.schemas import SAMPLE, SCORE, TIMING

MOST = 100
"""Problems that run.json tells."""

WRITTEN = frozenset(
    (
        *(ANSWERS, "samples.parquet", "scores.parquet", "timings.parquet", "run.json", "judgments.parquet"),
        *("contamination.parquet", "report.json", "report.md", "report.html", "junit.xml"),
    )
)
"""All that can lie in the folder of a run."""


class Evaluated(NamedTuple):
    """What a model said to a snapshot, and what that scored.

    tasks   those that were asked, cut to `limit` items each
    limit   None: all
    judge   who said what only a reader can tell, and by which rubrics
    """

    frozen: Frozen
    tasks: tuple[FrozenTask, ...]
    model: dict[str, Any]
    tables: Tables
    limit: int | None
    varies: dict[str, Any]
    judge: dict[str, Any] | None = None


def evaluate(
    snapshot: Frozen | Path | str,
    backend: Callable[[Frozen], Backend],
    *,
    limit: int | None = None,
    only: tuple[str, ...] = (),
    allow_code: bool = False,
    keep: Path | None = None,
    rater: Rater | None = None,
    on_answer: Callable[[int], None] | None = None,
) -> Evaluated:
    """Ask the model that `backend` makes. Raises GateError where the snapshot is not whole: then nothing was asked.

    limit       items of each task, the first ones
    only        names of tasks; none: all
    allow_code  run the suite's own scorers, and responses that are programs
    keep        file of answers as they come; what is in it is not asked again
    rater       who says what is refused and what is harmful, where a task asks for it
    """
    frozen = snapshot if isinstance(snapshot, Frozen) else open_eval(snapshot)
    tasks = chosen(frozen, only, limit)
    judge = _judge(tasks, allow_code)
    _readers(tasks, rater)
    who, start = backend(frozen), datetime.now(UTC)
    clock, cpu = time.perf_counter(), _cpu()
    kept = None if keep is None or who.model["backend"] == "replay" else Kept(keep, frozen.id, who.model)
    left = list(tasks) if kept is None else kept.left(tasks)
    answers = [] if kept is None else list(kept.answers)
    resumed = len(answers)
    if left:
        new = who.answers(left)
        answers += _counted(new if kept is None else kept.keep(new), on_answer, resumed)
    spent = _cpu() - cpu
    if answers and all(a.status == "failed" for a in answers):
        raise RunError(f"not one of {len(answers):,} answers came: {answers[0].problem or 'each is told as failed'}")
    tables = score(tasks, answers, judge, rater)
    if not resumed:
        _agrees(tasks, tables, getattr(who, "numbers", {}))
    varies = {
        "started": start.isoformat(timespec="seconds"),
        "answers_of_an_earlier_run": resumed,
        "seconds": round(time.perf_counter() - clock, 3),
        "cpu_seconds": round(spent, 3),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {"tamis": version("tamis"), **who.varies.get("versions", {})},
        **{k: v for k, v in who.varies.items() if k != "versions"},
        "problems": tables.problems[:MOST],
    }
    return Evaluated(frozen, tasks, who.model, tables, limit, varies, None if rater is None else rater.facts)


def write(found: Evaluated, output: Path | str) -> Path:
    """Write the tables of `found` and run.json to the folder `output`. Raises OutputError."""
    output = Path(output)
    with disk_errors(output):
        output.mkdir(parents=True, exist_ok=True)
    write_parquet(output / "samples.parquet", [found.tables.samples], SAMPLE)
    write_parquet(output / "scores.parquet", [found.tables.scores], SCORE)
    write_parquet(output / "timings.parquet", [found.tables.timings], TIMING)
    write_json(
        output / "run.json", {"snapshot": legible(str(found.frozen.path)), "id": found.frozen.id, **found.varies}
    )
    return output


@contextmanager
def taken(output: Path, resume: bool = False) -> Iterator[None]:
    """Hold `output`, a new or empty folder, or with `resume` one of a run, against other runs until it is whole.

    The lock is on the folder itself; a folder that stays empty is taken away again. Answers are thrown away last: a run that
    was killed while it wrote can go on, too. Raises OutputError.
    """
    fresh = not output.exists()
    try:
        output.mkdir(parents=True, exist_ok=True)
        lock = os.open(output, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as wrong:
        raise OutputError(f"{output} cannot be used: {wrong.strerror}; name a new folder") from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(
                f"another process is writing a run to {output}; wait for it, or name a new folder"
            ) from None
        for half in output.glob(".*.tmp"):  # left by a run that was killed while it wrote
            half.unlink(missing_ok=True)
        there = {path.name for path in output.iterdir()}
        if ANSWERS in there and there <= WRITTEN and not resume:
            raise OutputError(f"a run was stopped in {output}; go on with --resume, or name a new folder")
        goes_on = there <= WRITTEN and (ANSWERS in there or (resume and REPORT in there))
        if there and not goes_on:
            raise OutputError(f"{output} is there already, and not empty; name a new folder")
        yield
        (output / ANSWERS).unlink(missing_ok=True)
    finally:
        os.close(lock)
        if fresh:
            with suppress(OSError):  # something is in it
                output.rmdir()


def _cpu() -> float:
    """Seconds of CPU of this process and of those that it waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def chosen(frozen: Frozen, only: tuple[str, ...] = (), limit: int | None = None) -> tuple[FrozenTask, ...]:
    """The tasks named `only` (none: all), with their first `limit` items. Raises UsageError for a name that is not there."""
    names = [task.task.name for task in frozen.tasks]
    if unknown := [name for name in only if name not in names]:
        raise UsageError(f"no task {unknown[0]!r} in this snapshot; there are {', '.join(names)}")
    tasks = [task for task in frozen.tasks if not only or task.task.name in only]
    return tuple(replace(t, items=t.items[:limit], requests=t.requests[:limit]) for t in tasks)


def _judge(tasks: tuple[FrozenTask, ...], allowed: bool) -> Judge | None:
    """Who runs code, where a task wants it and the caller lets it."""
    wants = [t.task.name for t in tasks if wants_code(t)]
    if not wants:
        return None
    if not allowed:
        raise UsageError(
            f"{', '.join(wants)}: to score this, code is run that the snapshot or the model wrote; say --allow-code if you trust "
            "the one, and the sandbox with the other"
        )
    from tamis.evaluate.coded import coded
    from tamis.evaluate.sandbox import ready

    if any(metric.startswith("pass@") for task in tasks for metric in task.task.metrics):
        ready()  # before anything is asked
    return coded


def _readers(tasks: tuple[FrozenTask, ...], rater: Rater | None) -> None:
    """Raises UsageError where a task wants a judge and there is none, or there is one and nobody wants it."""
    wants = [t.task.name for t in tasks if wants_judge(t)]
    if wants and rater is None:
        raise UsageError(f"{', '.join(wants)}: a metric of it is given by a judge; say who: --judge openai:URL#NAME")
    if rater is not None and not wants:
        raise UsageError(f"no task asks for a judge; its metrics are {', '.join(JUDGED)}")


def _counted(answers: Iterator[Answer], on_answer: Callable[[int], None] | None, before: int) -> Iterator[Answer]:
    for count, one in enumerate(answers, before + 1):
        if on_answer:
            on_answer(count)
        yield one


def _agrees(tasks: tuple[FrozenTask, ...], tables: Tables, numbers: dict[str, dict[str, float]]) -> None:
    """Hold our numbers against lm-eval's own, where it has some. Raises RunError: then one of both is wrong."""
    if not numbers:
        return
    samples, scores = tables.samples.to_pylist(), tables.scores.to_pylist()
    for task in tasks:
        own = task.task
        rows = [s for s in samples if s["task"] == own.name]
        read = own.type == "generation" and (own.extract != ("raw",) or own.normalize or own.extract_target)
        if read or repeats(task) > 1 or any(s["status"] != "ok" for s in rows):
            continue
        for metric, theirs in numbers.get(own.name, {}).items():
            values = [s["value"] for s in scores if s["task"] == own.name and s["metric"] == metric]
            if metric not in own.metrics:
                continue
            ours = total(metric, values, rows)
            if not math.isclose(ours, theirs, rel_tol=1e-5 if metric == "brier_score" else 1e-12):
                raise RunError(
                    f"{own.name}: {metric} is {ours!r} by tamis and {theirs!r} by lm-eval; one of both is wrong. This should not "
                    "happen: please report it, with the versions in run.json"
                )
