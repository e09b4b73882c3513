"""What an erasure leaves on file: what was asked, found, done, searched, and what nobody can prove.

No value and no record id is in it. Each value that was asked for stands as a commitment, sha256 over a nonce and the value;
the nonce is told once, to whoever asked, and kept nowhere: with it, it can be shown which request a receipt answers.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tamis.data.parquet import plain
from tamis.errors import InputError
from tamis.snapshot.store import Store

if TYPE_CHECKING:  # Polars comes with it, and a freeze asks for receipts alone
    from tamis.snapshot.select import Match

PAYLOAD = "application/vnd.tamis.erasure-receipt+json"
"""Type of a signed receipt's payload."""

NOT_PROVED = (
    "copies of these snapshots, runs and files outside the store, runs that were never frozen into it, and backups",
    "files that other programs keep, and what storage devices keep of files that were removed",
    "what a model learned from a record before it was erased: the models are named, not changed",
    "the order of leaves is that of record ids: the place of a tombstone tells about as many bits of an id as it takes to "
    "number the records",
)


def commitment(nonce: str, value: str) -> str:
    """What stands for `value` in a receipt."""
    return f"sha256:{hashlib.sha256(bytes.fromhex(nonce) + value.encode()).hexdigest()}"


def asked(matches: Sequence[Match]) -> tuple[list[dict[str, str]], list[str]]:
    """The request as a receipt has it, and the nonce of each part of it, in order."""
    nonces = [secrets.token_hex(16) for _ in matches]
    told = [
        {"field": m.field, "how": {"=": "is", "~": "holds", "like": "like"}[m.how], "value": commitment(n, m.value)}
        for m, n in zip(matches, nonces, strict=True)
    ]
    return told, nonces


def receipts(store: Store) -> list[dict[str, Any]]:
    """All receipts of a store, in the order in which they were given."""
    found = [read(path) for path in (store.inside / "receipts").glob("*.json") if not path.name.startswith(".")]
    return sorted(found, key=lambda r: (r["created"], r["receipt"]))


def read(path: Path) -> dict[str, Any]:
    """The receipt in a file, signed or not; the signature is not checked. Raises InputError."""
    import base64

    try:
        found: dict[str, Any] = json.loads(plain(path).read_bytes())
        if "payload" in found:
            found = json.loads(base64.b64decode(found["payload"]))
        found["created"], found["receipt"], [run["path"] + "".join(run["manifest"]) for run in found["runs"]]
        return found
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as damage:
        raise InputError(f"{path} cannot be read as a receipt: {damage!r:.80}") from damage
