"""What a run did, on one page: HTML, Markdown or JSON, each a pure function of the run's folder."""

from tamis.report.gather import gather
from tamis.report.page import html, write
from tamis.report.plain import as_json, markdown

__all__ = ["as_json", "gather", "html", "markdown", "write"]
