"""The name of a source, where an erasure leaves no record of it and it holds what was asked for: run.json calls it `erased-1`.

{"source": "alice-blog", "in": 5, "kept": 3, …}  ->  {"source": "erased-1", "in": 5, "kept": 3, …}

What was counted stays, so the tallies of all sources still add up to what came in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import count
from typing import Any

TOLD = ("inputs", "damage", "warnings")
"""Members of run.json and snapshot.json that may have a file's name in them, and so the name of its source."""

SHORTEST = 3
"""Letters of a name from which it is looked for within other texts: shorter ones stand there by chance."""


def unnamed(facts: dict[str, Any], values: Collection[str], stay: Collection[str]) -> dict[str, str]:
    """New names for sources of `facts` (run.json) that hold one of `values`; not for those that `stay`, having records yet."""
    names = [str(source["source"]) for source in facts.get("sources", ())]
    free = (name for k in count(1) if (name := f"erased-{k}") not in names)
    return {name: next(free) for name in names if name not in stay and any(value in name for value in values if value)}


def applied(facts: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """`facts`, run.json or snapshot.json, with the `names` of sources replaced: in tallies, and in the names of files read."""
    if not names:
        return facts
    done = {key: _within(value, names) if key in TOLD else value for key, value in facts.items()}
    if "sources" in facts:
        done["sources"] = [{**s, "source": names.get(s["source"], s["source"])} for s in facts["sources"]]
    places = facts.get("varies", {}).get("inputs")
    if places:
        # By the file alone: a folder that happens to be called so leads to inputs of other sources, too.
        hit = [a != b for a, b in zip(facts["inputs"], done["inputs"], strict=True)]
        shown = [_within(p, names) if is_hit else p for p, is_hit in zip(places, hit, strict=True)]
        done["varies"] = {**facts["varies"], "inputs": shown}
    return done


def _within(value: Any, names: dict[str, str]) -> Any:
    """`value`, whatever JSON has, with the names replaced in all its texts."""
    if isinstance(value, dict):
        return {key: _within(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [_within(inner, names) for inner in value]
    for old, new in _longest_first(names) if isinstance(value, str) else ():
        value = value.replace(old, new)
    return value


def _longest_first(names: dict[str, str]) -> Iterator[tuple[str, str]]:
    return ((old, names[old]) for old in sorted(names, key=len, reverse=True) if len(old) >= SHORTEST)


def veiled(text: str, values: Sequence[str]) -> str:
    """`text` without any of `values`: for what is told on file."""
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, "…") if len(value) >= SHORTEST else text
    return text
