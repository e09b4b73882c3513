"""A finished run on disk: what it holds, whether it is whole, and what it says of a record."""

from tamis.runs.folder import Run, open_run
from tamis.runs.integrity import Finding, read_whole, verify
from tamis.runs.life import Life, life
from tamis.runs.manifest import seal
from tamis.runs.records import Records

__all__ = ["Finding", "Life", "Records", "Run", "life", "open_run", "read_whole", "seal", "verify"]
