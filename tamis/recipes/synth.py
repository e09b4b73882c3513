"""A recipe that grows rows of rows: one method, and behind it the gate that collected data passes, too.

name: synth-evolve
stages:
  - decontam@1: {against: [eval/gsm8k.jsonl]}       with --against: seeds that hold an evaluation item are not asked about
  - synth.evolve@1: {model: smollm2, n: 100}
  - refusal@1: {roles: [user, assistant], min_chars: 2, max_chars: 32000}
  - language@1: {}
  - pii@1: {}
  - exact@1: {}
  - near@1: {against: [seeds.jsonl]}
  - decontam@1: {against: [eval/gsm8k.jsonl]}
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tamis.curate.synthesis.stage import Synth
from tamis.recipes.recipe import Recipe, load

SAME_KIND = {"evolve", "instruct", "rephrase"}
"""Methods that make rows of the kind of their seeds and in words of their own: those alone can be near-duplicates of a seed.
A backtranslated pair has the text of its seed for an answer, and a preference its question, as they should."""

ASKS = {"backtranslate", "evolve", "instruct"}
"""Methods that write questions, too: one may be a refusal."""

LENGTH = {"min_chars": 2, "max_chars": 32_000}

NO_GATE = "none"


def synth_recipe(
    method: str,
    params: Mapping[str, Any],
    *,
    sources: Sequence[str] = (),
    against: Sequence[str] = (),
    gate: str | None = None,
) -> Recipe:
    """The recipe that grows rows by `method` with `params`.

    sources  what the seeds are read from, for near-duplicates among them; standard input cannot be read twice
    against  evaluation sets: seeds that hold an item of one go before anyone is asked about them, for a question put in
             other words is one that no run of words finds; so do rows that hold one
    gate     a recipe whose stages stand behind the method instead of ours; "none": none does
    """
    own = load(gate) if gate not in (None, NO_GATE) else None
    base = own.base if own else Path()
    against = [_from(path, base) for path in against]
    params = {k: _from(v, base) if k in ("template", "taxonomy") and v else v for k, v in params.items()}
    decontam = [{"decontam@1": {"against": against}}] if against else []
    if own:
        behind = _stages(own)
    elif gate == NO_GATE:
        behind = []
    else:
        seeds = [_from(path, base) for path in sources if path != "-"]
        held = {"against": seeds} if seeds and method in SAME_KIND else {}
        said = {"roles": ["user", "assistant"]} if method in ASKS else {}
        behind = [
            {"refusal@1": {**said, **LENGTH}},
            {"language@1": {}},
            {"pii@1": {}},
            {"exact@1": {}},
            {"near@1": held},
        ]
    stages = [*decontam, {f"synth.{method}@1": dict(params)}, *behind, *decontam]
    return load({"name": f"synth-{method}", "stages": stages}, base)


def with_changes(recipe: Recipe, changes: Sequence[str]) -> Recipe:
    """`recipe` with `changes` as `Recipe.set` takes them, and in its text, too: what is written carries the run out again."""
    changed = recipe.set(changes)
    written = yaml.safe_load(recipe.text)
    for said, old, new in zip(written["stages"], recipe.stages, changed.stages, strict=True):
        for params in said.values():
            params.update({k: _plain(v) for k, v in new.params.items() if v != old.params[k]})
    return load(written, recipe.base)


def data_of(source: str) -> str:
    """`source`; of a run or a snapshot its data, for what lies beside that is no data."""
    place = Path(source)
    sealed = (place / "run.json").is_file() or (place / "snapshot.json").is_file()
    return str(place / "data") if sealed else source


def synth_stages(recipe: Recipe) -> list[Synth]:
    """The stages of `recipe` that ask a model."""
    return [stage for stage in recipe.stages if isinstance(stage, Synth)]


def _stages(recipe: Recipe) -> list[dict[str, Any]]:
    """The stages of `recipe` as a recipe names them."""
    listed = zip(recipe.named, recipe.stages, strict=True)
    return [{name: {k: _plain(v) for k, v in s.params.items()}} for name, s in listed]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _from(path: str, base: Path) -> str:
    """`path`, which starts where we are, as it is found from `base`."""
    return path if os.path.isabs(path) or base == Path() else os.path.relpath(path, base)
