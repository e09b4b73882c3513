"""The sample that raters see: a task and a text a line, in an order that says nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.data.parquet import open_file
from tamis.data.writer import write_bytes
from tamis.errors import OutputError, UsageError
from tamis.runs.again import Again
from tamis.runs.audit.draw import Drawn, Stratum, draw, mixed
from tamis.runs.audit.key import ENDING, Key, write_key
from tamis.runs.folder import Run
from tamis.runs.manifest import MANIFEST, sha256
from tamis.schemas import joined, kind
from tamis.schemas.ids import halves

Edited = Callable[[pa.RecordBatch, int], pa.RecordBatch | None]
"""A row as a step saw it; None where that cannot be told from the row alone."""

Masked = Callable[[Sequence[str]], list[str]]
"""Texts without what is private in them."""

Ids = dict[tuple[int, int], str]


class Sample(NamedTuple):
    """A sample as it was written.

    as_read   texts of records dropped that stand as they came in, though a step may have edited them before
    left_out  rules that were not drawn from
    """

    path: Path
    key: Key
    tasks: int
    as_read: int
    left_out: tuple[Stratum, ...]


def write_sample(
    again: Again,
    output: Path,
    *,
    per_rule: int = 50,
    kept: int | None = None,
    seed: int = 0,
    rules: Collection[str] = (),
    edited: Edited = lambda row, step: row,
    masked: Masked | None = None,
) -> Sample:
    """Draw from the run of `again`, and write `output` and the key beside it.

    edited  gives a dropped record as the rule saw it; those kept are given as they came out of the run
    masked  takes out of the texts what is private; None: they are written as they are

    Raises OutputError where there is something already, UsageError where nothing was dropped, and InputError where the
    input cannot be read again.
    """
    run, beside = again.run, output.with_name(output.stem + ENDING)
    for path in (output, beside):
        if path.exists():
            raise OutputError(f"{path} is there already, and may be half labelled; name another file with -o")
    if output.resolve().is_relative_to(run.path.resolve()):
        raise OutputError(
            f"{output} lies in the run, whose manifest names every file; name a place outside of {run.path}"
        )
    drawn = draw(run, per_rule, kept, seed, rules)
    if len(drawn.strata) == 1:
        lost = ", but by losing to another: name such a rule with --rule" if drawn.left_out else ""
        raise UsageError(f"no rule of the run at {run.path} dropped a record{lost}; there is nothing to audit")
    texts, as_read = _dropped(again, drawn, edited)
    texts |= _kept(run, drawn.ids[-1])
    order = _order(drawn, seed)
    shown = [texts[tuple(drawn.ids[k][row].tolist())] for k, row in order]
    if masked is not None:
        shown = masked(shown)
    tasks = [f"{n:0{len(str(len(order)))}}" for n in range(1, len(order) + 1)]
    lines = (json.dumps({"task": t, "text": s}, ensure_ascii=False) + "\n" for t, s in zip(tasks, shown, strict=True))
    digest = write_bytes(output, "".join(lines).encode("utf-8", "surrogatepass")).sha256
    key = write_key(
        beside,
        {
            "run": {"name": run.facts["name"], "manifest": sha256(run.path / MANIFEST)},
            "seed": seed,
            "per_rule": per_rule,
            "masked": masked is not None,
            "sample": {"file": output.name, "sha256": digest},
            "strata": [s._asdict() for s in drawn.strata],
            "tasks": {
                task: {"record_id": _hex(drawn.ids[k][row]), "stratum": k}
                for task, (k, row) in zip(tasks, order, strict=True)
            },
        },
    )
    return Sample(output, key, len(tasks), as_read, drawn.left_out)


def _order(drawn: Drawn, seed: int) -> list[tuple[int, int]]:
    """Stratum and row of every record drawn, all mixed."""
    places = [(k, row) for k, ids in enumerate(drawn.ids) for row in range(len(ids))]
    # Mixed with another number than the one they were drawn by: else the least of every rule would come first.
    return [places[at] for at in np.argsort(mixed(np.concatenate(drawn.ids), ~seed), kind="stable").tolist()]


def _dropped(again: Again, drawn: Drawn, edited: Edited) -> tuple[Ids, int]:
    """Texts of the records dropped as their rule saw them, by id, and how many had to be left as they came in."""
    step = {tuple(id): s.step for s, ids in zip(drawn.strata[:-1], drawn.ids, strict=False) for id in ids.tolist()}
    found, as_read = Ids(), 0
    for _, row in again.at(_places(again.run, step)):
        id = tuple(halves(row.column("record_id"))[0].tolist())
        if id not in step or id in found:
            continue
        seen = edited(row, step[id])
        as_read += seen is None
        found[id] = joined(row if seen is None else seen)[0].as_py()
    if missing := len(step) - len(found):
        raise OutputError(
            f"{missing:,} of {len(step):,} records drawn are not where the run read them; was the input damaged?"
        )
    return found, as_read


def _places(run: Run, ids: Iterable[tuple[int, int]]) -> np.ndarray:
    """Places in the input of the records `ids`, which were not kept: (n,) int64."""
    wanted = np.array(sorted(ids), np.uint64).reshape(-1, 2)
    found, seen = [], 0
    with open_file(run.path / "fates.parquet") as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=["record_id", "fate"])
            gone = pc.equal(table.column("fate").cast(pa.string()), "dropped").to_numpy()
            rows = np.flatnonzero(gone)
            there = np.isin(halves(table.column("record_id").combine_chunks())[rows, 0], wanted[:, 0])
            found.append(rows[there] + seen)
            seen += len(table)
    return np.concatenate(found) if found else np.empty(0, np.int64)


def _kept(run: Run, ids: np.ndarray) -> Ids:
    """Texts of the records `ids` (n, 2) of data/, by id."""
    on = kind(run.facts["kind"]).texts
    found = Ids()
    for part in run.parts("data"):
        with open_file(part) as file:
            for group in range(file.num_row_groups):
                here = halves(file.read_row_group(group, columns=["record_id"]).column("record_id"))
                rows = np.flatnonzero(np.isin(here[:, 0], ids[:, 0]))
                if not len(rows):
                    continue
                taken = file.read_row_group(group, columns=list(on)).take(pa.array(rows)).combine_chunks()
                texts = [text for batch in taken.to_batches() for text in joined(batch, on).to_pylist()]
                found |= dict(zip(map(tuple, here[rows].tolist()), texts, strict=True))
    return found


def _hex(id: np.ndarray) -> str:
    return id.astype(">u8").tobytes().hex()
