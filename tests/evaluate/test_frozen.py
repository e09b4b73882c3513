"""A snapshot that was touched is refused, whatever was kept of it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import suites

from tamis.errors import GateError
from tamis.evaluate import prompts
from tamis.evaluate.freeze import freeze
from tamis.evaluate.frozen import check, open_eval
from tamis.runs.manifest import closing
from tamis.snapshot.jcs import canonical_json


@pytest.fixture
def snap(tmp_path: Path) -> Path:
    """The small suite, frozen."""
    return freeze(suites.write_suite(tmp_path), tmp_path / "snap").path


def told(snap: Path) -> str:
    """All that is wrong."""
    return "\n".join(f"{f.file}: {f.problem}" for f in check(snap).findings)


def flip(path: Path) -> None:
    """Change one byte in the middle, and keep size and time."""
    before, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def test_a_byte_changed_with_size_and_time_kept_is_seen_in_every_file(snap: Path) -> None:
    for path in sorted(p for p in snap.rglob("*") if p.is_file()):
        whole = path.read_bytes()
        flip(path)
        assert not check(snap).whole, path
        path.write_bytes(whole)
    assert check(snap).whole


def test_a_touched_snapshot_is_not_opened(snap: Path) -> None:
    flip(snap / "data/sums.parquet")
    with pytest.raises(GateError, match=r"(?s)nothing was run.*data/sums\.parquet: is not what was written"):
        open_eval(snap)


@pytest.mark.parametrize(
    "touch, said",
    [
        (lambda s: (s / "data/sums.parquet").unlink(), "data/sums.parquet: is missing"),
        (lambda s: (s / "more.txt").write_text("x"), "more.txt: was added"),
        (lambda s: (s / "MANIFEST.sha256").unlink(), "MANIFEST.sha256: is missing"),
        (lambda s: (s / "link").symlink_to("eval.json"), "link: is not a plain file"),
        (lambda s: (s / "eval.json").write_text("{}"), "eval.json: is not what was written: it cannot be read"),
    ],
)
def test_what_is_wrong_is_told(touch: Callable[[Path], object], said: str, snap: Path) -> None:
    touch(snap)
    assert said in told(snap)


def test_a_snapshot_made_anew_has_another_id(snap: Path) -> None:
    """Whoever edits every digest makes another evaluation; the id says so."""
    before = check(snap).id
    path = snap / "tasks/sums.json"
    path.write_bytes(canonical_json({**json.loads(path.read_bytes()), "primary": "f1"}))
    facts = json.loads((snap / "eval.json").read_bytes())
    facts["tasks"][1]["primary"] = "f1"
    seal_anew(snap, facts)
    assert check(snap).whole and check(snap).id != before
    assert check(snap, before).findings[0].problem.startswith("is not that of sha256:")


def seal_anew(snap: Path, facts: dict[str, Any]) -> None:
    """Make every digest right again."""
    for file in facts["files"]:
        data = (snap / file["path"]).read_bytes()
        file["sha256"], file["bytes"] = hashlib.sha256(data).hexdigest(), len(data)
    (snap / "eval.json").write_bytes(canonical_json(facts))
    names = sorted([*(f["path"] for f in facts["files"]), "eval.json"])
    body = "".join(f"{hashlib.sha256((snap / n).read_bytes()).hexdigest()}  {n}\n" for n in names)
    (snap / "MANIFEST.sha256").write_text(body + closing(body))


@pytest.mark.parametrize(
    "file, told_so, said",
    [
        ("tasks/sums.json", {"metrics": ["zz"]}, "no metric 'zz'"),
        ("tasks/sums.json", {"extract": [{"regex": "("}]}, "is no regular expression"),
        ("tasks/sums.json", {"generation": {"n": 10**9, "stop": [], "temperature": 1}}, "n is 1,000 at most"),
        ("tasks/sums.json", {"name": "../../x"}, "letters, digits"),
        ("tasks/sums.json", {"primary": "f1"}, "tell otherwise of that task"),
        ("tasks/sums.json", "x", "cannot be read as a snapshot"),
        ("suite.json", {"settings": {"threads": "x"}}, "int was wanted"),
        ("suite.json", {"gates": {"mn": 1}}, "no key 'mn'"),
    ],
)
def test_what_no_suite_can_say_is_refused_though_every_digest_is_right(
    file: str, told_so: Any, said: str, snap: Path
) -> None:
    path = snap / file
    own = {**json.loads(path.read_bytes()), **told_so} if isinstance(told_so, dict) else told_so
    path.write_bytes(canonical_json(own))
    seal_anew(snap, json.loads((snap / "eval.json").read_bytes()))
    assert said in told(snap)


def test_prompts_that_are_rendered_otherwise_are_seen_though_no_file_changed(
    snap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompts, "placed", lambda template, item: "Q: " + template.text(**item.names))
    assert "prompts drifted: item 'm0' of choose" in told(snap)


def test_a_snapshot_of_a_newer_tamis_is_not_guessed_at(snap: Path) -> None:
    facts = json.loads((snap / "eval.json").read_bytes())
    (snap / "eval.json").write_bytes(canonical_json({**facts, "tamis_eval": 99}))
    with pytest.raises(Exception, match="newer tamis"):
        check(snap)
