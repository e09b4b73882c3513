"""The tiny model asked through lm-eval: its numbers are lm-eval's own, the same every time, wherever the snapshot lies."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import suites

from tamis.errors import GateError, InputError, RunError
from tamis.evaluate.backends import backend
from tamis.evaluate.freeze import freeze
from tamis.evaluate.metrics import total
from tamis.evaluate.run import Evaluated, evaluate, write
from tamis.evaluate.scoring import Tables

pytest.importorskip("lm_eval", reason="the extra eval is not installed")

BARE = Path(__file__).parents[1] / "bare_lm_eval.py"


def tasks() -> list[dict[str, Any]]:
    """Those that bare_lm_eval.py has, too."""
    choose, _, texts = suites.tasks()
    write = {
        "name": "write",
        "type": "generation",
        "data": "write.jsonl",
        "extract": [{"regex": "(.)"}],
        "generation": {"max_tokens": 12, "stop": ["\n\n"]},
    }
    return [choose, write, texts, {**choose, "name": "shots", "fewshot": {"n": 2}}]


class Place(NamedTuple):
    """A snapshot, and the tiny model."""

    folder: Path
    snap: Path
    tiny: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Place:
    """The suite that both evaluate, frozen."""
    folder = tmp_path_factory.mktemp("eval")
    suite = suites.write_suite(folder, tasks())
    rows = [{"id": i, "question": f"What is {i}?", "answer": ":" if i % 2 else "x"} for i in range(5)]
    suites.write_rows(folder / "write.jsonl", rows)
    return Place(folder, freeze(suite, folder / "snap").path, tiny)


@pytest.fixture(scope="module")
def asked(place: Place) -> Evaluated:
    """What the tiny model says."""
    return evaluate(place.snap, backend(f"hf:{place.tiny}"))


@pytest.fixture(scope="module")
def bare(place: Place) -> dict[str, Any]:
    """What lm-eval alone finds."""
    command = [sys.executable, "-P", str(BARE), str(place.tiny), str(place.folder)]
    pinned = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}
    done = subprocess.run(command, capture_output=True, check=True, timeout=300, env={**os.environ, **pinned})
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def rows(tables: Tables, task: str, metric: str) -> tuple[list[float], list[dict[str, Any]]]:
    """Scores and samples of a task, in order of items."""
    scores = [r["value"] for r in tables.scores.to_pylist() if (r["task"], r["metric"]) == (task, metric)]
    return scores, [s for s in tables.samples.to_pylist() if s["task"] == task]


def test_the_prompts_are_those_of_lm_eval(place: Place, asked: Evaluated, bare: dict[str, Any]) -> None:
    for task in asked.tasks:
        assert sorted(r.prompt for r in task.requests) == sorted(bare["asked"][task.task.name])


def test_the_numbers_are_those_of_lm_eval_to_the_last_digit(asked: Evaluated, bare: dict[str, Any]) -> None:
    seen = 0
    for task in asked.tasks:
        for metric, theirs in bare["results"][task.task.name].items():
            if metric in task.task.metrics and metric != "brier_score":
                assert total(metric, *rows(asked.tables, task.task.name, metric)) == theirs, (task.task.name, metric)
                seen += 1
    assert seen == 3 + 1 + 3 + 3
    assert 0 < bare["results"]["write"]["exact_match"] < 1 and 0 < bare["results"]["choose"]["acc"] < 1


def test_a_brier_score_is_that_of_lm_eval_to_the_digits_that_are_kept(asked: Evaluated, bare: dict[str, Any]) -> None:
    for name in ("choose", "shots"):
        ours = total("brier_score", *rows(asked.tables, name, "brier_score"))
        assert ours == pytest.approx(bare["results"][name]["brier_score"], rel=1e-6)


def test_items_may_have_different_numbers_of_choices(tiny: Path, tmp_path: Path) -> None:
    suite = suites.write_suite(tmp_path, [suites.tasks()[0]])
    suites.write_rows(
        tmp_path / "choose.jsonl",
        [{**row, "options": row["options"][: 2 + k % 2]} for k, row in enumerate(suites.CHOICES)],
    )
    done = evaluate(freeze(suite, tmp_path / "snap").path, backend(f"hf:{tiny}"))
    values, _ = rows(done.tables, "choose", "brier_score")
    assert len(values) == len(suites.CHOICES) and all(0 <= value <= 2 for value in values)


def test_the_same_bytes_from_another_folder(place: Place, asked: Evaluated, tmp_path: Path) -> None:
    shutil.copytree(place.snap, tmp_path / "elsewhere")
    shutil.copytree(place.tiny, tmp_path / "tiny")
    again = evaluate(tmp_path / "elsewhere", backend(f"hf:{tmp_path / 'tiny'}"))
    for name, found in (("a", asked), ("b", again)):
        (tmp_path / name).mkdir()
        write(found, tmp_path / name)
    for table in ("samples.parquet", "scores.parquet"):
        assert (tmp_path / "a" / table).read_bytes() == (tmp_path / "b" / table).read_bytes()
    assert asked.model == again.model


def test_what_was_said_is_scored_again_alike(place: Place, asked: Evaluated, tmp_path: Path) -> None:
    write(asked, tmp_path)
    again = evaluate(place.snap, backend(f"replay:{tmp_path / 'samples.parquet'}"))
    assert again.tables.samples.equals(asked.tables.samples) and again.tables.scores.equals(asked.tables.scores)


def test_each_answer_has_its_time(asked: Evaluated) -> None:
    timings = asked.tables.timings.to_pylist()
    assert len(timings) == asked.tables.samples.num_rows and all(t["latency_ms"] > 0 for t in timings)
    assert all((t["tokens_per_second"] is not None) == (t["task"] == "write") for t in timings)
    assert asked.varies["versions"]["lm_eval"] and asked.varies["cpu_seconds"] > 0


def test_a_touched_snapshot_asks_nobody(place: Place, tmp_path: Path) -> None:
    shutil.copytree(place.snap, tmp_path / "snap")
    path = tmp_path / "snap/data/write.parquet"
    before, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(GateError, match="nothing was run"):
        evaluate(tmp_path / "snap", lambda frozen: pytest.fail("a model was opened"))


@pytest.mark.parametrize(
    "change, error, said",
    [
        (lambda d: (d / "config.json").unlink(), InputError, "there is no model at"),
        (
            lambda d: (d / "model.safetensors").write_bytes(b"x"),
            InputError,
            r"model\.safetensors is cut off or damaged",
        ),
    ],
)
def test_a_model_that_cannot_be_loaded_says_so(
    change: Callable[[Path], object], error: type[Exception], said: str, place: Place, tmp_path: Path
) -> None:
    shutil.copytree(place.tiny, tmp_path / "broken")
    change(tmp_path / "broken")
    with pytest.raises(error, match=said):
        evaluate(place.snap, backend(f"hf:{tmp_path / 'broken'}"), limit=1)


def test_an_answer_that_has_no_room_is_refused_before_anything_is_asked(tmp_path: Path, tiny: Path) -> None:
    own = [{**suites.tasks()[1], "generation": {"max_tokens": 256}}]
    snap = freeze(suites.write_suite(tmp_path, own), tmp_path / "snap").path
    with pytest.raises(InputError, match="max_tokens is 256, and the model reads 256 tokens"):
        evaluate(snap, backend(f"hf:{tiny}"))


def test_a_wall_limit_ends_it(place: Place) -> None:
    with pytest.raises(RunError, match=r"not all was answered within 0\.01 s"):
        evaluate(place.snap, backend(f"hf:{place.tiny}", wall_limit=0.01))


def test_the_process_that_answers_ends_with_whoever_asked() -> None:
    """Killed, a command can end nobody: the pipe that closes does."""
    words = [sys.executable, "-P", "-m", "tamis.evaluate.worker"]
    done = subprocess.run(words, input=b"{}\n", capture_output=True, timeout=100)
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")
