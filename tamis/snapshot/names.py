"""What a snapshot is called: NAME, NAME@VERSION, or sha256:ID.

named(Path("snapshots/docs/1.2.0"))  ->  Named("docs", Version(1, 2, 0))
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from tamis.errors import UsageError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

# semver.org, without build metadata: two versions that differ in it alone would be equal.
VERSION = re.compile(r"v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?")

ID = re.compile(r"sha256:[0-9a-f]{64}")


class Version(NamedTuple):
    """A semantic version; `pre` is what follows the hyphen."""

    major: int
    minor: int
    patch: int
    pre: str = ""

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}" + (f"-{self.pre}" if self.pre else "")

    @property
    def order(self) -> tuple[object, ...]:
        """Sorts as semver.org says: a pre-release comes before its release."""
        parts = [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in self.pre.split(".") if p]
        return (self.major, self.minor, self.patch, not self.pre, parts)

    def next(self) -> Version:
        """One minor version on."""
        return Version(self.major, self.minor + 1, 0)


FIRST = Version(1, 0, 0)


def version(text: str) -> Version:
    """The version that `text` is. Raises UsageError."""
    found = VERSION.fullmatch(text)
    if found is None:
        raise UsageError(f"{text!r} is no version; write three numbers, as 1.2.0, or 1.2.0-rc.1")
    major, minor, patch, pre = found.groups()
    return Version(int(major), int(minor), int(patch), pre or "")


def is_version(text: str) -> bool:
    """Whether `text` is a semantic version, with or without a v."""
    return VERSION.fullmatch(text) is not None


def checked(name: str) -> str:
    """`name`, which can stand in a path and before an @. Raises UsageError."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for a snapshot; take letters, digits, '.', '_' and '-', a letter or digit first, "
            "at most 100: --name docs-sft"
        )
    return name


def told(text: str) -> str:
    """`text`, which can be kept on file. Raises UsageError where it is no UTF-8, as bytes of a command line may be."""
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise UsageError(f"{text!r} is no UTF-8, and cannot be kept or looked for; write it in UTF-8")
    return text


def split_order(name: str) -> tuple[int, str]:
    """The place of a split among others: train, validation, test, then the rest by name."""
    usual = ("train", "validation", "test")
    return (usual.index(name) if name in usual else len(usual), name)


class Named(NamedTuple):
    """What a folder says of the snapshot in it; `version` is None where it says none."""

    name: str
    version: Version | None


def named(folder: Path) -> Named:
    """Name and version by the place of a snapshot: …/NAME/1.2.0, else …/NAME. The name is not checked."""
    if is_version(folder.name) and folder.parent.name:
        return Named(folder.parent.name, version(folder.name))
    return Named(folder.name, None)
