"""The whole walk: corpus, pairs, adapter, evaluation, judges, one page."""

from tamis.recipes.walk.course import Course, Step, course
from tamis.recipes.walk.drive import Walked, walk

__all__ = ["Course", "Step", "Walked", "course", "walk"]
