"""What goes wrong for real: processes killed, memory and disks that run out, weights that are no numbers, two runs to one place."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny import CONTEXT
from training import chats, job_of, snapshot_of

from tamis.errors import InputError, RunError, UsageError
from tamis.models.adapter import FACTS, WEIGHTS
from tamis.snapshot import Snapshot
from tamis.train import Job, Trained, train

pytest.importorskip("trl", reason="the extra train is not installed")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")


@pytest.fixture(scope="module")
def sums(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """40 conversations."""
    return snapshot_of(tmp_path_factory.mktemp("mishaps"), chats(40))


@pytest.fixture(scope="module")
def whole(sums: Snapshot, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """What a run gives that nothing happened to."""
    return train(job(sums, tiny, tmp_path_factory.mktemp("whole") / "adapter"))


def job(sums: Snapshot, base: Path, output: Path, **settings: Any) -> Job:
    """A short job that no store is told of."""
    return replace(job_of(sums, base, output, **settings), register=False)


def aside(work: Callable[[], Any]) -> tuple[int, str]:
    """How a process ended that did `work`: the signal that killed it, else 0, and what it raised."""
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        try:
            work()
        except BaseException as wrong:
            os.write(writes, f"{type(wrong).__name__}: {wrong}".encode()[:60_000])
        finally:
            os._exit(0)
    os.close(writes)
    limit = time.monotonic() + 120
    while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() > limit:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.02)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reads, "rb") as said:
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, said.read().decode()


def killed(*_: Any, **__: Any) -> None:
    """As by the power failing."""
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    "where, resumed_at",
    [
        ("torch.save", None),  # in the first checkpoint: weights are there, the state of the optimizer is not
        ("tamis.train.trainer.sealed", None),  # all of it is there, and nobody said that it is whole
        ("tamis.train.adapter.write_parquet", 3),  # among the files of the adapter
        ("tamis.train.adapter.seal", 3),
    ],
)
def test_a_process_killed_while_it_writes_goes_on_to_equal_bytes(
    where: str, resumed_at: int | None, whole: Trained, sums: Snapshot, tiny: Path, tmp_path: Path
) -> None:
    own = job(sums, tiny, tmp_path / "adapter")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(where, killed)
        assert aside(lambda: train(own)) == (signal.SIGKILL, "")
    assert not own.output.exists() and own.work.exists()
    done = train(own, resume=True)
    assert done.resumed_at == resumed_at
    for name in (WEIGHTS, FACTS, "README.md", "left_out.parquet"):
        assert (done.path / name).read_bytes() == (whole.path / name).read_bytes()


@pytest.mark.parametrize("resume", [False, True])
def test_who_comes_second_is_told_that_another_trains(resume: bool, sums: Snapshot, tiny: Path, tmp_path: Path) -> None:
    own = job(sums, tiny, tmp_path / "adapter", max_steps=2)
    told = []

    def second(step: int, *_: Any) -> None:
        if step == 1:
            told.append(aside(lambda: train(own, resume=resume)))

    assert train(own, on_step=second).path == own.output
    (signalled, said), *_ = told
    assert signalled == 0 and said.startswith("OutputError: another process trains to")


def test_memory_that_cannot_be_had_is_a_sentence(tiny: Path, tmp_path: Path) -> None:
    texts = snapshot_of(tmp_path, [{"id": f"d{k}", "text": f"{k:04d}" * 50} for k in range(200)], "texts")
    own = job(texts, tiny, tmp_path / "adapter", batch_size=180, validation="none")

    def starved() -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + (1 << 26)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        train(own)

    signalled, said = aside(starved)
    assert signalled == 0 and said.startswith("RunError: memory ran out")


def test_a_disk_that_takes_no_checkpoint_is_a_sentence_and_the_run_goes_on_later(
    sums: Snapshot, tiny: Path, tmp_path: Path, whole: Trained
) -> None:
    own = job(sums, tiny, tmp_path / "adapter")

    def full() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
        train(own)

    signalled, said = aside(full)
    assert signalled == 0 and said.startswith("OutputError: a checkpoint cannot be written")
    assert (train(own, resume=True).path / WEIGHTS).read_bytes() == (whole.path / WEIGHTS).read_bytes()


def test_a_base_that_holds_no_numbers_is_told_apart_from_a_rate_that_is_too_high(
    sums: Snapshot, tiny: Path, tmp_path: Path
) -> None:
    from safetensors.numpy import load_file, save_file

    base = shutil.copytree(tiny, tmp_path / "base")
    weights = load_file(base / "model.safetensors")
    weights["model.norm.weight"][0] = float("nan")
    save_file(weights, base / "model.safetensors", {"format": "pt"})
    with pytest.raises(RunError, match="before the first step: eval_loss is nan; the base itself gives no number"):
        train(job(sums, base, tmp_path / "a"))
    with pytest.raises(RunError, match="step 1 of 6: loss is nan"):
        train(job(sums, base, tmp_path / "b", validation="none"))


def test_a_run_does_not_go_on_with_another_base(sums: Snapshot, tiny: Path, tmp_path: Path) -> None:
    from tiny import write_tiny

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(job(sums, tiny, tmp_path / "a"), on_step=stop)
    other = write_tiny(tmp_path / "other", seed=1)
    with pytest.raises(UsageError, match="had another snapshot, base or settings"):
        train(job(sums, other, tmp_path / "a"), resume=True)


@pytest.mark.parametrize("damage", ["weights", "config", "base"])
def test_an_adapter_that_is_not_what_was_trained_answers_nobody(
    damage: str, whole: Trained, tiny: Path, tmp_path: Path
) -> None:
    from tiny import write_tiny

    from tamis.evaluate.machine import Machine
    from tamis.evaluate.suite import Settings
    from tamis.models.surprise import Reader

    adapter, base = shutil.copytree(whole.path, tmp_path / "a"), tiny
    if damage == "base":
        base = write_tiny(tmp_path / "base", seed=1)
    else:
        path = adapter / (WEIGHTS if damage == "weights" else "adapter_config.json")
        data = bytearray(path.read_bytes())
        data[-2] ^= 1
        path.write_bytes(data)
    said = "name the base" if damage == "base" else "is not what was"
    with pytest.raises(InputError, match=said):
        Reader(base, adapter)
    with pytest.raises(InputError, match=said):
        Machine(base, adapter, Settings())


def test_more_tokens_than_the_base_reads_are_no_length(sums: Snapshot, tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"--max-length is 100,000, and .* reads {CONTEXT} tokens"):
        train(job(sums, tiny, tmp_path / "a", max_length=100_000))


def test_a_split_that_is_not_there_is_named(sums: Snapshot, tiny: Path, tmp_path: Path) -> None:
    with pytest.raises((InputError, UsageError), match="nowhere"):
        train(job(sums, tiny, tmp_path / "a", validation="nowhere"))
