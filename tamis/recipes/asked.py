"""What a stage would decide about data that stays as it is: how a contract measures with stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.recipes.catalog import make
from tamis.recipes.recipe import InputSpec, Recipe
from tamis.recipes.run import run


class Decided(NamedTuple):
    """Rows that a stage drops, sets aside or edits.

    files   path of each file and the records read of it; None: a table
    rows    path of a file, and numbers of its rows from 0, ascending
    unread  records that could not be read, and so were not asked about
    """

    files: list[tuple[str | None, int]]
    rows: list[tuple[str | None, np.ndarray]]
    unread: int


def decided(stage: str, params: Mapping[str, Any], source: Any, column: str | None, base: Path) -> Decided:
    """Ask `stage` about every row of `source` (paths or a frame), in a run that is thrown away.

    column  the text it looks at; None: the texts of the kind that the rows are recognised as
    base    folder that paths among `params` start at
    """
    # A row without an id of its own has one by its place; equal ids would set rows aside before the stage sees them.
    fields: dict[str, Any] = {"id": None} | ({"text": column} if column else {})
    spec = InputSpec(kind="document" if column else None, fields=fields)
    recipe = Recipe("asked", (make(stage, base, **params),), spec, base=base, named=(stage,))
    with TemporaryDirectory(prefix="tamis-check-") as folder:
        done = run(recipe, source, Path(folder) / "run", engine="local")
        places = done.facts["varies"]["inputs"]
        files = [
            (place["path"] if place else None, listed["rows"])
            for place, listed in zip(places, done.facts["inputs"], strict=True)
        ]
        verdicts = done.verdicts(["record_id", "step"])
        gone = verdicts.filter(pc.equal(verdicts.column("step"), 1)).column("record_id")
        hit = pc.is_in(done.fates().column("record_id").cast(pa.binary()), value_set=pc.unique(gone.cast(pa.binary())))
        numbers = np.flatnonzero(hit.to_numpy())
        return Decided(files, _apart(files, numbers), done.steps[0]["rows"]["quarantined"])


def _apart(files: Sequence[tuple[str | None, int]], numbers: np.ndarray) -> list[tuple[str | None, np.ndarray]]:
    """`numbers` over all files as numbers in each."""
    found, first = [], 0
    for path, rows in files:
        here = numbers[(numbers >= first) & (numbers < first + rows)]
        found.append((path, here - first))
        first += rows
    return found
