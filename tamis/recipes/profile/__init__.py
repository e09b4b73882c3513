"""What a dataset holds, before anything is decided: nothing is dropped for its quality, and everything is measured."""

from tamis.recipes.profile.tell import profile
from tamis.report.profile import Profile

__all__ = ["Profile", "profile"]
