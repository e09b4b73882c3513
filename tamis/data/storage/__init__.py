"""Places that are named by a URI: s3://bucket/key, gs://bucket/key, and file:///path, which is a path.

located("s3://corpora/web/part-0.jsonl")     a Remote, which is opened and read as a path is
located("data/part-0.jsonl")                 a Path
"""

from tamis.data.storage.address import Remote, at, beside, is_remote, located
from tamis.data.storage.claims import Claim, claimed
from tamis.data.storage.objects import Stored, brought, clear, fetch, listed, put, put_file, stored

__all__ = [
    "Claim",
    "Remote",
    "Stored",
    "at",
    "beside",
    "brought",
    "claimed",
    "clear",
    "fetch",
    "is_remote",
    "listed",
    "located",
    "put",
    "put_file",
    "stored",
]
