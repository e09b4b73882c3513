"""tamis sieves datasets for language models and keeps the receipts.

import tamis

run = tamis.run("recipe.yaml", "data/*.jsonl", "runs/first")
print(run.rows)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tamis.errors import TamisError
    from tamis.recipes.catalog import make
    from tamis.recipes.recipe import load
    from tamis.recipes.replay import replay
    from tamis.recipes.retold import explain
    from tamis.recipes.run import run
    from tamis.runs.folder import Run, open_run
    from tamis.runs.integrity import verify
    from tamis.stage import Corpus, Rule, Stage

_HOME = {
    "Corpus": "tamis.stage",
    "Rule": "tamis.stage",
    "Run": "tamis.runs.folder",
    "Stage": "tamis.stage",
    "TamisError": "tamis.errors",
    "explain": "tamis.recipes.retold",
    "load": "tamis.recipes.recipe",
    "make": "tamis.recipes.catalog",
    "open_run": "tamis.runs.folder",
    "replay": "tamis.recipes.replay",
    "run": "tamis.recipes.run",
    "verify": "tamis.runs.integrity",
}

__all__ = [
    "Corpus",
    "Rule",
    "Run",
    "Stage",
    "TamisError",
    "explain",
    "load",
    "make",
    "open_run",
    "replay",
    "run",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: `import tamis` itself stays light."""
    if name not in _HOME:
        raise AttributeError(f"module 'tamis' has no attribute {name!r}")
    found = getattr(import_module(_HOME[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
