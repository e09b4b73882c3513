"""Records that are almost the same: found by MinHash, verified exactly; one of each group kept, or all in one split."""

from tamis.curate.near.near import Near
from tamis.curate.near.split import Split

__all__ = ["Near", "Split"]
