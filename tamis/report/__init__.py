"""What a run did, on one page: HTML, Markdown or JSON, each a pure function of the run's folder."""

from tamis.report.page import write

__all__ = ["write"]
