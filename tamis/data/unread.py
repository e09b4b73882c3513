"""What could not be read of files that data is held against: evaluation sets, earlier corpora.

Records are set aside and told one by one. These are not: a row that cannot be read is counted and named by its place, and a
file that breaks off is refused, for what stood behind the break would be held against nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tamis.data.block import Block
from tamis.data.inputs import InputFile
from tamis.data.reading import Fragment
from tamis.errors import DamagedError

SHOWN = 5
"""Rows that are named, at most."""


class Unread(NamedTuple):
    """Rows of a fragment, or of several that follow one another, that could not be read.

    rows    how many
    first   of the first of them the line or row, from 0, and the rule by which it is none; at most `SHOWN`
    lines   lines, or rows, that the fragments have
    """

    rows: int = 0
    first: tuple[tuple[int, str], ...] = ()
    lines: int = 0

    def and_of(self, block: Block, fragment: Fragment) -> Unread:
        """With the next block of `fragment`."""
        lines = block.total if fragment.file.format == "parquet" else block.lines
        places, rules = (block.bad.column(name).to_pylist() for name in ("line", "rule"))
        bad = [*self.first, *zip(places, rules, strict=True)][:SHOWN]
        return Unread(self.rows + len(places), tuple(bad), self.lines + lines)

    def then(self, later: Unread) -> Unread:
        """With the next fragment of the same file."""
        moved = [(line + self.lines, rule) for line, rule in later.first]
        return Unread(self.rows + later.rows, tuple([*self.first, *moved][:SHOWN]), self.lines + later.lines)

    def named(self, file: InputFile) -> list[str]:
        """The first of them, by file and place: `a.jsonl line 2 (not_json)`."""
        word = "row" if file.format == "parquet" else "line"
        return [f"{file.name} {word} {line + 1:,} ({rule})" for line, rule in self.first]


def told(rows: int, named: Sequence[str]) -> str:
    """The rows that are named, and that there are more."""
    return ", ".join(named[:SHOWN]) + (", …" if rows > len(named[:SHOWN]) else "")


def damaged(fragment: Fragment, why: str, read: int, role: str) -> DamagedError:
    """What to raise where `fragment` of a file breaks off after `read` rows. role: `an evaluation set`."""
    return DamagedError(
        f"{fragment.file.path}: this file, {role}, is damaged: {why}; {read:,} rows before that could be read. Records would "
        "be held against these alone, so nothing was begun: copy the file again from where it is whole, or write the rows "
        "that can be read to a file of their own and name that"
    )
