"""Boilerplate: lines, paragraphs and windows of words that many records share."""

from tamis.curate.spans.stage import Spans

__all__ = ["Spans"]
