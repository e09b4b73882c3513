"""Models that were trained on snapshots, as their store knows them.

.tamis/models/docs-lora.json
    {"name": "docs-lora", "registered": "2026-11-02T10:00:00+00:00",
     "trained_on": [{"snapshot": "sha256:…", "ref": "docs@1.2.0", "root": "…", "split": "train"}],
     "path": "adapters/docs-lora", "digest": "sha256:…", "files": [{"path": "adapter.safetensors", "bytes": 1, "sha256": "…"}]}
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tamis.errors import InputError, UsageError
from tamis.runs.manifest import sha256
from tamis.snapshot.folder import Snapshot, open_snapshot
from tamis.snapshot.jcs import canonical_json
from tamis.snapshot.names import checked, told
from tamis.snapshot.store import Store


def add_model(
    store: Store,
    name: str,
    trained_on: Sequence[str],
    path: Path | str | None = None,
    *,
    note: str | None = None,
    replace: bool = False,
) -> dict[str, Any]:
    """Register the model `name`, trained on the snapshots `trained_on` (a reference, `#split` after it for one split).

    path  its folder or file, as an adapter; its files are hashed, so that it can be told later which one it was

    Raises UsageError where the name is taken (unless `replace`), InputError where a snapshot or the path is not there.
    """
    import hashlib

    checked(name)
    if not trained_on:
        raise UsageError(f"what was {name} trained on? name a snapshot: --trained-on docs@1.0.0")
    facts: dict[str, Any] = {
        "tamis_model": 1,
        "name": name,
        "registered": datetime.now(UTC).isoformat(timespec="seconds"),
        "trained_on": [_trained(store, ref) for ref in trained_on],
    }
    if note:
        facts["note"] = told(note)
    if path is not None:
        files = _files(Path(path))
        facts |= {"path": store.placed(Path(path)), "files": files}
        facts["digest"] = f"sha256:{hashlib.sha256(canonical_json(files)).hexdigest()}"
    with store.work() as work, store.lock():
        if not replace and any(m["name"] == name for m in store.models()):
            raise UsageError(f"there is a model {name} already; take another name, or --replace it")
        work.commit([store.write(work, "models", name, facts)])
    return facts


def model(store: Store, name: str) -> dict[str, Any]:
    """The model `name`. Raises InputError."""
    known = {m["name"]: m for m in store.models()}
    if name not in known:
        raise InputError(f"the store at {store.root} has no model {name!r}; it has {', '.join(known) or 'none'}")
    return known[name]


def mark(store: Store, name: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Keep `facts` with the model `name`, in place of what they name; what it is and was trained on stays. Raises InputError."""
    with store.work() as work, store.lock():
        known = model(store, name)
        found = {**known, **{key: value for key, value in facts.items() if key not in _OWN}}
        work.commit([store.write(work, "models", name, found)])
    return found


_OWN = ("tamis_model", "name", "registered", "trained_on", "path", "files", "digest")
"""What `add_model` wrote: a model of other files, or of other data, is another model."""


def uses(facts: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Snapshot ids that a model was trained on, each with the split, None where it was all of it."""
    return [(t["snapshot"], t.get("split")) for t in facts["trained_on"]]


def _trained(store: Store, ref: str) -> dict[str, Any]:
    named, _, split = ref.partition("#")
    snapshot = _open(store, named)
    if split and split not in snapshot.splits:
        raise InputError(f"{snapshot.ref} has no split {split!r}; it has {', '.join(snapshot.splits)}")
    found = {"snapshot": snapshot.id, "ref": snapshot.ref, "root": snapshot.facts["content"]["root"]}
    return {**found, "split": split} if split else found


def _open(store: Store, ref: str) -> Snapshot:
    """By its place, or by its name in `store`."""
    snapshot = open_snapshot(ref, store.root)
    if store.entry(snapshot.id) is None:
        raise InputError(f"{snapshot.path} is of another store than {store.root}; name that one with --store")
    return snapshot


def _files(path: Path) -> list[dict[str, Any]]:
    if path.is_file():
        found = [path]
    elif path.is_dir():
        found = sorted(Path(folder) / name for folder, _, names in os.walk(path) for name in names)
    else:
        raise InputError(f"there is no model at {path}; name its folder or file with --path, or leave that out")
    base = path if path.is_dir() else path.parent
    return [
        {"path": _spelled(p.relative_to(base)), "bytes": p.stat().st_size, "sha256": sha256(p)}
        for p in found
        if p.is_file()
    ]


def _spelled(path: Path) -> str:
    """As JSON can hold it: bytes of a name that are no UTF-8 as \\xff."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")
