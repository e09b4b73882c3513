"""YAML in, a run out."""

from tamis.recipes.catalog import STAGES, make
from tamis.recipes.recipe import Recipe

__all__ = ["STAGES", "Recipe", "make"]
