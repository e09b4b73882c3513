"""What object storage can refuse, as a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from tamis.data.storage.address import Remote
from tamis.data.storage.connection import attempts, credentials, endpoint
from tamis.errors import InputError, OutputError, TamisError


@contextmanager
def storage_errors(remote: Remote, verb: Literal["read", "write", "list"]) -> Iterator[None]:
    """Turn what the storage refuses into an InputError (OutputError for "write") that says what to do.

    A FileNotFoundError is let through where something is read: whoever asked knows what it means.
    """
    try:
        yield
    except FileNotFoundError:
        if verb == "read":
            raise
        raise _error(verb)(f"cannot {verb} {remote}: {_no_bucket(remote)}") from None
    except OSError as refused:
        raise _error(verb)(f"cannot {verb} {remote}: {_why(remote, str(refused))}") from refused


def _error(verb: str) -> type[TamisError]:
    return OutputError if verb == "write" else InputError


def _why(remote: Remote, said: str) -> str:
    where = endpoint(remote.scheme)
    server = where or {"s3": "AWS", "gs": "Google Cloud Storage"}[remote.scheme]
    told = said.lower()
    if "no_such_bucket" in told or "nosuchbucket" in told or ("bucket" in told and "not exist" in told):
        return _no_bucket(remote)
    if re.search(
        r"invalid_access_key_id|invalidaccesskeyid|unrecognized_client|invalid_client_token|http status 401", told
    ):
        return (
            f"{server} does not know the credentials; found were {credentials(remote.scheme)}; mend them"
            f"{'' if where else ', or name the server they are for in AWS_ENDPOINT_URL_S3'}"
        )
    if "signature" in told:
        return (
            f"{server} says that the secret key does not fit; found were {credentials(remote.scheme)}; mend the secret"
        )
    if "expired" in told:
        return f"the credentials have expired; found were {credentials(remote.scheme)}; renew them"
    if "access_denied" in told or "accessdenied" in told or "403" in told or "permission" in told:
        return (
            f"access denied by {server}; found were {credentials(remote.scheme)}; "
            f"let these read, list and write {remote.scheme}://{remote.bucket}, or name others"
        )
    if re.search(r"http status 30[17]|permanentredirect|wrong region|authorizationheadermalformed", told):
        return f"the bucket {remote.bucket} lies in another region; name it in AWS_REGION"
    if re.search(r"network_connection|could ?n.t (connect|resolve)|could not (connect|resolve)|timed? ?out|curl", told):
        return f"{server} cannot be reached ({_reason(said)}); {attempts()} tries were made; is the endpoint right?"
    if re.search(r"slow_down|slowdown|service_unavailable|unavailable|http status 50\d|internal_failure", told):
        return f"{server} is overloaded: {attempts()} tries failed ({_reason(said)}); run again later with --resume"
    return f"{_reason(said)}; found were {credentials(remote.scheme)} for {server}"


def _no_bucket(remote: Remote) -> str:
    return f"there is no bucket {remote.bucket!r} at {endpoint(remote.scheme) or 'its provider'}; is the name right?"


def _reason(said: str) -> str:
    """The first line of what the SDK says, from "AWS Error" on where it has that."""
    line = (said.strip().splitlines() or ["no reason given"])[0]
    return re.sub(r"^.*(AWS Error )", r"\1", line)[:300]
