"""What a run did, what a snapshot is, what two differ in: each on one page, a pure function of their folders."""

from tamis.report.comparison import comparison_page
from tamis.report.gather import gather
from tamis.report.page import html, write
from tamis.report.plain import as_json, markdown
from tamis.report.sheet import snapshot_page

__all__ = ["as_json", "comparison_page", "gather", "html", "markdown", "snapshot_page", "write"]
