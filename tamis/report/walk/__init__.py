"""The page of a whole walk."""

from tamis.report.walk.page import html, page

__all__ = ["html", "page"]
