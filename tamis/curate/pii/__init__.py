"""Private data: found by Presidio's recognisers and our own, behind gates that make it cheap."""

from tamis.curate.pii.detector import ENTITIES, Detector
from tamis.curate.pii.findings import FAILURES, FINDINGS, Findings
from tamis.curate.pii.stage import Pii

__all__ = ["ENTITIES", "FAILURES", "FINDINGS", "Detector", "Findings", "Pii"]
