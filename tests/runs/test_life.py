"""The life of a record, told from the files of a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from making import recipe, write_lines

import tamis
from tamis.errors import UsageError

ROWS = [
    {"id": "kept", "text": "a drum and a fine mesh make it"},
    {"id": "edited", "text": "this sieve is rewritten by a stage"},
    {"id": "short", "text": "too short"},
    {"id": "again", "text": "a drum and a fine mesh make it"},
    {"id": "hurts", "text": "a poison pill, long enough to be read"},
    b"{not json",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tamis.Run:
    folder = tmp_path_factory.mktemp("life")
    stages = recipe("own:Shout", {"own:Length": {"low": 20}}, "own:Allergic", "exact@1")
    return tamis.run(stages, write_lines(folder / "in.jsonl", ROWS), folder / "run")


@pytest.mark.parametrize(
    ("record", "fate", "step", "words"),
    [
        ("kept", "kept", 4, "stayed"),
        ("edited", "kept", 1, "changed by shouted"),
        ("short", "dropped", 2, "9, to stay it needs at least 20 (characters in the text)"),
        ("again", "dropped", 4, "(id 'kept')"),
        ("hurts", "quarantined", 3, "ValueError"),
        ("in.jsonl:6", "quarantined", 0, "not_json"),
    ],
)
def test_each_fate_is_told_in_words(run: tamis.Run, record: str, fate: str, step: int, words: str) -> None:
    life = tamis.explain(run, record)
    assert life.fate == fate
    told = {p.step: p.words for p in life.stops}
    assert words in told[step]
    assert fate == "kept" or max(told) == step


def test_a_record_is_found_by_its_record_id(run: tamis.Run) -> None:
    life = tamis.explain(run, "short")
    assert tamis.explain(run, life.record_id) == life
    assert life.origin == "in.jsonl, record 3"


def test_an_unknown_record_is_refused(run: tamis.Run) -> None:
    with pytest.raises(UsageError, match="knows no record"):
        tamis.explain(run, "nobody")


def test_a_message_without_content_is_shown_as_one(tmp_path: Path) -> None:
    talk = [{"role": "assistant", "content": None, "tool_calls": [1]}, {"role": "tool", "content": "42"}]
    lines = write_lines(tmp_path / "in.jsonl", [{"id": "call", "messages": talk}])
    assert tamis.explain(tamis.run(recipe(), lines, tmp_path / "run"), "call").text == "assistant: \ntool: 42"
