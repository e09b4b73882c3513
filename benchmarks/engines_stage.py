"""Near-duplicates as the engine benchmark has everyone do it: 14 bands of 8 rows over word 5-grams.

engines_stage.py:Linked     whoever shares a band key is one group, unverified: what the peers do, with their removal set
engines_stage.py:Verified   as `near`: pairs of one band key, each verified by its sets of n-grams
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tamis.curate.near import Near
from tamis.desk import Desk, KeyRange, Tables
from tamis.kernels.components import link, roots
from tamis.kernels.entries import entries
from tamis.stage import RESOLUTION, by_rule

SHAPE = (14, 8)

MET_BYTES = 120
"""Of one entry: key and ordinal, where they came from and in order; masks, links."""


@dataclass(frozen=True)
class Verified(Near):
    """`near` with SHAPE."""

    name = "verified"
    shape = SHAPE


@dataclass(frozen=True)
class Linked(Near):
    """Of all that are linked by equal band keys the first stays."""

    name = "linked"
    shape = SHAPE
    links = False

    def index(self, sketched: pa.Table) -> Tables:
        """`bands` alone, by key: of what `near` keeps besides, nothing is asked where nothing is verified."""
        compared = sketched.filter(sketched.column("same").is_valid()).combine_chunks()
        keys = compared.column("bands").combine_chunks().flatten().to_numpy()
        found = entries(compared.column("row").to_numpy(), keys, self.shape[0])
        return {"bands": pa.table({"row": found.row, "key": found.key})}

    def settle(self, desk: Desk) -> None:
        """Links; who goes."""
        desk.run("met", desk.ranges("bands", MET_BYTES))
        desk.run("resolved", [None])

    def met(self, desk: Desk, number: int, keys: KeyRange) -> Tables:
        """The first record of each key, and each other one of it."""
        met = desk.meet(keys, "bands", by="key")
        key, ordinal = met.column("key").to_numpy(), met.column("ordinal").to_numpy()
        same = np.flatnonzero(key[1:] == key[:-1]) + 1
        first = np.ones(len(key), bool)
        first[same] = False
        heads = np.flatnonzero(first)
        head = heads[np.searchsorted(heads, same, "right") - 1]
        links = ordinal[head] << np.uint64(32) | ordinal[same]
        return {"met": pa.table({"link": links})}

    def resolved(self, desk: Desk, number: int, item: None) -> Tables:
        """All of a component but its first record."""
        parent = np.arange(desk.bases[-1], dtype=np.uint32)
        for k in range(desk.count("met")):
            found = desk.table("met", k).column("link").to_numpy()
            link(parent, found >> np.uint64(32), found & np.uint64(0xFFFFFFFF))
        root = roots(parent)
        gone = np.flatnonzero(root != np.arange(len(root)))
        nothing = pa.nulls(len(gone), pa.float32())
        peers = desk.record_ids(root[gone].astype(np.int64))
        columns = [pa.array(gone.astype(np.uint64)), by_rule("near_duplicate", len(gone)), nothing, peers]
        table = pa.table(columns, schema=RESOLUTION)
        return {"resolved": table.append_column("evidence", pa.nulls(len(gone), pa.string()))}

    def facts(self, desk: Desk) -> dict[str, object]:
        """None."""
        return {}
