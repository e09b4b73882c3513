"""What a recipe would take, told from samples of three sizes.

Every phase of a run has a fixed cost and one that grows. A tiny sample tells the first: start-up, imports, a process pool. Of what
grows, most grows with the bytes; what a stage does with records that are alike grows with those, as growth.py has it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from tamis.curate.near.alike import BUCKET, Alike
from tamis.engine.executor import Local
from tamis.errors import UsageError
from tamis.recipes.budget import Budget
from tamis.recipes.job import Job, prepare
from tamis.recipes.planning.draw import Drawn, draw
from tamis.recipes.planning.growth import Groups, groups, span
from tamis.recipes.planning.trial import Trial, attempt
from tamis.recipes.recipe import load
from tamis.stage import Corpus

SAMPLE = 64 << 20
TINY = 256 << 10
"""Bytes of the sample that tells what is fixed."""

NOISE = 0.15
"""Share by which CPU seconds of one machine differ from run to run while it does other things, too."""

RECORD_BYTES = 32
"""Memory that a record takes, whatever the budget: its place, its fate, who it is like (measured: 11 to 35)."""

ALIKE = frozenset(("sets", "arcs", "stars", "components", "placed", "groups", "distances", "resolved"))
PAIRS = frozenset(("verify", "spokes", "hubs"))
"""Rounds whose work grows with the records that are like another, and with the pairs of those."""

DAYS = 30
"""Of the month that storage is paid by."""

FORMAT = "tamis plan 1"


class Prices(NamedTuple):
    """Money for an hour of a processor, a gigabyte kept for a month, one moved; and how many days data are kept."""

    cpu_hour: float | None = None
    gb_month: float | None = None
    gb_transfer: float | None = None
    days: float = DAYS


NO_PRICES = Prices()


@dataclass(frozen=True)
class Asked:
    """What is planned for.

    sample    bytes to try it with, at least
    scale     bytes of data like these; None: those that are there
    """

    recipe: Path
    input: Any = None
    changes: tuple[str, ...] = ()
    workers: int | None = None
    memory: int | None = None
    partition_size: int | None = None
    sample: int = SAMPLE
    scale: int | None = None
    seed: int = 0
    prices: Prices = NO_PRICES


def estimate(asked: Asked, on_progress: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """The plan, as JSON can hold it: each estimate with the least and most that it may be. Raises as `run`, and UsageError."""
    able = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = asked.workers or able
    wanted = load(asked.recipe).set(asked.changes)
    with TemporaryDirectory(prefix="tamis-plan-") as scratch:
        place = Path(scratch)
        budget = Budget.of(asked.memory, Local(workers))
        job = prepare(wanted, asked.input, place, asked.partition_size or budget.partition)
        if job.plan.derives:
            label = job.plan.derives[0][2].label
            raise UsageError(
                f"{label} asks a model, and a plan carries a recipe out on a sample: ask `tamis synth --dry-run` what that would "
                "cost, and plan with the stages before it, or with those after it on rows that it made"
            )
        tried = min(workers, able)
        size = asked.partition_size or budget.partition
        most = max(asked.sample, 2 * tried * size)
        drawn = draw(job.files, (most, most // 2, TINY), place, asked.seed, tried)
        whole = asked.scale or drawn[0].whole
        spec = {
            "recipe": str(asked.recipe),
            "changes": list(asked.changes),
            "workers": tried,
            "partition_size": size,
            "memory": asked.memory and asked.memory * tried // workers,
            "as_if": whole,
            "own_code": bool(wanted.own_files()),
        }
        trials, compiling = _tried(spec, drawn, whole, place, on_progress)
        return _plan(asked, job, drawn[0], trials, compiling, Sizes(whole, workers, tried, size))


class Sizes(NamedTuple):
    """Bytes planned for, workers planned for and tried with, bytes of a task."""

    whole: int
    workers: int
    tried: int
    partition: int


def _tried(
    spec: dict[str, Any], drawn: Sequence[Drawn], whole: int, place: Path, on_progress: Callable[[str], None]
) -> tuple[list[Trial], float]:
    """The trials, the smallest first; and CPU seconds that compiling kernels took, which a machine does once."""
    trials: list[Trial] = []
    first = 0.0
    if drawn[0].bytes >= whole:  # nothing is to be worked out: what it took is known
        drawn = (drawn[0], drawn[-1])
    for number, sample in enumerate(
        (drawn[-1], *reversed(drawn)) if len(drawn) > 2 else reversed(drawn), len(drawn) < 3
    ):
        on_progress(f"trying {sample.bytes / 1e6:,.1f} MB")
        here = {**spec, "files": [str(path) for path in sample.files], "folder": str(place / f"trial-{number}")}
        trial = attempt(here, min(1.0, sample.bytes / whole))
        if number:
            trials.append(trial)
        else:
            first = trial.cpu
    compiling = first - trials[0].cpu
    return trials, round(compiling, 1) if compiling > 5 else 0.0


def _plan(asked: Asked, job: Job, drawn: Drawn, trials: list[Trial], compiling: float, sizes: Sizes) -> dict[str, Any]:
    large = trials[-1]
    rows_in = large.facts["rows"]["in"] / large.share
    alike = _alike(job, large)
    rows = _rows(large, alike, rows_in)
    cpu = _cpu(trials, alike)
    held = _memory(trials, rows_in, sizes)
    work = _work(trials, alike, "bytes")
    exchanged = _work(trials, alike, "exchanged")
    kept = rows["kept"]["estimate"] / max(1.0, rows_in)
    kept_here = large.facts["rows"]["kept"] / max(1, large.facts["rows"]["in"])
    output = _range(large.disk / large.share * (0.5 + 0.5 * kept / max(kept_here, 1e-9)), 0.1)
    disk = {name: work[name] + output[name] for name in work}
    found = {
        **rows,
        "tasks": _tasks(job, large, sizes),
        "cpu_seconds": cpu,
        "peak_bytes": held,
        "exchanged_bytes": exchanged,
        "output_bytes": output,
        "disk_bytes": disk,
    }
    rounded = {
        name: {k: round(v, 1) if name == "cpu_seconds" else round(v) for k, v in f.items()} for name, f in found.items()
    }
    return {
        "format": FORMAT,
        "recipe": job.recipe.name,
        "input": {"files": len(job.files), "bytes": sum(f.bytes for f in job.files), "unpacked_bytes": drawn.whole},
        "planned_for_bytes": sizes.whole,
        "workers": sizes.workers,
        "sample": {"bytes": drawn.bytes, "share": large.share, "rows": large.facts["rows"]["in"], "seed": asked.seed},
        "fixed_cpu_seconds": round(trials[0].cpu, 2),
        "compiling_cpu_seconds": compiling,
        "estimates": rounded,
        "money": _money(asked.prices, rounded, job, sizes),
        "notes": _notes(job, large, sizes, drawn),
    }


def _range(value: float, by: float) -> dict[str, float]:
    return {"estimate": value, "least": value * (1 - by), "most": value * (1 + by)}


def _alike(job: Job, large: Trial) -> dict[int, Groups]:
    """By step, of stages that look for likeness: the groups that the sample tells of."""
    found = {}
    for step, stage in job.plan.steps:
        if isinstance(stage, Corpus) and step in large.alike:
            found[step] = groups(large.share, large.alike[step])
    return found


def _rows(large: Trial, alike: Mapping[int, Groups], rows_in: float) -> dict[str, dict[str, float]]:
    """Rows that come in, and that stay: what a corpus stage lets go grows as growth.py says, what others do with the rows."""
    left = {name: rows_in for name in ("estimate", "least", "most")}
    there = float(large.facts["rows"]["in"])
    for row in large.facts["steps"]:
        step, gone = int(row["step"]), row["rows"]["dropped"] + row["rows"]["quarantined"]
        share = gone / there if there else 0.0
        there -= gone
        if step in alike and large.share < 1:
            few, many = span(large.share, gone, left["estimate"])
            # What went before it leaves fewer to be alike.
            whole = min(alike[step].gone(1), left["estimate"])
            left = {
                "estimate": max(0.0, left["estimate"] - whole),
                "least": max(0.0, left["least"] - max(many, whole)),
                "most": left["most"] - min(few, whole),
            }
        else:
            left = {name: value * (1 - share) for name, value in left.items()}
    sure = _range(rows_in, 0.0 if large.share == 1 else 0.05)
    return {
        "rows": sure,
        "kept": {**left, "least": left["least"] * 0.95, "most": min(sure["most"], left["most"] * 1.05)},
    }


def _times(name: str, steps: Mapping[str, int], alike: Mapping[int, Groups], share: float) -> float:
    """How many times as much of phase `name` the whole has as a sample of `share`."""
    corpus, _, part = name.partition(": ")
    if corpus in steps and part in ALIKE | PAIRS:
        found = alike[steps[corpus]]
        records = found.alike(1) / found.alike(share)
        return records if part in ALIKE else min(found.pairs(1) / found.pairs(share), records * BUCKET)
    return 1 / share


def _cpu(trials: list[Trial], alike: dict[int, Groups]) -> dict[str, float]:
    """CPU seconds: each phase by a line through the samples, with nothing below zero."""
    large = trials[-1]
    steps = {
        row["stage"].partition("@")[0]: int(row["step"]) for row in large.facts["steps"] if int(row["step"]) in alike
    }
    total = {"estimate": 0.0, "least": 0.0, "most": 0.0}
    for name in large.phases:
        fixed, slope = line([t.share for t in trials], [t.phases.get(name, 0.0) for t in trials])
        grows = slope * large.share
        times = _times(name, steps, alike, large.share)
        plain = grows / large.share
        total["estimate"] += fixed + grows * times
        total["least"] += fixed + min(plain, grows * times)
        total["most"] += fixed + grows * max(times, 1 / large.share)
    return {"estimate": total["estimate"], "least": total["least"] * (1 - NOISE), "most": total["most"] * (1 + NOISE)}


def line(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Value at 0 and slope of the line through points by least squares, neither below 0."""
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    spread = sum((a - mean_x) ** 2 for a in x)
    slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / spread if spread else 0.0
    slope = max(0.0, slope)
    fixed = mean_y - slope * mean_x
    if fixed < 0:
        return 0.0, sum(a * b for a, b in zip(x, y, strict=True)) / sum(a * a for a in x)
    return fixed, slope


def _memory(trials: list[Trial], rows_in: float, sizes: Sizes) -> dict[str, float]:
    """Memory at its largest: what every process has, what each worker's task takes, and what every record does."""
    base = trials[0].facts["varies"].get("held_bytes", 0)
    large = trials[-1]
    peak = max(t.facts["varies"].get("held_bytes", 0) for t in trials)
    more = RECORD_BYTES * max(0.0, rows_in - large.facts["rows"]["in"])
    held = base + (peak - base) * sizes.workers / sizes.tried + more
    return {"estimate": held, "least": held * 0.85, "most": held * 1.15 + more}


def _work(trials: list[Trial], alike: dict[int, Groups], what: str) -> dict[str, float]:
    """Bytes of intermediate files: those of rounds on what is alike grow with it, all others with the input."""
    large = trials[-1]
    work = large.facts["varies"]["work"]
    value = held = work[what] / large.share
    for step, found in alike.items():
        own = sum(work["groups"].get(f"step{step}-{name}", {"bytes": 0})["bytes"] for name in ALIKE)
        value += own * (found.alike(1) / found.alike(large.share) - 1 / large.share)
    return {"estimate": value, "least": min(value, held) * 0.9, "most": max(value, held) * 1.1}


def _tasks(job: Job, large: Trial, sizes: Sizes) -> dict[str, float]:
    """Tasks: one a fragment and pass, and of each exchange as many as its size asks for."""
    work = large.facts["varies"]["work"]
    groups = {name: group["tasks"] for name, group in work["groups"].items()}
    each = {name: count for name, count in groups.items() if name.isdigit() or name.endswith("-sets")}
    fragments = max(len(job.fragments), math.ceil(sizes.whole / sizes.partition))
    from_passes = len(each) * fragments
    others = [count for name, count in groups.items() if name not in each]
    # What one task did for the sample, one may do for the whole: ranges of keys are cut by memory.
    value = from_passes + sum(count / large.share if count > 1 else 1 for count in others)
    return {"estimate": value, "least": from_passes + sum(others), "most": 2 * value}


def _money(prices: Prices, found: Mapping[str, Mapping[str, float]], job: Job, sizes: Sizes) -> dict[str, Any] | None:
    """For processors, for keeping what is written, for moving data: input once a pass, exchanges there and back, output once."""
    if prices.cpu_hour is prices.gb_month is prices.gb_transfer is None:
        return None
    told: dict[str, Any] = {}
    passes = len(job.plan.segments) + 2
    for bound in ("estimate", "least", "most"):
        moved = passes * sizes.whole + 2 * found["exchanged_bytes"][bound] + found["output_bytes"][bound]
        parts = {
            "cpu": (prices.cpu_hour or 0) * found["cpu_seconds"][bound] / 3600,
            "storage": (prices.gb_month or 0) * found["disk_bytes"][bound] / 1e9 * prices.days / DAYS,
            "transfer": (prices.gb_transfer or 0) * moved / 1e9,
        }
        told[bound] = {name: round(value, 6) for name, value in {**parts, "total": sum(parts.values())}.items()}
    return {"prices": prices._asdict(), **told}


def _notes(job: Job, large: Trial, sizes: Sizes, drawn: Drawn) -> list[str]:
    notes = []
    if large.share == 1:
        notes.append("the whole input was tried: this is what it took, not an estimate")
    if any(isinstance(stage, Alike) for _, stage in job.plan.steps) and large.share < 0.01:
        notes.append(
            "a sample of less than 1 % says little of how much is alike in the whole: what near-duplicates take may be off "
            "several times"
        )
    if any(file.compression for file in job.files):
        notes.append("compressed files were sampled from their beginning")
    if sizes.workers > sizes.tried:
        notes.append(f"{sizes.tried} workers were tried; memory is extrapolated to {sizes.workers}")
    if sizes.whole != drawn.whole:
        notes.append(f"scaled from {drawn.whole:,} bytes of data like these")
    return notes
