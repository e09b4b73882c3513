"""What a run did, on one page: a pure function of its folder. The pages of snapshots are in `sheet` and `comparison`."""

from tamis.report.gather import gather
from tamis.report.page import html, write
from tamis.report.plain import as_json, markdown

__all__ = ["as_json", "gather", "html", "markdown", "write"]
