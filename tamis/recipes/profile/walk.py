"""The one walk over the data: a run of a recipe made for it, whose folder is read and then thrown away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from tamis.curate.exact import Exact
from tamis.curate.language import Language
from tamis.curate.near import Near
from tamis.curate.profanity import Profanity
from tamis.data import find, recognise, spool
from tamis.errors import ExtraMissing
from tamis.recipes.job import is_frame, listed
from tamis.recipes.profile.look import Look, Seen, Together
from tamis.recipes.profile.size import bytes_in, records_in
from tamis.recipes.recipe import Recipe
from tamis.recipes.run import run
from tamis.report.profile.facts import Missing
from tamis.runs import Run
from tamis.schemas import kind
from tamis.stage import Stage

NEAR_BYTES = 16 << 30
"""Bytes of input up to which near-duplicates are looked for among all records.

Beyond, a draw bounds what is exchanged on disk, a few hundred bytes a record. It saves little time: all are still read.
"""

SPARE = 1.5
"""More are drawn than are wanted, since how many records there are is not known before they are read."""

OnProgress = Callable[[Any], None]


@dataclass(frozen=True)
class Walk:
    """A run of the recipe, and what was left out of it. `near_rate`: share of the records held against each other."""

    run: Run
    near_rate: float
    missing: tuple[Missing, ...]

    @cached_property
    def step_of(self) -> dict[str, int]:
        """Steps by the name of their stage."""
        return {step["stage"].partition("@")[0]: step["step"] for step in self.run.steps}

    def reasons(self, stage: str) -> list[dict[str, Any]]:
        """Why records left a step."""
        found: list[dict[str, Any]] = self.run.steps[self.step_of[stage]]["reasons"]
        return found

    def dropped(self, stage: str) -> int:
        """Records that left at a step."""
        return int(self.run.steps[self.step_of[stage]]["rows"]["dropped"])


def walk(
    input: Any, scratch: Path, sample: int, workers: int | None, near_bytes: int, on_progress: OnProgress | None
) -> Walk:
    """Carry it out in `scratch`. `sample`: records whose texts are to be kept. Raises what `run` raises."""
    scratch.mkdir(parents=True, exist_ok=True)
    files = spool(input, scratch) if is_frame(input) else find(listed(input), scratch)
    # Standard input is read once: what is left of it is the copy.
    paths = (
        [scratch / "table"] if is_frame(input) else [scratch / "stdin" if str(p) == "-" else p for p in listed(input)]
    )
    near_rate = min(1.0, near_bytes / max(1.0, bytes_in(files)))
    rate = min(1.0, (SPARE * sample + 50) / max(1.0, records_in(files)))
    of = kind(recognise(files).kind)
    single = of.texts == ("text",)
    stages: list[Stage] = [Look(rate, () if single else of.texts)]
    missing: list[Missing] = []
    try:
        language = Language()
        language.stands_on  # noqa: B018  asks whether it is installed
        stages += [language, Profanity(languages=("*",), by="language", action="flag")]
    except ExtraMissing as absent:
        missing.append(Missing("languages", str(absent)))
        stages.append(Profanity(action="flag"))
    stages += [Exact(), *([Together(near_rate)] if near_rate < 1 else []), Near(), Seen()]
    named = tuple(stage.label for stage in stages)
    recipe = Recipe(name="profile", stages=tuple(stages), named=named, text="# tamis profile\n")
    done = run(recipe, paths, scratch / "run", workers=workers, on_progress=on_progress)
    # What the walk is done with is room for what follows.
    pa.default_memory_pool().release_unused()
    return Walk(done, near_rate, tuple(missing))
