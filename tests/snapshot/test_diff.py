"""What differs between two versions, record by record, and the decision behind each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from tamis.runs import Run
from tamis.snapshot import Snapshot, freeze
from tamis.snapshot.diff import WHY, diff


@pytest.fixture
def later(later_run: Run, frozen: Snapshot) -> Snapshot:
    """later_run as docs@1.1.0."""
    return freeze(later_run, frozen.path.parent / "1.1.0")


def rows(snapshot: Snapshot) -> dict[bytes, dict[str, object]]:
    """Rows by record_id."""
    return {row["record_id"]: row for row in snapshot.data().to_pylist()}


def test_what_differs_is_what_a_plain_comparison_says(frozen: Snapshot, later: Snapshot) -> None:
    was, now = rows(frozen), rows(later)
    expected = {
        "added": len(now.keys() - was.keys()),
        "removed": len(was.keys() - now.keys()),
        "changed": sum(was[id] != now[id] for id in was.keys() & now.keys()),
    }
    assert diff(frozen, later).counts == expected
    assert all(expected.values())


def test_a_removed_record_is_joined_to_its_verdict(frozen: Snapshot, later: Snapshot) -> None:
    gone = [row for row in diff(frozen, later).why().to_pylist() if row["change"] == "removed"]
    assert {(row["stage"], row["rule"], row["ledger"]) for row in gone} == {("quality.gopher@1", "min_words", "b")}
    assert all(row["value"] < row["threshold"] == 20 for row in gone)


def test_an_added_record_was_not_read_or_was_dropped_before(frozen: Snapshot, later: Snapshot) -> None:
    reasons = {line["reason"] for line in diff(frozen, later).reasons() if line["change"] == "added"}
    assert reasons == {"not in the input of 1.0.0"}
    back = [line for line in diff(later, frozen).reasons() if line["change"] == "added"]
    assert [(line["reason"], line["rule"]) for line in back] == [("dropped in 1.1.0", "min_words")]


def test_a_changed_record_names_its_columns(frozen: Snapshot, later: Snapshot) -> None:
    changed = [row for row in diff(frozen, later).why().to_pylist() if row["change"] == "changed"]
    assert [(row["columns"], row["reason"]) for row in changed] == [("text", "another row in the input")]


def test_versions_that_are_no_kin_are_compared_by_content(small_run: Run, frozen: Snapshot, tmp_path: Path) -> None:
    other = freeze(small_run, tmp_path / "other/docs")
    assert other.root != frozen.root
    assert diff(frozen, other).same


def test_a_version_and_itself_are_the_same(frozen: Snapshot) -> None:
    found = diff(frozen, frozen)
    assert (found.same, found.facts, found.why()) == (True, {}, pa.Table.from_pylist([], schema=WHY))


def test_the_command_says_it(frozen: Snapshot, later: Snapshot, tamis: Callable[..., tuple[int, str]]) -> None:
    code, printed = tamis("diff", frozen.path, later.path, "--why", "--show", "1")
    assert code == 0
    assert "removed: dropped in 1.1.0 by quality.gopher@1 min_words" in printed
    code, printed = tamis("diff", frozen.path, later.path, "--why", "--json")
    told = json.loads(printed)
    assert len(told["records"]) == sum(told[name] for name in ("added", "removed", "changed"))
