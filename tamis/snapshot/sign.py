"""Who vouches for a snapshot: an in-toto statement in a DSSE envelope, signed with an ed25519 key.

The subjects are all files of the folder but the manifest and the envelope itself, so what is signed is what is there. The
predicate is SLSA provenance v1: recipe and inputs it was made of, tamis as what made it, the ledger as what was left over.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from tamis.data.parquet import plain
from tamis.errors import InputError, UsageError
from tamis.extras import extra
from tamis.runs.manifest import files, sha256
from tamis.snapshot.envelope import read_envelope, subjects
from tamis.snapshot.folder import Snapshot
from tamis.snapshot.jcs import canonical_json

PAYLOAD = "application/vnd.in-toto+json"

STATEMENT = "https://in-toto.io/Statement/v1"

PREDICATE = "https://slsa.dev/provenance/v1"

MOST = 64
"""Signatures of an envelope."""

BUILD = "urn:tamis:freeze:v1"
"""What is meant by freezing, for who reads the predicate."""


def provenance(snapshot: Snapshot, key: Path) -> bytes:
    """The envelope for a snapshot whose files are all written, signed with the private key in the PEM file `key`."""
    return sign(statement(snapshot), key)


def statement(snapshot: Snapshot) -> dict[str, Any]:
    """What is said of the snapshot."""
    facts = snapshot.facts
    known = {file["path"]: file["sha256"] for file in facts["files"]}
    names = sorted(path.relative_to(snapshot.path).as_posix() for path in files(snapshot.path))
    subjects = [
        {"name": name, "digest": {"sha256": known.get(name) or sha256(snapshot.path / name)}}
        for name in names
        if name != "provenance.dsse.json"
    ]
    inputs = [{"name": i["file"], "digest": {"sha256": i["sha256"]}} for i in facts.get("inputs", [])]
    parents = [{"name": "parent", "digest": {"sha256": id.removeprefix("sha256:")}} for id in facts["parents"]]
    ledger = [s for s in subjects if str(s["name"]).startswith("ledger/")]
    recipe, contract = facts.get("recipe"), facts.get("contract")
    return {
        "_type": STATEMENT,
        "subject": subjects,
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD,
                "externalParameters": {
                    "name": facts["name"],
                    "version": facts["version"],
                    **({"recipe": recipe} if recipe else {}),
                    **({"contract": contract} if contract else {}),
                },
                "internalParameters": {"root": facts["content"]["root"], "writer": facts.get("writer", {})},
                "resolvedDependencies": [*inputs, *parents],
            },
            "runDetails": {
                "builder": {"id": f"{BUILD}#{facts.get('code', {}).get('package', 'tamis')}".replace(" ", "-")},
                "metadata": {"invocationId": snapshot.id, "finishedOn": facts["created"]},
                "byproducts": ledger,
            },
        },
    }


def sign(payload: dict[str, Any], key: Path, kind: str = PAYLOAD) -> bytes:
    """`payload` in a DSSE envelope. Raises UsageError where `key` is no private ed25519 key that can be read."""
    private = _private(key)
    body = canonical_json(payload)
    signature = private.sign(_encoded(kind, body))
    envelope = {
        "payloadType": kind,
        "payload": base64.b64encode(body).decode(),
        "signatures": [{"keyid": _key_id(private.public_key()), "sig": base64.b64encode(signature).decode()}],
    }
    return canonical_json(envelope) + b"\n"


def opened(envelope: bytes, key: Path | str | None) -> tuple[dict[str, Any], str]:
    """The payload of a DSSE envelope and the id of the key that signed it.

    With `key`, a public one in PEM, the signature is checked; without, it is only read. Raises InputError where it does not
    hold or cannot be read, UsageError where `key` is none.
    """
    found = read_envelope(envelope, MOST)
    if key is None:
        return found.payload, found.made[0][0]
    public = _public(Path(key))
    _check(public, _encoded(found.kind, found.body), [signature for _, signature in found.made], Path(key))
    return found.payload, _key_id(public)  # what the envelope says of the key is not signed


def check_signature(path: Path, listed: dict[str, str], key: Path | str | None) -> str:
    """Hold the envelope at `path` against the files of a snapshot and, if given, the public key; what to say of it.

    listed  sha256 of every file but the envelope, by name

    Raises InputError that says what is wrong.
    """
    if not path.is_file():
        raise InputError("is missing: the snapshot is not signed")
    payload, who = opened(path.read_bytes(), key)
    signed = subjects(payload)
    if payload.get("_type") != STATEMENT or payload.get("predicateType") != PREDICATE:
        raise InputError("is a statement of another kind")
    differ = sorted(name for name in signed.keys() | listed.keys() if signed.get(name) != listed.get(name))
    if differ:
        more = f", and {len(differ) - 1} more" if differ[1:] else ""
        raise InputError(f"was made for other files: {differ[0]}{more}")
    if key is None:
        return f"signed by the key {who[:16]}…, which was not checked: name the public key with --key"
    return f"signed by the key {who[:16]}…, and the signature holds"


def _encoded(kind: str, body: bytes) -> bytes:
    """What is signed: DSSE's pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(kind.encode()), kind.encode(), len(body), body)


def _check(public: Any, message: bytes, signatures: list[bytes], key: Path) -> None:
    with extra("sign"):
        from cryptography.exceptions import InvalidSignature

    for signature in signatures:
        try:
            public.verify(signature, message)
        except InvalidSignature:
            continue
        return
    raise InputError(f"does not hold: it was signed with another key than {key.name}, or changed since")


def _private(path: Path) -> Any:
    with extra("sign"):
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(plain(path).read_bytes(), None)
    except (OSError, ValueError, TypeError) as wrong:
        raise UsageError(
            f"{path} is no private key that can be read ({wrong}); "
            "make one without a password: openssl genpkey -algorithm ed25519 -out key.pem"
        ) from wrong
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{path} holds another kind of key; ed25519 is wanted: openssl genpkey -algorithm ed25519")
    return key


def _public(path: Path) -> Any:
    with extra("sign"):
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(plain(path).read_bytes())
    except (OSError, ValueError, TypeError) as wrong:
        raise UsageError(
            f"{path} is no public key that can be read ({wrong}); "
            "write that of key.pem with: openssl pkey -in key.pem -pubout -out key.pub"
        ) from wrong
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"{path} holds another kind of key; ed25519 is wanted")
    return key


def _key_id(public: Any) -> str:
    """sha256 of the key as SubjectPublicKeyInfo: a name for it, that anyone can compute."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
