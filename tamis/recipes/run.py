"""A recipe carried out on data: the one place that brings stages and engines together."""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from tamis.bench import Bench, Means, responses_at
from tamis.data import Fragment, InputFile, Reading, find, fragments, recognise, spool
from tamis.data.writer import FileDigest, write_bytes, write_json
from tamis.engine.drive import Drive, Progress, Result
from tamis.engine.earlier import earlier_corpora
from tamis.engine.executor import Engine
from tamis.engine.executor import engine as executor
from tamis.engine.plan import Plan, follow, plan
from tamis.engine.work import Work
from tamis.errors import UsageError
from tamis.ledger import POISON, READING
from tamis.recipes.budget import PARTITION, Budget
from tamis.recipes.catalog import import_own
from tamis.recipes.given import Given
from tamis.recipes.place import Place
from tamis.recipes.recipe import Recipe, load
from tamis.recipes.repository import commit
from tamis.runs import Run, open_run, seal
from tamis.runs.manifest import sha256
from tamis.schemas import Kind, kind
from tamis.stage import Corpus, Derive, Stage

TASKS = 1000
"""A smaller partition than PARTITION is taken as larger where it would make more tasks than this: each costs 10–20 ms."""

EngineName = Literal["inline", "local"]

BYTES_DEPEND_ON = ("tamis", "numpy", "pyarrow", "numba", "ftfy", "selectolax", "license-expression", "zstandard")
"""Packages whose version can change a byte of the output."""


def run(
    recipe: Any,
    input: Any = None,
    output: Path | str | None = None,
    *,
    engine: EngineName = "local",
    workers: int | None = None,
    resume: bool = False,
    set: Sequence[str] = (),
    partition_size: int | None = None,
    memory: int | None = None,
    means: Means | None = None,
    given: Given | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Run:
    """Carry `recipe` out on `input` and leave an accounted-for run in the folder `output`.

    recipe          path of a recipe, a mapping of the same shape, or a Recipe
    input           path, folder, glob, "-" (standard input), a list of them, an Arrow table, a Polars frame or an HF Dataset;
                    None: the paths in the recipe
    output          folder to write; it must not exist, unless `resume`
    workers         threads or processes; None: one for every processor
    set             changes to the recipe, as `stage.param=value`
    partition_size  bytes of input a task takes; the output does not depend on it
    memory          bytes that all workers together should stay within, however large the corpus; None: no budget is set,
                    and a task takes what it takes by default. The output does not depend on it
    means           what stages that derive rows may use: the cache of answers, a budget. No part of the recipe
    given           what deriving stages made in another run of the recipe on the same input: taken, instead of made again

    Raises RecipeError, InputError, OutputError, GateError (attrition) or RunError, each with what to do.
    """
    started = time.time()
    if output is None:
        raise UsageError("where should the run go? name a folder: output=… (-o on the command line)")
    if partition_size is not None and partition_size < 1:
        raise UsageError(f"a partition of {partition_size} bytes is none; name a size above 0")
    wanted = load(recipe).set(set)
    by = executor(engine, workers, partial(import_own, tuple(wanted.own_files().values())))
    budget = Budget.of(memory, by)
    place = Place(Path(output))
    with place.taken(resume) as finished:
        if finished:
            return open_run(place.root)
        size, share = place.cut(partition_size or budget.partition, budget.share)
        job = prepare(wanted, input, place.work, size)
        place.belongs_to({**job.identity(), "partition_size": size, "share": share})
        drive = Drive(
            work=Work(place.work),
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
            bench=partial(_bench, means or Means(), place.root),
            given={step: given.source(step, stage) for _, step, stage in job.plan.derives} if given else {},
            max_drop_per_source=wanted.attrition.max_drop_per_source,
            on_progress=on_progress or (lambda _: None),
        )
        drive.unpack(job.files, size)
        job = replace(job, fragments=tuple(drive.fragments))
        result = drive.run()
        kept = responses_at((means or Means()).responses, Path(os.path.abspath(place.root)).parent)
        _finish(place, job, result, drive.engine, started, kept)
    return open_run(place.root)


def _bench(means: Means, out: Path, scratch: Path, paid: Decimal) -> Bench:
    """The bench of a deriving stage of a run at `out`, whose stages before it paid so much."""
    left = None if means.budget is None else means.budget - paid
    kept = responses_at(means.responses, Path(os.path.abspath(out)).parent)
    return Bench(scratch, kept, replace(means, budget=left))


@dataclass(frozen=True)
class Job:
    """A recipe and its input, checked: all that can be known before a row moves."""

    recipe: Recipe
    plan: Plan
    files: tuple[InputFile, ...]
    fragments: tuple[Fragment, ...]
    reading: Reading
    shapes: dict[str, int]

    def identity(self) -> dict[str, Any]:
        """What a resume must have in common with the run it goes on with."""
        files = [[f.name, f.bytes, f.modified] for f in self.files]
        return {
            "tamis": version("tamis"),
            "recipe": self.recipe.resolved(),
            "kind": self.plan.kind.name,
            "inputs": files,
            **{
                f"{name} of step {step} ({stage.label})": value
                for step, stage in self.plan.steps
                for name, value in stage.stands_on.items()
            },
        }


def prepare(recipe: Recipe, input: Any, scratch: Path, partition_size: int = PARTITION) -> Job:
    """Find the input, recognise its kind and follow the columns through the recipe. Raises what `run` raises."""
    if (input is None and not recipe.input.paths) or (isinstance(input, (list, tuple)) and not input):
        raise UsageError("what should be read? name paths with -i, or under input: in the recipe")
    if input is None:
        input = [path if path == "-" else recipe.base / path for path in recipe.input.paths]
    files = tuple(spool(input, scratch) if is_frame(input) else find(listed(input), scratch))
    spec = recipe.input
    seen = recognise(files, spec.kind, spec.fields)
    reading = Reading(
        kind=seen.kind, fields=spec.fields, source=spec.source, license=spec.license, max_record=spec.max_record
    )
    size = max(partition_size, min(PARTITION, sum(file.bytes for file in files) // TASKS))
    cut = tuple(fragment for file in files for fragment in fragments(file, size))
    return Job(
        recipe,
        plan([*recipe.stages, *_promised(recipe, kind(seen.kind))], kind(seen.kind)),
        files,
        cut,
        reading,
        dict(seen.shapes),
    )


def _promised(recipe: Recipe, of: Kind) -> list[Stage]:
    """The step that sets aside rows the contract of `recipe` wants set aside, if it does."""
    if recipe.contract is None:
        return []
    from tamis.contracts.gate import promise

    step = promise(recipe.base / recipe.contract, follow(recipe.stages, of.schema))
    return [step] if step else []


def listed(input: Any) -> list[Any]:
    """A path as a list of one; several as they are."""
    return [input] if isinstance(input, (str, Path)) else list(input)


def is_frame(input: Any) -> bool:
    """True for tables and datasets, False for paths."""
    if isinstance(input, (str, Path)):
        return False
    return not (isinstance(input, (list, tuple)) and all(isinstance(path, (str, Path)) for path in input))


def _finish(place: Place, job: Job, result: Result, engine: Engine, started: float, responses: Path) -> None:
    """Write what is left to write: recipe, environment, run.json, report, manifest."""
    out, recipe = place.root, job.recipe
    resolved = json.dumps(recipe.resolved(), ensure_ascii=False, indent=2, sort_keys=True).encode() + b"\n"
    written = [
        write_bytes(out / "recipe.yaml", recipe.text.encode()),
        write_bytes(out / "recipe.resolved.json", resolved),
        write_json(out / "env.json", _environment()),
        *_own_stages(out, recipe),
    ]
    kept, contract = _contract(out, recipe, {"rows": result.rows, "sources": result.books.sources()})
    written += kept
    files = [
        *result.files,
        *({"path": d.path.relative_to(out).as_posix(), "bytes": d.bytes, "sha256": d.sha256} for d in written),
    ]
    facts = {
        "tamis": version("tamis"),
        "name": recipe.name,
        "kind": job.plan.made.name,
        **({"read_as": job.plan.kind.name} if job.plan.derives else {}),
        "rows": result.rows,
        "steps": _steps(job, result),
        "sources": result.books.sources(),
        "inputs": _inputs(job, result),
        **({"derived": result.derived} if job.plan.derives else {}),
        "shapes": job.shapes,
        "damage": [f"{job.fragments[k].file.name}: {why}" for k, why in result.damage],
        "warnings": _warnings(job, result),
        "contract": contract,
        "recipe": {"sha256": written[1].sha256},
        "versions": {name: version(name) for name in BYTES_DEPEND_ON},
        "files": sorted(files, key=lambda f: str(f["path"])),
        "varies": {
            **_varies(engine, started),
            "inputs": _places(place, job),
            **_repository(recipe),
            **({"folder": _legible(place.root), "responses": _legible(responses)} if job.plan.derives else {}),
            **({"steps": {str(step): said for step, said in result.varies.items()}} if result.varies else {}),
        },
    }
    write_json(out / "run.json", facts)
    _report(out)
    seal(out, {str(file["path"]): str(file["sha256"]) for file in files})
    place.finish()


def _own_stages(out: Path, recipe: Recipe) -> list[FileDigest]:
    """Copies of the user's own stages, so that the run can be replayed wherever it is taken."""
    copies = []
    for path in recipe.own_files().values():
        (out / "stages").mkdir(exist_ok=True)
        copies.append(write_bytes(out / "stages" / path.name, path.read_bytes()))
    return copies


def _contract(out: Path, recipe: Recipe, flow: dict[str, Any]) -> tuple[list[FileDigest], dict[str, Any] | None]:
    """Hold the data written against the contract of the recipe: the files that say so, and the gist for run.json.

    flow  `rows` and `sources`, as run.json will have them
    """
    if recipe.contract is None:
        return [], None
    # Imported here: contracts bring Polars, which runs without one do not need.
    from tamis.contracts import check
    from tamis.contracts import load as load_contract

    contract = load_contract(recipe.base / recipe.contract)
    result = check(sorted((out / "data").glob("*.parquet")), contract, flow=flow)
    kept = [
        write_bytes(out / "contract.odcs.yaml", (recipe.base / recipe.contract).read_bytes()),
        write_bytes(out / "contract.result.json", result.to_json().encode()),
    ]
    broken = [outcome.message for outcome in result.broken if outcome.stops]
    gist = {"id": result.contract, "version": result.version, "sha256": result.sha256}
    return kept, {**gist, "passed": result.passed, "broken": broken}


def _report(out: Path) -> None:
    from tamis.report import write

    write(Run(out), out)


def _steps(job: Job, result: Result) -> list[dict[str, Any]]:
    steps = job.plan.steps
    _, rows = result.books.rows(len(steps))
    labels = [READING.label, *(stage.label for _, stage in steps)]
    rules: list[list[dict[str, Any]]] = [[], *([_rule(r) for r in stage.rules] for _, stage in steps)]
    params: list[dict[str, Any]] = [{}, *(stage.params for _, stage in steps)]
    stands_on = [{}, *(stage.stands_on for _, stage in steps)]
    return [
        {
            "step": k,
            "stage": label,
            "params": params[k],
            "rows": rows[k],
            "reasons": result.books.reasons(k),
            "rules": rules[k],
            **({"stands_on": stands_on[k]} if stands_on[k] else {}),
            **({"facts": result.facts[k]} if result.facts.get(k) else {}),
        }
        for k, label in enumerate(labels)
    ]


def _rule(rule: Any) -> dict[str, Any]:
    return {k: v for k, v in rule._asdict().items() if v not in (None, "")}


def _inputs(job: Job, result: Result) -> list[dict[str, Any]]:
    rows = dict.fromkeys((f.name for f in job.files), 0)
    for fragment, n in zip(job.fragments, result.fragment_rows, strict=True):
        rows[fragment.file.name] += n
    return [{"file": f.name, "bytes": f.bytes, "rows": rows[f.name], "sha256": sha256(f.path)} for f in job.files]


def _warnings(job: Job, result: Result) -> list[str]:
    """What a user should know although the run is right."""
    unread = [
        f"{r['rows']:,} record{'s' * (r['rows'] > 1)} could not be read: {r['rule']}; quarantine/ has file, line and byte offset"
        for r in result.books.reasons(0)
    ]
    failed = [
        f"{stage} failed on {r['rows']:,} record{'s' * (r['rows'] > 1)}; quarantine/ has each with what was raised"
        for step, stage in enumerate((stage.label for _, stage in job.plan.steps), 1)
        for r in result.books.reasons(step)
        if r["rule"] == POISON
    ]
    unanswered = [
        f"{stage.label} got no answer for {r['rows']:,} seed{'s' * (r['rows'] > 1)}: {r['rule']}; quarantine/ has each"
        for step, stage in job.plan.steps
        for r in result.books.reasons(step)
        if isinstance(stage, Derive) and _unanswered(r["rule"])
    ]
    missed = [
        f"{stage.label}: {n:,} record{'s' * (n > 1)} of the earlier corpora could not be read, and nothing was held against them"
        for step, stage in job.plan.steps
        if (n := result.facts.get(step, {}).get("earlier_unread", 0))
    ]
    return [*(f"{f.name}: the file is empty" for f in job.files if not f.bytes), *unread, *missed, *failed, *unanswered]


UNANSWERED = "failed."
"""What the rule of a seed for which no answer came begins with."""


def _unanswered(rule: str) -> bool:
    return rule.startswith(UNANSWERED)


def _environment() -> dict[str, Any]:
    names = (*BYTES_DEPEND_ON, "polars", "click", "rich", "pyyaml", "xxhash", "jinja2")
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {n: version(n) for n in names},
    }


def _repository(recipe: Recipe) -> dict[str, str]:
    found = commit(recipe.base)
    return {"commit": found} if found else {}


def _varies(engine: Engine, started: float) -> dict[str, Any]:
    """What is never the same twice."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "started": datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds"),
        "seconds": round(time.time() - started, 3),
        "cpu_seconds": round(sum(s.ru_utime + s.ru_stime for s in spent), 3),
        "peak_bytes": max(s.ru_maxrss for s in spent) * (1 if sys.platform == "darwin" else 1024),
        "engine": repr(engine),
        "host": platform.node(),
    }


def _places(place: Place, job: Job) -> list[dict[str, Any] | None]:
    """Where each input file lies and when it was changed, so that `explain` finds it again; None for a copy of ours."""
    paths = (_legible(file.path) for file in job.files)
    return [
        None if place.work in file.path.parents else {"path": path, "modified": file.modified}
        for path, file in zip(paths, job.files, strict=True)
    ]


def _legible(path: Path) -> str:
    return os.fsencode(path.absolute()).decode("utf-8", "backslashreplace")


def outcome(run: Run) -> tuple[int, str | None]:
    """Exit code of a finished run and, where it is not 0, why.

    3: input was damaged, nothing of it could be read, a stage failed on every record, or no row was made as nobody answered;
    1: the contract is broken.
    """
    facts = run.facts
    if facts["damage"]:
        return 3, f"input was damaged, what could be read of it was: {'; '.join(facts['damage'])}"
    unread = facts["steps"][0]["rows"]["quarantined"]
    if unread and unread == facts["rows"]["in"]:
        first = next(iter(run.quarantine(["message"]).column("message").to_pylist()), None)
        return (
            3,
            f"none of the {unread:,} records could be read; the first: {first}. `tamis run --help` names what is read",
        )
    for step in facts["steps"][1:]:
        failed = sum(r["rows"] for r in step["reasons"] if r["rule"] == POISON)
        if failed and failed == step["rows"]["in"]:
            aside = run.quarantine(["step", "message"]).to_pylist()
            first = next((row["message"] for row in aside if row["step"] == step["step"]), None)
            return 3, f"{step['stage']} failed on every record it was given ({failed:,}); the first: {first}"
        unanswered = sum(r["rows"] for r in step["reasons"] if _unanswered(r["rule"]))
        if unanswered and not step["rows"]["derived"]:
            aside = run.quarantine(["step", "rule", "message"]).to_pylist()
            first = next(row["message"] for row in aside if row["step"] == step["step"] and _unanswered(row["rule"]))
            told = json.loads(first).get("message", first) if first else "no reason was given"
            return 3, f"{step['stage']} made no row: no answer came for {unanswered:,} of its seeds; the first: {told}"
    if (facts["contract"] or {}).get("passed") is False:
        return 1, f"the data breaks its contract: {'; '.join(facts['contract']['broken'])}"
    return 0, None
