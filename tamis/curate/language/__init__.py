"""Which language a text is in, by one of two published detectors."""

from tamis.curate.language.stage import Language

__all__ = ["Language"]
