"""A suite frozen: items, prompts as they are sent, templates, scoring code and settings under one id.

SNAP/eval.json                what it is; its sha256 is the id
SNAP/MANIFEST.sha256          every file, as `sha256sum -c` reads it
SNAP/suite.json               settings and gates
SNAP/tasks/sums.json          a task, declared
SNAP/data/sums.parquet        its items; data/sums.fewshot.parquet what examples are drawn from
SNAP/prompts/sums.jinja       its template
SNAP/scoring/sums.py          its own scorer, where it has one
SNAP/rendered/requests.parquet   every request, rendered
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from tamis.data.writer import write_bytes, write_parquet
from tamis.errors import InputError, OutputError
from tamis.evaluate.items import ITEM, Item, items_of, table
from tamis.evaluate.prompts import REQUEST, Rendered, render, request_table, template_bytes
from tamis.evaluate.reading import load
from tamis.evaluate.rows import file_rows
from tamis.evaluate.suite import Suite, SuiteError, Task
from tamis.runs.manifest import MANIFEST, files, seal, sha256
from tamis.snapshot.jcs import canonical_json

EVAL = "eval.json"

FORMAT = 1
"""Of an evaluation snapshot. A reader knows its own and those before."""


class FrozenEval(NamedTuple):
    """What was frozen."""

    path: Path
    id: str
    name: str
    items: dict[str, int]


class _Made(NamedTuple):
    task: Task
    items: list[Item]
    requests: list[Rendered]
    template: bytes


def freeze(suite: Suite | Path | str, output: Path | str) -> FrozenEval:
    """Freeze `suite` (or the file of one) into the new folder `output`. Raises InputError, SuiteError and OutputError."""
    suite = suite if isinstance(suite, Suite) else load(suite)
    output = Path(output)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise OutputError(f"{output} is there already; name a new folder")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    except OSError as wrong:
        raise OutputError(f"{output} cannot be made: {wrong.strerror}") from None
    try:
        facts = _write(suite, work)
        work.chmod(0o755)
        if output.is_dir():
            output.rmdir()
        os.replace(work, output)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    id = f"sha256:{sha256(output / EVAL)}"
    return FrozenEval(output, id, suite.name, {t["name"]: t["items"] for t in facts["tasks"]})


def _write(suite: Suite, folder: Path) -> dict[str, Any]:
    for name in ("tasks", "data", "prompts", "rendered"):
        (folder / name).mkdir()
    tasks, requests = [], []
    for task in suite.tasks:
        made = _made(task, suite, folder)
        requests += made.requests
        write_parquet(folder / f"data/{task.name}.parquet", [table(made.items)], ITEM)
        write_bytes(folder / f"prompts/{task.name}.jinja", made.template)
        told = task.as_dict()
        for outside in ("data", "prompt", "scoring"):  # where they were; what they held lies in the snapshot
            told.pop(outside)
        told["fewshot"] = task.fewshot and {**told["fewshot"], "source": bool(task.fewshot.source)}
        told["scorer"] = task.scoring.rpartition(":")[2] if task.scoring else None
        write_bytes(folder / f"tasks/{task.name}.json", canonical_json(told))
        tasks.append(_listed(task, made.items))
    write_parquet(folder / "rendered/requests.parquet", [request_table(requests)], REQUEST)
    own = {"settings": suite.settings.as_dict(), "gates": dict(suite.gates)}
    try:
        write_bytes(folder / "suite.json", canonical_json(own))
    except ValueError as wrong:
        raise SuiteError(str(wrong), suite.path, "gates") from None
    listed: list[dict[str, Any]] = [
        {"path": name, "bytes": path.stat().st_size, "sha256": sha256(path)}
        for name, path in sorted((p.relative_to(folder).as_posix(), p) for p in files(folder))
    ]
    facts = {
        "tamis_eval": FORMAT,
        "name": suite.name,
        "version": suite.version,
        "tasks": tasks,
        "settings": suite.settings.as_dict(),
        "requests": len(requests),
        "files": listed,
    }
    write_bytes(folder / EVAL, canonical_json(facts))
    seal(folder, {f["path"]: f["sha256"] for f in listed})
    return facts


def _made(task: Task, suite: Suite, folder: Path) -> _Made:
    """The items and requests of a task; its pool of examples and its scorer are written."""
    beside = suite.path.parent
    items = items_of(file_rows(beside / task.data), task, task.data)
    pool = None
    if task.fewshot and task.fewshot.source:
        pool = items_of(file_rows(beside / task.fewshot.source), task, task.fewshot.source)
        write_parquet(folder / f"data/{task.name}.fewshot.parquet", [table(pool)], ITEM)
    if task.scoring:
        code = beside / task.scoring.rpartition(":")[0]
        try:
            source = code.read_bytes()
            compile(source, code.name, "exec")
        except OSError as gone:
            raise InputError(f"the scorer {code} cannot be read: {gone.strerror}") from None
        except (SyntaxError, ValueError) as wrong:
            raise SuiteError(f"the scorer {code.name} is no Python: {wrong}", beside, task.name) from None
        (folder / "scoring").mkdir(exist_ok=True)
        write_bytes(folder / f"scoring/{task.name}.py", source)
    template = template_bytes(task, beside)
    requests = render(task, template, items, pool, suite.settings.chat_template)
    return _Made(task, items, requests, template)


def _listed(task: Task, items: list[Item]) -> dict[str, Any]:
    clusters = len({item.cluster for item in items if item.cluster is not None})
    alone = sum(item.cluster is None for item in items)
    return {
        "name": task.name,
        "type": task.type,
        "items": len(items),
        "clusters": clusters + alone,
        "metrics": list(task.metrics),
        "primary": task.primary,
    }


__all__ = ["EVAL", "FORMAT", "MANIFEST", "FrozenEval", "freeze"]
