"""Samples: so many records or tokens, in a mix that is asked for, the same on every machine."""

from tamis.curate.sample.stage import Sample

__all__ = ["Sample"]
