"""`tamis classify` trains a model and shows it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from making import write_lines
from small_model import small_classifier

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


def test_a_sample_is_not_written_over(tmp_path: Path, tamis: Tamis) -> None:
    lines = write_lines(tmp_path / "a.jsonl", [{"text": "the sea"}])
    code, said = tamis("classify", "train", "--positive", lines, "--negative", lines, "-o", lines)
    assert (code, "what stands there is no classifier; name another file" in said) == (3, True)
    assert lines.read_bytes() == b'{"text": "the sea"}\n'


def test_a_model_that_does_not_say_how_it_was_made_is_told_so(tmp_path: Path, tamis: Tamis) -> None:
    code, said = tamis("classify", "show", small_classifier())
    assert (code, "does not say how it was trained" in said) == (2, True)
    assert tamis("classify", "show", small_classifier(), "--json")[0] == 0
