"""A task of lm-eval (YAML, on data that are here) as a suite: its templates are filled in now, its metrics and filters translated.

What would need its Python (`!function`), a download or a format that is none of ours is refused by name: nothing is guessed at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tamis.data.writer import write_bytes
from tamis.errors import InputError, OutputError
from tamis.evaluate.lm_task import Function, LmTask, plain


def import_task(
    path: Path, output: Path, data: Mapping[str, Path] | None = None, num_fewshot: int | None = None
) -> dict[str, Any]:
    """Write the suite of the task in `path` to the new folder `output`; return its entry.

    data  split → file, where the task names none that is here
    """
    found = _read(path)
    task = LmTask(path, found, dict(data or {}), num_fewshot)
    entries, tables = task.translated()
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise OutputError(f"{output} is there already; name a new folder")
    output.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        write_bytes(output / name, lines.encode("utf-8", "surrogatepass"))
    suite = {"name": plain(str(found.get("task") or path.stem)), "tasks": entries}
    text = yaml.safe_dump(suite, sort_keys=False, allow_unicode=True, width=120)
    write_bytes(output / "suite.yaml", text.encode())
    return suite


class _Loader(yaml.SafeLoader):
    """YAML in which `!function` is a name and nothing is run."""


_Loader.add_constructor("!function", lambda loader, node: Function(loader.construct_scalar(node)))  # type: ignore[arg-type]


def _read(path: Path, depth: int = 0) -> dict[str, Any]:
    """The task's keys, those of what it includes below its own."""
    if depth > 8:
        raise InputError(f"{path} is included by what it includes")
    try:
        found = yaml.load(path.read_text("utf-8"), _Loader)
    except OSError as gone:
        raise InputError(f"{path} cannot be read: {gone.strerror}; name a task of lm-eval (YAML)") from None
    except (yaml.YAMLError, ValueError, RecursionError) as wrong:
        raise InputError(f"{path} is no YAML: {str(wrong).splitlines()[0]}") from None
    if not isinstance(found, dict):
        raise InputError(f"{path} holds a {type(found).__name__}; a task of lm-eval (a mapping) was wanted")
    below: dict[str, Any] = {}
    included = found.pop("include", None) or []
    for name in [included] if isinstance(included, str) else included:
        below |= _read(path.parent / str(name), depth + 1)
    return below | found
