"""YAML in, a run out."""

from tamis.recipes.catalog import STAGES, make
from tamis.recipes.load import Recipe, load
from tamis.recipes.run import run

__all__ = ["STAGES", "Recipe", "load", "make", "run"]
