"""A recipe carried out on data: the one place that brings stages and engines together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Literal

from tamis.bench import Bench, Means, responses_at
from tamis.engine.drive import Drive, Progress
from tamis.engine.earlier import earlier_corpora
from tamis.engine.executor import Apart, Engine
from tamis.engine.executor import engine as executor
from tamis.engine.work import Work
from tamis.engine.work_far import far_work
from tamis.errors import UsageError
from tamis.recipes import room
from tamis.recipes.budget import Budget
from tamis.recipes.catalog import import_own, import_sent
from tamis.recipes.finishing import finish
from tamis.recipes.given import Given
from tamis.recipes.job import prepare
from tamis.recipes.place_far import FarPlace, place_of
from tamis.recipes.priced import see_priced
from tamis.recipes.recipe import Recipe, load
from tamis.recipes.same import see_same
from tamis.recipes.spending import Watch
from tamis.runs import Run, open_run
from tamis.stage import Corpus

EngineName = Literal["inline", "local", "ray"]


def run(
    recipe: Any,
    input: Any = None,
    output: Path | str | None = None,
    *,
    engine: EngineName = "local",
    workers: int | None = None,
    address: str | None = None,
    resume: bool = False,
    set: Sequence[str] = (),
    partition_size: int | None = None,
    memory: int | None = None,
    means: Means | None = None,
    given: Given | None = None,
    as_if: int | None = None,
    share: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Run:
    """Carry `recipe` out on `input` and leave an accounted-for run in the folder `output`.

    recipe          path of a recipe, a mapping of the same shape, or a Recipe
    input           path, folder, glob, "-" (standard input), a list of them, an Arrow table, a Polars frame or an HF Dataset;
                    None: the paths in the recipe
    output          folder to write, or a URI in object storage; it must not exist, unless `resume`
    engine          inline: one task after another; local: threads and processes; ray: a Ray cluster (docs/cluster.md)
    workers         threads or processes; None: one for every processor
    address         of the Ray cluster, as HOST:PORT, or auto; None: one of its own on this machine, for this run
    set             changes to the recipe, as `stage.param=value`
    partition_size  bytes of input a task takes; the output does not depend on it
    memory          bytes that all workers together should stay within, however large the corpus; None: no budget is set,
                    and a task takes what it takes by default. The output does not depend on it
    means           what stages that derive rows may use: the cache of answers, a budget. No part of the recipe
    given           what deriving stages made in another run of the recipe on the same input: taken, instead of made again
    as_if           bytes of input for which it is worth to start processes, or not; None: those of the input
    share           bytes that a task of an exchange should hold; None: what `memory` leaves. The output does not depend on it

    Raises RecipeError, InputError, OutputError, GateError (attrition) or RunError, each with what to do.
    """
    started, watch = time.time(), Watch()
    if output is None:
        raise UsageError("where should the run go? name a folder: output=… (-o on the command line)")
    if partition_size is not None and partition_size < 1:
        raise UsageError(f"a partition of {partition_size} bytes is none; name a size above 0")
    wanted = load(recipe).set(set)
    files = tuple(wanted.own_files().values())
    # To other machines the files are sent along.
    own = partial(import_sent, {f: f.read_bytes() for f in files}) if engine == "ray" else partial(import_own, files)
    place = place_of(output)
    with executor(engine, workers, own, address) as by:
        budget = Budget.of(memory, by, _apart(by, wanted))
        with place.taken(resume) as finished:
            if finished:
                done = open_run(place.named)
                see_same(place, done.facts, wanted, input)
                return done
            see_priced(wanted, means or Means())
            size, share = place.cut(partition_size or budget.partition, share or budget.share)
            job = prepare(wanted, input, place.work, size)
            if isinstance(by, Apart):
                by.join()  # before anything is noted: where that fails, no folder is left
            place.belongs_to({**job.identity(), "partition_size": size, "share": share})
            if not resume:
                room.check(job.plan, job.files, place.work)
            # Nodes of a cluster that somebody else runs may share no disk: what they exchange goes by object storage.
            apart = isinstance(place, FarPlace) and engine == "ray" and address is not None
            work = far_work(place.far, place.begun_as) if isinstance(place, FarPlace) and apart else Work(place.work)
            job = job.sent(place.work, work.far) if work.far else job
            if isinstance(by, Apart):
                by.memory, by.witness = Budget(size, share).task, None if apart else place.work / "plan.json"
            drive = Drive(
                work=work,
                out=place.root,
                plan=job.plan,
                fragments=job.fragments,
                reading=job.reading,
                engine=by,
                share=share,
                earlier={
                    step: earlier_corpora(stage, place.work, size)
                    for step, stage in job.plan.steps
                    if isinstance(stage, Corpus) and stage.earlier
                },
                bench=partial(_bench, means or Means(), place.beside),
                given={step: given.source(step, stage) for _, step, stage in job.plan.derives} if given else {},
                max_drop_per_source=wanted.attrition.max_drop_per_source,
                on_progress=on_progress or (lambda _: None),
                as_if=as_if,
                far=place.far if isinstance(place, FarPlace) else None,
            )
            drive.unpack(job.files, size)
            job = replace(job, fragments=tuple(drive.fragments))
            result = drive.run()
            if work.far:
                place.gather(result.files)
            kept = responses_at((means or Means()).responses, place.beside)
            finish(place, job, result, drive, started, kept, watch)
    return open_run(place.named)


def task_bytes(
    recipe: Recipe,
    engine: EngineName = "local",
    workers: int | None = None,
    address: str | None = None,
    memory: int | None = None,
    partition_size: int | None = None,
    begun: Path | str | None = None,
) -> int | None:
    """Bytes of input that a task of such a run would take; None: the cluster would tell, which is not joined for it.

    begun  the run that it goes on with, which stays cut as it is

    Raises what `run` raises for its engine and its budget.
    """
    with executor(engine, workers, address=address) as by:
        if memory is None or address is None:
            budget = Budget.of(memory, by, _apart(by, recipe))
            size = partition_size or budget.partition
        else:  # how many workers there are is not known; one there must be
            with executor(engine, 1) as one:
                Budget.of(memory, one, _apart(one, recipe))
            size = partition_size or 0
    return (size if begun is None else place_of(begun).cut(size, 0)[0]) or None


def _apart(by: Engine, recipe: Recipe) -> bool:
    """Whether workers are processes of their own."""
    return isinstance(by, Apart) or any(stage.holds_gil for stage in recipe.stages)


def _bench(means: Means, beside: Path, scratch: Path, paid: Decimal) -> Bench:
    """The bench of a deriving stage of a run in the folder `beside`, whose stages before it paid so much."""
    left = None if means.budget is None else means.budget - paid
    kept = responses_at(means.responses, beside)
    return Bench(scratch, kept, replace(means, budget=left))
