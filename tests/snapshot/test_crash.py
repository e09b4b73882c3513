"""A freeze that is killed leaves the old state or the new one, wherever it is; freezes side by side do not meet."""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tamis.errors import OutputError, TamisError, UsageError
from tamis.runs import Run
from tamis.snapshot import Snapshot, Store, freeze
from tamis.snapshot.journal import Step
from tamis.snapshot.verify import verify

CHANGES = {"open", "os.mkdir", "os.rename", "os.link", "os.remove", "os.rmdir", "os.truncate", "shutil.rmtree"}
"""Events after which the file system may be another."""


def killed_at(call: int, run: Run, target: Path) -> bool:
    """Freeze in a child that kills itself before its `call`-th change; whether it lived to the end."""
    child = os.fork()
    if not child:
        count = 0

        def watch(event: str, args: tuple[object, ...]) -> None:
            nonlocal count
            if event in CHANGES and (event != "open" or (isinstance(args[2], int) and args[2] & os.O_CREAT)):
                count += 1
                if count == call:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        try:
            freeze(run, target)
        finally:
            os._exit(0)
    return os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 0 and os.path.exists(target)


def state(root: Path) -> list[tuple[str, str, str]]:
    """What a store knows, after whoever comes next put it right; every snapshot in it verifies."""
    store = Store(root)
    store.recover()
    for entry in store.snapshots():
        assert verify(entry.path).findings == []
    assert list((root / ".tamis/work").iterdir()) == list((root / ".tamis/journal").iterdir()) == []
    return [(entry.name, entry.version, entry.state) for entry in store.snapshots()]


def test_a_freeze_that_is_killed_is_not_or_is_whole(small_run: Run, frozen: Snapshot) -> None:
    root = frozen.path.parents[1]
    old = [("docs", "1.0.0", "live")]
    seen = set()
    for call in range(1, 200, 7):
        target = root / f"docs/1.{call}.0"
        freeze_ended = killed_at(call, small_run, target)
        now = state(root)
        new = [*old, ("docs", f"1.{call}.0", "live")]
        assert now in (old, new)
        assert target.exists() == (now == new)
        seen.add(now == new)
        old = now
        if freeze_ended:
            break
    assert seen == {False, True}


def test_a_commit_that_is_cut_short_is_carried_out(tmp_path: Path) -> None:
    store = Store(tmp_path).make()
    for step in range(1, 4):
        child = os.fork()
        if not child:
            done = 0

            def watch(event: str, args: tuple[object, ...]) -> None:
                nonlocal done
                if event == "os.rename" and "journal" not in str(args[0]):
                    done += 1
                    if done == step:  # noqa: B023
                        os.kill(os.getpid(), signal.SIGKILL)

            sys.addaudithook(watch)
            with store.work() as work:
                for k in range(3):
                    (work.folder / f"{k}").write_text(str(step))
                with store.lock():
                    work.commit(Step("move", work.folder / f"{k}", tmp_path / f"{k}") for k in range(3))
        assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
        store.recover()
        assert [(tmp_path / f"{k}").read_text() for k in range(3)] == [str(step)] * 3


def test_work_that_goes_on_is_left_alone(tmp_path: Path) -> None:
    store = Store(tmp_path).make()
    with store.work() as work:
        store.recover()
        assert work.folder.exists()
    assert not work.folder.exists()


def test_two_freezes_at_once_both_succeed(small_run: Run, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda v: freeze(small_run, tmp_path / f"store/docs/{v}"), ("1.0.0", "2.0.0")))
    assert [verify(snapshot.path).findings for snapshot in made] == [[], []]
    assert len(Store(tmp_path / "store").snapshots()) == 2


def test_two_freezes_of_one_version_are_one_and_an_error(small_run: Run, tmp_path: Path) -> None:
    def attempt(_: int) -> object:
        try:
            return freeze(small_run, tmp_path / "store/docs/1.0.0")
        except TamisError as refused:
            return refused

    with ThreadPoolExecutor(2) as pool:
        one, other = sorted(pool.map(attempt, range(2)), key=lambda found: isinstance(found, Exception))
    assert isinstance(one, Snapshot) and verify(one.path).whole
    assert isinstance(other, UsageError)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_store_that_may_not_be_written_is_told(small_run: Run, frozen: Snapshot) -> None:
    inside = frozen.path.parents[1] / ".tamis"
    (inside / "work").chmod(0o555)
    try:
        with pytest.raises(OutputError, match="may not be written"):
            freeze(small_run, frozen.path.parent / "1.1.0")
    finally:
        (inside / "work").chmod(0o755)


def test_a_store_that_may_not_be_written_is_read(frozen: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "replace", lambda *_: pytest.fail("something was written"))
    assert Store(frozen.path.parents[1]).resolve("docs") == frozen.path
    assert verify(frozen.path).whole
