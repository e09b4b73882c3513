"""Keyed digests: the same value under the same key has the same pseudonym everywhere, and no other way back.

    HMAC-SHA256(key, entity || 0 || normalised value)

A plain hash would not do: all telephone numbers can be hashed in a minute. The key is read from the environment or a file
and is never written; what a run stores of it is a digest that tells whether it is the same (`check_digest`).
"""

from __future__ import annotations

import hmac
import ipaddress
import os
import re
import unicodedata
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from tamis.curate.pii.disguise import as_read
from tamis.errors import UsageError

LEAST_KEY = 16
"""Bytes of a key: below that it can be guessed from one pseudonym of a known value."""

LETTERS = "abcdefghijklmnopqrstuvwxyz"

MAKE_ONE = "make one with: python3 -c 'import secrets; print(secrets.token_hex(32))'"


def read_key(env: str | None, file: str | None, base: Path = Path()) -> bytes | None:
    """The key in the variable `env` or the file `file` (from `base`), white space around it left out; None: neither is named.

    Raises UsageError where it is not there or too short.
    """
    if env is None and file is None:
        return None
    if env is not None and file is not None:
        raise UsageError(f"pii: both key_env ({env!r}) and key_file ({file!r}) name a key; name one")
    if env is not None:
        where, key = f"the environment variable {env}", os.environ.get(env, "").encode("utf-8", "surrogateescape")
    else:
        where, key = f"the file {file}", _content(base / str(file))
    key = key.strip()
    if not key:
        raise UsageError(f"pii: {where} holds no key; {MAKE_ONE}, and keep it away from the data")
    if len(key) < LEAST_KEY:
        raise UsageError(f"pii: the key in {where} has {len(key)} bytes; {LEAST_KEY} at least are wanted; {MAKE_ONE}")
    return key


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"pii: the key file {path} cannot be read: {error.strerror}; {MAKE_ONE}") from error


def check_digest(key: bytes) -> str:
    """What tells one key from another, and nothing else of it: 16 hexadecimal digits."""
    return hmac.digest(key, b"tamis pii: which key this is", sha256).hex()[:16]


def keyed(key: bytes, entity: str, found: str) -> bytes:
    """32 bytes that stand for what was found as an `entity`."""
    return hmac.digest(key, f"{entity}\0{normalised(entity, found)}".encode("utf-8", "surrogatepass"), sha256)


def letters(digest: bytes, count: int = 16) -> str:
    """`digest` as small letters, 4.7 bits each: no recogniser takes them for a number, an address or a token."""
    number, out = int.from_bytes(digest[:24], "big"), ""
    for _ in range(count):
        number, place = divmod(number, 26)
        out += LETTERS[place]
    return out


def normalised(entity: str, found: str) -> str:
    """`found` without what two spellings of one value differ in."""
    text = unicodedata.normalize("NFKC", as_read(found).text).strip()
    if entity == "PHONE_NUMBER":
        return _phone(text)
    if entity == "IP_ADDRESS":
        with suppress(ValueError):
            return str(ipaddress.ip_address(text))
    if entity == "EMAIL_ADDRESS":
        return _address(text)
    if entity in _CASE_COUNTS:
        return text
    if entity in _ONE_WORD:
        return re.sub(r"[\W_]+", "", text).upper()
    return " ".join(text.casefold().split())


_CASE_COUNTS = frozenset(("CRYPTO", "SECRET"))
_ONE_WORD = frozenset(
    ("CREDIT_CARD", "IBAN_CODE", "US_SSN", "US_ITIN", "US_BANK_NUMBER", "US_PASSPORT", "UK_NHS", "MAC_ADDRESS")
)


def _address(text: str) -> str:
    """In lower case, without what a URL or a mark of emphasis puts before it: Presidio takes `?to=ann` for a name."""
    name, at, host = text.casefold().rpartition("@")
    return re.split(r"[/=?&|{}`*#$%^!]", name)[-1].lstrip("_'-.~+") + at + host.rstrip("_.")


def _phone(text: str) -> str:
    """Its digits in any script; without an extension, a leading 00 and, of eleven digits, the 1 of North America."""
    text = re.split(r"(?i)\s*(?:x|ext|#|;)", text, maxsplit=1)[0]
    digits = "".join(str(unicodedata.digit(c)) for c in text if c.isdigit())
    digits = digits.removeprefix("00")
    return digits[1:] if len(digits) == 11 and digits[0] == "1" else digits
