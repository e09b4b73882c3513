"""What object storage can refuse, as a sentence."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from tamis.data.storage.address import Remote
from tamis.data.storage.connection import waiting
from tamis.data.storage.environment import (
    NoCredentials,
    attempts,
    check_bucket,
    credentials,
    endpoint,
    has_credentials,
    is_bucket_name,
    server,
)
from tamis.errors import InputError, OutputError, TamisError

Verb = Literal["read", "write", "list"]


@contextmanager
def storage_errors(remote: Remote, verb: Verb) -> Iterator[None]:
    """Turn what the storage refuses into an InputError (OutputError for "write") that says what to do.

    A FileNotFoundError is let through where something is read: whoever asked knows what it means. Raises UsageError where the
    name or the environment cannot be right.
    """
    check_bucket(remote)
    try:
        yield
    except FileNotFoundError:
        if verb == "read":
            raise
        raise _error(verb)(f"cannot {verb} {remote}: {_no_bucket(remote)}") from None
    except NoCredentials as none:
        raise _error(verb)(f"cannot {verb} {remote}: {none}") from None
    except _refusals() as refused:
        if not isinstance(refused, OSError) and "google::cloud::Status" not in str(refused):
            raise
        raise _error(verb)(f"cannot {verb} {remote}: {_why(remote, str(refused))}") from refused


def _refusals() -> tuple[type[Exception], ...]:
    """What Arrow raises; it has no errno for some of what Google's library says."""
    from pyarrow import ArrowException

    return OSError, ArrowException


def _error(verb: str) -> type[TamisError]:
    return OutputError if verb == "write" else InputError


def _why(remote: Remote, said: str) -> str:
    """What the SDK means by `said`."""
    # What comes before is Arrow's, and has the key in it, which may be called anything.
    told = said[max(0, said.find("AWS Error")) :].lower()
    return _of_credentials(remote, said, told) or _of_the_server(remote, said, told)


def _of_credentials(remote: Remote, said: str, told: str) -> str | None:
    """Why these credentials do not do; None where they are not what is wrong."""
    who, scheme = server(remote.scheme), remote.scheme
    if "oauth2 access token" in told:
        return f"no access token was had from Google ({_reason(said)}); found were {credentials(scheme)}; mend or renew them"
    unknown = r"invalid_?access_?key_?id|unrecognized_client|invalid_client_token|http status 401"
    denied = r"access_?denied|\b403\b|permission"
    has_role = re.search(r"assumed-role|not authorized|expired", told)
    if (
        scheme == "s3"
        and not (has_credentials("s3") or has_role)
        and re.search(rf"{unknown}|{denied}|http status 400", told)
    ):
        region = "" if endpoint("s3") else "; where there is such a role, name the bucket's region in AWS_REGION"
        return (
            f"{who} lets in nobody it does not know, and no credentials were found but, perhaps, the role of this machine: set "
            f"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE{region} ({_reason(said)})"
        )
    if re.search(unknown, told):
        return (
            f"{who} does not know the credentials; found were {credentials(scheme)}; mend them"
            f"{'' if endpoint(scheme) else ', or name the server they are for in AWS_ENDPOINT_URL_S3'}"
        )
    if "signature" in told:
        return f"{who} says that the secret key does not fit; found were {credentials(scheme)}; mend the secret"
    if "expired" in told:
        return f"the credentials have expired; found were {credentials(scheme)}; renew them"
    if re.search(denied, told):
        # Google does not tell strangers which buckets there are.
        unsure = f"there is no bucket {remote.bucket!r}, or not one that these credentials may use: "
        return (
            f"{unsure if 'may not exist' in told else ''}access denied by {who}; found were {credentials(scheme)}; "
            f"let these read, list and write {scheme}://{remote.bucket}, or name others"
        )
    return None


def _of_the_server(remote: Remote, said: str, told: str) -> str:
    """What else is wrong."""
    who = server(remote.scheme)
    if "no_such_bucket" in told or "nosuchbucket" in told or ("bucket" in told and "not exist" in told):
        return _no_bucket(remote)
    if re.search(r"http status 30[17]|permanentredirect|wrong region|authorizationheadermalformed", told):
        return f"the bucket {remote.bucket} lies in another region; name it in AWS_REGION"
    if "wrong version number" in told:
        return f"{who} does not speak TLS, which https:// asks for; name it with http:// where that is meant"
    if re.search(r"network_connection|could ?n.t (connect|resolve)|could not (connect|resolve)|timed? ?out|curl", told):
        return f"{who} cannot be reached ({_reason(said)}); {_tries(remote)} were made; is the endpoint right?"
    if re.search(r"slow_down|slowdown|service_unavailable|unavailable|http status 50\d|internal_failure", told):
        return f"{who} is overloaded: {_tries(remote)} failed ({_reason(said)}); run again later with --resume"
    tls = "; does it speak TLS? then write https://" if "http status 400" in told and who.startswith("http://") else ""
    return f"{_reason(said)}; found were {credentials(remote.scheme)} for {who}{tls}"


def _tries(remote: Remote) -> str:
    """How often, or how long, it was tried."""
    if remote.scheme == "s3":
        return f"{attempts()} tries"
    return f"tries for {waiting().total_seconds():.0f} s"


def _no_bucket(remote: Remote) -> str:
    strange = "" if is_bucket_name(remote) else " Few servers would take that for one."
    where = endpoint(remote.scheme) or "its provider"
    return f"there is no bucket {remote.bucket!r} at {where}; is the name right?{strange}"


def _reason(said: str) -> str:
    """The first line of what the SDK says, from "AWS Error" on where it has that; of Google's, what is at the bottom of it."""
    line = (said.strip().splitlines() or ["no reason given"])[0]
    line = re.sub(r"^.*(AWS Error )", r"\1", line)
    line = re.sub(r"^.*?google::cloud::Status\((.*?: )?(.*?)( error_info=.*)?\)?$", r"\2", line)
    line = re.sub(r"^.*(last message of|underlying error message was:) ", "", line)
    return textwrap.shorten(line, 300, placeholder=" …")
