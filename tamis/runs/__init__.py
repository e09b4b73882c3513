"""A finished run on disk: what it holds, whether it is whole, and what it says of a record."""

from tamis.runs.explain import Life, explain
from tamis.runs.folder import Run, open_run
from tamis.runs.seal import seal
from tamis.runs.verify import Finding, verify

__all__ = ["Finding", "Life", "Run", "explain", "open_run", "seal", "verify"]
