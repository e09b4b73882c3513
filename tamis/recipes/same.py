"""Whether input and recipe are still what a run was begun with: when it ends, and when it is asked for again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tamis.data import find
from tamis.data.inputs import InputFile, changed
from tamis.errors import InputError, UsageError
from tamis.recipes.job import is_frame, listed, paths_of
from tamis.recipes.place import Place
from tamis.recipes.recipe import Recipe


def see_unchanged(place: Place, files: Iterable[InputFile]) -> None:
    """Raises InputError where a file that was read is not what it was when it was found; copies of ours are not looked at."""
    if names := changed(file for file in files if not place.holds(file.path)):
        more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
        raise InputError(
            f"{names[0]}{more} changed while the run read it, so that no one can say what is in this run; remove {place.named}, "
            "and run again when nobody writes to the input"
        )


def see_same(place: Place, done: dict[str, Any], wanted: Recipe, input: Any) -> None:
    """Raises UsageError where the finished run at `place`, of the facts `done`, is of another recipe or other files.

    Files are held against it by name and size. What comes as a stream or a table is not there to be looked at again.
    """
    differs = []
    if json.loads((place.named / "recipe.resolved.json").read_bytes()) != json.loads(json.dumps(wanted.resolved())):
        differs.append("recipe")
    paths = paths_of(wanted, input)
    if not is_frame(paths) and not any(str(path) == "-" for path in listed(paths)):
        found = sorted((file.name, file.bytes) for file in find(listed(paths)))
        if found != sorted((file["file"], file["bytes"]) for file in done["inputs"]):
            differs.append("input")
    if differs:
        raise UsageError(
            f"the run at {place.named} is finished, and is of another {' and '.join(differs)}; name another folder with -o, or "
            "remove it"
        )
