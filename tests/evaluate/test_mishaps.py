"""A disk that is full, and files of a run that are gone: each ends in a sentence, and what was answered is not lost."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from suites import SUMS, tasks, write_rows, write_suite

from tamis.errors import GateError, OutputError
from tamis.evaluate.answer import Answer
from tamis.evaluate.freeze import EVAL, freeze
from tamis.evaluate.frozen import Frozen, open_eval
from tamis.evaluate.run import evaluate
from tamis.runs.manifest import MANIFEST, seal, sha256
from tamis.snapshot.jcs import canonical_json

Call = Callable[..., tuple[int, str]]


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """No file grows past `size` bytes: stands in for a full disk, for write(2) fails part of the way."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The sums frozen at `snap`, right answers to them, and what a training snapshot holds of them."""
    freeze(write_suite(tmp_path / "in", tasks()[1:2]), tmp_path / "snap")
    rows = [{"task": "sums", "item_id": str(row["id"]), "response": f"#### {row['id'] + 1}"} for row in SUMS]
    write_rows(tmp_path / "right.jsonl", rows)
    table = [{"eval": "sums", "id": str(row["id"]), "status": "clean"} for row in SUMS]
    pq.write_table(pa.Table.from_pylist(table), tmp_path / "found.parquet")
    return tmp_path


def run(tamis: Call, folder: Path, *more: Any, out: str = "run") -> tuple[int, str]:
    asked = ("eval", "run", folder / "snap", "--model", f"replay:{folder / 'right.jsonl'}", "-o", folder / out)
    return tamis(*asked, "--quiet", *more)


@pytest.mark.parametrize("size", [500, 4000, 9000])
def test_a_full_disk_is_said_where_answers_are_scored(folder: Path, tamis: Call, size: int) -> None:
    with disk_of(size):
        code, said = run(tamis, folder)
    assert code == 3 and "cannot write" in said and "Traceback" not in said
    assert run(tamis, folder, out="next")[0] == 0


@pytest.mark.parametrize("size", [500, 3000])
def test_a_full_disk_leaves_no_half_of_a_snapshot(folder: Path, tamis: Call, size: int) -> None:
    with disk_of(size):
        code, said = tamis("eval", "freeze", folder / "in/suite.yaml", "-o", folder / "late")
    assert code == 3 and "cannot write" in said
    assert {p.name for p in folder.iterdir()} == {"in", "snap", "right.jsonl", "found.parquet"}


class Right:
    """Answers rightly."""

    def __init__(self, frozen: Frozen) -> None:
        self.model: dict[str, Any] = {"backend": "made", "name": "right"}
        self.varies: dict[str, Any] = {}
        self.asked: list[str] = []

    def answers(self, left: Any) -> Iterator[Answer]:
        for task in left:
            for item in task.items:
                self.asked.append(item.item_id)
                yield Answer(task.task.name, item.item_id, response=f"#### {item.target} {'.' * 200}")


def test_what_was_answered_before_the_disk_was_full_is_not_asked_again(folder: Path) -> None:
    with disk_of(1500), pytest.raises(OutputError, match=r"cannot write .*answers\.jsonl"):
        evaluate(folder / "snap", Right, keep=folder / "answers.jsonl")
    kept = (folder / "answers.jsonl").read_bytes().count(b"\n") - 1
    found = evaluate(folder / "snap", Right, keep=folder / "answers.jsonl")
    assert 0 < kept < 6 and found.varies["answers_of_an_earlier_run"] == kept
    assert {s["status"] for s in found.tables.samples.to_pylist()} == {"ok"}


@pytest.mark.parametrize("name", ["contamination.parquet", "samples.parquet", "scores.parquet", "report.json"])
def test_a_file_that_a_report_rests_on_is_missed(folder: Path, tamis: Call, name: str) -> None:
    assert run(tamis, folder, "--contamination", folder / "found.parquet")[0] == 0
    (folder / "run" / name).unlink()
    (folder / "gates.yaml").write_text("max_contaminated: 0.5\n")
    for command in (("gate", folder / "run", "--gates", folder / "gates.yaml"), ("report", folder / "run")):
        code, said = tamis("eval", *command)
        assert code == 2 and name in said and "Traceback" not in said


def test_what_tells_when_and_where_is_not_missed(folder: Path, tamis: Call) -> None:
    assert run(tamis, folder)[0] == 0
    for name in ("run.json", "timings.parquet"):
        (folder / "run" / name).unlink()
    assert tamis("eval", "report", folder / "run")[0] == 0
    assert tamis("eval", "ladder", folder / "run")[0] == 0


def test_an_item_that_stands_twice_in_a_sealed_snapshot_is_seen(folder: Path) -> None:
    snap = folder / "snap"
    for name in ("data/sums.parquet", "rendered/requests.parquet"):
        table = pq.read_table(snap / name)
        pq.write_table(pa.concat_tables([table, table.slice(0, 1)]), snap / name)
    facts = json.loads((snap / EVAL).read_bytes())
    for file in facts["files"]:
        file |= {"sha256": sha256(snap / file["path"]), "bytes": (snap / file["path"]).stat().st_size}
    facts["tasks"][0]["items"] = 7
    (snap / EVAL).write_bytes(canonical_json(facts))
    (snap / MANIFEST).unlink()
    seal(snap, {f["path"]: f["sha256"] for f in facts["files"]})
    with pytest.raises(GateError, match="'0' twice"):
        open_eval(snap)
