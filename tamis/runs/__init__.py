"""A finished run on disk: what it holds, whether it is whole, and what it says of a record."""

from tamis.runs.folder import Run, open_run
from tamis.runs.integrity import Finding, read_whole, verify
from tamis.runs.life import Life, explain
from tamis.runs.manifest import seal

__all__ = ["Finding", "Life", "Run", "explain", "open_run", "read_whole", "seal", "verify"]
