"""A job, carried out: verified snapshot in, adapter out, registered."""

from __future__ import annotations

import json
import platform
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from tamis.data.disk import disk_errors
from tamis.data.writer import write_json
from tamis.errors import ExtraMissing, OutputError, UsageError
from tamis.models.adapter import read_facts
from tamis.snapshot import Snapshot
from tamis.snapshot.models import add_model
from tamis.snapshot.names import checked
from tamis.snapshot.store import Store, find_store
from tamis.train.adapter import VARIES, write_adapter
from tamis.train.checkpoints import newest
from tamis.train.job import Job
from tamis.train.plan import Plan, plan
from tamis.train.trainer import fit
from tamis.train.watch import OnStep


@dataclass(frozen=True)
class Trained:
    """An adapter: its folder, train.json, and what it is called in which store (None: it lies in none)."""

    path: Path
    facts: dict[str, Any]
    registered: str | None = None
    resumed_at: int | None = None


def train(job: Job, *, resume: bool = False, on_plan: Any = None, on_step: OnStep | None = None) -> Trained:
    """Train the adapter of `job`. resume: go on where an interrupted run stopped; what is finished is left as it is.

    on_plan is told the Plan before the first step. Raises UsageError, InputError, GateError where rows are cut beyond the
    limit, OutputError, RunError where the loss is no number or memory runs out.
    """
    demand_trackers(job.settings.trackers)
    store = _store(job)
    key = job.key()
    if job.output.exists():
        return _finished(job, key, store, resume)
    _demand_name(job, store)
    planned = plan(job)
    if on_plan:
        on_plan(planned)
    lock, checkpoint = _begun(job, key, resume)
    with lock:
        started = datetime.now(UTC)
        with disk_errors(job.work):
            fitted = fit(
                job.base,
                planned.tokenizer,
                planned.train,
                planned.validation,
                planned.settings,
                job.work,
                checkpoint,
                on_step,
            )
        at = int(checkpoint.name.rpartition("-")[2]) if checkpoint else None
        seen = planned.lengths.tokens * fitted.steps / max(1, _steps(planned))
        varies = {
            "key": key,
            "started": started.isoformat(timespec="seconds"),
            "seconds": round(fitted.seconds, 1),
            "cpu_seconds": round(fitted.cpu_seconds, 1),
            "tokens_per_second": round(seen / fitted.seconds, 1) if at is None and fitted.seconds else None,
            "peak_bytes": fitted.peak_bytes,
            "resumed_at": at,
            "host": platform.node(),
            "platform": platform.platform(),
            "snapshot": str(planned.snapshot.path),
            "base": str(job.base),
        }
        facts = write_adapter(job, planned, fitted, varies)
        shutil.rmtree(job.work, ignore_errors=True)
    return Trained(job.output, facts, _register(job, planned.snapshot, planned.split, facts, store), at)


def _steps(planned: Plan) -> float:
    """Steps of one pass over the data."""
    return planned.lengths.examples / (planned.settings.batch_size * planned.settings.accumulate)


def _begun(job: Job, key: str, resume: bool) -> tuple[IO[bytes], Path | None]:
    """The checkpoint to go on from, if any, with the work folder in order, ours alone while the first stays open.

    Raises UsageError, OutputError.
    """
    import fcntl

    note, there = job.work / "job.json", job.work.exists()
    with disk_errors(job.work):
        job.work.mkdir(parents=True, exist_ok=True)
        lock = (job.work / "lock").open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if there and not resume:
            raise OutputError(
                f"a run to {job.output} was interrupted ({job.work}); go on with --resume, or remove that folder"
            )
        if note.is_file():
            _demand_same(job, note, key)
    except BaseException as wrong:
        lock.close()
        if isinstance(wrong, BlockingIOError):
            raise OutputError(
                f"another process trains to {job.output} right now; wait for it, or choose another place with -o"
            ) from None
        raise
    found = newest(job.work)
    write_json(note, {"key": key, "job": job.as_dict()})
    shutil.rmtree(job.work / "adapter", ignore_errors=True)
    return lock, found


def _demand_same(job: Job, note: Path, key: str) -> None:
    """Raises UsageError where what `note` tells of was another job."""
    try:
        was = json.loads(note.read_text("utf-8"))["key"]
    except (ValueError, KeyError, TypeError, RecursionError):
        was = None
    if was != key:
        raise UsageError(
            f"what was interrupted at {job.work} had another snapshot, base or settings; "
            "resume with those, or remove that folder"
        )


def _finished(job: Job, key: str, store: Store | None, resume: bool) -> Trained:
    facts = read_facts(job.output) if job.output.is_dir() else None
    if not resume or facts is None:
        raise OutputError(f"{job.output} is there already; choose another place with -o")
    try:
        was = json.loads((job.output / VARIES).read_text("utf-8"))["key"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        was = None
    if was != key:
        raise OutputError(f"{job.output} holds an adapter of another job; choose another place with -o")
    snapshot = job.open()
    return Trained(job.output, facts, _register(job, snapshot, facts["data"]["split"], facts, store))


def _store(job: Job) -> Store | None:
    """The store to register in: that of the snapshot."""
    if not job.register:
        return None
    snapshot = job.open()
    found = Store(job.store) if job.store else find_store(snapshot.path)
    return found if found is not None and found.entry(snapshot.id) is not None else None


def _demand_name(job: Job, store: Store | None) -> None:
    """Raises UsageError where the name can be none, or is taken: before hours are spent."""
    if store is None:
        return
    checked(job.title)
    if not job.replace and any(m["name"] == job.title for m in store.models()):
        raise UsageError(f"there is a model {job.title} in {store.root} already; take another --name, or --replace it")


def _register(
    job: Job, snapshot: Snapshot, split: str | None, facts: dict[str, Any], store: Store | None
) -> str | None:
    if store is None:
        return None
    weights = facts["base"]["weights"]
    if any(m["name"] == job.title and _same(m, facts) for m in store.models()):
        return job.title
    ref = f"{snapshot.id}#{split}" if split else snapshot.id
    note = f"{facts['method']} adapter of a base with weights {weights}"
    add_model(store, job.title, [ref], job.output, note=note, replace=job.replace)
    return job.title


def _same(known: dict[str, Any], facts: dict[str, Any]) -> bool:
    """Is it this adapter that is registered under the name?"""
    digests = {f"sha256:{one['sha256']}" for one in known.get("files", [])}
    return facts["files"]["adapter_model.safetensors"] in digests


def demand_trackers(names: tuple[str, ...]) -> None:
    """Raises ExtraMissing where one is not installed."""
    from importlib.util import find_spec

    for name in names:
        modules = (name, "tensorboardX") if name == "tensorboard" else (name,)
        if not any(find_spec(module) for module in modules):
            raise ExtraMissing(f"the tracker {name} is not installed; run: pip install {name}, or leave --tracker out")
