"""Room on the disk is looked for ahead."""

from __future__ import annotations

from pathlib import Path

import pytest
from making import recipe, sentences, write_lines

import tamis
from tamis.errors import OutputError
from tamis.recipes import room


def test_a_run_that_cannot_fit_is_refused_and_may_be_tried_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = write_lines(tmp_path / "in.jsonl", sentences(120))
    usage = room.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: usage._replace(free=2000))
    with pytest.raises(OutputError, match=r"about 0\.0 MB of disk.*0\.0 MB are free where .*--resume"):
        tamis.run(recipe("clean@1", "near@1"), lines, tmp_path / "run")
    assert tamis.run(recipe("clean@1", "near@1"), lines, tmp_path / "run", resume=True).rows["kept"]


def test_the_room_is_enough_for_what_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "in.jsonl", sentences(3000))
    asked: list[int] = []
    needed = room.needed
    monkeypatch.setattr(room, "needed", lambda *given: asked.append(needed(*given)) or asked[-1])
    run = tamis.run(recipe("clean@1", "near@1"), lines, tmp_path / "run")
    assert asked[0] >= sum(file.stat().st_size for file in run.path.rglob("data/*.parquet"))
