"""What lies in object storage, copied to the cache for programs that read files: Polars, and whatever else wants a path."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tamis.data.storage.address import Remote
from tamis.data.storage.expanding import expand
from tamis.data.storage.objects import Stored, fetch, listed, stored
from tamis.data.storage.scratch import cache
from tamis.errors import InputError

_FACTS = ("run.json", "snapshot.json")


def copies(remote: Remote) -> list[Path]:
    """Copies of the object `remote`, of a folder of all below it, or of what a pattern fits; of a run, and a snapshot, those of
    its data. An object that was changed since is copied anew. Raises InputError where there is none.
    """
    if remote.key and (one := stored(remote)):
        return [_copied([one], remote.parent) / remote.name]
    there = listed(remote)
    if not there:
        found = [
            one for one, _ in expand(remote, (), frozenset())
        ]  # a pattern, or a sentence that says what is not there
        return [path for one in found for path in copies(one.remote)]
    sealed = [name for name in _FACTS if any(one.remote == remote / name for one in there)]
    kept = [
        one
        for one in there
        if not sealed or one.remote.key.startswith((remote / "data").key + "/") or one.remote.name in sealed
    ]
    return [_copied(kept, remote)]


def _copied(objects: Sequence[Stored], above: Remote) -> Path:
    """A folder with copies of `objects`, by their names below `above`."""
    says = "\n".join(f"{one.remote} {one.bytes} {one.modified // 10**9}" for one in objects)
    folder = cache() / "objects" / hashlib.sha256(says.encode()).hexdigest()[:32]

    def copy(one: Stored) -> None:
        path = folder / one.remote.below(above)
        if not path.exists():
            try:
                fetch(one.remote, path)
            except FileNotFoundError:
                raise InputError(f"{one.remote} is gone, which was there a moment ago; run again") from None

    with ThreadPoolExecutor(4, thread_name_prefix="tamis-fetch") as pool:
        list(pool.map(copy, objects))
    return folder
