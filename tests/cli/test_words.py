"""What the commands say to someone who does not know them yet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from making import OWN, recipe, sentences, write_lines

import tamis as package
from tamis.cli import COMMANDS


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - {"recipes"}))
def test_help_ends_its_text_with_a_line_to_paste(tamis, command):
    code, said = tamis(command, "--help")
    assert code == 0
    assert f"tamis {command}" in said.partition("Example:")[2]


@pytest.mark.parametrize("name", ["web-quality", "chat-sft"])
def test_a_shipped_recipe_runs_by_its_name(tamis, name):
    assert tamis("recipes", "check", name)[0] == 0
    assert package.load(name).name == name


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["run", "corpus.jsonl"], "looks like data, which goes after -i"),
        (["run", "web-qualty", "-o", "out"], "`tamis recipes list` names the shipped ones"),
        (["report", "run", "-o", "report.pdf"], "name it .html, .md or .json"),
        (["replay", "run", "--set", "own.length.low=30", "--show", "-1"], "-1 is not in the range"),
        (["verfy", "run"], "did you mean 'verify'?"),
    ],
)
def test_a_wrong_call_is_told_what_to_do(tamis, tmp_path, monkeypatch, args, says):
    monkeypatch.chdir(tmp_path)
    package.run(recipe("own:Length"), write_lines(tmp_path / "in.jsonl", sentences(9)), tmp_path / "run")
    code, said = tamis(*args)
    assert (code, says in said) == (2, True), said


def test_explain_says_which_licence_was_not_allowed(tamis, tmp_path):
    rows = [{"id": "a", "text": "x", "license": "GPL-3.0-only"}, {"id": "b", "text": "y", "license": "MIT"}]
    package.run(recipe({"license@1": {"allow": ["MIT"]}}), write_lines(tmp_path / "in.jsonl", rows), tmp_path / "run")
    assert "license: GPL-3.0-only" in tamis("explain", tmp_path / "run", "a")[1]


@pytest.mark.parametrize(("poisoned", "code"), [(1, 0), (5, 3)])
def test_a_stage_that_fails_is_told(tamis, tmp_path: Path, poisoned: int, code: int):
    rows = [{"text": f"{'poison' if k < poisoned else 'honey'} {k}"} for k in range(5)]
    (tmp_path / "r.yaml").write_text(json.dumps({"name": "x", "stages": [{f"{OWN}:Allergic": {}}]}))
    found, said = tamis(
        "run", tmp_path / "r.yaml", "-i", write_lines(tmp_path / "in.jsonl", rows), "-o", tmp_path / "run"
    )
    assert (found, f"own.allergic@1 failed on {poisoned} record" in said) == (code, True), said
    assert ("raised ValueError: a text holds" in said) is (code == 3)


def test_the_demo_names_commands_that_can_be_pasted(tamis, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", [".venv/bin/tamis"])
    said = tamis("demo", "-o", tmp_path / "demo")[1]
    assert f".venv/bin/tamis explain {tmp_path / 'demo'}" in said
