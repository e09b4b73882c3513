"""An evaluation snapshot opened: every file read once, those bytes held against their digests, and items made of them.

What is checked is what is used: a file changed with its size and time kept is seen, and nothing is read again after.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from tamis.data.parquet import UNREADABLE, one_line
from tamis.errors import GateError, InputError, TamisError
from tamis.evaluate.freeze import EVAL, FORMAT
from tamis.evaluate.items import ITEM, Item, untable
from tamis.evaluate.prompts import REQUEST, Rendered, render
from tamis.evaluate.reading import demand_gates, read_settings, read_task
from tamis.evaluate.rows import read_table
from tamis.evaluate.suite import Fewshot, Generation, Settings, Task
from tamis.runs.manifest import MANIFEST, closing
from tamis.snapshot.jcs import canonical_json
from tamis.snapshot.verify import Verified

LARGEST = 4 << 30
"""Bytes of a file that are read."""


@dataclass(frozen=True)
class FrozenTask:
    """A task of a snapshot, with its items and their requests, in the same order."""

    task: Task
    items: list[Item]
    requests: list[Rendered]
    scorer: bytes | None
    function: str | None


@dataclass(frozen=True)
class Frozen:
    """An evaluation snapshot, whole."""

    path: Path
    id: str
    name: str
    version: str
    settings: Settings
    gates: dict[str, Any]
    tasks: tuple[FrozenTask, ...]
    facts: dict[str, Any]


def is_eval(path: Path | str) -> bool:
    """Whether `path` is the folder of an evaluation snapshot."""
    return (Path(path) / EVAL).is_file()


def open_eval(path: Path | str, id: str | None = None) -> Frozen:
    """The snapshot in the folder `path`. Raises GateError where it is not what was frozen, or not the one of `id`."""
    found, frozen = _checked(Path(path), id)
    if frozen is None or not found.whole:
        said = "\n".join(f"{f.file}: {f.problem}" for f in found.findings[:5])
        more = f"\n… and {len(found.findings) - 5:,} more" if len(found.findings) > 5 else ""
        raise GateError(f"{path} is not what was frozen; nothing was run\n{said}{more}")
    return frozen


def check(path: Path | str, id: str | None = None) -> Verified:
    """What is wrong with the snapshot in the folder `path`; its records are its prompts. Raises InputError where there is none."""
    return _checked(Path(path), id)[0]


def _checked(path: Path, id: str | None) -> tuple[Verified, Frozen | None]:
    if not is_eval(path):
        raise InputError(
            f"there is no evaluation snapshot at {path}; name the folder that `tamis eval freeze -o` wrote"
        )
    found = Verified(path, "files")
    held = _read(found)
    facts = _facts(found, held)
    if id is not None and id != found.id:
        found.wrong(EVAL, f"is not that of {id}: its id is {found.id}")
    if facts is None:
        return found, None
    _agree(found, facts, held)
    if not found.whole:
        return found, None
    try:
        return found, _opened(found, facts, held)
    except (*UNREADABLE, TamisError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as wrong:
        found.wrong(EVAL, f"cannot be read as a snapshot: {one_line(wrong)}")
        return found, None


def _read(found: Verified) -> dict[str, bytes]:
    """Every plain file of the folder, by its name in it."""
    held = {}
    for root, folders, names in os.walk(found.path):
        for name in sorted([*names, *(f for f in folders if (Path(root) / f).is_symlink())]):
            place = Path(root) / name
            inside = place.relative_to(found.path).as_posix()
            if place.is_symlink() or not place.is_file():
                found.wrong(inside, "is not a plain file")
            elif place.stat().st_size > LARGEST:
                found.wrong(inside, f"has more than {LARGEST >> 30} GiB")
            else:
                held[inside] = place.read_bytes()
    return held


def _facts(found: Verified, held: dict[str, bytes]) -> dict[str, Any] | None:
    """eval.json, where it is one."""
    raw = held.get(EVAL, b"")
    found.id = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    try:
        facts = json.loads(raw)
        number, listed = facts["tamis_eval"], facts["files"]
        names = [(f["path"], f["sha256"], f["bytes"]) for f in listed]
        assert type(number) is int and isinstance(facts["name"], str) and isinstance(facts["version"], str)
        assert all(isinstance(p, str) and isinstance(d, str) and isinstance(b, int) for p, d, b in names)
        spelled = canonical_json(facts)
    except (ValueError, KeyError, TypeError, RecursionError, AssertionError):
        found.wrong(EVAL, "is not what was written: it cannot be read")
        return None
    if number > FORMAT:
        raise InputError(
            f"{found.path} was written by a newer tamis (format {number}, this one reads {FORMAT}); update tamis"
        )
    if spelled != raw:
        found.wrong(EVAL, "is not what was written: it is not in its one spelling (RFC 8785)")
    return dict(facts)


def _agree(found: Verified, facts: dict[str, Any], held: dict[str, bytes]) -> None:
    """eval.json, the manifest and the folder, by names, sizes and digests."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in held.items()}
    listed = {f["path"]: f for f in facts["files"]}
    for name, file in sorted(listed.items()):
        if name not in held:
            if not any(f.file == name for f in found.findings):
                found.wrong(name, "is missing")
        elif digests[name] != file["sha256"]:
            found.wrong(name, "is not what was written: its sha256 differs")
    for name in sorted(held.keys() - listed.keys() - {EVAL, MANIFEST}):
        found.wrong(name, "was added: eval.json does not name it")
    body = "".join(
        f"{d}  {n}\n" for n, d in sorted({**{n: f["sha256"] for n, f in listed.items()}, EVAL: digests[EVAL]}.items())
    )
    if held.get(MANIFEST, b"") != (body + closing(body)).encode():
        found.wrong(MANIFEST, "is missing" if MANIFEST not in held else "does not agree with eval.json")
    found.files = len(held)


def _opened(found: Verified, facts: dict[str, Any], held: dict[str, bytes]) -> Frozen:
    own = json.loads(held["suite.json"])
    settings = read_settings(own["settings"], "suite.json")
    if facts["settings"] != own["settings"]:
        raise ValueError("suite.json and eval.json name other settings")
    rendered: dict[str, list[dict[str, Any]]] = {}
    for row in _table(held["rendered/requests.parquet"], REQUEST).to_pylist():
        rendered.setdefault(row["task"], []).append(row)
    tasks = tuple(
        _task(found, t["name"], held, rendered.get(t["name"], []), settings.chat_template) for t in facts["tasks"]
    )
    if not tasks or len({t.task.name.lower() for t in tasks}) < len(tasks):
        raise ValueError("it names no task, or one twice")
    for task, told in zip(tasks, facts["tasks"], strict=True):
        said = {"name": task.task.name, "type": task.task.type, "items": len(task.items), "primary": task.task.primary}
        if {k: told[k] for k in said} != said or told["metrics"] != list(task.task.metrics):
            raise ValueError(f"tasks/{told['name']}.json and eval.json tell otherwise of that task")
    demand_gates(own["gates"], [t.task for t in tasks], "suite.json")
    found.records = sum(len(t.requests) for t in tasks)
    return Frozen(found.path, found.id or "", facts["name"], facts["version"], settings, own["gates"], tasks, facts)


def _task(found: Verified, name: str, held: dict[str, bytes], rows: list[dict[str, Any]], chat: bool) -> FrozenTask:
    """A task, its prompts rendered anew and held against those that were frozen."""
    task, function = _declared(json.loads(held[f"tasks/{name}.json"]))
    items = untable(_table(held[f"data/{name}.parquet"], ITEM))
    ids = [item.item_id for item in items]
    if len(set(ids)) < len(ids):
        raise ValueError(f"data/{name}.parquet has the item {next(i for i in ids if ids.count(i) > 1)!r} twice")
    drawn = held.get(f"data/{name}.fewshot.parquet")
    pool = None if drawn is None else untable(_table(drawn, ITEM))
    requests = render(task, held[f"prompts/{name}.jinja"], items, pool, chat)
    frozen = [Rendered(r["task"], r["item_id"], r["prompt"], r["continuations"]) for r in rows]
    if requests != frozen or any(r["sha256"] != q.sha256 for r, q in zip(rows, frozen, strict=True)):
        other = next((a for a, b in zip(requests, frozen, strict=False) if a != b), None)
        which = f"item {other.item_id!r} of {name}" if other else f"task {name}"
        found.wrong(
            "rendered/requests.parquet",
            f"prompts drifted: {which} is rendered otherwise than it was frozen, though no file changed; use the tamis and jinja2 "
            "it was frozen with, or freeze it anew",
        )
    return FrozenTask(task, items, requests, held.get(f"scoring/{name}.py"), function)


def _declared(told: dict[str, Any]) -> tuple[Task, str | None]:
    function = told.pop("scorer")
    few, made = told.pop("fewshot"), told.pop("generation")
    lists: dict[str, Any] = {k: tuple(told.pop(k)) for k in ("metrics", "extract", "extract_target", "normalize")}
    task = Task(
        **told,
        **lists,
        data="",
        fewshot=few and Fewshot(**{**few, "source": "" if few["source"] else None}),
        generation=made and Generation(**{**made, "stop": tuple(made["stop"])}),
    )
    _demand(task, function)
    return task, function


def _demand(task: Task, function: str | None) -> None:
    """Raises SuiteError where no suite could have said this: whoever seals a folder need not have frozen it."""
    told = task.as_dict()
    few = told["fewshot"]
    read_task(
        {
            **told,
            "data": "data",
            "prompt": "",
            "fewshot": few and {**few, "source": None},
            "scoring": function and f"scoring.py:{function}",
        },
        "tasks",
        task.name,
    )


def _table(data: bytes, schema: pa.Schema) -> pa.Table:
    return read_table(data).cast(schema)
