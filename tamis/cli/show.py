"""How facts look on a terminal."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import click

from tamis.cli.pace import Pace
from tamis.kernels import compiled


def print_json(value: Any) -> None:
    """One JSON object on standard output."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    click.echo(text.encode("utf-8", "backslashreplace").decode())  # a file's name may be no Unicode


def plain(text: str) -> str:
    """`text` on one line with its hidden characters named: what a file or a rule is called must not steer a terminal."""
    if text.isprintable():
        return text
    from tamis.report.visible import visible

    return " ".join(str(visible(text)).splitlines())


def say(text: str, err: bool = False) -> None:
    """Print `text` as one line that steers no terminal, whatever the names in it."""
    click.echo(plain(text), err=err)


class Progressbar:
    """Progress of a run: a bar on a terminal, a line now and then elsewhere, nothing where `silent`."""

    def __init__(self, silent: bool) -> None:
        self.silent = silent
        self.bar: Any = None
        self.task: Any = None
        self.what = ""
        self.said = 0.0
        self.pace = Pace()

    def __enter__(self) -> Progressbar:
        if not self.silent and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            if not compiled():
                click.echo(
                    "first use: kernels are compiled for this machine, once, which takes about half a minute", err=True
                )
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self.bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def __call__(self, progress: Any) -> None:
        """Show `progress`, a tamis.engine.drive.Progress."""
        if self.silent:
            return
        if self.bar is not None:
            if progress.what != self.what:
                self.what = progress.what
                self.task = self.bar.add_task(progress.what, total=progress.total)
            words = f"{self.what}: {self.pace.words(progress)}" if _asks(progress) else self.what
            self.bar.update(self.task, completed=progress.done, total=progress.total, description=words)
        elif progress.what != self.what or time.monotonic() - self.said > 10:
            self.what, self.said = progress.what, time.monotonic()
            rows = f", {progress.rows:,} record{'' if progress.rows == 1 else 's'}" if progress.rows else ""
            asked = f", {self.pace.words(progress)}" if _asks(progress) else ""
            click.echo(f"{progress.what}: {progress.done:,} of {progress.total:,}{rows}{asked}", err=True)


def _asks(progress: Any) -> bool:
    """Does it come from a stage that asks a model?"""
    return "requests" in getattr(progress, "more", ())


class Count(Progressbar):
    """How many of `total` are done (None: it is not known how many there are). Elsewhere than on a terminal, a line every ten
    seconds. noun: what they are, where `what` does not say it."""

    def __init__(self, what: str, total: int | None, silent: bool, noun: str = "record") -> None:
        super().__init__(silent)
        self.what, self.total, self.noun, self.said = what, total, noun, time.monotonic()

    def __call__(self, progress: Any) -> None:
        """Show `progress`, a number of records."""
        if self.silent:
            return
        if self.bar is not None:
            self.task = self.bar.add_task(self.what, total=self.total) if self.task is None else self.task
            self.bar.update(self.task, completed=progress)
        elif time.monotonic() - self.said > 10:
            self.said = time.monotonic()
            done = f"{progress:,} of {self.total:,}" if self.total else f"{progress:,}"
            noun = f" {self.noun}{'' if (self.total or progress) == 1 else 's'}" if self.noun else ""
            click.echo(f"{self.what}: {done}{noun}", err=True)


def print_run(run: Any) -> None:
    """The flow of records through a run, its balance, and where the report is."""
    for line in (*flow(run.facts), *made_lines(run)):
        click.echo(line)
    click.echo(f"report: {run.place / 'report.html'}")


def flow(facts: dict[str, Any]) -> Iterator[str]:
    """One line a step with its most frequent reasons, then the balance."""
    rows = facts["rows"]
    width = max(len(step["stage"]) for step in facts["steps"])
    number = len(f"{rows['in']:,}") + 2
    yield f"{'step':<{width + 4}}{'in':>{number}}  {'dropped':>{max(number, 7)}}  {'aside':>{max(number, 5)}}  reasons"
    for step in facts["steps"]:
        r = step["rows"]
        name = f"{step['step']:>2}  {step['stage']:<{width}}"
        yield (
            f"{name}{r['in']:>{number},}  {r['dropped']:>{max(number, 7)},}  {r['quarantined']:>{max(number, 5)},}  "
            + (f"{r['derived']:,} derived; " if r.get("derived") else "")
            + reasons(step["reasons"])
        ).rstrip()
    made = f" + {rows['derived']:,} derived" if rows.get("derived") else ""
    gone = f" + {rows['erased']:,} erased" if rows.get("erased") else ""
    left = f"{rows['kept']:,} kept + {rows['dropped']:,} dropped + {rows['quarantined']:,} quarantined"
    yield f"{rows['in']:,} in{made} = {left}{gone}"
    for warning in facts["warnings"]:
        yield f"warning: {warning}"


def made_lines(run: Any) -> Iterator[str]:
    """Of each deriving stage what became of its seeds and its rows, and what was paid."""
    if "derived" not in run.facts:
        return
    from tamis.report.yields import seeds_line, yields

    for made in yields(run):
        yield (
            f"{made.stage}: {made.seeds:,} seeds ({seeds_line(made)}), {made.made:,} rows made, "
            f"{made.passed:,} pass its rules, {made.kept:,} kept"
        )
        for asked in made.asked:
            failed = "".join(f", {reason} {n:,}" for reason, n in asked.failed)
            yield (
                f"  {asked.purpose}: {asked.requests:,} requests of {asked.model} ({asked.different:,} different{failed}), "
                f"{asked.tokens_in:,} tokens in, {asked.tokens_out:,} out, cost {asked.cost}"
            )
        for name, spent in run.facts["varies"].get("steps", {}).get(str(made.step), {}).get("spending", {}).items():
            money = "an unknown price" if spent["unknown"] else spent["money"]
            paid = f" for {money}" if spent["answered"] else ""
            yield f"  this time: {spent['answered']:,} bought of {name}{paid}, {spent['cached']:,} from the cache"


def reasons(found: Sequence[dict[str, Any]], most: int = 4) -> str:
    """The most frequent reasons, in words."""
    shown = [
        f"{r['rule']} {r['rows']:,}"
        + (f" {r['fate']}" if r["fate"] in ("edited", "flagged", "used") and r["rule"] != r["fate"] else "")
        for r in found[:most]
    ]
    rest = sum(r["rows"] for r in found[most:])
    return ", ".join([*shown, f"others {rest:,}"] if rest else shown)


def plan_lines(
    recipe: Any, inputs: list[str] | None, partition: int | None, prepare: Callable[..., Any]
) -> Iterable[str]:
    """What a run of `recipe` would do, as lines. partition  bytes of input a task takes; None: a cluster will tell"""
    from tamis.report.wording import plural, size

    with tempfile.TemporaryDirectory() as scratch:
        job = prepare(recipe, inputs, Path(scratch), *([partition] if partition else []))
    size_in = sum(f.bytes for f in job.files)
    shapes = ", ".join(f"{name} ({n:,} sampled)" for name, n in job.shapes.items())
    yield f"{plural(len(job.files), 'file')}, {size(size_in)}, read as {job.plan.kind.name}: {shapes or 'no rows'}"
    tasks = f"{plural(len(job.fragments), 'task')} a pass"
    if partition is None:
        yield "tasks: as many as --memory makes of it, shared by the processors of the cluster's largest node"
    elif any(f.compression for f in job.files):
        yield f"{tasks}, or more: compressed files are unpacked first"
    else:
        yield tasks
    for segment in job.plan.segments:
        yield f"pass {segment.number + 1}"
        for step, stage in segment.stages:
            yield f"  {step:>2}  {stage!r}"
    yield f"columns: {', '.join(job.plan.schema.names)}"
