"""A run with pii holds nothing of what it took out, in any file; the same value has one pseudonym, however the run is made."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from made_up_people import PEOPLE, given_away, planted, rows
from making import digests, recipe, write_lines

import tamis
from tamis.recipes.rescan import rescan

pytest.importorskip("presidio_analyzer", reason="the extra pii is not installed")

KEY = "a key of more than sixteen bytes"
STEPS = recipe(
    "quality.gopher@1",
    {"pii@1": {"operator": "pseudonym", "key_env": "PII_KEY", "on": ["texts", "url", "meta"]}},
    "exact@1",
)
KINDS = ("document", "chat", "preference", "eval_item")
UNREAD = [f'{{"text": "{value}"'.encode() for value in sorted(planted(1))]

KILLED = """
import json, os, sys, tamis
after = int(sys.argv[4])
def watch(progress, seen=[]):
    seen.append(1)
    if len(seen) == after:
        os.kill(os.getpid(), 9)
tamis.run(json.loads(sys.argv[1]), sys.argv[2], sys.argv[3], partition_size=20_000, resume=True, on_progress=watch)
"""


@pytest.fixture(scope="module")
def key() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PII_KEY", KEY)
        yield


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted")
    for kind in KINDS:
        write_lines(folder / f"{kind}.jsonl", [*rows(kind, 100), *UNREAD])
    return folder


@pytest.fixture(scope="module")
def runs(inputs: Path, key: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tamis.Run]:
    """A run of each kind, by one worker."""
    out = tmp_path_factory.mktemp("runs")
    return {kind: tamis.run(STEPS, inputs / f"{kind}.jsonl", out / kind, workers=1) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_no_file_of_a_run_gives_a_value_or_the_key_away(runs: dict[str, tamis.Run], kind: str) -> None:
    assert runs[kind].facts["rows"]["quarantined"] >= len(UNREAD)
    assert given_away(runs[kind].path, planted() | {KEY, KEY.encode().hex()}) == []


def test_the_search_of_these_tests_finds_what_is_there(inputs: Path, tmp_path: Path) -> None:
    run = tamis.run(recipe(), inputs / "document.jsonl", tmp_path / "run")
    found = {line.partition(": ")[2] for line in given_away(run.path, planted())}
    assert found == planted()


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_scan_is_empty(runs: dict[str, tamis.Run], kind: str, key: None) -> None:
    told = rescan(runs[kind])
    assert (told.found, told.aside) == ((), 0)


def test_a_value_has_one_pseudonym_in_every_field_file_and_kind(runs: dict[str, tamis.Run]) -> None:
    seen = defaultdict(set)
    for run in runs.values():
        for person, entity, mark in re.findall(
            r"P(\d+) (?:[a-z ]+ )?<([A-Z_]+):([a-z]{16})>", str(run.data().to_pylist())
        ):
            seen[entity, person].add(mark)
    assert len(seen) == PEOPLE * 8 and {len(marks) for marks in seen.values()} == {1}
    mails = {mark for (entity, _), marks in seen.items() for mark in marks if entity == "EMAIL_ADDRESS"}
    beside = str([run.data(["url", "meta"]).to_pylist() for run in runs.values()])
    assert {*re.findall("<EMAIL_ADDRESS:([a-z]+)>", beside)} == mails and len(mails) == PEOPLE


def test_two_workers_make_the_same_bytes(inputs: Path, runs: dict[str, tamis.Run], tmp_path: Path, key: None) -> None:
    two = tamis.run(STEPS, inputs / "chat.jsonl", tmp_path / "run", workers=2, partition_size=15_000)
    assert digests(two.path) == digests(runs["chat"].path)


def test_a_run_that_was_killed_resumes_to_the_same_bytes(
    inputs: Path, runs: dict[str, tamis.Run], tmp_path: Path, key: None
) -> None:
    call = [json.dumps(STEPS), str(inputs / "document.jsonl"), str(tmp_path / "run")]
    assert subprocess.run([sys.executable, "-c", KILLED, *call, "5"], timeout=120).returncode == -9
    run = tamis.run(STEPS, inputs / "document.jsonl", tmp_path / "run", partition_size=20_000, resume=True)
    assert digests(run.path) == digests(runs["document"].path)
