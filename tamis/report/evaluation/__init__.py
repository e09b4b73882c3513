"""The page of an evaluation."""

from tamis.report.evaluation.page import html, page

__all__ = ["html", "page"]
