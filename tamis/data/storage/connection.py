"""The connection to object storage: credentials from the usual places, bounded waiting, retries.

Credentials are found by the SDK's own chain: environment, profile (AWS_PROFILE, ~/.aws), web identity, container, role of the
machine; for Google, GOOGLE_APPLICATION_CREDENTIALS, gcloud's own, role of the machine.
"""

from __future__ import annotations

import os
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CONNECT_SECONDS, REQUEST_SECONDS = 10, 60
"""For a connection to stand, and for a request in which no byte moves."""

ATTEMPTS = 6
"""Tries of one request, unless AWS_MAX_ATTEMPTS says otherwise: about 30 s of waiting in all."""


def filesystem(scheme: str) -> Any:
    """The pyarrow file system of `scheme`, as the environment has it now."""
    named = ("AWS_", "GOOGLE_", "STORAGE_EMULATOR_HOST", "CLOUD_STORAGE_", "HTTPS_PROXY", "https_proxy")
    return _filesystem(scheme, tuple(sorted(item for item in os.environ.items() if item[0].startswith(named))))


@lru_cache(8)
def _filesystem(scheme: str, environment: tuple[tuple[str, str], ...]) -> Any:
    return _s3() if scheme == "s3" else _gs()


def endpoint(scheme: str) -> str | None:
    """The endpoint that the environment names, if it does."""
    if scheme == "s3":
        return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None
    return os.environ.get("STORAGE_EMULATOR_HOST") or os.environ.get("CLOUD_STORAGE_EMULATOR_ENDPOINT") or None


def attempts() -> int:
    """Tries of one request."""
    said = os.environ.get("AWS_MAX_ATTEMPTS", "")
    return max(1, int(said)) if said.isdigit() else ATTEMPTS


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


def _gs() -> Any:
    from pyarrow import fs

    url = endpoint("gs")
    options: dict[str, Any] = {}
    if url:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        options = {"endpoint_override": parts.netloc, "scheme": parts.scheme, "anonymous": True}
    waiting = timedelta(seconds=10 * attempts())
    return fs.GcsFileSystem(**options, retry_time_limit=waiting)


def credentials(scheme: str) -> str:
    """Where credentials were found, to be told to somebody who is refused."""
    env = os.environ
    if scheme == "gs":
        if endpoint("gs"):
            return "none, as for an emulator"
        if file := env.get("GOOGLE_APPLICATION_CREDENTIALS"):
            return f"those in {file} (GOOGLE_APPLICATION_CREDENTIALS)"
        return "gcloud's own, or none"
    if key := env.get("AWS_ACCESS_KEY_ID"):
        return f"AWS_ACCESS_KEY_ID ({key[:4]}…) in the environment"
    if profile := env.get("AWS_PROFILE"):
        return f"the profile {profile!r} (AWS_PROFILE)"
    if env.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return "a web identity (AWS_WEB_IDENTITY_TOKEN_FILE)"
    if env.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") or env.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        return "the role of the container"
    file = env.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")
    if Path(file).expanduser().is_file():
        return f"the default profile in {file}"
    return "none but, perhaps, the role of this machine"
