"""Language, profanity, classify, semantic, topics in one run: the same bytes however it is cut, and wherever it was killed."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attempting import process
from making import digests, recipe, sentences, write_lines

import tamis
from tamis.curate.classify import Model
from tamis.errors import UsageError

pytest.importorskip("py3langid", reason="the extra language is not installed")
pytest.importorskip("sklearn", reason="the extra semantic is not installed")
pytest.importorskip("tokenizers", reason="the extra semantic is not installed")
pytest.importorskip("safetensors", reason="the extra semantic is not installed")

from small_model import small_classifier, small_model

MORE = [
    "",
    " damn this shit",
    " Der Fluss war nach dem Regen hoch.",
    " 12 34",
    " La rivière était haute après la pluie.",
]

RULES = {"drop", "max_share", "max_score", "threshold", "semantic_duplicate"}

LOUD = """
class Loud:
    def score(self, texts):
        return [sum(map(str.isupper, text)) / max(1, len(text)) for text in texts]
"""


def texts(count: int = 120) -> list[dict[str, Any]]:
    """Rows in several languages, some profane, some empty, some alike, some all capitals."""
    rows = sentences(count, 5)
    found = [row["text"] * (k % 9 > 0) + MORE[k % 5] for k, row in enumerate(rows)]
    return [{"id": f"r{k}", "text": text if k % 11 else text.upper()} for k, text in enumerate(found)]


def stages(folder: Path) -> dict[str, Any]:
    """The recipe; all that it names lies in `folder`."""
    (folder / "loud.py").write_text(LOUD)
    shutil.copy(small_classifier(), folder / "small.model")
    shutil.copytree(small_model(), folder / "bytes")
    by_text = {"classify@1": {"model": str(folder / "small.model"), "threshold": 0.2, "column": "chance"}}
    alike = {"model": str(folder / "bytes"), "action": "drop", "threshold": 0.999}
    return recipe(
        {"language@1": {"drop": ["de"], "windows": 2}},
        {"profanity@1": {"languages": ["*"], "by": "language", "model": f"{folder}/loud.py:Loud", "max_score": 0.7}},
        by_text,
        {"semantic@1": {**alike, "keep": "best:chance"}},
        {"topics@1": {"model": str(folder / "bytes"), "topics": 4, "sample": 60}},
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rows, a recipe and a run in one piece."""
    folder = tmp_path_factory.mktemp("texts")
    (folder / "recipe.yaml").write_text(json.dumps(stages(folder)))
    write_lines(folder / "in.jsonl", texts())
    run = tamis.run(folder / "recipe.yaml", folder / "in.jsonl", folder / "run", engine="inline")
    assert {v["rule"] for v in run.verdicts().to_pylist()} == RULES
    return folder


def test_bytes_are_the_same_however_the_work_is_cut(place: Path, tmp_path: Path) -> None:
    run = tamis.run(place / "recipe.yaml", place / "in.jsonl", tmp_path / "run", workers=2, partition_size=4000)
    assert digests(run.path) == digests(place / "run")


def test_a_run_killed_in_any_round_resumes_to_the_same_bytes(place: Path, tmp_path: Path) -> None:
    call = ["run", place / "recipe.yaml", "-i", place / "in.jsonl", "-o", tmp_path / "run", "--partition-size", 5000]
    for phase in ("semantic: nearest", "topics: read"):
        with process(*call, "--resume") as running:
            assert running.stdout is not None
            for line in running.stdout:
                if line.startswith(phase):
                    running.send_signal(signal.SIGKILL)
                    break
        assert running.returncode == -9, phase
    again: dict[str, Any] = {"resume": True, "partition_size": 5000, "engine": "inline"}
    run = tamis.run(place / "recipe.yaml", place / "in.jsonl", tmp_path / "run", **again)
    assert digests(run.path) == digests(place / "run")


def test_bytes_are_the_same_in_whatever_order_files_are_named(place: Path, tmp_path: Path) -> None:
    for name, rows in (("a", texts()[:50]), ("b", texts()[50:])):
        write_lines(tmp_path / f"{name}.jsonl", rows)
    a, b = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    one = tamis.run(place / "recipe.yaml", [a, b], tmp_path / "one", engine="inline")
    two = tamis.run(place / "recipe.yaml", [b, a], tmp_path / "two", engine="inline")
    assert digests(one.path) == digests(two.path)


def test_what_is_said_of_a_text_does_not_depend_on_the_order_of_rows(place: Path, tmp_path: Path) -> None:
    columns = ["text", "language", "chance", "semantic_similarity"]
    said = tamis.Run(place / "run").data(columns).to_pylist()
    rows = write_lines(tmp_path / "in.jsonl", reversed(texts()))
    turned = tamis.run(place / "recipe.yaml", rows, tmp_path / "run", engine="inline").data(columns).to_pylist()
    assert sorted(map(repr, turned)) == sorted(map(repr, said))


@pytest.mark.parametrize("file", ["loud.py", "small.model", "bytes/config.json"])
def test_a_run_does_not_go_on_with_another_model(place: Path, tmp_path: Path, file: str) -> None:
    wanted = stages(tmp_path)
    begun: dict[str, Any] = {
        "input": place / "in.jsonl",
        "output": tmp_path / "run",
        "engine": "inline",
        "resume": True,
    }
    with pytest.raises(KeyboardInterrupt):
        tamis.run(wanted, **begun, on_progress=_stop)
    other = Model(np.zeros((2, 256), np.float32), 1.0, 4, 1 << 16).to_bytes()
    old = (tmp_path / file).read_bytes()
    (tmp_path / file).write_bytes(other if file == "small.model" else old + b"\n")
    with pytest.raises(
        UsageError, match="cannot go on: the recipe" if file != "bytes/config.json" else "the model of step 4"
    ):
        tamis.run(wanted, **begun)
    (tmp_path / file).write_bytes(old)
    assert tamis.run(wanted, **begun).rows == tamis.Run(place / "run").rows


def _stop(_: Any) -> None:
    raise KeyboardInterrupt
