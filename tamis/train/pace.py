"""How fast this machine trains this model on these rows: some steps of it, timed."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tamis.train.job import Job
from tamis.train.lengths import list_sizes
from tamis.train.plan import Plan
from tamis.train.regime import steps_of_epoch

TAKEN = 4
"""Steps: the first warms up; of the others the least counts, for whatever else the machine does only adds to it."""


class Pace(NamedTuple):
    """What a whole run takes at the pace of `steps` steps: by the clock, and of all threads together."""

    seconds: float
    cpu_seconds: float
    steps: int


def pace_of(job: Job, plan: Plan) -> Pace:
    """Take some steps on a batch whose rows are as long as rows are, and evaluate it; nothing is left of it."""
    from tamis.train.trainer import rehearse

    settings = plan.settings
    own = _spread(plan.train, sizes(plan.train, settings.method), settings.batch_size)
    told = replace(
        settings, max_steps=TAKEN, batch_size=own.num_rows, accumulate=1, eval_every=0, checkpoint_every=0, trackers=()
    )
    with tempfile.TemporaryDirectory(prefix="tamis-pace-") as work:
        step, look = rehearse(job.base, plan.tokenizer, own, told, Path(work))
    tokens = float(sizes(own, settings.method).sum())
    # The last step of a pass may have fewer rows than the others.
    passes = (settings.max_steps or 1) / steps_of_epoch(settings, plan.train.num_rows)
    learnt = passes * float(sizes(plan.train, settings.method).sum())
    # Before the first step, after the last, and in between.
    looks = 2 + (settings.max_steps or 1) // settings.eval_every if settings.eval_every else 2
    seen = looks * float(sizes(plan.validation, settings.method).sum())
    wall, cpu = (learnt / tokens * a + seen / tokens * b for a, b in zip(step, look, strict=True))
    return Pace(wall, cpu, TAKEN)


def sizes(rows: pa.Table, method: str, shared: bool = False) -> np.ndarray:
    """(n,) int64: tokens of each row; of both sides of a pair, its prompt counted once where it is `shared`."""
    names = (
        {"prompt_ids": 1 if shared else 2, "chosen_ids": 1, "rejected_ids": 1} if method == "dpo" else {"input_ids": 1}
    )
    found = np.zeros(rows.num_rows, np.int64)
    for name, count in names.items():
        found += count * list_sizes(rows, name)
    return found


def largest(own: np.ndarray, batch_size: int, batches: int, padded: bool) -> int:
    """Tokens of the largest of `batches` batches, as chance draws them; `padded`: each row as long as the longest beside it."""
    if not len(own):
        return 0
    draws = np.random.default_rng(0)
    passes = -(-batches * batch_size // len(own))
    drawn = np.concatenate([draws.permutation(own) for _ in range(min(passes, 100))])
    whole = drawn[: min(batches, max(1, len(drawn) // batch_size)) * batch_size]
    groups = np.resize(whole, (-(-len(whole) // batch_size), batch_size))
    return int((groups.max(1) * batch_size if padded else groups.sum(1)).max())


def _spread(rows: pa.Table, own: np.ndarray, count: int) -> pa.Table:
    """`count` rows, evenly from the shortest to the longest."""
    order = np.argsort(own, kind="stable")
    places = ((np.arange(min(count, len(order))) + 0.5) / min(count, len(order)) * len(order)).astype(np.int64)
    return rows.take(pa.array(order[places]))
