"""The data files that a URI stands for: an object, all below a prefix, or those a pattern fits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import translate
from pathlib import PurePosixPath

from tamis.data.storage.address import Remote
from tamis.data.storage.objects import Stored, listed, stored
from tamis.errors import InputError

_MAGIC = re.compile(r"[*?[]")


def expand(remote: Remote, suffixes: tuple[str, ...], run: frozenset[str]) -> Iterator[tuple[Stored, str]]:
    """Objects that `remote` stands for, each with its logical name. Raises InputError where there is none.

    suffixes  what is taken of all below a prefix
    run       names of which all lie in a run: of it, the data are taken
    """
    if remote.key and (one := stored(remote)):
        yield one, remote.name
        return
    there = listed(remote)
    if there:
        taken = list(_taken(remote, there, suffixes, run))
        if not taken:
            raise InputError(
                f"{remote}: no {', '.join(suffixes)} object below it, of {len(there):,}; name such by a pattern"
            )
        yield from taken
    elif _MAGIC.search(remote.key):
        yield from _globbed(remote)
    else:
        if remote.key:
            listed(remote.parent)  # a bucket that is not there is said
        raise InputError(f"{remote} does not exist: there is no object of that name, and none below it")


def _taken(
    prefix: Remote, there: Iterable[Stored], suffixes: tuple[str, ...], run: frozenset[str]
) -> Iterator[tuple[Stored, str]]:
    """Of all below `prefix` what is data: nothing hidden, of runs their data, of unfinished runs nothing."""
    named = [(one, PurePosixPath(one.remote.below(prefix))) for one in there]
    held: dict[PurePosixPath, set[str]] = {}
    for _, path in named:
        held.setdefault(path.parent, set()).add(path.name)
    runs = {folder for folder, names in held.items() if names >= run}
    begun = {folder.parent for folder, names in held.items() if folder.name == ".work" and "plan.json" in names} - runs
    for one, path in named:
        above = [folder for folder in path.parents if folder in runs]
        aside = any(folder in begun for folder in path.parents) or any(p.startswith((".", "_")) for p in path.parts)
        of_run = not above or path.relative_to(above[-1]).parts[0] == "data"
        if not aside and of_run and path.name.lower().endswith(suffixes):
            yield one, path.as_posix()


def _globbed(pattern: Remote) -> Iterator[tuple[Stored, str]]:
    parts = pattern.key.split("/")
    fixed = next(k for k, part in enumerate(parts) if _MAGIC.search(part))
    root = Remote(pattern.scheme, pattern.bucket, "/".join(parts[:fixed]))
    wanted = folders(parts[fixed:])
    found = [(one, name) for one in listed(root) if fits(wanted, (name := one.remote.below(root)).split("/"))]
    shown = [(one, name) for one, name in found if not name.rpartition("/")[2].startswith(".")]
    if not shown:
        raise InputError(f"no object matches {str(pattern)!r}")
    yield from shown


Part = tuple[re.Pattern[str], bool] | None
"""One part of a pattern, and whether it fits hidden names; None: **, any number of folders, and at the end all below them."""


def folders(parts: Iterable[str]) -> list[Part]:
    """The parts of a pattern, as `fits` takes them."""
    return [None if part == "**" else (re.compile(translate(part)), part.startswith(".")) for part in parts]


def fits(wanted: Sequence[Part], names: Sequence[str]) -> bool:
    """Whether the parts of a key fit those of a pattern as a path does: hidden ones only where the pattern says so."""
    if not wanted:
        return not names
    if wanted[0] is None:
        if len(wanted) == 1:
            return bool(names) and not any(name.startswith(".") for name in names)
        return fits(wanted[1:], names) or (bool(names) and names[0][:1] != "." and fits(wanted, names[1:]))
    part, shows_hidden = wanted[0]
    return (
        bool(names)
        and (shows_hidden or names[0][:1] != ".")
        and part.match(names[0]) is not None
        and fits(wanted[1:], names[1:])
    )
