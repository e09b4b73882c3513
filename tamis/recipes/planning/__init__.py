"""What a recipe would take, tried on a sample, and held against what it took."""

from tamis.recipes.planning.compare import compare
from tamis.recipes.planning.estimate import Asked, estimate
from tamis.recipes.planning.money import Prices

__all__ = ["Asked", "Prices", "compare", "estimate"]
