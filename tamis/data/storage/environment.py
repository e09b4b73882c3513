"""What the environment says of object storage: endpoint, tries, credentials; and what in it cannot be right.

Credentials are found by the SDK's own chain: environment, profile (AWS_PROFILE, ~/.aws), web identity, container, role of the
machine; for Google, GOOGLE_APPLICATION_CREDENTIALS, gcloud's own, role of the machine. Here it is only looked where they are.
"""

from __future__ import annotations

import os
import re
import socket
import time
from contextlib import suppress
from pathlib import Path

from tamis.data.storage.address import Remote
from tamis.errors import UsageError

ATTEMPTS = 6
"""Tries of one request, unless AWS_MAX_ATTEMPTS says otherwise: about 30 s of waiting in all."""

METADATA_SECONDS = 6.0
"""That Google's metadata server is waited for where nobody else could have credentials: that of a new pod comes a little late."""

_NAMES = {
    "s3": (r"[A-Za-z0-9._-]{3,255}|arn:.+", "3 or more letters, digits, dots and hyphens"),
    "gs": (r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]", "3 or more of a-z, 0-9, dot, hyphen and underscore"),
}
"""What buckets are called at AWS, where old ones have capitals, too, and at Google, and that as words. Others take more."""

_PROVIDERS = {"s3": "AWS", "gs": "Google Cloud Storage"}

_ROLES = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")

_KEEPS = re.compile(r"^\s*(aws_access_key_id|credential_process|sso_|role_arn)", re.MULTILINE)
"""What a file says that has credentials, or the way to some, and not the region alone."""


class NoCredentials(OSError):
    """There are none, and none would be found by asking."""


def endpoint(scheme: str) -> str | None:
    """The endpoint that the environment names, if it does."""
    return next((os.environ[name] for name in _endpoint_names(scheme) if os.environ.get(name)), None)


def _endpoint_names(scheme: str) -> tuple[str, str]:
    if scheme == "s3":
        return "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"
    return "STORAGE_EMULATOR_HOST", "CLOUD_STORAGE_EMULATOR_ENDPOINT"


def server(scheme: str) -> str:
    """Who is asked."""
    return endpoint(scheme) or _PROVIDERS[scheme]


def attempts() -> int:
    """Tries of one request."""
    said = os.environ.get("AWS_MAX_ATTEMPTS", "")
    return max(1, int(said)) if said.isdigit() else ATTEMPTS


def credentials(scheme: str) -> str:
    """Where credentials were found, to be told to somebody who is refused."""
    return _found(scheme) or "none but, perhaps, the role of this machine"


def has_credentials(scheme: str) -> bool:
    """Whether there are any but, perhaps, those of the role of this machine."""
    return _found(scheme) is not None


def _found(scheme: str) -> str | None:
    env = os.environ
    if scheme == "gs":
        if endpoint("gs"):
            return "none, as for an emulator"
        if file := env.get("GOOGLE_APPLICATION_CREDENTIALS"):
            return f"those in {file} (GOOGLE_APPLICATION_CREDENTIALS)"
        return f"gcloud's own, in {_gcloud()}" if os.path.isfile(_gcloud()) else None
    if _has_keys():
        return f"AWS_ACCESS_KEY_ID ({env['AWS_ACCESS_KEY_ID'][:4]}…) in the environment"
    if profile := env.get("AWS_PROFILE"):
        return f"the profile {profile!r} (AWS_PROFILE)"
    if env.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return "a web identity (AWS_WEB_IDENTITY_TOKEN_FILE)"
    if any(env.get(name) for name in _ROLES):
        return "the role of the container"
    file = next((file for file in _aws_files() if _KEEPS.search(_text(file))), None)
    return f"a profile in {file}" if file else None


def _has_keys() -> bool:
    return bool(os.environ.get("AWS_ACCESS_KEY_ID") and os.environ.get("AWS_SECRET_ACCESS_KEY"))


def _aws_files() -> tuple[str, str]:
    """Credentials and configuration."""
    return (
        os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials",
        os.environ.get("AWS_CONFIG_FILE") or "~/.aws/config",
    )


def _gcloud() -> str:
    """Where `gcloud auth application-default login` leaves its own, as Google's library looks for them."""
    named = os.environ.get("GOOGLE_GCLOUD_ADC_PATH_OVERRIDE")
    return os.path.expanduser(named or "~/.config/gcloud/application_default_credentials.json")


def is_bucket_name(remote: Remote) -> bool:
    """Whether the provider lets a bucket be called that."""
    return re.fullmatch(_NAMES[remote.scheme][0], remote.bucket) is not None


def check_bucket(remote: Remote) -> None:
    """Raises UsageError where there can be no such bucket. Servers of one's own have rules of their own, and are asked."""
    if not endpoint(remote.scheme) and not is_bucket_name(remote):
        raise UsageError(
            f"{remote}: no bucket of {_PROVIDERS[remote.scheme]} is called {remote.bucket!r}; a name has "
            f"{_NAMES[remote.scheme][1]}"
        )


def check_environment(scheme: str) -> None:
    """Before anybody is asked. Raises UsageError for what cannot be right, NoCredentials where Google's library would find none."""
    if scheme == "s3":
        _check_endpoint()
        _check_profile()
    elif not endpoint("gs"):
        _check_google()


def _check_endpoint() -> None:
    """The SDK takes TLS for granted where the endpoint does not say, and others take the host for the scheme."""
    name = next((name for name in _endpoint_names("s3") if os.environ.get(name)), None)
    if name and not re.match(r"https?://[^/]", os.environ[name], re.IGNORECASE):
        host = os.environ[name].rpartition("//")[2]
        raise UsageError(
            f"{name} is {os.environ[name]!r}, which does not begin with http:// or https://; write http://{host}, or "
            f"https://{host} where the server has TLS"
        )


def _check_profile() -> None:
    """The SDK passes over a profile that is not there, to the role of the machine. What comes before it may do, and is let be."""
    profile = os.environ.get("AWS_PROFILE", "")
    if profile in ("", "default") or _has_keys() or any(os.environ.get(name) for name in _ROLES):
        return
    head = re.compile(rf"^\s*\[\s*(?:profile\s+)?[\"']?{re.escape(profile)}[\"']?\s*\]", re.MULTILINE)
    if not any(head.search(_text(file)) for file in _aws_files()):
        looked = " or ".join(dict.fromkeys(_aws_files()))
        raise UsageError(
            f"AWS_PROFILE is {profile!r}, and there is no such profile in {looked}; name one that is there, or "
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )


def _text(file: str) -> str:
    """Empty where it cannot be read."""
    with suppress(OSError):
        return Path(os.path.expanduser(file)).read_text("utf-8", "replace")
    return ""


def _check_google() -> None:
    """Google's library would say that the network is down, after a minute and a half."""
    if file := os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
        if not os.path.exists(file):
            raise UsageError(
                f"the credentials file {file} is not there; mend GOOGLE_APPLICATION_CREDENTIALS, which names it"
            )
    elif not os.path.isfile(_gcloud()) and not _metadata_answers():
        raise NoCredentials(
            "no credentials were found: GOOGLE_APPLICATION_CREDENTIALS is not set, gcloud has none in "
            f"{_gcloud()}, and this machine has no role (no metadata server answers); set GOOGLE_APPLICATION_CREDENTIALS to a key "
            "file, or run `gcloud auth application-default login`"
        )


def _metadata_answers() -> bool:
    """Whether this is a machine of Google's."""
    host, _, port = (os.environ.get("GCE_METADATA_ROOT") or "metadata.google.internal").partition(":")
    end = time.monotonic() + METADATA_SECONDS
    while True:
        with suppress(OSError), socket.create_connection((host, int(port) if port.isdigit() else 80), timeout=3):
            return True
        if time.monotonic() > end:
            return False
        time.sleep(1)
