"""What finds one kind of private data in a text; our own are in the files beside this one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol, runtime_checkable


class Match(NamedTuple):
    """A place in a text, in code points, and how sure it is (0–1)."""

    start: int
    stop: int
    score: float


@runtime_checkable
class Recogniser(Protocol):
    """Finds one entity. A user's own needs these four names and nothing of tamis."""

    @property
    def name(self) -> str:
        """Who it is, in findings and failures."""
        ...

    @property
    def entity(self) -> str:
        """What it finds."""
        ...

    @property
    def gate(self) -> str | tuple[str, ...] | None:
        """Regexes in Rust's syntax, one of which matches any text in which it finds something; None: it is always asked."""
        ...

    def find(self, text: str) -> Iterable[Match]:
        """All it finds in `text`."""
        ...
