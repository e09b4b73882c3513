"""Supervised adapters of the tiny model."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from training import chats, job_of, snapshot_of

from tamis.errors import InputError, OutputError, UsageError
from tamis.models.adapter import FACTS, WEIGHTS
from tamis.snapshot import Snapshot, select
from tamis.snapshot.store import Store
from tamis.snapshot.trace import trace
from tamis.train import Trained, train
from tamis.train.run import _begun

pytest.importorskip("trl", reason="the extra train is not installed")


@pytest.fixture(scope="module")
def sums(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """80 conversations, and one that is too long."""
    long = {
        "id": "long",
        "messages": [{"role": "user", "content": "why? " * 300}, {"role": "assistant", "content": "!"}],
    }
    return snapshot_of(tmp_path_factory.mktemp("sums"), [*chats(80), long])


@pytest.fixture(scope="module")
def adapter(sums: Snapshot, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """An adapter of a short run."""
    steps: list[int] = []
    done = train(
        job_of(sums, tiny, tmp_path_factory.mktemp("sft") / "sums-lora", learning_rate=2e-3),
        on_step=lambda step, *_: steps.append(step),
    )
    assert steps == [1, 2, 3, 4, 5, 6]
    return done


def test_the_loss_of_held_out_rows_falls(adapter: Trained) -> None:
    training = adapter.facts["training"]
    assert training["after"] < training["before"] - 0.05
    assert [e["held_out"] for e in adapter.facts["curve"] if "held_out" in e][::2] == [
        training["before"],
        training["after"],
    ]


def test_two_runs_give_equal_bytes(adapter: Trained, sums: Snapshot, tiny: Path, tmp_path: Path) -> None:
    again = train(job_of(sums, tiny, tmp_path / "other", learning_rate=2e-3))
    for name in adapter.facts["files"] | {FACTS: ""}:
        assert (adapter.path / name).read_bytes() == (again.path / name).read_bytes(), name


def test_every_row_is_accounted_for(adapter: Trained, sums: Snapshot) -> None:
    lengths, held = adapter.facts["lengths"], adapter.facts["validation"]
    assert lengths["rows"] + held["rows"] == sum(sums.splits.values()) == 81
    left = pq.read_table(adapter.path / "left_out.parquet")["why"].value_counts().to_pylist()
    assert {v["values"]: v["counts"] for v in left} == {"held_out": held["rows"], "dropped": lengths["dropped"]}
    assert lengths["dropped"] == 1 and lengths["kept"] == lengths["examples"] == lengths["rows"] - 1


def test_nothing_of_this_machine_is_in_what_is_hashed(adapter: Trained, tiny: Path) -> None:
    own = b"".join((adapter.path / n).read_bytes() for n in (FACTS, "adapter_config.json", "README.md", "loss.svg"))
    assert not [w for w in (str(tiny), str(adapter.path.parent), "seconds", "20:") if w.encode() in own]
    assert str(tiny) in (adapter.path / "run.json").read_text()


def test_trace_finds_the_adapter(adapter: Trained, sums: Snapshot) -> None:
    found = trace(Store(sums.path.parents[1]), [select.match("id=c1")], up=False)
    assert adapter.registered == "sums-lora"
    assert "sums-lora" in [m.name for m in found.models or ()]


def test_a_finished_run_is_left_as_it_is(adapter: Trained, sums: Snapshot, tiny: Path) -> None:
    job = job_of(sums, tiny, adapter.path, learning_rate=2e-3)
    with pytest.raises(OutputError, match="is there already"):
        train(job)
    assert train(job, resume=True).facts == json.loads((adapter.path / FACTS).read_bytes())
    with pytest.raises(OutputError, match="of another job"):
        train(replace(job, settings=replace(job.settings, seed=4)), resume=True)


def test_a_name_that_is_taken_is_said_before_the_first_step(
    adapter: Trained, sums: Snapshot, tiny: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="there is a model sums-lora"):
        train(replace(job_of(sums, tiny, tmp_path / "x"), name="sums-lora"))


class Stopped(Exception):
    """Somebody pulled the plug."""


def test_two_do_not_train_to_one_place(tiny: Path, sums: Snapshot, tmp_path: Path) -> None:
    job = job_of(sums, tiny, tmp_path / "out")
    lock, _ = _begun(job, job.key(), resume=False)
    with lock, pytest.raises(OutputError, match="another process trains to"):
        _begun(job, job.key(), resume=True)


def test_weights_in_a_pickle_are_not_read(tiny: Path, sums: Snapshot, tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(tiny, base)
    (base / "model.safetensors").rename(base / "pytorch_model.bin")
    with pytest.raises(InputError, match="is a pickle, which can run any program"):
        train(job_of(sums, base, tmp_path / "out"))


def interrupted(job: Any, at: int) -> None:
    """Train, and stop after step `at`."""

    def stop(step: int, *_: Any) -> None:
        if step == at:
            raise Stopped

    with pytest.raises(Stopped):
        train(job, on_step=stop)


@pytest.mark.parametrize("damage", ["none", "unsealed", "cut"])
def test_a_resumed_run_gives_equal_bytes(
    damage: str, sums: Snapshot, tiny: Path, adapter: Trained, tmp_path: Path
) -> None:
    job = job_of(sums, tiny, tmp_path / damage, learning_rate=2e-3)
    interrupted(job, 5)
    assert not job.output.exists()
    saved = job.work / "checkpoint-3"
    if damage == "unsealed":
        (saved / "MANIFEST.sha256").unlink()
    elif damage == "cut":
        (saved / "optimizer.pt").write_bytes((saved / "optimizer.pt").read_bytes()[:-100])
    with pytest.raises(OutputError, match="was interrupted"):
        train(job)
    done = train(job, resume=True)
    assert done.resumed_at == (3 if damage == "none" else None)
    assert (done.path / FACTS).read_bytes() == (adapter.path / FACTS).read_bytes()
    assert (done.path / WEIGHTS).read_bytes() == (adapter.path / WEIGHTS).read_bytes() and not job.work.exists()


def test_a_run_that_stops_early_stops_where_it_was_resumed_too(sums: Snapshot, tiny: Path, tmp_path: Path) -> None:
    how = {"learning_rate": 3.0, "patience": 1, "max_steps": 15}
    whole = train(job_of(sums, tiny, tmp_path / "early", **how))
    facts = json.loads((whole.path / FACTS).read_bytes())["training"]
    assert facts["steps"] < 15
    job = job_of(sums, tiny, tmp_path / "early-again", **how)
    interrupted(job, 4)
    done = train(job, resume=True)
    assert done.resumed_at == 3 and (done.path / WEIGHTS).read_bytes() == (whole.path / WEIGHTS).read_bytes()
    assert (done.path / FACTS).read_bytes() == (whole.path / FACTS).read_bytes()


def test_other_settings_do_not_go_on_with_a_run(sums: Snapshot, tiny: Path, tmp_path: Path) -> None:
    job = job_of(sums, tiny, tmp_path / "a")
    interrupted(job, 1)
    with pytest.raises(UsageError, match="had another snapshot, base or settings"):
        train(replace(job, settings=replace(job.settings, rank=4)), resume=True)


def test_rows_gathered_over_passes_count_as_one_batch_of_them(sums: Snapshot, tiny: Path, tmp_path: Path) -> None:
    how: dict[str, Any] = {
        "max_steps": 3,
        "dropout": 0.0,
        "learning_rate": 2e-3,
        "eval_every": 0,
        "checkpoint_every": 0,
    }
    whole, parts = (
        train(job_of(sums, tiny, tmp_path / f"by{size}", batch_size=size, accumulate=4 // size, **how)).facts
        for size in (4, 1)
    )
    for one, other in zip(whole["curve"], parts["curve"], strict=True):
        assert one == pytest.approx(other, rel=1e-4)
