"""`tamis classify` trains a model and shows it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from making import write_lines

Tamis = Callable[..., tuple[int, str]]


def test_train_writes_a_model_that_show_shows(tmp_path: Path, tamis: Tamis) -> None:
    pytest.importorskip("sklearn", reason="the extra classify is not installed")
    rnd = random.Random(1)
    for name, words in (("a", "sea sail wave tide"), ("b", "barn wheat horse hedge")):
        rows = [{"text": " ".join(rnd.choices(words.split(), k=12))} for _ in range(80)]
        write_lines(tmp_path / f"{name}.jsonl", rows)
    samples = ["--positive", tmp_path / "a.jsonl", "--negative", tmp_path / "b.jsonl"]
    code, said = tamis("classify", "train", *samples, "-o", tmp_path / "m", "--bits", 10)
    assert code == 0 and "held out 32: AUC 1.0000" in said
    code, shown = tamis("classify", "show", tmp_path / "m", "--json")
    assert code == 0 and json.loads(shown)["held_out"]["rows"] == 32


def test_a_sample_that_is_not_there_is_named(tmp_path: Path, tamis: Tamis) -> None:
    code, said = tamis(
        "classify", "train", "--positive", tmp_path / "no", "--negative", tmp_path / "no", "-o", tmp_path / "m"
    )
    assert code == 2 and "does not exist" in said
