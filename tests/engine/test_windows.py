"""Windows of what an exchange resolved: together they are all of it, each in the order of the input."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tamis.engine.bundles import BUNDLES, DRAFT_BYTES, bundled
from tamis.engine.exchange import RESOLVED, Exchanged, Fates
from tamis.engine.windows import gathering, run_window
from tamis.engine.work import Work

RECORDS = 60


def resolved(ordinals: list[int]) -> pa.Table:
    """What is said of records."""
    ids = [k.to_bytes(16) for k in ordinals]
    return pa.table(
        [ordinals, ids, ["duplicate"] * len(ids), [1.0] * len(ids), ids, [None] * len(ids)], schema=RESOLVED
    )


@given(st.lists(st.sets(st.integers(0, RECORDS - 1)), min_size=1, max_size=4), st.integers(1, 4000))
def test_a_fragment_finds_all_that_was_resolved_of_it(parts: list[set[int]], share: int) -> None:
    with TemporaryDirectory() as folder:
        work = Work(Path(folder))
        for k, ordinals in enumerate(parts):
            work.finish_tables("exact", k, {"resolved": resolved(sorted(ordinals))}, {})
        done, tasks = gathering(work, Exchanged("exact", len(parts), 1), RECORDS, share)
        for task in tasks:
            run_window(task)
        fates = Fates(work, np.array([0, 7, 7, 31, RECORDS]))
        found = [(k, int(row)) for k in range(4) for row in fates.resolved(done, k)[0]]
        assert [int(fates.bases[k]) + row for k, row in found] == sorted(n for part in parts for n in part)


@given(st.lists(st.integers(0, 9), max_size=4 * BUNDLES), st.integers(1, 20))
def test_bundles_cover_all_fragments_and_fit_in_the_share(verdicts: list[int], room: int) -> None:
    cut = bundled(verdicts, room * DRAFT_BYTES)
    assert [k for first, end in cut for k in range(first, end)] == list(range(len(verdicts)))
    assert all(end - first == 1 or sum(verdicts[first:end]) <= room for first, end in cut)
