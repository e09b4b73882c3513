"""What an exchange resolved, gathered in windows of the input: a fragment then reads one file and not one for every key range.

With F fragments and P ranges that is about F + P W files opened in place of F P, for as many windows W as hold a share each.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.engine.exchange import Exchanged
from tamis.engine.work import Work

COPIES = 3
"""Times that a task holds a row: as it is read, put together, and in order."""


class WindowTask(NamedTuple):
    """The records with ordinals from `low` up to, but not including, `high`."""

    work: Work
    done: Exchanged
    number: int
    low: int
    high: int


def run_window(task: WindowTask) -> dict[str, Any]:
    """Gather one window, unless that is done; return the completion record."""
    work, done = task.work, task.done
    if (record := work.done(done.gathered, task.number)) is not None:
        return record
    tables = (work.between(done.group, k, "resolved", task.low, task.high - 1, "ordinal") for k in range(done.tables))
    found = pa.concat_tables(tables).sort_by("ordinal")
    return work.finish_tables(done.gathered, task.number, {"resolved": found}, {})


def gathering(work: Work, done: Exchanged, records: int, share: int) -> tuple[Exchanged, list[WindowTask]]:
    """`done` with its windows, each of about `share` bytes of memory, and the tasks that gather them: none for one table."""
    sizes = [work.size(done.group, k, "resolved") for k in range(done.tables)]
    rows, taken = (sum(each) for each in zip(*sizes, strict=True))
    if not rows:
        return done._replace(windows=()), []
    if done.tables == 1:
        return done, []
    windows = max(1, -(-taken * COPIES // share))
    # Every so many of each table, in order, stand for all.
    every = max(1, rows // (64 * windows))
    columns = (work.table(done.group, k, "resolved", ["ordinal"]).column("ordinal") for k in range(done.tables))
    sample = np.sort(np.concatenate([column.to_numpy()[::every] for column in columns]))
    lows = np.unique([0, *sample[:: max(1, len(sample) // windows)][1:].tolist()]).tolist()
    done = done._replace(windows=tuple(lows))
    ends = pairwise([*lows, max(records, lows[-1] + 1)])
    return done, [WindowTask(work, done, k, low, high) for k, (low, high) in enumerate(ends)]
