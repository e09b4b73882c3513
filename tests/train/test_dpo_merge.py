"""Adapters by pairs, merges that are proven, searches; and what goes wrong with them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny import TEMPLATE, write_tiny
from training import chats, job_of, preferences, snapshot_of

from tamis.errors import ExtraMissing, GateError, InputError, OutputError, RunError, UsageError
from tamis.models.adapter import CONFIG, FACTS, WEIGHTS
from tamis.runs import verify
from tamis.snapshot import Snapshot
from tamis.train import Trained, train
from tamis.train.merge import merge
from tamis.train.sweep import sweep

pytest.importorskip("trl", reason="the extra train is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two snapshots lie in it."""
    return tmp_path_factory.mktemp("dpo")


@pytest.fixture(scope="module")
def wanted(folder: Path) -> Snapshot:
    """60 pairs."""
    return snapshot_of(folder, preferences(60), "wanted")


@pytest.fixture(scope="module")
def told(folder: Path) -> Snapshot:
    """60 conversations."""
    return snapshot_of(folder, chats(60), "told")


@pytest.fixture(scope="module")
def preferring(wanted: Snapshot, tiny: Path, folder: Path) -> Trained:
    """An adapter that learnt what is preferred."""
    return train(job_of(wanted, tiny, folder / "preferring", method="dpo", learning_rate=3e-3))


@pytest.fixture(scope="module")
def merged(preferring: Trained, tiny: Path, folder: Path) -> dict[str, Any]:
    """What merging it told."""
    return merge(preferring.path, folder / "merged", tiny)


def test_pairs_teach_what_is_preferred(preferring: Trained) -> None:
    training, (first, *_, last) = (
        preferring.facts["training"],
        [e for e in preferring.facts["curve"] if "held_out" in e],
    )
    assert training["before"] == pytest.approx(0.6931, abs=1e-3) and training["after"] < 0.6
    assert (
        first["held_out_margin" if "held_out_margin" in first else "held_out"] <= 0.6932
        and last["held_out_margin"] > 0.1
    )


def test_two_runs_by_pairs_give_equal_bytes(preferring: Trained, wanted: Snapshot, tiny: Path, folder: Path) -> None:
    again = train(job_of(wanted, tiny, folder / "preferring-2", method="dpo", learning_rate=3e-3))
    for name in (WEIGHTS, CONFIG, FACTS):
        assert (preferring.path / name).read_bytes() == (again.path / name).read_bytes()


def test_pairs_teach_the_chosen_answer_too(wanted: Snapshot, tiny: Path, folder: Path) -> None:
    done = train(job_of(wanted, tiny, folder / "chosen", max_steps=1, checkpoint_every=0, eval_every=0, threads=1))
    assert done.facts["lengths"]["kept"] == 54 and done.facts["training"]["after"] < done.facts["training"]["before"]


def test_a_merge_is_the_adapter_and_not_the_base(merged: dict[str, Any]) -> None:
    logits = merged["logits"]
    assert logits["written_from_adapter"] <= 1e-3 < 1e-2 < logits["written_from_base"]
    assert logits["merged_from_adapter"] <= 1e-3 and logits["adapter_from_base"] > 0


def test_an_adapter_and_its_merge_are_whole_to_verify(
    merged: dict[str, Any], preferring: Trained, folder: Path
) -> None:
    assert [verify(preferring.path), verify(folder / "merged")] == [[], []]


def test_a_merge_has_the_same_bytes_each_time(
    merged: dict[str, Any], preferring: Trained, tiny: Path, tmp_path: Path
) -> None:
    assert merge(preferring.path, tmp_path / "again", tiny) == merged


def test_a_merge_of_few_bits_is_nearer_to_the_adapter_than_to_the_base(
    preferring: Trained, tiny: Path, tmp_path: Path
) -> None:
    logits = merge(preferring.path, tmp_path / "half", tiny, dtype="bfloat16")["logits"]
    assert 1e-3 < logits["written_from_adapter"] < logits["adapter_from_base"]


def test_an_adapter_of_another_base_is_refused(preferring: Trained, tmp_path: Path) -> None:
    other = write_tiny(tmp_path / "other", seed=1)
    with pytest.raises(InputError, match="name the base it was trained on"):
        merge(preferring.path, tmp_path / "m", other)
    assert not (tmp_path / "m").exists()


def test_an_adapter_that_does_nothing_is_no_merge(preferring: Trained, tiny: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    shutil.copytree(preferring.path, tmp_path / "zero")
    (tmp_path / "zero" / FACTS).unlink()
    save_file({k: 0 * v for k, v in load_file(preferring.path / WEIGHTS).items()}, tmp_path / "zero" / WEIGHTS)
    with pytest.raises(GateError, match="the adapter changes nothing"):
        merge(tmp_path / "zero", tmp_path / "m", tiny)
    assert [p.name for p in tmp_path.iterdir()] == ["zero"]


def test_weights_that_were_edited_are_refused(preferring: Trained, tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(preferring.path, tmp_path / "a")
    data = bytearray((tmp_path / "a" / WEIGHTS).read_bytes())
    data[-1] ^= 1
    (tmp_path / "a" / WEIGHTS).write_bytes(data)
    with pytest.raises(InputError, match="is not what was trained"):
        merge(tmp_path / "a", tmp_path / "m", tiny)


def test_a_search_is_the_same_each_time_and_names_the_best(told: Snapshot, tiny: Path, tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="the extra train-sweep is not installed")
    job = {"max_steps": 3, "eval_every": 1}
    first, again = (sweep(job_of(told, tiny, tmp_path / name, **job), 3, ranks=(2, 4)) for name in "ab")
    assert (tmp_path / "a/sweep.json").read_bytes() == (tmp_path / "b/sweep.json").read_bytes()
    assert len(first["trials"]) == 3 and first == again
    assert first["best"]["held_out"] == min(t["held_out"] for t in first["trials"] if t["held_out"] is not None)


def test_a_loss_that_is_no_number_ends_with_the_step(told: Snapshot, tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(
        RunError, match=r"step \d of 6: (loss|grad_norm|eval_loss) is (nan|inf), at a learning rate of 1e\+30"
    ):
        train(job_of(told, tiny, tmp_path / "a", learning_rate=1e30, warmup=0.0))
    assert not (tmp_path / "a").exists()


def test_memory_that_runs_out_says_what_to_lower(told: Snapshot, tiny: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(
        RunError, match=r"memory ran out; try --batch-size 2 --accumulate 2 .*--checkpointing.*--max-length below"
    ):
        train(job_of(told, tiny, tmp_path / "a"), on_step=lambda *_: torch.empty(1 << 60))


def test_a_base_that_is_none_is_a_sentence(told: Snapshot, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no model at"):
        train(job_of(told, tmp_path / "none", tmp_path / "a"))


def test_conversations_are_no_pairs(told: Snapshot, tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds rows of the kind chat; dpo learns from preference"):
        train(job_of(told, tiny, tmp_path / "a", method="dpo"))


def test_a_snapshot_that_was_edited_is_refused(tiny: Path, tmp_path: Path) -> None:
    own = snapshot_of(tmp_path, chats(30))
    (part,) = own.parts()
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.chmod(0o644)
    part.write_bytes(data)
    with pytest.raises(GateError, match="is not what was frozen"):
        train(job_of(own, tiny, tmp_path / "a"))


def test_a_base_without_markers_is_trained_as_one_with_them(told: Snapshot, tiny: Path, tmp_path: Path) -> None:
    plain = TEMPLATE.replace("{% generation %}", "").replace("{% endgeneration %}", "")
    bare = write_tiny(tmp_path / "bare", template=plain)
    made = [train(job_of(told, b, tmp_path / n, max_steps=2)) for b, n in ((bare, "one"), (tiny, "two"))]
    assert (made[0].path / WEIGHTS).read_bytes() == (made[1].path / WEIGHTS).read_bytes()


@pytest.mark.parametrize("tracker", ["tensorboard", "mlflow", "wandb"])
def test_a_tracker_that_is_not_installed_is_named(tracker: str, told: Snapshot, tiny: Path, tmp_path: Path) -> None:
    from importlib.util import find_spec

    if find_spec(tracker):
        pytest.skip(f"{tracker} is installed")
    with pytest.raises(ExtraMissing, match=f"pip install {tracker}"):
        train(job_of(told, tiny, tmp_path / "a", trackers=(tracker,)))


@pytest.mark.parametrize(
    "tracker, where", [("tensorboard", "tensorboard/**/*"), ("mlflow", "mlruns/**/*"), ("wandb", "wandb/**/*")]
)
def test_a_tracker_that_is_installed_is_told_of_the_loss_on_this_machine(
    tracker: str, where: str, told: Snapshot, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(tracker, reason="a tracker is the user's own")
    from tamis.recipes.training import train as train_apart

    monkeypatch.chdir(tmp_path)
    train_apart(replace(job_of(told, tiny, tmp_path / "a", trackers=(tracker,)), register=False))
    kept = [p for p in tmp_path.glob(where) if p.is_file()]
    assert any(b"loss" in p.read_bytes() or p.name == "loss" for p in kept), kept


def test_rows_that_do_not_fit_fail_before_anything_is_written(told: Snapshot, tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no row is left to train on"):
        train(job_of(told, tiny, tmp_path / "a", max_length=8))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_left_alone(told: Snapshot, tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OutputError, match="is there already"):
        train(job_of(told, tiny, tmp_path / "a"))


def test_facts_are_json_in_one_spelling(preferring: Trained) -> None:
    rfc8785 = pytest.importorskip("rfc8785")
    for name in (FACTS, CONFIG):
        text = (preferring.path / name).read_bytes()
        assert rfc8785.dumps(json.loads(text)) == text
