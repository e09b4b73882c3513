"""The work of a run on nodes that share no disk: what one puts another fetches, and holds against its record."""

from __future__ import annotations

import gzip
import os
import pickle
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from making import digests, recipe, sentences, write_lines
from storing_s3 import S3

from tamis.data.storage import at, clear, fetch, listed, put
from tamis.engine.work_far import FarWork, far_work
from tamis.errors import RunError
from tamis.recipes.run import run
from tamis.runs import verify

RUN = "s3://bucket/runs/one"
TABLE = pa.table({"key": pa.array([1, 2, 3], pa.uint64())})


@pytest.fixture
def on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], FarWork]:
    """The work as a node of this number has it, sent there."""
    monkeypatch.setenv("TAMIS_CACHE", str(tmp_path / "cache"))

    def node(number: int) -> FarWork:
        monkeypatch.setenv("TAMIS_SCRATCH", str(tmp_path / f"node-{number}"))
        far_work.cache_clear()
        found: FarWork = pickle.loads(pickle.dumps(far_work(at(RUN), "a")))
        return found

    return node


def test_what_one_node_finished_another_reads(s3: S3, on: Callable[[int], FarWork]) -> None:
    record = on(1).finish_tables(0, 7, {"rows": TABLE}, {"total": 3})
    other = on(2)
    assert other.root != on(1).root and other.done(0, 7) == record
    assert other.table(0, 7, "rows").equals(TABLE) and other.done(0, 8) is None


def test_what_a_run_before_left_on_a_node_is_not_taken_for_another(
    s3: S3, on: Callable[[int], FarWork], tmp_path: Path
) -> None:
    on(1).finish_tables(0, 7, {"rows": TABLE}, {})
    clear(at(RUN))
    far_work.cache_clear()
    later = far_work(at(RUN), "b")
    assert later.done(0, 7) is None and not on_disk(tmp_path)


def on_disk(folder: Path) -> list[Path]:
    """Tables that lie on some node."""
    return list(folder.rglob("*.rows"))


def test_a_file_is_fetched_once_by_each_node(s3: S3, on: Callable[[int], FarWork]) -> None:
    on(1).finish_tables(0, 7, {"rows": TABLE}, {})
    s3.faults = {}
    for _ in range(3):
        on(2).table(0, 7, "rows")
    assert len([path for method, path in s3.asked if method == "GET" and path.endswith("rows")]) == 1


def test_the_record_is_put_last(s3: S3, on: Callable[[int], FarWork]) -> None:
    on(1).finish_tables(0, 7, {"a": TABLE, "b": TABLE}, {})
    assert [path.rpartition("/")[2] for method, path in s3.asked if method == "PUT"] == [
        "000007.a",
        "000007.b",
        "000007.json",
    ]


@pytest.mark.parametrize("put_there", [b"", b"torn"])
def test_a_torn_file_is_not_done_and_not_read(s3: S3, on: Callable[[int], FarWork], put_there: bytes) -> None:
    on(1).finish_tables(0, 7, {"rows": TABLE}, {})
    put(at(RUN) / ".work/tasks/0/000007.rows", put_there)
    assert on(2).done(0, 7) is None
    with pytest.raises(RunError, match="is not what its task wrote"):
        on(2).table(0, 7, "rows")


def test_what_is_gone_is_said(s3: S3, on: Callable[[int], FarWork]) -> None:
    with pytest.raises(
        RunError, match=r"000007.json: the object is gone, which a finished task put; run again with --resume"
    ):
        on(2).table(0, 7, "rows")


class Nodes:
    """Tasks carried out by three nodes in turn, each with a scratch folder of its own; tasks travel as bytes."""

    workers = 3

    def __init__(self, on: Callable[[int], FarWork]) -> None:
        self.on, self.carried = on, 0

    def map(
        self, task: Callable[[Any], Any], items: Iterable[Any], *, processes: bool = False
    ) -> Iterator[tuple[int, Any]]:
        for place, item in enumerate(items):
            packed, driver = pickle.dumps(item), os.environ["TAMIS_SCRATCH"]
            self.carried += 1
            self.on(1 + self.carried % 3)
            done = task(pickle.loads(packed))
            os.environ["TAMIS_SCRATCH"] = driver
            far_work.cache_clear()
            yield place, done


def test_a_run_on_nodes_that_share_no_disk_has_the_same_bytes(
    s3: S3, on: Callable[[int], FarWork], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, rows = tmp_path / "in", sentences(120)
    folder.mkdir()
    lines = write_lines(folder / "a.jsonl", rows[:80]).read_bytes()
    packed = gzip.compress(write_lines(tmp_path / "b", rows[80:]).read_bytes(), mtime=0)
    (folder / "b.jsonl.gz").write_bytes(packed)
    put(at("s3://bucket/in/a.jsonl"), lines)
    put(at("s3://bucket/in/b.jsonl.gz"), packed)
    stages = recipe("exact@1", "near@1")
    near = run(stages, folder, tmp_path / "near", engine="inline", partition_size=8000)
    nodes = Nodes(on)
    on(0)

    @contextmanager
    def given(*_: Any) -> Iterator[Nodes]:
        yield nodes

    monkeypatch.setattr("tamis.recipes.run.executor", given)
    run(stages, "s3://bucket/in", RUN, engine="ray", address="x", partition_size=8000)
    for one in listed(at(RUN)):
        fetch(one.remote, tmp_path / "far" / one.remote.key.removeprefix("runs/one/"))
    assert verify(RUN) == [] and digests(tmp_path / "far") == digests(near.path) and nodes.carried > 20
    assert not [one for one in listed(at(RUN)) if ".work/tasks/" in one.remote.key]
