"""A DSSE envelope as it is read: what was found in the place of what was wanted is told in words."""

from __future__ import annotations

import base64
import json
from typing import Any, NamedTuple

from tamis.errors import InputError

_ENVELOPE = "a DSSE envelope was wanted: a JSON object with payloadType, payload and signatures, the last two in base64"

_STATEMENT = "an in-toto statement was wanted: a JSON object whose subject lists a name and a sha256 for each file"

_TYPES = {
    dict: "a JSON object",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
}


class Envelope(NamedTuple):
    """What an envelope holds.

    kind     payloadType
    body     the bytes that are signed, with the kind
    payload  the JSON object in them
    made     each signature with the id of its key, which is not signed and may be any text
    """

    kind: str
    body: bytes
    payload: dict[str, Any]
    made: list[tuple[str, bytes]]


def read_envelope(written: bytes, most: int) -> Envelope:
    """The envelope in `written`. Raises InputError that says what it is not, or that it has more than `most` signatures."""
    outer = _json(written, "it", _ENVELOPE)
    kind = _member(outer, "it", "payloadType", str, _ENVELOPE)
    if any("\ud800" <= c <= "\udfff" for c in kind):
        raise _unread("it has a payloadType with half of a surrogate pair", _ENVELOPE)
    body = _base64(outer, "it", "payload")
    signatures = _member(outer, "it", "signatures", list, _ENVELOPE)
    if not signatures:
        raise _unread("it has an empty list as signatures, so nobody signed it", _ENVELOPE)
    if len(signatures) > most:
        raise InputError(f"has {len(signatures):,} signatures; more than {most} are not tried")
    each = [_demand(s, dict, f"signature {k} of it", _ENVELOPE) for k, s in enumerate(signatures, 1)]
    made = [(str(s.get("keyid", "")), _base64(s, f"signature {k} of it", "sig")) for k, s in enumerate(each, 1)]
    return Envelope(kind, body, _json(body, "its payload", _STATEMENT), made)


def subjects(payload: dict[str, Any]) -> dict[str, str]:
    """The sha256 of each file that a statement names. Raises InputError that says what it is not."""
    found = {}
    for k, one in enumerate(_member(payload, "its payload", "subject", list, _STATEMENT), 1):
        own = _demand(one, dict, f"subject {k} of its payload", _STATEMENT)
        name = _member(own, f"subject {k} of its payload", "name", str, _STATEMENT)
        digest = _member(own, f"subject {k} of its payload", "digest", dict, _STATEMENT)
        found[name] = _member(digest, f"the digest of subject {k} of its payload", "sha256", str, _STATEMENT)
    return found


def _json(written: bytes, what: str, wanted: str) -> dict[str, Any]:
    try:
        found = json.loads(written)
    except (ValueError, RecursionError):
        raise _unread(f"{what} is not JSON", wanted) from None
    return dict(_demand(found, dict, what, wanted))


def _member(held: dict[str, Any], what: str, name: str, kind: type, wanted: str) -> Any:
    if name not in held:
        raise _unread(f"{what} has no {name}", wanted)
    if not isinstance(held[name], kind):
        raise _unread(f"{what} has {_named(held[name])} as {name}, not {_TYPES[kind]}", wanted)
    return held[name]


def _demand(found: Any, kind: type, what: str, wanted: str) -> Any:
    if not isinstance(found, kind):
        raise _unread(f"{what} is {_named(found)}, not {_TYPES[kind]}", wanted)
    return found


def _named(found: Any) -> str:
    return _TYPES.get(type(found), "null")


def _base64(held: dict[str, Any], what: str, name: str) -> bytes:
    text = _member(held, what, name, str, _ENVELOPE)
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise _unread(f"{what} has a {name} that is not base64", _ENVELOPE) from None


def _unread(found: str, wanted: str) -> InputError:
    return InputError(f"cannot be read: {found}; {wanted}")
