"""The strings and numbers of JSON texts, taken out and put back; everything else stays byte for byte."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

LEAF = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*')
"""A string (a key is one, too) or a number, in JSON that is known to be well-formed."""


class Leaves(NamedTuple):
    """The leaves of JSON texts: `strings[offsets[i]:offsets[i + 1]]` are those of text i, in order."""

    strings: pa.StringArray
    offsets: np.ndarray


def leaves(texts: pa.StringArray) -> Leaves:
    """Strings, decoded, and numbers, as they are written, of every text; a null has none."""
    found = [[_plain(leaf) for leaf in LEAF.findall(text)] if text else [] for text in texts.to_pylist()]
    offsets = np.cumsum([0, *map(len, found)]).astype(np.int32)
    return Leaves(pa.array([leaf for each in found for leaf in each], pa.string()), offsets)


def with_leaves(texts: pa.StringArray, strings: pa.StringArray, was: Leaves, changed: np.ndarray) -> pa.StringArray:
    """`texts` with the leaves at `changed` (k,) put anew from `strings`; a number that changed becomes a string."""
    rows = np.unique(np.searchsorted(was.offsets, changed, side="right") - 1)
    new = texts.to_pylist()
    for row in rows.tolist():
        low, high = was.offsets[row : row + 2].tolist()
        before, after = was.strings[low:high].to_pylist(), strings[low:high].to_pylist()
        pairs = zip(before, after, strict=True)
        new[row] = _apart(LEAF.sub(lambda leaf: _put(leaf[0], *next(pairs)), new[row]))  # noqa: B023
    return pa.array(new, texts.type)


def _put(leaf: str, before: str, after: str) -> str:
    return leaf if before == after else json.dumps(after, ensure_ascii=False)


def _apart(text: str) -> str:
    """JSON `text` as it is; where an object has one key twice, as two addresses that are now one tag, the later are numbered."""
    twice = False

    def numbered(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal twice
        found: dict[str, Any] = {}
        for key, value in pairs:
            name, count = key, 1
            while name in found:
                twice, count = True, count + 1
                name = f"{key} ({count})"
            found[name] = value
        return found

    whole = json.loads(text, object_pairs_hook=numbered, strict=False)
    return json.dumps(whole, separators=(",", ":")) if twice else text


def _plain(leaf: str) -> str:
    if leaf[0] != '"':
        return leaf
    text: str = json.loads(leaf, strict=False)
    # Half of a surrogate pair, which JSON may spell and UTF-8 has not: nothing is found in it.
    return text.encode("utf-8", "replace").decode()
