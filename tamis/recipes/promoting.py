"""A registered model approved, by a report that passed: of this very model, and of every item."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from tamis.errors import GateError, UsageError
from tamis.evaluate.gates import IDS, Gate, Gates
from tamis.evaluate.results import REPORT, read_report
from tamis.models.weights import IDENTITY, digest_of
from tamis.recipes.evaluating import again, judged
from tamis.runs.manifest import sha256
from tamis.snapshot.jcs import canonical_json
from tamis.snapshot.models import mark, model
from tamis.snapshot.store import Store


def promote(store: Store, name: str, run: Path, now: datetime | None = None) -> dict[str, Any]:
    """Mark the model `name` as approved by the report in `run`, a folder of `tamis eval run`.

    Raises GateError where the report did not pass or is of something else, InputError where there is no such model or report.
    """
    known, facts = model(store, name), read_report(run)
    if why := [*reasons(known, facts), *_otherwise(run, facts), *_swapped(store, known)]:
        raise GateError(f"{name} is not promoted by {run / REPORT}: " + "; ".join(why))
    evaluated = {
        "report": f"sha256:{sha256(run / REPORT)}",
        "snapshot": facts["snapshot"],
        "suite": f"{facts['suite']['name']} {facts['suite']['version']}",
        "gates": len(facts["gates"]),
        "at": (now or datetime.now(UTC)).isoformat(timespec="seconds"),
    }
    return mark(store, name, {"stage": "approved", "evaluated": evaluated})


def demote(store: Store, name: str, why: str) -> dict[str, Any]:
    """Take the approval of the model `name` back. Raises InputError, UsageError where it has none."""
    if model(store, name).get("stage") != "approved":
        raise UsageError(f"{name} is not approved; there is nothing to take back")
    return mark(store, name, {"stage": "withdrawn", "evaluated": None, "why": why})


def reasons(known: Mapping[str, Any], facts: Mapping[str, Any]) -> list[str]:
    """Why the report `facts` does not speak for the registered model `known`; none: it does."""
    why = []
    if facts["passed"] is None:
        why.append("it has no gate, so nothing was asked of the model; name --gates")
    elif not facts["passed"]:
        failed = [
            f"{gate['gate']} of {gate['task'] or 'the run'}" for gate in facts["gates"] if gate["state"] != "passed"
        ]
        why.append(
            f"{len(failed)} of {len(facts['gates'])} gates that the run was held against did not pass ({', '.join(failed[:3])})"
        )
    if facts["given"]["limit"] is not None or facts["given"]["only"] is not None:
        why.append("it is of a part of the items (--limit, --task)")
    if not known.get("files"):
        why.append(f"{known['name']} was registered without its files; register it with --path --replace")
    elif not _same(known["files"], facts["model"]):
        why.append(f"it is of another model, {facts['model'].get('name')}: the digests of its files differ")
    trained = facts["training"]
    if trained and trained.get("snapshot") not in [t["snapshot"] for t in known["trained_on"]]:
        why.append(f"it was held against {trained.get('ref')}, which {known['name']} was not trained on")
    return why


def _otherwise(run: Path, facts: Mapping[str, Any]) -> list[str]:
    """Where the tables of `run` tell otherwise than its report. What was lost against a baseline cannot be told from them."""
    results, held = again(run)
    told = {_gate(g): g["state"] for g in facts["gates"] if g["gate"] != BASELINE}
    asked = tuple(Gate(*key) for key in told if key[0] in IDS or not isinstance(key[1], str))
    confidence = facts["given"]["gates_confidence"] or facts["confidence"]
    found = judged(results, held._replace(gates=Gates(asked, confidence)), facts["confidence"])
    why = []
    if canonical_json(_numbers(found)) != canonical_json(_numbers(facts)):
        why.append("the scores in it are not those of its tables")
    other = [g["gate"] for g in found["gates"] if g["gate"] != BASELINE and told.get(_gate(g)) != g["state"]]
    passed = all(g["state"] == "passed" for g in facts["gates"]) if facts["gates"] else None
    if other or facts["passed"] != passed:
        why.append(f"what it says of its gates is not what its tables come to ({', '.join(other[:3]) or 'passed'})")
    return [f"{one}: it is not what `tamis eval run` wrote; run it again" for one in why]


BASELINE = "max_regression"


def _gate(told: Mapping[str, Any]) -> tuple[Any, ...]:
    return told["gate"], told["limit"], told["task"], told["metric"], told["on"]


def _numbers(facts: Mapping[str, Any]) -> list[Any]:
    return [[task["name"], task["counts"], task["numbers"]] for task in facts["tasks"]]


def _swapped(store: Store, known: Mapping[str, Any]) -> list[str]:
    """The files that a model is made of, where they still lie where they were registered."""
    if "path" not in known or not known.get("files"):
        return []
    place = store.place(known["path"])
    folder = place if place.is_dir() else place.parent
    patterns = {pattern for own in IDENTITY.values() for pattern in own}
    other = [
        f["path"]
        for f in known["files"]
        if any(fnmatch(f["path"], p) for p in patterns) and (folder / f["path"]).is_file()
        if sha256(folder / f["path"]) != f["sha256"]
    ]
    where = f"{folder / other[0]} is not the file that was registered: its sha256 differs; put it back" if other else ""
    return [f"{where}, or register the model anew, --replace"] if other else []


def _same(files: list[dict[str, Any]], told: Mapping[str, Any]) -> bool:
    """Whether the model that answered is made of `files`: its adapter where it has one, else its own weights."""
    kind = "adapter" if "adapter" in told else "weights"
    patterns = IDENTITY[kind]
    own = {
        f["path"]: f["sha256"] for f in files if any(fnmatch(f["path"], p) and "/" not in f["path"] for p in patterns)
    }
    return bool(own) and told.get(kind) == f"sha256:{digest_of(own)}"
