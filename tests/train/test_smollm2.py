"""SmolLM2-135M learns: what the tiny model shows of bytes, this shows of sense. Minutes; `pytest -m slow`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from smol import write_smol
from training import chats, job_of, preferences, snapshot_of

from tamis.models.adapter import FACTS, WEIGHTS
from tamis.snapshot import Snapshot
from tamis.train import Trained, train
from tamis.train.merge import merge

pytestmark = pytest.mark.slow
pytest.importorskip("trl", reason="the extra train is not installed")

HOW: dict[str, Any] = {
    "max_steps": 4, "eval_every": 2, "checkpoint_every": 2, "learning_rate": 5e-4, "rank": 8, "batch_size": 2
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("smollm2")


@pytest.fixture(scope="module")
def smol(folder: Path) -> Path:
    """The base."""
    return write_smol(folder / "smol")


@pytest.fixture(scope="module")
def sums(folder: Path) -> Snapshot:
    return snapshot_of(folder, chats(60))


@pytest.fixture(scope="module")
def adapter(smol: Path, sums: Snapshot, folder: Path) -> Trained:
    return train(job_of(sums, smol, folder / "sums-lora", **HOW))


def test_it_learns_how_answers_are_worded(adapter: Trained) -> None:
    training = adapter.facts["training"]
    assert training["after"] < 0.6 * training["before"]


def test_it_learns_from_pairs(smol: Path, folder: Path) -> None:
    pairs = snapshot_of(folder, preferences(40), "pairs")
    done = train(job_of(pairs, smol, folder / "pairs-lora", **{**HOW, "method": "dpo", "learning_rate": 2e-4}))
    assert done.facts["training"]["after"] < 0.5 < 0.69 < done.facts["training"]["before"]


def test_a_run_that_was_resumed_gives_equal_bytes(smol: Path, sums: Snapshot, adapter: Trained, folder: Path) -> None:
    job = job_of(sums, smol, folder / "again", **HOW)

    def stop(step: int, *_: Any) -> None:
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(job, on_step=stop)
    done = train(job, resume=True)
    assert done.resumed_at == 2
    for name in (WEIGHTS, FACTS):
        assert (done.path / name).read_bytes() == (adapter.path / name).read_bytes()


def test_its_merge_is_the_adapter(smol: Path, adapter: Trained, folder: Path) -> None:
    logits = merge(adapter.path, folder / "merged", smol)["logits"]
    assert logits["written_from_adapter"] <= 1e-3 < 0.1 < logits["written_from_base"]
