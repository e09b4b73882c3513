"""`tamis train` as it is typed: a process of its own trains, and every refusal is a sentence."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from making import write_lines
from training import chats, job_of, preferences, snapshot_of

from tamis.errors import RunError
from tamis.recipes.training import train
from tamis.snapshot import Snapshot

Call = Callable[..., tuple[int, str]]

pytest.importorskip("trl", reason="the extra train is not installed")

LONG = "Anna has three red apples and her brother Ben brings her two green pears and one plum, how many fruits has she now?"


@pytest.fixture(scope="module")
def sums(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """60 conversations, one of which holds an item of an evaluation set."""
    known: list[Any] = chats(60)
    known[7]["messages"][0]["content"] = LONG
    return snapshot_of(tmp_path_factory.mktemp("typed"), known)


@pytest.fixture
def items(tmp_path: Path) -> Path:
    """A file of evaluation items."""
    return write_lines(tmp_path / "fruits.jsonl", [{"id": "f1", "question": LONG, "answer": "6"}])


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process of its own would be asked is done in this one, whose libraries are loaded already."""
    from tamis.train import apart as own
    from tamis.train.worker import CALLS

    def done(call: str, _: Any, told: Any = None, /, **given: Any) -> dict[str, Any]:
        say = told or (lambda *_: None)
        return dict(json.loads(json.dumps(CALLS[call](say, **json.loads(json.dumps(given))))))

    monkeypatch.setattr(own, "apart", done)
    monkeypatch.setattr("tamis.recipes.training.apart", done)


def test_the_whole_walk(tamis: Call, sums: Snapshot, tiny: Path, tmp_path: Path) -> None:
    typed = ("train", "sft", sums.path, "-o", tmp_path / "lora", "--base", tiny, "--max-steps", 4, "--threads", 1)
    code, said = tamis(*typed)
    assert code == 0 and "registered as lora" in said and "step 4 of 4: loss" in said
    code, said = tamis("train", "merge", tmp_path / "lora", "-o", tmp_path / "merged", "--base", tiny)
    assert code == 0 and "from the base alone" in said
    assert "lora" in tamis("model", "list", "--store", sums.path.parents[1])[1]
    found = json.loads(tamis(*typed, "--resume", "--json")[1])
    assert found["facts"] == json.loads((tmp_path / "lora/train.json").read_bytes())


@pytest.mark.usefixtures("here")
def test_dry_run_writes_nothing_and_tells_what_it_takes(
    tamis: Call, sums: Snapshot, tiny: Path, tmp_path: Path
) -> None:
    typed = ("train", "sft", sums.path, "-o", tmp_path / "lora", "--base", tiny, "--threads", 1, "--dry-run")
    code, said = tamis(*typed, "--price-per-hour", 3)
    assert code == 0 and "memory: about" in said and "cost" in said and list(tmp_path.iterdir()) == []
    found = json.loads(tamis(*typed, "--max-length", 30, "--most-cut", 0.0, "--json")[1])
    assert "would be cut" in found["refused"] and found["lengths"]["dropped"] > 0


@pytest.mark.usefixtures("here")
def test_rows_that_hold_evaluation_items_are_refused_or_left_out(
    tamis: Call, sums: Snapshot, tiny: Path, items: Path, tmp_path: Path
) -> None:
    typed = ("train", "sft", sums.path, "-o", tmp_path / "lora", "--base", tiny, "--max-steps", 1, "--eval", items)
    code, said = tamis(*typed)
    assert code == 1 and "1 of 60 rows hold items of fruits.jsonl, the first of them 'c7'" in said
    code, said = tamis(*typed, "--overlap", "drop", "--threads", 1, "--no-register")
    facts = json.loads((tmp_path / "lora/train.json").read_bytes())
    assert code == 0 and facts["data"]["excluded"] == 1 and facts["evals"][0]["name"] == "fruits.jsonl"


def test_a_process_that_is_killed_says_that_memory_may_have_run_out(sums: Snapshot, tiny: Path, tmp_path: Path) -> None:
    def kill(name: str, _: Any) -> None:
        if name == "step":
            (child,) = children()
            os.kill(child, signal.SIGKILL)

    with pytest.raises(RunError, match="was killed, as a system does where memory ran out; try --batch-size"):
        train(replace(job_of(sums, tiny, tmp_path / "lora"), register=False), told=kill)
    assert [p.name for p in tmp_path.iterdir()] == [".lora.training"]


def children() -> list[int]:
    """Processes of this one that train."""
    import psutil

    return [p.pid for p in psutil.Process().children() if "tamis.train.worker" in " ".join(p.cmdline())]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "typed, code, said",
    [
        (("sft", "{sums}", "-o", "{out}", "--base", "none"), 2, "there is no folder none"),
        (("sft", "{sums}", "-o", "{out}", "--base", "none", "--dry-run"), 2, "there is no folder none"),
        (("sft", "none", "-o", "{out}", "--base", "{tiny}"), 2, "no store was found here"),
        (("dpo", "{sums}", "-o", "{out}", "--base", "{tiny}"), 2, "dpo learns from preference"),
        (
            ("sft", "{sums}", "-o", "{out}", "--base", "{tiny}", "--validation", "x"),
            2,
            "has no split 'x' to validate on",
        ),
        (("sft", "{sums}", "-o", "{out}", "--base", "{tiny}", "--template", "no.jinja"), 2, "no.jinja cannot be read"),
        (("sft", "{sums}", "-o", "{out}", "--base", "{tiny}", "--quantize"), 3, "want CUDA, and there is none here"),
        (("sft", "{sums}", "-o", "{out}", "--base", "{tiny}", "--target", "nose"), 2, "no module is called nose"),
        (("merge", "{tiny}", "-o", "{out}", "--base", "{tiny}"), 2, "there is no adapter at"),
    ],
    ids=["base", "base planned", "snapshot", "pairs", "split", "template", "quantize", "target", "adapter"],
)
def test_a_refusal_is_a_sentence(
    tamis: Call, sums: Snapshot, tiny: Path, tmp_path: Path, typed: tuple[str, ...], code: int, said: str
) -> None:
    known = {"sums": sums.path, "tiny": tiny, "out": tmp_path / "out"}
    left, told = tamis("train", *(word.format(**known) for word in typed))
    assert (left, said in told, (tmp_path / "out").exists()) == (code, True, False), told


@pytest.mark.usefixtures("here")
def test_estimate_reads_a_config_alone(tamis: Call, tmp_path: Path) -> None:
    llama = {
        "hidden_size": 4096, "num_hidden_layers": 32, "intermediate_size": 14336, "vocab_size": 128256,
        "num_attention_heads": 32, "num_key_value_heads": 8, "tie_word_embeddings": False,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(llama))
    typed = (
        "train",
        "estimate",
        "--base",
        tmp_path,
        "--rows",
        10_000,
        "--tokens",
        4_000_000,
        "--precision",
        "bfloat16",
    )
    found = json.loads(tamis(*typed, "--tflops", 400, "--price-per-hour", 4, "--json")[1])
    assert (
        found["parameters"] == 8_030_261_248 and found["trained"] == 41_943_040
    )  # as transformers and peft count them
    assert found["weights"] == 2 * found["parameters"] and 0.1 < found["cost"] < 10


@pytest.mark.usefixtures("here")
def test_pairs_are_typed_as_well(tamis: Call, tiny: Path, tmp_path: Path) -> None:
    pairs = snapshot_of(tmp_path, preferences(30), "pairs")
    code, said = tamis(
        "train", "dpo", pairs.path, "-o", tmp_path / "p", "--base", tiny, "--max-steps", 2, "--threads", 1
    )
    assert code == 0 and "held out: 0.6931 before" in said
