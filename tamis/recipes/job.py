"""A recipe and its input, checked before a row moves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tamis.data import Fragment, InputFile, Reading, find, fragments, recognise, spool
from tamis.data.storage import Remote, beside, put_file
from tamis.engine.plan import Plan, follow, plan
from tamis.errors import UsageError
from tamis.recipes.budget import PARTITION
from tamis.recipes.recipe import Recipe
from tamis.schemas import Kind, kind
from tamis.stage import Derive, Stage

TASKS = 1000
"""A smaller partition than PARTITION is taken as larger where it would make more tasks than this: each costs 10–20 ms."""


@dataclass(frozen=True)
class Job:
    """A recipe and its input, checked: all that can be known before a row moves."""

    recipe: Recipe
    plan: Plan
    files: tuple[InputFile, ...]
    fragments: tuple[Fragment, ...]
    reading: Reading
    shapes: dict[str, int]

    def sent(self, work: Path, far: Remote) -> Job:
        """The job with copies of ours, which lie in the folder `work`, put where other nodes see them."""
        places: dict[Path | Remote, Path | Remote] = {
            file.path: far / "input" / file.path.name
            for file in self.files
            if isinstance(file.path, Path) and work in file.path.parents
        }
        for path in places:
            if isinstance(path, Path):
                put_file(far / "input" / path.name, path)
        files = tuple(file._replace(path=places.get(file.path, file.path)) for file in self.files)
        cut = (f._replace(file=f.file._replace(path=places.get(f.file.path, f.file.path))) for f in self.fragments)
        return replace(self, files=files, fragments=tuple(cut))

    def identity(self) -> dict[str, Any]:
        """What a resume must have in common with the run it goes on with."""
        files = [[f.name, f.bytes, f.modified] for f in self.files]
        return {
            "tamis": version("tamis"),
            "recipe": self.recipe.resolved(),
            "kind": self.plan.kind.name,
            "inputs": files,
            **{
                f"{name} of step {step} ({stage.label})": value
                for step, stage in self.plan.steps
                for name, value in stage.stands_on.items()
            },
        }


def prepare(recipe: Recipe, input: Any, scratch: Path, partition_size: int = PARTITION) -> Job:
    """Find the input, recognise its kind and follow the columns through the recipe. Raises what `run` raises."""
    input = paths_of(recipe, input)
    files = tuple(spool(input, scratch) if is_frame(input) else find(listed(input), scratch))
    spec = recipe.input
    seen = recognise(files, spec.kind, spec.fields)
    of = kind(_of_nothing(recipe) if not seen.shapes and spec.kind is None else seen.kind)
    reading = Reading(
        kind=of.name, fields=spec.fields, source=spec.source, license=spec.license, max_record=spec.max_record
    )
    size = max(partition_size, min(PARTITION, sum(file.bytes for file in files) // TASKS))
    cut = tuple(fragment for file in files for fragment in fragments(file, size))
    return Job(
        recipe,
        plan([*recipe.stages, *_promised(recipe, of)], of),
        files,
        cut,
        reading,
        dict(seen.shapes),
    )


def paths_of(recipe: Recipe, input: Any) -> Any:
    """What is read: `input`, or the paths that the recipe names. Raises UsageError where neither says."""
    if (input is None and not recipe.input.paths) or (isinstance(input, (list, tuple)) and not input):
        raise UsageError("what should be read? name paths with -i, or under input: in the recipe")
    if input is not None:
        return input
    return [path if path == "-" else beside(recipe.base, path) for path in recipe.input.paths]


def _of_nothing(recipe: Recipe) -> str:
    """The kind of rows of which there are none: one that the first deriving stage takes, as it is asked about none."""
    taken = next((stage.takes for stage in recipe.stages if isinstance(stage, Derive)), ("document",))
    return "document" if "document" in taken else taken[0]


def _promised(recipe: Recipe, of: Kind) -> list[Stage]:
    """The step that sets aside rows the contract of `recipe` wants set aside, if it does."""
    if recipe.contract is None:
        return []
    from tamis.contracts.gate import promise

    step = promise(recipe.base / recipe.contract, follow(recipe.stages, of.schema))
    return [step] if step else []


def listed(input: Any) -> list[Any]:
    """A path as a list of one; several as they are."""
    return [input] if isinstance(input, (str, Path, Remote)) else list(input)


def is_frame(input: Any) -> bool:
    """True for tables and datasets, False for paths."""
    if isinstance(input, (str, Path, Remote)):
        return False
    return not (isinstance(input, (list, tuple)) and all(isinstance(path, (str, Path, Remote)) for path in input))
