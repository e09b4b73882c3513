"""A taxonomy: topics × formats to ask instructions about.

topics: [bread, volcanoes, double-entry bookkeeping]
formats: [a question, a list to put in order]
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from tamis.errors import UsageError


class Leaf(NamedTuple):
    """One topic in one format; null: left open."""

    topic: str | None = None
    format: str | None = None


def read_taxonomy(path: Path, seed: int) -> list[Leaf]:
    """Every topic in every format, shuffled by `seed`. Raises UsageError where `path` holds no taxonomy."""
    import yaml

    try:
        held = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as wrong:
        raise UsageError(f"{path}: the taxonomy cannot be read: {wrong}") from None
    except yaml.YAMLError as wrong:
        mark = getattr(wrong, "problem_mark", None)
        at = f":{mark.line + 1}" if mark else ""
        raise UsageError(f"{path}{at}: it is not YAML: {getattr(wrong, 'problem', wrong)}") from None
    if not isinstance(held, dict) or not held or set(held) - {"topics", "formats"}:
        raise UsageError(f"{path}: a mapping with the lists 'topics' and 'formats', or one of them, was wanted")
    for name, listed in held.items():
        if (
            not isinstance(listed, list)
            or not listed
            or not all(isinstance(one, str) and one.strip() for one in listed)
        ):
            raise UsageError(f"{path}: {name!r} is {listed!r:.60}; a list of texts was wanted")
    leaves = [Leaf(topic, form) for topic in held.get("topics", [None]) for form in held.get("formats", [None])]
    return sorted(leaves, key=lambda leaf: hashlib.sha256(repr((seed, *leaf)).encode()).digest())
