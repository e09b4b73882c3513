"""Texts like one sample rather than another: a linear model on hashed n-grams, trained here and applied as a stage."""

from tamis.curate.classify.model import Model
from tamis.curate.classify.stage import Classify
from tamis.curate.classify.train import train

__all__ = ["Classify", "Model", "train"]
