"""The files of a run: which there are, and each of them written.

Where a file or row group ends depends on the rows alone, never on how the input was cut, so the bytes are the same for
any number of workers and any partition size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tamis.data import cuts
from tamis.data.groups import Piece, cut
from tamis.data.storage import put_file, stored
from tamis.data.writer import write_parquet
from tamis.desk import equal_ranges
from tamis.engine import contents
from tamis.engine.account import Books
from tamis.engine.bundles import kept_of
from tamis.engine.contents import Content, Emit
from tamis.engine.derive import group_of, part_name
from tamis.engine.exchange import IDS

SCORE_ROWS, VERDICT_ROWS = 1 << 20, 1 << 17
"""Rows of a file of scores, and of one of verdicts at most, as these are evenly spread."""

Holds = Callable[..., Content]


class EmitTask(NamedTuple):
    """One output file: `holds(emit, *about)` says what is in it. `kind` and `number` tell tasks apart."""

    emit: Emit
    kind: str
    number: int
    path: str
    holds: Holds
    about: tuple[Any, ...] = ()


def run_emit(task: EmitTask) -> dict[str, Any]:
    """Write one output file, unless it is there and whole; return its path, rows, bytes and sha256."""
    work, far = task.emit.work, task.emit.far
    target = (task.emit.out if work.far is None else work.root.parent) / task.path
    group = f"out-{task.kind}"
    done = work.done(group, task.number)
    if done is not None and done["file"]["path"] == task.path and _is_there(task, target, done["file"]):
        return dict(done["file"])
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = write_parquet(target, *task.holds(task.emit, *task.about))
    if far is not None:
        put_file(far / task.path, target)
    facts = {"path": task.path, "rows": digest.rows, "bytes": digest.bytes, "sha256": digest.sha256}
    work.finish(group, task.number, {}, {"file": facts})
    return facts


def tasks(emit: Emit, books: Books) -> Iterator[EmitTask]:
    """Every output file of a run with these books."""
    total, decisions = books.rows_in.total() + books.made(), books.entries.total()
    # First: it is one file, however large, and the others are written meanwhile.
    yield EmitTask(emit, "fates", 0, "fates.parquet", contents.fates_of_all)
    for k, groups in enumerate(_data_files(emit)):
        yield EmitTask(emit, "data", k, f"data/part-{k:05d}.parquet", contents.kept_rows, (groups,))
    parts = 1 << (max(0, decisions - 1) // VERDICT_ROWS).bit_length()
    for k, keys in enumerate(equal_ranges(parts)):
        yield EmitTask(emit, "verdicts", k, f"verdicts/part-{k:05d}.parquet", contents.verdicts_between, keys)
    if contents.score_schema(emit.plan):
        for k, start in enumerate(range(0, max(total, 1), SCORE_ROWS)):
            about_rows = (start, min(start + SCORE_ROWS, total))
            yield EmitTask(emit, "scores", k, f"scores/part-{k:05d}.parquet", contents.scores_between, about_rows)
    left = [(step, name) for step, stage in emit.plan.steps for name in stage.leaves]
    for k, (step, name) in enumerate(left):
        # A second stage that leaves a file of this name has its step in front of it.
        path = name if next(s for s, n in left if n == name) == step else f"{step}-{name}"
        yield EmitTask(emit, "leaves", k, path, contents.left_behind, (step, name))
    for k, (step, desk) in enumerate(emit.desks.items()):
        if desk.corpus.links:
            yield EmitTask(emit, "edges", k, f"edges/{edges_name(step)}", contents.edges_at, (step,))
    yield from _derived(emit)
    if _any_aside(emit, books):
        yield EmitTask(emit, "quarantine", 0, "quarantine/part-00000.parquet", contents.rows_aside)


def _derived(emit: Emit) -> Iterator[EmitTask]:
    """What was made, what it was made of, and what a model was asked for it."""
    for segment, step, _ in emit.plan.derives:
        born = [f for f in emit.fragments if emit.fates.born[f] == segment.number]
        for k, f in enumerate(born):
            yield EmitTask(emit, f"derived{step}", k, part_name(step, k), contents.rows_made, (step, f))
        for what in ("lineage", "requests"):
            if emit.work.table(group_of(step), 0, what).num_rows:
                yield EmitTask(emit, what, step, f"{what}/{edges_name(step)}", contents.told_of_seeds, (step, what))


def _any_aside(emit: Emit, books: Books) -> bool:
    """Whether a record is in quarantine, or was named anew."""
    if books.went("quarantined"):
        return True
    return any(done.windows for done in emit.fates.exchanges if done.group == IDS)


def _data_files(emit: Emit) -> Iterator[list[tuple[Piece, ...]]]:
    """The row groups of each file of data; where nothing is kept there is one file without any."""
    pieces: list[tuple[Piece, np.ndarray]] = []
    held = files = 0
    for fragment, sizes, may_end in kept_of(emit.work, emit.bundles):
        start = 0
        for end in [*cuts.ends_among(may_end, sizes, held).tolist(), None]:
            pieces.append((Piece(fragment, start, len(sizes) if end is None else end), sizes[start:end]))
            if end is None:
                held = int(sizes[start:].sum()) + (0 if start else held)
            else:
                yield _groups(pieces)
                pieces, start, files = [], end, files + 1
    if any(len(sizes) for _, sizes in pieces) or not files:
        yield _groups(pieces)


def _groups(pieces: Sequence[tuple[Piece, np.ndarray]]) -> list[tuple[Piece, ...]]:
    """The row groups of a file of `pieces`, each given with the bytes of its rows."""
    starts = [(piece.source, piece.start) for piece, _ in pieces]
    return [
        tuple(Piece(starts[k][0], starts[k][1] + start, starts[k][1] + end) for k, start, end in group)
        for group in cut((sizes for _, sizes in pieces), cuts.GROUP_ROWS, cuts.GROUP_BYTES)
    ]


def edges_name(step: int) -> str:
    """File in edges/, lineage/ or requests/ of what was found at `step`."""
    return f"step-{step:03d}.parquet"


def _is_there(task: EmitTask, target: Path, facts: dict[str, Any]) -> bool:
    if target.exists():
        return bool(_sha256(target) == facts["sha256"])
    # Written on another node, and put; what was put only in part is of another size.
    there = stored(task.emit.far / task.path) if task.emit.work.far and task.emit.far else None
    return there is not None and bool(there.bytes == facts["bytes"])


def _sha256(path: Path) -> str:
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
