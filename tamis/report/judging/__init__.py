"""The page of a sitting of judges."""

from tamis.report.judging.page import html, page

__all__ = ["html", "page"]
