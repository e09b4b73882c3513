"""What a dataset holds, on one page that needs nothing beside it."""

from tamis.report.profile.facts import Profile
from tamis.report.profile.page import html, write

__all__ = ["Profile", "html", "write"]
