"""Entities by name: those that parameters name are looked for, and a name can stand in a mark."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches

from tamis.errors import UsageError

NAME = re.compile(r"[A-Z][A-Z0-9_]*")


def check_marks(entities: Iterable[str]) -> None:
    """Raise UsageError where an entity could not be told from text around it in `<EMAIL_ADDRESS>`."""
    for entity in entities:
        if not NAME.fullmatch(entity):
            raise UsageError(
                f"pii: {entity!r} is no name for an entity; capitals, digits and _ are wanted, as in EMAIL_ADDRESS: "
                "rename it in its recogniser"
            )


def check_known(parameter: str, named: Iterable[str], known: Collection[str]) -> None:
    """Raise UsageError where `parameter` names an entity that is none of `known`, with the nearest that is."""
    for entity in named:
        if entity not in known:
            near = get_close_matches(entity.upper(), known, 1, 0.5)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
            raise UsageError(f"pii: {parameter} names {entity!r}, which is none of the entities looked for; {hint}")
