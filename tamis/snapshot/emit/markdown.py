"""Markdown that stays what it is, whatever the names in it are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tamis.snapshot.emit.census import shown

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&!])")


def plain(text: object) -> str:
    """`text` as it stands, on one line: nothing in it is markup, no link, no HTML."""
    return SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; columns of numbers only are set to the right."""
    body = [list(row) for row in rows]
    numbers = [bool(body) and all(isinstance(row[k], (int, float)) for row in body) for k in range(len(headings))]
    lines = [
        list(headings),
        ["---:" if right else "---" for right in numbers],
        *([_cell(v) for v in row] for row in body),
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else plain(shown(str(value)))
