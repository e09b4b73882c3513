"""What a run writes when its rows lie there: recipe, environment, contract, run.json, report, manifest."""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tamis.data.storage.address import Remote
from tamis.data.unread import told
from tamis.data.writer import FileDigest, write_bytes, write_json
from tamis.engine.drive import Drive, Result
from tamis.engine.executor import Engine
from tamis.engine.parcel import BYTES_DEPEND_ON
from tamis.ledger import DUPLICATE_ID, POISON, READING
from tamis.recipes.job import Job
from tamis.recipes.place import Place
from tamis.recipes.recipe import Recipe
from tamis.recipes.repository import commit
from tamis.recipes.same import see_unchanged
from tamis.recipes.spending import Watch
from tamis.runs import Run, seal
from tamis.runs.ending import unanswered
from tamis.runs.manifest import sha256
from tamis.stage import Derive


def finish(place: Place, job: Job, result: Result, drive: Drive, started: float, responses: Path, watch: Watch) -> None:
    """Write what is left to write: recipe, environment, run.json, report, manifest."""
    out, recipe = place.root, job.recipe
    resolved = json.dumps(recipe.resolved(), ensure_ascii=False, indent=2, sort_keys=True).encode() + b"\n"
    inputs = _inputs(job, result)  # their digests first: what is found unchanged after that is what was read
    see_unchanged(place, {*job.files, *(part.fragment.file for parts in drive.earlier.values() for part in parts)})
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
        "inputs": inputs,
        **({"derived": result.derived} if job.plan.derives else {}),
        "shapes": job.shapes,
        "damage": [f"{job.fragments[k].file.name}: {why}" for k, why in result.damage],
        "warnings": _warnings(job, result),
        "contract": contract,
        "recipe": {"sha256": written[1].sha256},
        "versions": {name: version(name) for name in BYTES_DEPEND_ON},
        "files": sorted(files, key=lambda f: str(f["path"])),
        "varies": {
            **_varies(drive.engine, started),
            **watch.facts(drive.work.root),
            "inputs": _places(place, job),
            **_repository(recipe),
            **({"folder": _legible(place.root), "responses": _legible(responses)} if job.plan.derives else {}),
            **({"steps": {str(step): said for step, said in result.varies.items()}} if result.varies else {}),
        },
    }
    write_json(out / "run.json", facts)
    # Imported here: a page brings templates, which no run needs until it is done.
    from tamis.report import write

    write(Run(out), out)
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
    unread = [_set_aside(r["rows"], r["rule"]) for r in result.books.reasons(0)]
    failed = [
        f"{stage} failed on {r['rows']:,} record{'s' * (r['rows'] > 1)}; quarantine/ has each with what was raised"
        for step, stage in enumerate((stage.label for _, stage in job.plan.steps), 1)
        for r in result.books.reasons(step)
        if r["rule"] == POISON
    ]
    waiting = [
        f"{stage.label} got no answer for {r['rows']:,} seed{'s' * (r['rows'] > 1)}: {r['rule']}; quarantine/ has each"
        for step, stage in job.plan.steps
        for r in result.books.reasons(step)
        if isinstance(stage, Derive) and unanswered(r["rule"])
    ]
    missed = [
        f"{stage.label}: {n:,} {row}{'s' * (n > 1)} of the {what} could not be read, and nothing was held against "
        f"{'it' if n == 1 else 'them'}: {told(n, facts[f'{key}_first'])}"
        for step, stage in job.plan.steps
        for facts in [result.facts.get(step, {})]
        for key, row, what in (
            ("earlier_unread", "record", "earlier corpora"),
            ("items_unread", "row", "evaluation sets"),
        )
        if (n := facts.get(key, 0))
    ]
    return [*(f"{f.name}: the file is empty" for f in job.files if not f.bytes), *unread, *missed, *failed, *waiting]


def _set_aside(rows: int, rule: str) -> str:
    records = f"{rows:,} record{'s' * (rows > 1)}"
    if rule == DUPLICATE_ID:  # it was read, and is set aside as a row: no bytes of the file are named
        has = "have" if rows > 1 else "has"
        return f"{records} {has} the id of an earlier one of the same source: {rule}; quarantine/ has file, line and the record"
    return f"{records} could not be read: {rule}; quarantine/ has file, line and byte offset"


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
        "peak_bytes": max(s.ru_maxrss for s in spent) * (1 if sys.platform == "darwin" else 1024),
        "engine": repr(engine),
        "host": platform.node(),
    }


def _places(place: Place, job: Job) -> list[dict[str, Any] | None]:
    """Where each input file lies and when it was changed, so that `explain` finds it again; None for a copy of ours."""
    paths = (_legible(file.path) for file in job.files)
    return [
        None if place.holds(file.path) else {"path": path, "modified": file.modified}
        for path, file in zip(paths, job.files, strict=True)
    ]


def _legible(path: Path | Remote) -> str:
    if isinstance(path, Remote):
        return str(path)
    return os.fsencode(path.absolute()).decode("utf-8", "backslashreplace")
