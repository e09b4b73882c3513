"""`tamis plan` and `tamis run --dry-run` as they are typed: what is not written over, sizes and prices that are none, options that
do not go together, and what they say.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tamis.recipes.planning
from tamis.cli.plan import _compared_lines, _lines
from tamis.errors import UsageError
from tamis.recipes.planning.compare import Compared, load_plan

Tamis = Callable[..., tuple[int, str]]
EARLIER: dict[str, Any] = {"format": "tamis plan 1", "recipe": "r", "estimates": {}}


@pytest.fixture
def untried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No trial is made."""

    def tried(*_: object) -> None:
        raise UsageError("the trials began")

    monkeypatch.setattr(tamis.recipes.planning, "estimate", tried)


@pytest.mark.usefixtures("untried")
def test_a_folder_is_refused_as_output_before_the_trials(tamis: Tamis, tmp_path: Path) -> None:
    code, said = tamis("plan", "r.yaml", "-o", tmp_path)
    assert (code, f"{tmp_path} is a folder; name a file" in said) == (2, True)


@pytest.mark.usefixtures("untried")
def test_a_uri_is_refused_as_output_before_the_trials(tamis: Tamis) -> None:
    code, said = tamis("plan", "r.yaml", "-o", "s3://bucket/plan.json")
    assert (code, "s3://bucket/plan.json cannot be written to object storage by this command" in said) == (2, True)


@pytest.mark.usefixtures("untried")
@pytest.mark.parametrize("text", ["", "stages: []", '{"text": "a"}\n{"text": "b"}\n', '{"format": "tamis plan 1"}'])
def test_a_file_that_is_no_plan_is_not_written_over(tamis: Tamis, tmp_path: Path, text: str) -> None:
    (tmp_path / "a.jsonl").write_text(text)
    code, said = tamis("plan", "r.yaml", "-o", tmp_path / "a.jsonl")
    assert (code, "is no plan, so it is not written over; name another" in said) == (2, True)


@pytest.mark.usefixtures("untried")
def test_an_output_below_a_file_is_refused_before_the_trials(tamis: Tamis, tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    code, said = tamis("plan", "r.yaml", "-o", tmp_path / "a" / "plan.json")
    assert (code, "a file stands where a folder is needed" in said) == (3, True)


@pytest.mark.usefixtures("untried")
def test_an_earlier_plan_may_be_written_over(tamis: Tamis, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(json.dumps(EARLIER))
    assert "the trials began" in tamis("plan", "r.yaml", "-o", tmp_path / "plan.json")[1]


@pytest.mark.usefixtures("untried")
@pytest.mark.parametrize("option", ["--price-cpu-hour", "--price-gb-month", "--price-gb-transfer", "--days"])
@pytest.mark.parametrize("value", ["nan", "inf", "-1"])
def test_a_price_that_is_no_amount_is_refused(tamis: Tamis, option: str, value: str) -> None:
    code, said = tamis("plan", "r.yaml", option, value)
    assert (code, "the trials began" in said, option in said) == (2, False, True)


@pytest.mark.usefixtures("untried")
@pytest.mark.parametrize("value", ["9" * 400, "9" * 5000, "9" * 20 + "TB"])
def test_a_size_that_no_disk_holds_is_refused(tamis: Tamis, value: str) -> None:
    code, said = tamis("plan", "r.yaml", "--scale", value)
    assert (code, "which no disk holds" in said) == (2, True)


@pytest.mark.parametrize(
    ("option", "value"), [("-i", "a.jsonl"), ("-o", "b.json"), ("--scale", "1TB"), ("--seed", "0"), ("--days", "30")]
)
def test_what_a_comparison_does_not_look_at_is_refused_by_name(tamis: Tamis, option: str, value: str) -> None:
    code, said = tamis("plan", "--compare", "plan.json", "run", option, value)
    assert (code, "--compare holds a saved plan against a run" in said) == (2, True)
    assert {"-i": "--input", "-o": "--output"}.get(option, option) + " cannot go with it" in said


@pytest.mark.parametrize(
    "lacks",
    [
        {"format": "tamis plan 1", "estimates": {}},
        {**EARLIER, "estimates": {"rows": {"estimate": 1, "least": 1}}},
        {**EARLIER, "estimates": {"rows": {"estimate": 1, "least": 1, "most": None}}},
        {**EARLIER, "estimates": {"rows": 1}},
        {**EARLIER, "estimates": []},
    ],
)
def test_a_plan_that_lacks_a_key_is_none(tmp_path: Path, lacks: dict[str, Any]) -> None:
    (tmp_path / "plan.json").write_text(json.dumps(lacks))
    with pytest.raises(UsageError, match="is no plan"):
        load_plan(tmp_path / "plan.json")


@pytest.mark.parametrize(("share", "heading"), [(1.0, "took   range"), (0.5, "estimate   range")])
def test_what_was_tried_whole_is_not_called_an_estimate(share: float, heading: str) -> None:
    told: dict[str, Any] = {
        "recipe": "r",
        "input": {"files": 1, "bytes": 9, "unpacked_bytes": 9},
        "planned_for_bytes": 9,
        "workers": 1,
        "sample": {"bytes": 9, "share": share, "rows": 1},
        "estimates": {"rows": {"estimate": 1, "least": 1, "most": 1}},
        "fixed_cpu_seconds": 0,
        "compiling_cpu_seconds": 0,
        "money": None,
        "notes": [],
    }
    assert _lines(told)[3].strip() == heading


def test_a_comparison_says_what_is_divided_by_what() -> None:
    heading, row = _compared_lines([Compared("rows", 2, 1, 3, 3, 1.5, True)])
    assert heading.split() == ["planned", "actual", "actual/plan", "range"]
    assert heading.index("actual/plan") + len("actual/plan") == row.index("1.50") + len("1.50")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--engine", "inline"), "too small for 1 worker; name at least 218,103,808 bytes\n"),
        (("--workers", 1), "too small for 1 worker; name at least 218,103,808 bytes\n"),
        (
            ("--workers", 2),
            "too small for 2 workers; name at least 268,435,456 bytes, or fewer workers with --workers\n",
        ),
    ],
)
def test_a_dry_run_refuses_the_budget_that_the_run_refuses(
    tamis: Tamis, tmp_path: Path, options: tuple[Any, ...], says: str
) -> None:
    (tmp_path / "r.yaml").write_text("name: r\nstages: [exact@1: {}]\n")
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n')
    call = (
        "run",
        tmp_path / "r.yaml",
        "-i",
        tmp_path / "a.jsonl",
        "-o",
        tmp_path / "run",
        "--memory",
        "100MB",
        *options,
    )
    code, said = tamis(*call, "--dry-run")
    assert (code, said.endswith(says)) == (2, True)
    assert tamis(*call, "--quiet") == (code, said)


def test_a_dry_run_tells_the_tasks_that_a_budget_leaves(tamis: Tamis, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("name: r\nstages: [exact@1: {}]\n")
    with (tmp_path / "b.jsonl").open("w") as file:
        file.writelines([json.dumps({"text": "a" * 10_000}) + "\n"] * 2000)
    call = ("run", tmp_path / "r.yaml", "-i", tmp_path / "b.jsonl", "-o", tmp_path / "run", "--workers", 2, "--dry-run")
    assert [tamis(*call, *more)[1].splitlines()[1] for more in ((), ("--memory", "270MB"))] == [
        "2 tasks a pass",
        "3 tasks a pass",
    ]
    (tmp_path / "run" / ".work").mkdir(parents=True)
    (tmp_path / "run" / ".work" / "plan.json").write_text('{"partition_size": 10000000, "share": 1}')
    assert tamis(*call, "--resume")[1].splitlines()[1] == "3 tasks a pass"


def test_a_dry_run_says_that_compressed_files_may_make_more_tasks(tamis: Tamis, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("name: r\nstages: [exact@1: {}]\n")
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"text": "a"}\n'))
    said = tamis("run", tmp_path / "r.yaml", "-i", tmp_path / "a.jsonl.gz", "--dry-run")[1]
    assert "1 task a pass, or more: compressed files are unpacked first" in said
