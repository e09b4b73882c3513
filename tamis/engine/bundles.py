"""Bundles of fragments: what the files of a run are cut from, gathered by as many tasks as memory asks for.

Each file of verdicts is a range of record ids, and read from every bundle. Where each file of data ends depends on the row
before it, so that is told by one walk over all rows; what the walk looks at is made ready here.

    drafts  the verdicts of a bundle, by record id
    kept    of each row that is kept: its fragment, its bytes, and whether it may end a file
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.data import cuts
from tamis.engine.drafts import drafts_of, ids_of
from tamis.engine.exchange import Fates
from tamis.engine.passes import by_id
from tamis.engine.work import Work
from tamis.ledger import DRAFT, KEPT, Step

GROUP = "bundles"

DRAFT_BYTES = 400
"""Memory for each verdict while those of a bundle are put in order."""

BUNDLES = 64
"""Bundles that there are at least, where there are fragments for them: work for many processors."""


class BundleTask(NamedTuple):
    """Fragments from `first` up to, but not including, `end`. `segments`, `steps`: as in `drafts_of`."""

    work: Work
    fates: Fates
    number: int
    first: int
    end: int
    segments: int
    steps: Mapping[int, Step]


def run_bundle(task: BundleTask) -> dict[str, Any]:
    """Gather a bundle, unless that is done; return the completion record."""
    if (done := task.work.done(GROUP, task.number)) is not None:
        return done
    drafts, kept = [DRAFT.empty_table()], [_KEPT.empty_table()]
    for fragment in range(task.first, task.end):
        becomes = task.fates.of(fragment)
        drafts += drafts_of(task.work, task.fates, fragment, task.segments, task.steps, becomes)
        kept.append(_kept(task, fragment, becomes[0] == KEPT))
    tables = {"drafts": by_id(pa.concat_tables(drafts)), "kept": pa.concat_tables(kept)}
    return task.work.finish_tables(GROUP, task.number, tables, {"kept": tables["kept"].num_rows})


_KEPT = pa.schema([("fragment", pa.uint32()), ("bytes", pa.int64()), ("may_end", pa.bool_())])


def _kept(task: BundleTask, fragment: int, kept: np.ndarray) -> pa.Table:
    last = task.segments - 1
    measured = task.fates.in_after(last, fragment)
    sizes = task.work.table(last, fragment, "sizes").column("bytes").to_numpy()[kept[measured]]
    may_end = cuts.may_end(ids_of(task.work, task.fates, fragment).filter(pa.array(kept)), sizes)
    return pa.table([np.full(len(sizes), fragment, np.uint32), sizes, may_end], schema=_KEPT)


def bundled(verdicts: Sequence[int], share: int) -> list[tuple[int, int]]:
    """First fragment and end of each bundle, by the number of verdicts of every fragment: as many as fit in `share` bytes."""
    most, found, first, held = max(1, len(verdicts) // BUNDLES), [], 0, 0
    for k, n in enumerate(verdicts):
        if k > first and (k - first == most or (held + n) * DRAFT_BYTES > share):
            found.append((first, k))
            first, held = k, 0
        held += n
    return [*found, (first, len(verdicts))] if verdicts else []


def drafts_between(work: Work, bundle: int, low: int, high: int) -> pa.Table:
    """Verdicts of a bundle about records whose ids begin with a number from `low` to `high`."""
    return work.between(GROUP, bundle, "drafts", low, high, "record_id")


def kept_of(work: Work, bundles: int) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Fragments that have rows in the end: bytes (n,) int64 of each row, and whether it may end a file (n,) bool."""
    for k in range(bundles):
        table = work.table(GROUP, k, "kept")
        fragment, sizes = (table.column(name).to_numpy() for name in ("fragment", "bytes"))
        may_end = table.column("may_end").to_numpy()
        for each in np.unique(fragment).tolist():
            here = slice(*np.searchsorted(fragment, [each, each + 1]))
            yield each, sizes[here], may_end[here]
