"""`tamis check` says what it found and leaves with the right code."""

import json
import os
from xml.etree import ElementTree as ET

import pytest
from contract_text import written

TEXT = {"name": "text", "logicalType": "string", "logicalTypeOptions": {"minLength": 3}}


@pytest.fixture
def place(tmp_path):
    """A contract, and rows that keep and break it."""
    written(tmp_path, [TEXT])
    (tmp_path / "good.jsonl").write_text('{"text": "good"}\n')
    (tmp_path / "bad.jsonl").write_text('{"text": "good"}\n{"text": "no", "id": "[b]7"}\n')
    return tmp_path


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        ("good.jsonl", 0, "2 of 2 rules kept: the contract is kept"),
        ("bad.jsonl", 1, "1 of 2 rows is shorter than minLength 3"),
        ("gone.jsonl", 2, "no such file or folder; did you mean"),
    ],
)
def test_exit_codes(tamis, place, data, code, words):
    found, said = tamis("check", place / data, "-c", place / "contract.odcs.yaml")
    assert (found, words in " ".join(said.split())) == (code, True)
    assert "Traceback" not in said


def test_names_from_data_are_no_markup(tamis, place):
    assert "id [b]7" in " ".join(tamis("check", place / "bad.jsonl", "-c", place / "contract.odcs.yaml")[1].split())


def test_no_name_steers_the_terminal(tamis, place):
    written(place, [{"name": "\x1b[2J\u202eok\nfail", "logicalType": "string"}])
    said = tamis("check", place / "bad.jsonl", "-c", place / "contract.odcs.yaml", "--all")[1]
    assert ("\x1b" in said, "‹U+001B›[2J‹U+202E›ok" in said) == (False, True)


def test_a_pipe_is_no_data(tamis, place):
    os.mkfifo(place / "pipe.jsonl")
    assert tamis("check", place / "pipe.jsonl", "-c", place / "contract.odcs.yaml")[0] == 2


def test_json_and_junit_are_written(tamis, place):
    junit = place / "out.xml"
    code, said = tamis("check", place / "bad.jsonl", "-c", place / "contract.odcs.yaml", "--json", "--junit", junit)
    assert (code, json.loads(said)["passed"]) == (1, False)
    assert ET.parse(junit).getroot().get("failures") == "1"


def test_quiet_prints_nothing(tamis, place):
    assert tamis("check", place / "bad.jsonl", "-c", place / "contract.odcs.yaml", "--quiet") == (1, "")


def test_a_junit_place_that_cannot_be_written_is_said(tamis, place):
    code, said = tamis(
        "check", place / "good.jsonl", "-c", place / "contract.odcs.yaml", "--junit", place / "no" / "x.xml"
    )
    assert code == 3 and "cannot write" in said
