"""decontam: evaluation items that stand in the training data, found and taken out."""

from tamis.curate.decontam.scan import Scan, scan
from tamis.curate.decontam.stage import Decontam

__all__ = ["Decontam", "Scan", "scan"]
