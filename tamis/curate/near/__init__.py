"""Records that are almost the same: found by MinHash, verified exactly, grouped, and one of each group kept."""

from tamis.curate.near.near import Near

__all__ = ["Near"]
