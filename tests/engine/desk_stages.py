"""A corpus stage that looks at all a desk has, and says in run.json what it saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from tamis.desk import Desk, KeyRange, Tables
from tamis.kernels.hash import bytes_of
from tamis.stage import RESOLUTION, Corpus, Rule

KEYS = pa.schema([pa.field("key", pa.uint64())])


@dataclass(frozen=True)
class Witness(Corpus):
    """Lets go of every record but the first of those whose texts begin with the same byte."""

    against: tuple[str, ...] = ()

    name = "own.witness"
    sketches = KEYS
    stored = False

    @property
    def rules(self) -> tuple[Rule, ...]:
        return (Rule("seen", "drop"),)

    @property
    def earlier(self) -> tuple[str, ...]:
        return self.against

    @property
    def files(self) -> tuple[str, ...]:
        return self.against

    def sketch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The first byte in the highest bits: it says which range the key is in."""
        data, offsets = bytes_of(batch.column("text"))
        first = np.where(np.diff(offsets) > 0, np.append(data, 0)[offsets[:-1]], 0).astype(np.uint64)
        return pa.record_batch([pa.array(first << np.uint64(56))], schema=KEYS)

    def settle(self, desk: Desk) -> None:
        desk.run("met", desk.ranges(entry_bytes=1000))
        desk.run("seen", range(len(desk.bases) - 1))
        desk.run("resolved", [None])

    def met(self, desk: Desk, number: int, keys: KeyRange) -> Tables:
        """Records by key, and the first of their key."""
        found = {order: desk.meet(keys, by=order) for order in ("ordinal", "key")}
        key, ordinal = (found["key"].column(name).to_numpy() for name in ("key", "ordinal"))
        assert sorted(ordinal.tolist()) == found["ordinal"].column("ordinal").to_pylist()
        assert (np.lexsort((ordinal, key)) == np.arange(len(key))).all()
        assert ((key >= np.uint64(keys.low)) & (key <= np.uint64(keys.high))).all()
        first = np.unique(key, return_index=True, return_inverse=True)
        columns = {"ordinal": ordinal.astype(np.int64), "first": ordinal[first[1][first[2]]].astype(np.int64)}
        return {"met": pa.table(columns), "keys": pa.table({"key": key})}

    def seen(self, desk: Desk, number: int, fragment: int) -> Tables:
        """Places and texts of every second record that is in."""
        wanted = np.flatnonzero(desk.alive(fragment))[::2]
        texts, places = [pa.nulls(0, pa.string())], [np.zeros(0, np.int64)]
        for batch, where in desk.rows(fragment, wanted):
            texts.append(batch.column("text"))
            places.append(where)
        assert np.concatenate(places).tolist() == wanted.tolist()
        return {"seen": pa.table({"ordinal": wanted + desk.bases[fragment], "text": pa.concat_arrays(texts)})}

    def resolved(self, desk: Desk, number: int, item: Any) -> Tables:
        met = pa.concat_tables([desk.table("met", k) for k in range(desk.count("met"))]).sort_by("ordinal")
        ordinal, first = (met.column(name).to_numpy() for name in ("ordinal", "first"))
        gone = (ordinal != first) & (ordinal >= desk.bases[desk.earlier])
        rule = pa.array(["seen"] * int(gone.sum()), pa.string()).dictionary_encode().cast(RESOLUTION.field("rule").type)
        columns = [pa.array(ordinal[gone].astype(np.uint64)), rule, pa.nulls(int(gone.sum()), pa.float32())]
        return {"resolved": pa.table([*columns, desk.record_ids(first[gone])], schema=RESOLUTION)}

    def facts(self, desk: Desk) -> dict[str, Any]:
        """What every method of the desk gave."""
        met = pa.concat_tables([desk.table("met", k) for k in range(desk.count("met"))]).sort_by("ordinal")
        seen = pa.concat_tables([desk.table("seen", k) for k in range(desk.count("seen"))])
        keys = pa.concat_tables([desk.table("met", k, "keys") for k in range(desk.count("met"))])
        backwards = np.arange(desk.bases[-1])[::-1].copy()
        return {
            "records": int(desk.bases[-1]),
            "keys": keys.column("key").to_pylist(),
            "met": met.column("ordinal").to_pylist(),
            "seen": seen.to_pylist(),
            "ids": [k.hex() for k in desk.record_ids(backwards).to_pylist()],
        }
