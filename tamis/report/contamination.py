"""What contamination.parquet says, in a table a line for each evaluation set."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class Line(NamedTuple):
    """One evaluation set: items by status.

    flagged  items that are not dirty, but stand somewhere whole: too short to tell whether by chance
    answers  dirty items with their answer close by
    """

    eval: str
    items: int
    dirty: int
    clean: int
    too_short: int
    flagged: int
    answers: int


def lines(table: pa.Table) -> list[Line]:
    """A line for each set, in the order of the items."""
    named = table.column("eval").combine_chunks().dictionary_encode()
    which, names = named.indices.to_numpy(), named.dictionary.to_pylist()
    status, rule = table.column("status"), table.column("rule")
    dirty = pc.equal(status, "dirty")
    counted = {
        "items": pa.array(np.ones(len(which), np.bool_)),
        "dirty": dirty,
        "clean": pc.equal(status, "clean"),
        "too_short": pc.equal(status, "too_short"),
        "flagged": pc.and_(pc.invert(dirty), pc.equal(rule, "short_generic")),
        "answers": pc.and_(dirty, table.column("answer")),
    }
    sums = {
        name: np.bincount(
            which, weights=pc.cast(pc.fill_null(mask, False), pa.int64()).to_numpy(), minlength=len(names)
        )
        for name, mask in counted.items()
    }
    return [Line(name, *(int(sums[c][k]) for c in counted)) for k, name in enumerate(names)]


def worst(table: pa.Table, most: int) -> list[dict[str, Any]]:
    """The dirty items with the longest runs, at most so many of each set, set by set."""
    dirty = table.filter(pc.equal(table.column("status"), "dirty"))
    out: list[dict[str, Any]] = []
    for name in pc.unique(dirty.column("eval")).to_pylist():
        own = dirty.filter(pc.equal(dirty.column("eval"), name))
        order = np.argsort(-pc.fill_null(own.column("longest"), 0).to_numpy().astype(np.int64), kind="stable")
        out += own.take(pa.array(order[:most])).to_pylist()
    return out
