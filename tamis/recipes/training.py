"""Training, with what evaluates kept out of it: rows that hold an item of an evaluation set are refused, or left out."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from tamis.curate.decontam import Decontam
from tamis.data import find, write_parquet
from tamis.data.parquet import read_table
from tamis.data.storage import brought
from tamis.errors import GateError, InputError
from tamis.runs.manifest import sha256
from tamis.snapshot import Snapshot, open_snapshot
from tamis.train import Job
from tamis.train.apart import Told, apart
from tamis.train.plan import verified
from tamis.train.validation import splits_of

Overlap = Literal["refuse", "drop"]

ITEMS = pa.schema([("id", pa.string()), ("question", pa.large_string()), ("answer", pa.large_string())])


@dataclass(frozen=True)
class Held:
    """What training rows have of evaluation items.

    ids      of rows that hold an item (hexadecimal), and what each row is called
    flagged  rows that hold a short item without its answer: maybe by chance
    evals    name and digest of each set
    """

    ids: dict[str, str]
    flagged: int
    rows: int
    evals: tuple[dict[str, Any], ...]


def train(
    job: Job,
    evals: Sequence[str] = (),
    *,
    overlap: Overlap = "refuse",
    resume: bool = False,
    told: Told | None = None,
) -> dict[str, Any]:
    """Carry `job` out in a process of its own: `path`, `facts` (train.json), `run` (run.json), `registered`, `resumed_at`.

    evals    snapshots of evaluation items, frozen suites, or files of items
    overlap  what becomes of a run with rows that hold an item: `refuse` it, or `drop` those rows

    Raises GateError where it is refused, and what `tamis.train.train` raises.
    """
    return apart("train", job.settings, told, job=checked(job, evals, overlap).as_dict(), resume=resume)


def rehearse(
    job: Job, evals: Sequence[str] = (), *, overlap: Overlap = "refuse", price_per_hour: float | None = None
) -> dict[str, Any]:
    """What `train` would do: rows, tokens, settings, steps, memory, time, cost, and why it would be refused. Nothing is written."""
    own = checked(job, evals, overlap)
    return apart("plan", job.settings, job=own.as_dict(), price_per_hour=price_per_hour)


def checked(job: Job, evals: Sequence[str], overlap: Overlap = "refuse") -> Job:
    """`job` held against `evals`. Raises GateError where rows overlap and that is refused."""
    if not evals:
        return job
    snapshot = verified(job.open())
    with tempfile.TemporaryDirectory(prefix="tamis-evals-") as scratch:
        held = holding(snapshot, splits_of(snapshot, job.settings.validation)[0], evals, Path(scratch))
    if held.ids and overlap == "refuse":
        first = next(iter(held.ids.values()))
        named = ", ".join(one["name"] for one in held.evals)
        raise GateError(
            f"{len(held.ids):,} of {held.rows:,} rows hold items of {named}, the first of them {first!r}: a model that learnt "
            "them cannot be evaluated there; sieve the data with decontam@1 and freeze it again, or leave them out here "
            "with --overlap drop"
        )
    excluded = {**job.excluded, "overlap": tuple(held.ids)} if held.ids else job.excluded
    return replace(job, excluded=excluded, evals=held.evals)


def holding(snapshot: Snapshot, split: str | None, evals: Sequence[str], scratch: Path) -> Held:
    """Rows of `split` that hold items of `evals`; `scratch` is an empty folder."""
    files, named = [], []
    for k, one in enumerate(evals):
        own, digest, name = _items(one, scratch / str(k))
        files += own
        named.append({"name": name, "digest": digest})
    stage = Decontam(tuple(map(str, files)), action="flag")
    ids: dict[str, str] = {}
    flagged = rows = 0
    for batch in snapshot.batches(None, split):
        decided = stage.decide(stage.measure(batch).select(stage.scores.names))
        rules = decided.column("rule").to_pylist()
        own = batch.take(decided.column("row"))
        names = zip(own.column("record_id").to_pylist(), own.column("id").to_pylist(), rules, strict=True)
        ids |= {i.hex(): name or i.hex() for i, name, rule in names if rule != "short_generic"}
        flagged += rules.count("short_generic")
        rows += batch.num_rows
    return Held(ids, flagged, rows, tuple(named))


def _items(spec: str, scratch: Path) -> tuple[list[Path], str, str]:
    """Files of items, their digest, and what the set is called. Raises InputError."""
    path = Path(spec)
    if (path / "eval.json").is_file():
        return list(_suite(path, scratch)), f"sha256:{sha256(path / 'eval.json')}", _name(path)
    if (path / "snapshot.json").is_file() or (not path.exists() and not any(c in spec for c in "*/")):
        snapshot = verified(open_snapshot(spec))
        return snapshot.parts(), snapshot.id, snapshot.ref
    files = [brought(file.path, scratch) for file in find([spec])]
    digest = hashlib.sha256("".join(sorted(sha256(p) for p in files)).encode()).hexdigest()
    return files, f"sha256:{digest}", path.name


def _name(path: Path) -> str:
    try:
        return str(json.loads((path / "eval.json").read_text("utf-8"))["name"])
    except (ValueError, KeyError, TypeError, RecursionError) as wrong:
        raise InputError(
            f"{path / 'eval.json'} is damaged ({wrong!r}); `tamis verify {path}` says what else is"
        ) from None


def _suite(path: Path, scratch: Path) -> Iterator[Path]:
    """The items of a frozen suite, a file for each task, as decontam reads them."""
    scratch.mkdir(parents=True)
    for data in sorted((path / "data").glob("*.parquet")):
        if data.stem.endswith(".fewshot"):
            continue
        rows = read_table(data, columns=["item_id", "target", "fields"]).to_pylist()
        items = [
            {"id": row["item_id"], "question": _asked(json.loads(row["fields"])), "answer": row["target"]}
            for row in rows
        ]
        place = scratch / data.name
        write_parquet(place, [pa.Table.from_pylist(items, ITEMS)], ITEMS)
        yield place


def _asked(fields: dict[str, Any]) -> str:
    """The text of an item: its question, with its passage where it has one."""
    found = [fields.get(name) for name in ("context", "question", "text")]
    return "\n".join(str(text) for text in found if text)
