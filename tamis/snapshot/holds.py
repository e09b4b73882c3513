"""Legal holds: what must not be erased, and why.

.tamis/holds/3f9a….json   {"hold": "3f9a…", "on": {"record": "8a…17"}, "reason": "case 12/2026", "created": "…", "released": null}

A hold that was released stays on file.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from tamis.data.parquet import plain
from tamis.errors import InputError, UsageError
from tamis.snapshot.folder import Snapshot, open_snapshot
from tamis.snapshot.graph import Reached
from tamis.snapshot.journal import Step, Work
from tamis.snapshot.names import told
from tamis.snapshot.select import record
from tamis.snapshot.store import Store

_RECORD_ID = re.compile(r"[0-9a-fA-F]{32}")


@dataclass(frozen=True)
class Hold:
    """On a record (`record`, 32 hexadecimal digits) or a snapshot (`snapshot`, its id, and `ref`, its name then)."""

    id: str
    reason: str
    created: str
    record: str | None = None
    snapshot: str | None = None
    ref: str | None = None
    released: str | None = None
    released_because: str | None = None

    @property
    def words(self) -> str:
        """What is held, or was until it was released, and why."""
        held = "was held" if self.released else "is held"
        return f"{f'record {self.record}' if self.record else self.ref} {held} ({self.reason}; hold {self.id})"


def holds(store: Store, *, all: bool = False) -> list[Hold]:
    """The holds in force, or `all` that ever were, by when they were made."""
    found = [_read(path) for path in (store.inside / "holds").glob("[0-9a-f]*.json")]
    return sorted((h for h in found if all or h.released is None), key=lambda h: (h.created, h.id))


def hold(store: Store, what: str, reason: str) -> list[Hold]:
    """Hold a snapshot (by reference) or a record (by record id, or the own id of a row) of `store`.

    Raises UsageError without a reason, InputError where there is no such thing.
    """
    if not reason.strip():
        raise UsageError("a hold needs its reason: --reason 'case 12/2026'")
    told(reason)
    before, found = _live(store), _what(store, what)
    if gone := [on["ref"] for on in found if "snapshot" in on and on["snapshot"] not in before]:
        raise InputError(
            f"{gone[0]} was withdrawn by an erasure: it has no records to hold; hold the version in its place"
        )
    made = [Hold(secrets.token_hex(8), reason, _now(), **on) for on in found]
    with store.work() as work, store.lock():
        if before - _live(store):
            raise InputError("an erasure went over the store meanwhile, and nothing was held; hold it again")
        work.commit([store.write(work, "holds", h.id, _facts(h)) for h in made])
    return made


def _live(store: Store) -> set[str]:
    return {entry.id for entry in store.snapshots() if entry.state == "live"}


def release(store: Store, what: str, reason: str) -> list[Hold]:
    """Release the hold `what` (its id), or all on the record or snapshot `what`. Raises UsageError, InputError."""
    if not reason.strip():
        raise UsageError("a release needs its reason: --reason 'case 12/2026 closed'")
    told(reason)
    found = [h for h in holds(store) if h.id == what] or _on(store, what)
    if not found:
        raise InputError(f"nothing of that name is held: {what!r}; `tamis hold list` names the holds in force")
    done = [Hold(**{**_facts(h), "released": _now(), "released_because": reason}) for h in found]
    with store.work() as work, store.lock():
        work.commit([store.write(work, "holds", h.id, _facts(h)) for h in done])
    return done


def forget(store: Store, work: Work, gone: Reached) -> list[Step]:
    """Steps after which no hold that was released names a record of `gone`; that it was, and why, stays on file."""
    ended = [h for h in holds(store, all=True) if h.released and h.record]
    at = gone.holds(pa.array([bytes.fromhex(h.record or "") for h in ended], pa.binary(16)))
    named = [h for h, hit in zip(ended, at.tolist(), strict=True) if hit]
    return [
        store.write(work, "holds", h.id, {**_facts(h), "record": None, "ref": "a record that was erased"})
        for h in named
    ]


def _on(store: Store, what: str) -> list[Hold]:
    wanted = [next(iter(on.items())) for on in _what(store, what)]
    return [h for h in holds(store) if any(getattr(h, name) == value for name, value in wanted)]


def _what(store: Store, what: str) -> list[dict[str, str]]:
    """What a hold is on: a record by its id, a snapshot, or every record with that own id."""
    from tamis.snapshot.trace import matching, readable

    if _RECORD_ID.fullmatch(what):
        return [{"record": what.lower()}]
    snapshot = _snapshot(store, what)
    if snapshot is not None:
        return [{"snapshot": snapshot.id, "ref": snapshot.ref}]
    ids = {
        i.hex()
        for place in readable(store).values()
        for some in matching(place, [record(what)])
        for i in some.to_pylist()
    }
    if not ids:
        raise InputError(f"the store at {store.root} has no snapshot and no record {what!r}")
    return [{"record": i} for i in sorted(ids)]


def _snapshot(store: Store, what: str) -> Snapshot | None:
    try:
        return open_snapshot(what, store.root)
    except (InputError, UsageError):
        return None


def _read(path: Path) -> Hold:
    """Raises InputError: a hold that cannot be read may forbid anything."""
    try:
        found = Hold(**json.loads(plain(path).read_bytes()))
        texts = {name: value for name, value in vars(found).items() if value is not None}
        if found.id == path.stem and all(isinstance(value, str) for value in texts.values()):
            bytes.fromhex(found.record or "")
            return found
    except (OSError, ValueError, TypeError, RecursionError) as damage:
        raise InputError(f"{path} cannot be read ({damage!r:.80}); the store is damaged there") from damage
    raise InputError(f"{path} is not the hold that it is named for; the store is damaged there")


def _facts(hold: Hold) -> dict[str, Any]:
    return dict(vars(hold))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
