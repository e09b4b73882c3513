"""Profanity: listed words, and what a model says where one is asked."""

from tamis.curate.profanity.scorers import Scorer
from tamis.curate.profanity.stage import Profanity

__all__ = ["Profanity", "Scorer"]
