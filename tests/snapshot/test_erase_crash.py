"""An erasure that is killed, or meets others: the store is as it was or as it is to be."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from naive_lineage import remains
from storing import frozen, made, person, store_of

from tamis.errors import InputError
from tamis.snapshot import freeze, journal, select
from tamis.snapshot.erase import erase
from tamis.snapshot.store import Store
from tamis.snapshot.verify import verify

P1 = [select.match("meta.author.email=p1@example.org")]

KILLED = """
import os, signal, sys
from pathlib import Path
from tamis.snapshot import journal, select
from tamis.snapshot.erase import erase
from tamis.snapshot.store import Store

left = int(sys.argv[2])
def kill(name, real):
    def counted(*args, **kwargs):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)
    return counted
for name in ("replace", "link", "unlink", "open"):
    setattr(os, name, kill(name, getattr(os, name)))
erase(Store(Path(sys.argv[1])), [select.match("meta.author.email=p1@example.org")])
"""


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two versions of docs, and what was made of them."""
    folder = tmp_path_factory.mktemp("first")
    store_of(folder)
    return folder / "store"


def state(root: Path) -> dict[str, str]:
    """Every file of a store with its digest; but for the lock, and the receipt, which is written once more at the end."""
    found = {p.relative_to(root).as_posix(): p for p in root.rglob("*") if p.is_file()}
    return {
        n: hashlib.sha256(p.read_bytes()).hexdigest()
        for n, p in found.items()
        if "/receipts/" not in n and p.name != "lock"
    }


def test_a_commit_is_carried_out_wherever_it_was_cut_short(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cut(BaseException):
        pass

    real, taken, allowed = journal._take, 0, 0

    def take(step: journal.Step) -> None:
        nonlocal taken
        taken += 1
        if taken > allowed:
            raise Cut
        real(step)

    monkeypatch.setattr(os, "fsync", lambda handle: None)
    monkeypatch.setattr(journal, "_take", take)
    monkeypatch.setattr(journal, "_mark", lambda root: [])  # copies of the store go on here, as the store itself would
    committed = tmp_path / "committed"
    shutil.copytree(first, committed)
    with pytest.raises(Cut):
        erase(Store(committed), P1)
    ends = set()
    for allowed in (0, 1, 7, 20, 33, 50, 64, 80, 1000):
        root = tmp_path / f"cut-{allowed}"
        shutil.copytree(committed, root)
        for again in (allowed, 1000):
            allowed, taken = again, 0
            try:
                Store(root).recover()
            except Cut:
                continue
        ends.add(tuple(sorted(state(root).items())))
        assert not journal.pending(root / ".tamis") and remains(root, b"p1@example.org") == []
        shutil.rmtree(root)
    assert len(ends) == 1


@pytest.mark.parametrize("point", [3, 60, 400, 560])
def test_killed_outright_it_leaves_the_old_state_or_the_new(first: Path, tmp_path: Path, point: int) -> None:
    root = tmp_path / "store"
    shutil.copytree(first, root)
    before = state(root)
    done = subprocess.run([sys.executable, "-c", KILLED, str(root), str(point)], capture_output=True, timeout=120)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    store = Store(root)
    store.recover()
    assert {verify(e.path).whole for e in store.snapshots()} == {True}
    if remains(root, b"p1@example.org"):
        assert state(root) == before
    else:
        assert {e.state for e in store.snapshots() if e.version.endswith(".0")} == {"withdrawn"}


def test_a_freeze_that_read_a_record_before_it_was_erased_does_not_bring_it_back(tmp_path: Path) -> None:
    frozen(tmp_path, "docs", [person(1), person(2)])
    done = made(tmp_path, "again", [{**person(k), "source": "docs"} for k in (1, 2)])
    freeze(done, tmp_path / "store/first/1.0.0")
    store = Store(tmp_path / "store")

    def meanwhile(rows: int) -> None:
        erase(store, P1)

    with pytest.raises(InputError, match=r"was written anew while this snapshot was made"):
        freeze(done, tmp_path / "store/second/1.0.0", on_progress=meanwhile)
    assert remains(store.root, b"p1@example.org") == []
