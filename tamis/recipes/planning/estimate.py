"""What a recipe would take, told by trying it on three samples, each in a process of its own.

The first is half of the largest, and its exchanges are cut as those of the whole would be: it tells the tasks, and meets all code,
so that what numba has not compiled on this machine yet is compiled then. The tiny one tells what is fixed, the largest the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from tamis.curate.near.alike import Alike
from tamis.engine.executor import Local, processors
from tamis.errors import UsageError
from tamis.recipes.budget import Budget, for_fewer
from tamis.recipes.job import Job, is_frame, listed, paths_of, prepare
from tamis.recipes.planning.cpu import cpu, split
from tamis.recipes.planning.draw import Drawn, check_near, draw
from tamis.recipes.planning.growth import groups, span
from tamis.recipes.planning.memory import held
from tamis.recipes.planning.money import NO_PRICES, Prices, money
from tamis.recipes.planning.sizes import Likeness, Sizes, common, fragments
from tamis.recipes.planning.tasks import cuts, tasks
from tamis.recipes.planning.trial import START, Trial, attempt
from tamis.recipes.planning.volume import output, work
from tamis.recipes.recipe import load
from tamis.stage import Corpus

LEAST, MOST, PART = 64 << 20, 512 << 20, 8
"""Bytes of the largest sample: one PART-th of the input, but not fewer or more than these. What is alike shows in pairs, of which a
sample of an eighth has one in 64.
"""

TINY = 256 << 10
"""Bytes of the sample that tells what is fixed."""

COMPILED = 5
"""CPU seconds more than the other trials would have it, by which the first must have compiled kernels."""

FORMAT = "tamis plan 1"


@dataclass(frozen=True)
class Asked:
    """What is planned for.

    sample    bytes to try it with, at least; None: by the size of the input
    scale     bytes of data like these; None: those that are there
    """

    recipe: Path
    input: Any = None
    changes: tuple[str, ...] = ()
    workers: int | None = None
    memory: int | None = None
    partition_size: int | None = None
    sample: int | None = None
    scale: int | None = None
    seed: int = 0
    prices: Prices = NO_PRICES


class Trials(NamedTuple):
    """What was tried. `cut`: that whose exchanges were cut as those of the whole; None: the whole was tried."""

    cut: Trial | None
    tiny: Trial
    large: Trial

    @property
    def tells_start(self) -> bool:
        """Whether the tiny sample is smaller than the largest, so that they tell what is fixed from what grows."""
        return self.tiny.share < self.large.share


def estimate(asked: Asked, on_progress: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """The plan, as JSON can hold it: each estimate with the least and most that it may be. Raises as `run`, and UsageError."""
    for name, value in (("sample", asked.sample), ("scale", asked.scale)):
        if value is not None and value < 1:
            raise UsageError(
                f"--{name} is {value} bytes, which is nothing to plan with; name a size above 0, or leave it out"
            )
    able = processors()
    workers = asked.workers or able
    wanted = load(asked.recipe).set(asked.changes)
    input = paths_of(wanted, asked.input)
    if not is_frame(input):
        check_near(listed(input))
    with TemporaryDirectory(prefix="tamis-plan-") as scratch:
        place = Path(scratch)
        budget = Budget.of(asked.memory, Local(workers), any(stage.holds_gil for stage in wanted.stages))
        job = prepare(wanted, input, place, asked.partition_size or budget.partition)
        if job.plan.derives:
            label = job.plan.derives[0][2].label
            raise UsageError(
                f"{label} asks a model, and a plan carries a recipe out on a sample: ask `tamis synth --dry-run` what that would "
                "cost, and plan with the stages before it, or with those after it on rows that it made"
            )
        tried = min(workers, able)
        size = asked.partition_size or budget.partition
        by_size = min(MOST, max(LEAST, sum(file.bytes for file in job.files) // PART))
        most = max(asked.sample or by_size, 2 * tried * size)
        tiny = max(1, min(TINY, most // 4))
        drawn = draw(job.files, (most, most // 2, tiny), place, asked.seed, tried, job.reading.max_record)
        whole = asked.scale or drawn[0].whole
        if whole < drawn[0].whole:
            raise UsageError(
                f"--scale is {whole:,} bytes, and the input alone unpacks to {drawn[0].whole:,}; name as much or more, or "
                "plan with less input"
            )
        spec = {
            "recipe": str(asked.recipe),
            "changes": list(asked.changes),
            "workers": tried,
            "partition_size": size,
            "memory": None if asked.memory is None else for_fewer(asked.memory, workers, tried),
            "share": budget.share,
            "as_if": whole,
            "own_code": bool(wanted.own_files()),
        }
        trials = _tried(spec, drawn, whole, place, on_progress)
        return _plan(asked, job, drawn[0], trials, Sizes(whole, workers, tried, size, budget.share))


def _tried(
    spec: Mapping[str, Any], drawn: Sequence[Drawn], whole: int, place: Path, on_progress: Callable[[str], None]
) -> Trials:
    """The trials, of `drawn`: the largest sample, half of it, the tiny one."""

    def one(number: int, **other: Any) -> Trial:
        sample = drawn[number]
        on_progress(f"trying {sample.bytes / 1e6:,.1f} MB")
        folder = str(place / f"trial-{number}")
        part = min(1.0, sample.bytes / whole)
        return attempt({**spec, "files": [str(path) for path in sample.files], "folder": folder, **other}, part)

    if drawn[0].bytes >= whole:  # nothing is to be worked out: what it took is known
        return Trials(None, one(2), one(0))
    cut = one(1, share=spec["share"] // cuts(drawn[1].bytes / whole))
    return Trials(cut, one(2), one(0))


def _plan(asked: Asked, job: Job, drawn: Drawn, trials: Trials, sizes: Sizes) -> dict[str, Any]:
    large = trials.large
    alike = _alike(job, trials, sizes.whole / drawn.whole)
    read = sum(file["rows"] * drawn.times[Path(file["file"]).name] for file in large.facts["inputs"])
    rows = _rows(large, alike, read * sizes.whole / drawn.whole)
    stays = sizes.whole * rows["kept"]["estimate"] / max(1, rows["rows"]["estimate"])
    counted = tasks(trials.cut, large, alike, fragments(job, sizes, drawn.whole), stays)
    bytes_, out = work(large, alike, "bytes"), output(large, rows["kept"]["estimate"])
    found = {
        **rows,
        "tasks": _range(sum(counted.values()), 0.25 if trials.cut else 0.0),
        "cpu_seconds": cpu(trials.tiny, large, alike, sizes.tried),
        "peak_bytes": held([trials.tiny, large], alike, counted, rows["rows"]["estimate"], sizes),
        "exchanged_bytes": work(large, alike, "exchanged"),
        "output_bytes": out,
        "disk_bytes": {name: bytes_[name] + out[name] for name in out},
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
        "fixed_cpu_seconds": min(round(_fixed(trials), 2), rounded["cpu_seconds"]["estimate"]),
        "compiling_cpu_seconds": _compiling(trials),
        "estimates": rounded,
        "money": money(asked.prices, rounded, len(job.plan.segments) + 2, sizes.whole),
        "notes": _notes(job, trials, sizes, drawn),
    }


def _fixed(trials: Trials) -> float:
    """CPU seconds of the tiny trial, which has next to nothing to do; where it is the largest, those before anything was read."""
    return trials.tiny.cpu if trials.tells_start else trials.large.phases.get(START, 0.0)


def _compiling(trials: Trials) -> float:
    """CPU seconds that compiling took, which a machine does once; 0 where nothing was compiled."""
    if trials.cut is None:
        return 0.0
    tiny, large = trials.tiny, trials.large
    fixed, grows = split(tiny.cpu, large.cpu, tiny.share / large.share, large.phases.get(START, 0.0))
    more = trials.cut.cpu - fixed - grows * trials.cut.share / trials.large.share
    return round(more, 1) if more > max(COMPILED, 0.5 * trials.large.cpu) else 0.0


def _range(value: float, by: float) -> dict[str, float]:
    return {"estimate": value, "least": value * (1 - by), "most": value * (1 + by)}


def _alike(job: Job, trials: Trials, scaled: float) -> Likeness:
    large = trials.large
    found = {
        step: groups(large.share, large.alike[step], scaled)
        for step, stage in job.plan.steps
        if isinstance(stage, Corpus) and step in large.alike
    }
    names = {step: stage.name for step, stage in job.plan.steps if isinstance(stage, Corpus)}
    looked_at = {int(row["step"]): int(row.get("facts", {}).get("pairs_verified", 0)) for row in large.facts["steps"]}
    half = trials.cut or large
    passages = {step: common(own, half, large, f"step{step}-sets") for step, own in found.items()}
    return Likeness(names, found, looked_at, passages)


def _rows(large: Trial, alike: Likeness, rows_in: float) -> dict[str, dict[str, float]]:
    """Rows that come in, and that stay: what a corpus stage lets go grows as growth.py says, what others do with the rows."""
    left = {name: rows_in for name in ("estimate", "least", "most")}
    there = float(large.facts["rows"]["in"])
    for row in large.facts["steps"]:
        step, gone = int(row["step"]), row["rows"]["dropped"] + row["rows"]["quarantined"]
        share = gone / there if there else 0.0
        there -= gone
        if step in alike.groups and large.share < 1:
            few, many = span(large.share, gone, left["estimate"])
            # What went before it leaves fewer to be alike.
            whole = min(alike.groups[step].gone(1), left["estimate"])
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


def _notes(job: Job, trials: Trials, sizes: Sizes, drawn: Drawn) -> list[str]:
    notes, large = [], trials.large
    if large.share == 1:
        notes.append("the whole input was tried: this is what it took, and the range what another run may take")
    elif not trials.tells_start:
        notes.append(
            "the sample is too small to tell start-up from growth: all CPU but that of the imports is taken to grow; plan with "
            "more input, or with a larger --sample"
        )
    if any(isinstance(stage, Alike) for _, stage in job.plan.steps) and large.share < 0.01:
        notes.append(
            "a sample of less than 1 % says little of how much is alike in the whole: what near-duplicates take may be off "
            "several times"
        )
    if any(file.compression for file in job.files):
        notes.append("compressed files were sampled from their beginning")
    if drawn.damaged:
        path, how = next(iter(drawn.damaged.items()))
        more = f", and {len(drawn.damaged) - 1} more" if len(drawn.damaged) > 1 else ""
        notes.append(f"damaged input: {path}{more} ({how}); planned for what can be read of it")
    if sizes.workers > sizes.tried:
        notes.append(f"{sizes.tried} workers were tried; memory is extrapolated to {sizes.workers}")
    if sizes.whole != drawn.whole:
        notes.append(
            f"scaled from {drawn.whole:,} bytes of data like these; what more data repeat of each other is not known, and not "
            "counted"
        )
    return notes
