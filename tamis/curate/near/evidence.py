"""What is said of a record that goes: how alike it is to the one it lost to, and through which other it is linked to that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.curate.near.alike import EDGES
from tamis.desk import Desk
from tamis.schemas.rows import RECORD_ID

LOST = pa.schema(
    [
        *(pa.field(name, pa.int64(), False) for name in ("record", "survivor", "left", "right")),
        *(pa.field(name, pa.uint32(), False) for name in ("shared", "total")),
    ]
)
"""Ordinals of a record that goes and of the one it lost to, and of the pair of records that stand for their words: left
before right, or the same. `shared` and `total` of that pair where it is an edge, else 0.
"""

LINK = pa.schema([("record", pa.int64()), ("via", pa.int64()), ("via_jaccard", pa.float64())])
"""The record most like another, and how much: what links it to its group."""


class Likest(NamedTuple):
    """Of each record the one most like it, -1 where there is none, and their similarity."""

    other: np.ndarray
    jaccard: np.ndarray


def most_like(n: int, left: np.ndarray, right: np.ndarray, jaccard: np.ndarray) -> Likest:
    """By the edges (left, right) (p,) between records 0 to n - 1; of several equally alike, the first in the input."""
    one, other, alike = np.concatenate([left, right]), np.concatenate([right, left]), np.concatenate([jaccard, jaccard])
    # The last to be written stays.
    order = np.lexsort((-other, alike))
    found, most = np.full(n, -1, np.int64), np.zeros(n)
    found[one[order]], most[one[order]] = other[order], alike[order]
    return Likest(found, most)


def asked(lost: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of LOST that are no edge, so that their similarity is not yet known."""
    left, right, total = (lost.column(name).to_numpy() for name in ("left", "right", "total"))
    open_yet = (left != right) & (total == 0)
    return left[open_yet], right[open_yet]


def distances_of(lost: pa.Table, tables: Sequence[pa.Table]) -> tuple[np.ndarray, np.ndarray]:
    """|A ∩ B| and |A ∪ B|, (k,) float64 each, of records and those they lost to; 0 and 0 where the words are the same.

    tables  EDGES of pairs that were asked for
    """
    left, right, shared, total = (lost.column(name).to_numpy() for name in LOST.names[2:])
    edges = pa.concat_tables([EDGES.empty_table(), *tables])
    found = looked_up(left, right, *(edges.column(name).to_numpy() for name in EDGES.names))
    return np.where(total > 0, shared, found[0]), np.where(total > 0, total, found[1])


def looked_up(
    left: np.ndarray, right: np.ndarray, one: np.ndarray, other: np.ndarray, shared: np.ndarray, total: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`shared` and `total` of the edges (one, other) for the pairs (left, right): (k,) float64 each, 0 where there is none."""
    sizes = np.zeros((2, len(left)))
    if one.size and left.size:
        span = int(max(right.max(), other.max())) + 1
        wanted, known = _as_one(left, right, span), _as_one(one, other, span)
        order = np.argsort(known)
        at = order[np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)]
        here = known[at] == wanted
        sizes[:, here] = shared[at[here]], total[at[here]]
    return sizes[0], sizes[1]


def _as_one(low: np.ndarray, high: np.ndarray, span: int) -> Any:
    """Pairs of ordinals below `span` as numbers in the same order."""
    if span < 1 << 31:
        return low * span + high
    both = np.empty(len(low), [("low", np.int64), ("high", np.int64)])
    both["low"], both["high"] = low, high
    return both


def as_json(
    desk: Desk, links: pa.Table, record: np.ndarray, shared: np.ndarray, total: np.ndarray, chained: np.ndarray
) -> pa.Array:
    """JSON for each record: the sizes, or that the words are the same; and what links it where it is not alike itself."""
    n = len(record)
    whole = [pa.array(x.astype(np.int64)).cast(pa.string()) for x in (shared, total)]
    sizes = pc.binary_join_element_wise('{"shared":', whole[0], ',"total":', whole[1], "")
    found = pc.if_else(pa.array(total > 0), sizes, '{"same_words":true')
    at = np.searchsorted(links.column("record").to_numpy(), record) if len(links) else np.zeros(n, np.int64)
    via = pa.nulls(n, pa.string())
    if chained.any() and len(links):
        at = np.minimum(at, len(links) - 1)
        ids = _hex(desk.record_ids(links.column("via").to_numpy()[at[chained]]))
        jaccard = pc.round(links.column("via_jaccard").take(pa.array(at[chained])), 6).cast(pa.string())
        words = pc.binary_join_element_wise(',"via":"', ids, '","via_jaccard":', jaccard, "")
        place = np.cumsum(chained) - 1
        via = words.take(pa.array(place, mask=~chained))
    return pc.binary_join_element_wise(found, pc.fill_null(via, ""), "}", "").cast(pa.string())


def _hex(ids: pa.Array) -> pa.Array:
    """16-byte ids as text of 32 hexadecimal digits."""
    ids = ids.cast(RECORD_ID)
    data = np.frombuffer(ids.buffers()[1], np.uint8)[ids.offset * 16 : (ids.offset + len(ids)) * 16]
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    text = np.stack([digits[data >> 4], digits[data & 15]], axis=1).tobytes()
    return (
        pa.Array.from_buffers(pa.binary(32), len(ids), [None, pa.py_buffer(text)]).cast(pa.binary()).cast(pa.string())
    )
