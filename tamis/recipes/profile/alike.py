"""Near-duplicates: how many records go where one of each group stays."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq

from tamis.recipes.profile.intervals import lost
from tamis.recipes.profile.walk import Walk
from tamis.report.profile.facts import Alike


def alike(walk: Walk) -> Alike:
    """What `near` came to: over all records that are no exact duplicates, or over those that were drawn together."""
    step = walk.run.steps[walk.step_of["near"]]
    peers, values = [np.zeros(0, "S16")], [np.zeros(0)]
    for part in walk.run.parts("verdicts"):
        for batch in pq.ParquetFile(part).iter_batches(1 << 18, columns=["step", "peer_id", "value"]):
            here = np.flatnonzero(batch.column("step").to_numpy() == step["step"])
            if len(here):
                own = batch.take(here)
                peers.append(own.column("peer_id").cast("binary").to_numpy(zero_copy_only=False).astype("S16"))
                values.append(own.column("value").to_numpy(zero_copy_only=False))
    _, each = np.unique(np.concatenate(peers), return_counts=True)
    value = np.concatenate(values)
    sizes, of = each + 1, step["rows"]["in"]
    rows = int(each.sum())
    told = lost(sizes, of - int(sizes.sum()), float(value.mean()) if rows else 1.0, walk.near_rate >= 1)
    rate = 1.0 if walk.near_rate >= 1 else of / max(1, walk.run.steps[walk.step_of["together"]]["rows"]["in"])
    largest = int(sizes.max()) if rows else 0
    return Alike(step["params"]["threshold"], told, rows, of, len(sizes), largest, rate)
