"""The connection to object storage: bounded waiting, retries. Who we are and whom we ask is told by `environment`."""

from __future__ import annotations

import os
from datetime import timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from tamis.data.storage.environment import attempts, check_environment, endpoint

CONNECT_SECONDS, REQUEST_SECONDS = 10, 60
"""For a connection to stand, and for a request in which no byte moves."""

GOOGLE_SECONDS = 4
"""For each of the tries, after which no more is begun: Google's library counts none, and its last pause is its longest. With six
tries it gave up on a port where nobody listens after 23 to 40 seconds.
"""


def filesystem(scheme: str) -> Any:
    """The pyarrow file system of `scheme`, as the environment has it now.

    Raises UsageError where that cannot be right, NoCredentials where it is known that there are none.
    """
    named = ("AWS_", "GOOGLE_", "STORAGE_EMULATOR_HOST", "CLOUD_STORAGE_", "HTTPS_PROXY", "https_proxy")
    return _filesystem(scheme, tuple(sorted(item for item in os.environ.items() if item[0].startswith(named))))


@lru_cache(8)
def _filesystem(scheme: str, environment: tuple[tuple[str, str], ...]) -> Any:
    check_environment(scheme)
    return _s3() if scheme == "s3" else _gs()


def _s3() -> Any:
    from pyarrow import fs

    url = endpoint("s3")
    options: dict[str, Any] = {}
    if url:
        # Checksums in a trailer are AWS's own; servers that only speak its protocol refuse them ("MissingContentLength").
        os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
        os.environ.setdefault("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required")
        options = {"endpoint_override": url, "scheme": urlsplit(url).scheme or "https"}
        if not _region_named():
            options["region"] = "us-east-1"  # servers of one's own have no regions, and none should be looked for
    return fs.S3FileSystem(
        **options,
        connect_timeout=CONNECT_SECONDS,
        request_timeout=REQUEST_SECONDS,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=attempts()),
        # A small object is then one PUT; a large one is put in parts, and is there once all are.
        allow_delayed_open=True,
    )


def _region_named() -> bool:
    return any(os.environ.get(name) for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"))


def waiting() -> timedelta:
    """How long Google's library tries a request again."""
    return timedelta(seconds=GOOGLE_SECONDS * attempts())


def _gs() -> Any:
    from pyarrow import fs

    url = endpoint("gs")
    options: dict[str, Any] = {}
    if url:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        options = {"endpoint_override": parts.netloc, "scheme": parts.scheme, "anonymous": True}
    return fs.GcsFileSystem(**options, retry_time_limit=waiting())
