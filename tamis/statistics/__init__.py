"""Numbers with error bars: means of rows that hang together, shares, differences of two, and what a sample can show."""

from tamis.statistics.estimate import Estimate, Means, around, clustered_mean, clustered_ratio, share
from tamis.statistics.paired import Paired, holm, mcnemar, paired
from tamis.statistics.power import detectable, needed

__all__ = [
    "Estimate",
    "Means",
    "Paired",
    "around",
    "clustered_mean",
    "clustered_ratio",
    "detectable",
    "holm",
    "mcnemar",
    "needed",
    "paired",
    "share",
]
