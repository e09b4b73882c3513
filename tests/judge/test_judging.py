"""`tamis judge pairwise`, `score` and `panel` against judges behind real sockets: books, cache, order, attacks, faults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from judging import always, answers, fenced, longer
from serving import REFUSAL, Served

from tamis.cli import main
from tamis.judge.folder import taken
from tamis.runs.manifest import sha256


def said(capsys: pytest.CaptureFixture[str], *args: Any) -> tuple[int, str, str]:
    """Exit code and both streams of `tamis judge`."""
    with pytest.raises(SystemExit) as left:
        main(["judge", *map(str, args)])
    out = capsys.readouterr()
    return int(str(left.value.code)), out.out, out.err


def told(capsys: pytest.CaptureFixture[str], *args: Any) -> dict[str, Any]:
    """The JSON object that `tamis judge … --json` prints."""
    code, out, err = said(capsys, *args, "--json", "--draws", 20)
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def rows(folder: Path, name: str = "judgments") -> list[dict[str, Any]]:
    return pl.read_parquet(folder / f"{name}.parquet").to_dicts()


@pytest.fixture
def two(tmp_path: Path) -> tuple[str, str]:
    """Answers of x and y to six questions: x longer in two of three; the last two equal, and empty."""
    x = ["aaaa", "aaa", "a", "aaaaaa", "same", ""]
    y = ["aa", "aaaa", "aaa", "aaaa", " same ", "something"]
    return answers(tmp_path, "x", x), answers(tmp_path, "y", y)


def pairwise(server: Served, out: Path, *more: Any) -> tuple[Any, ...]:
    base = ("-o", out, "--judge", "m", "--base-url", server.url, "--structured", "text", *more)
    return ("pairwise", *base)


def test_a_verdict_is_of_models_and_not_of_places(two: Any, tmp_path: Path, capsys: Any) -> None:
    with Served(longer) as server:
        found = told(capsys, *pairwise(server, tmp_path / "out"), *two)
    verdicts = [(r["item_id"], r["order"], r["verdict"]) for r in rows(tmp_path / "out")]
    assert verdicts == [(f"q{k}", o, v) for k, v in enumerate(["a", "b", "b", "a", "tie", "b"]) for o in ("ab", "ba")]
    assert found["judgments"] == {"in": 12, "ok": 8, "settled": 4, "unparsed": 0, "failed": 0, "skipped": 0}
    assert len(server.asked) == 8


def test_a_judge_that_says_the_first_is_shown_to_do_so(two: Any, tmp_path: Path, capsys: Any) -> None:
    with Served(always("A")) as server:
        found = told(capsys, *pairwise(server, tmp_path / "out"), *two)
    by_name = {one["name"]: one for one in found["findings"]}
    assert by_name["first_slot"]["value"] == 1 and by_name["first_slot"]["items"] == 4  # of those it was asked about
    model = found["board"]["models"][0]
    assert model["win_rate"]["value"] == pytest.approx(7 / 12)  # averaged; y wins where x is empty
    assert model["win_rate_conservative"]["value"] == pytest.approx(7 / 12)


def test_what_was_judged_is_never_bought_twice_and_replay_needs_no_judge(two: Any, tmp_path: Path, capsys: Any) -> None:
    with Served(longer) as server:
        first = told(capsys, *pairwise(server, tmp_path / "one"), *two)
        again = told(capsys, *pairwise(server, tmp_path / "two"), *two)
        assert len(server.asked) == 8
    third = told(capsys, *pairwise(server, tmp_path / "three", "--replay"), *two)
    for found in (first, again, third):
        found.pop("varies")
    assert first == again == third
    whole = [sha256(tmp_path / f / "judgments.parquet") for f in ("one", "two", "three")]
    assert len(set(whole)) == 1
    code, _, err = said(capsys, *pairwise(server, tmp_path / "four", "--replay", "--rubric", "dialogue"), *two)
    assert code == 3 and "replay" in err


def test_a_budget_that_is_spent_stops_and_can_be_resumed(two: Any, tmp_path: Path, capsys: Any) -> None:
    with Served(longer) as server:
        args = pairwise(server, tmp_path / "out", "--concurrency", 1)
        code, _, err = said(capsys, *args, *two, "--max-requests", 3)
        assert code == 1 and "--resume" in err and len(server.asked) == 3
        found = told(capsys, *args, *two, "--resume")
        assert found["judgments"]["ok"] == 8 and len(server.asked) == 8


def test_a_budget_may_end_it_and_what_was_not_asked_is_counted(two: Any, tmp_path: Path, capsys: Any) -> None:
    with Served(longer) as server:
        args = pairwise(server, tmp_path / "out", "--concurrency", 1)
        found = told(capsys, *args, *two, "--max-requests", 3, "--when-spent", "finish")
    assert found["judgments"] == {"in": 12, "ok": 3, "settled": 4, "unparsed": 0, "failed": 0, "skipped": 5}
    assert found["failures"] == {"budget": 5}


@pytest.mark.parametrize(
    "fault, status, failure",
    [
        ("refusal", "unparsed", "refused"),
        ("prompt", "unparsed", "no_verdict"),
        ("blank", "unparsed", "empty"),
        ("500", "failed", "server"),
        ("half", "failed", "truncated"),
        ("400", "failed", "bad_request"),
    ],
)
def test_every_case_ends_in_one_way(
    two: Any, tmp_path: Path, capsys: Any, fault: str, status: str, failure: str
) -> None:
    def faults(number: int, body: Any) -> str | None:
        return fault if "Question 1?" in body["messages"][-1]["content"] else None

    with Served(longer, faults=faults) as server:
        found = told(capsys, *pairwise(server, tmp_path / "out", "--attempts", 1), *two)
    counts = found["judgments"]
    assert (counts["ok"], counts[status]) == (6, 2) and sum(counts.values()) == 2 * counts["in"]
    assert found["failures"] == {failure: 2}
    lost = [r for r in rows(tmp_path / "out") if r["failure"]]
    assert {(r["verdict"], r["failure"]) for r in lost} == {("unparsed", failure)}
    assert found["board"]["games"] == 5


def test_a_judge_that_says_nothing_readable_is_exit_code_3(tmp_path: Path, capsys: Any) -> None:
    two = [answers(tmp_path, m, [m, m * 2]) for m in "xy"]
    with Served(lambda body: REFUSAL) as server:
        code, out, err = said(capsys, *pairwise(server, tmp_path / "out"), *two)
    assert code == 3 and "no judge said anything" in err and "refused 4" in out
    assert b"Nothing could be rated" in (tmp_path / "out/report.html").read_bytes()


def test_a_server_that_is_not_there_is_told_before_anything_is_written(two: Any, tmp_path: Path, capsys: Any) -> None:
    with Served() as server:
        pass
    code, _, err = said(capsys, *pairwise(server, tmp_path / "out"), *two)
    assert code == 3 and "nobody answers for m" in err and not (tmp_path / "out").exists()


def test_scores_come_by_aspect_and_off_the_scale_is_none(tmp_path: Path, capsys: Any) -> None:
    def by_aspect(body: Any) -> str:
        n = len(fenced(body)["answer"])
        points = dict.fromkeys(("instruction_following", "truthfulness", "honesty"), n)
        return json.dumps({"reasons": "", **points, "helpfulness": 1})

    file = answers(tmp_path, "x", ["a", "aaa", "a" * 6, ""])
    with Served(by_aspect) as server:
        args = ("score", file, "-o", tmp_path / "out", "--judge", "m", "--base-url", server.url)
        found = told(capsys, *args, "--structured", "text", "--rubric", "aspects")
    assert found["judgments"] == {"in": 4, "ok": 2, "settled": 1, "unparsed": 1, "failed": 0, "skipped": 0}
    assert found["failures"] == {"off_scale": 1}
    means = {s["aspect"]: s["value"] for s in found["board"]["scores"] if s["aspect"]}
    assert means["honesty"] == pytest.approx((1 + 3 + 1) / 3) and means["helpfulness"] == 1


def test_repeats_are_asked_as_other_samples(tmp_path: Path, capsys: Any) -> None:
    file = answers(tmp_path, "x", ["a"])
    with Served(lambda body: json.dumps({"score": 1 + body["seed"]})) as server:
        args = ("score", file, "-o", tmp_path / "out", "--judge", "m", "--base-url", server.url, "--repeats", 3)
        found = told(capsys, *args, "--structured", "text")
    assert [(r["repeat"], r["score"]) for r in rows(tmp_path / "out")] == [(0, 1), (1, 2), (2, 3)]
    assert found["board"]["scores"][0]["value"] == 2
    assert json.loads(said(capsys, "rate", tmp_path / "out", "--json")[1])["scores"] == found["board"]["scores"]


def test_a_panel_votes_and_keeps_where_it_differs(tmp_path: Path, capsys: Any) -> None:
    two = [answers(tmp_path, m, t) for m, t in (("x", ["aa", "a"]), ("y", ["a", "aa"]))]
    with Served(longer) as one, Served(always("A")) as other, Served(longer) as third:
        judges = [f"openai:{s.url}#j{k}" for k, s in enumerate((one, other, third))]
        named = [arg for spec in judges for arg in ("--judge", spec)]
        args = ("panel", *two, "-o", tmp_path / "out", *named, "--structured", "text")
        found = told(capsys, *args)
        heavy = told(capsys, *args[:3], "-o", tmp_path / "heavy", *args[5:], "--weight", "j1=5")
    assert found["judgments"]["in"] == 12
    panel = rows(tmp_path / "out", "panel")
    assert [(r["item_id"], r["verdict"], r["for_a"], r["for_b"], r["for_tie"]) for r in panel] == [
        ("q0", "a", 2, 0, 1),
        ("q1", "b", 0, 2, 1),
    ]
    assert found["panel"]["split"] == 2 and not any(r["unanimous"] for r in panel)
    assert [r["verdict"] for r in rows(tmp_path / "heavy", "panel")] == ["tie", "tie"]
    assert heavy["panel"]["weights"] == {"j1": 5}


@pytest.mark.parametrize(
    "more, message",
    [
        ((), "a panel has two judges or more"),
        (("--judge", "openai:{url}#m"), "two judges are called 'm'"),
        (("--judge", "n", "--weight", "k=2"), "a weight is of 'k', who is no judge here"),
        (("--judge", "n", "--weight", "n=-1"), "the weight of n is -1.0"),
        (("--judge", "n", "--weight", "n=much"), "it is NAME=NUMBER"),
    ],
)
def test_a_panel_that_cannot_be_is_a_sentence(two: Any, tmp_path: Path, capsys: Any, more: Any, message: str) -> None:
    with Served(longer) as server:
        args = ("panel", *two, "-o", tmp_path / "out", "--base-url", server.url, "--judge", "m")
        code, _, err = said(capsys, *args, *(arg.format(url=server.url) for arg in more))
    assert code == 2 and message in err and not server.asked and not (tmp_path / "out").exists()


def test_attacks_are_counted_by_judge_and_touch_no_rate(two: Any, tmp_path: Path, capsys: Any) -> None:
    with Served(longer) as server:
        plain = told(capsys, *pairwise(server, tmp_path / "plain"), *two)
        found = told(capsys, *pairwise(server, tmp_path / "out", "--probe", 3), *two)
    assert found["board"] == plain["board"]
    by_name = {a["attack"]: a for a in found["probe"]["attacks"]}
    assert by_name["padding"]["rate"]["value"] == 1 and by_name["padding"]["both"] == 3
    assert by_name["blank"]["rate"]["value"] == 0
    assert {r["model_a"] for r in rows(tmp_path / "out", "probe")} == {f"attack: {name}" for name in by_name}
    assert b"Put to the test" in (tmp_path / "out/report.html").read_bytes()


def test_no_answer_ends_its_fence_or_the_turn(tmp_path: Path, capsys: Any) -> None:
    with Served(longer) as server:
        two = [answers(tmp_path, m, [m * 3]) for m in "xy"]
        told(capsys, *pairwise(server, tmp_path / "out", "--probe", 1), *two)
        for body in server.asked:
            said = body["messages"][-1]["content"]
            assert set(fenced(body)) == {"prompt", "first", "second"}
            assert said.count("</") == 3 and "<|im_" not in said and "[/INST]" not in said
            assert "never an instruction" in body["messages"][0]["content"]


def test_a_sealed_folder_names_all_its_files(two: Any, tmp_path: Path, capsys: Any) -> None:
    with Served(longer) as server:
        told(capsys, *pairwise(server, tmp_path / "out"), *two)
    listed = dict(
        reversed(line.split("  ")) for line in (tmp_path / "out/MANIFEST.sha256").read_text().splitlines()[:-1]
    )
    there = {p.name for p in (tmp_path / "out").iterdir()} - {"MANIFEST.sha256"}
    assert set(listed) == there == {"judgments.parquet", "report.html", "rubric.yaml", "run.json"}
    assert all(sha256(tmp_path / "out" / name) == digest for name, digest in listed.items())


def test_judgments_are_read_by_the_other_commands(two: Any, tmp_path: Path, capsys: Any) -> None:
    with Served(longer) as server:
        told(capsys, *pairwise(server, tmp_path / "out"), *two)
    for command in ("rate", "bias", "agree"):
        code, _, err = said(capsys, command, tmp_path / "out/judgments.parquet")
        assert (code, err) == (0, "")


@pytest.mark.parametrize(
    "more, message",
    [
        (("--rubric", "helpfulness"), "is of the form score; tamis judge score takes it"),
        (("--rubric", "gone.yaml"), "no rubric 'gone.yaml'"),
        (("--baseline", "z"), "no model is called 'z'; there are x, y"),
        (("--rubric", "pairwise-reference"), "wants a reference, and 6 of 6 items have none"),
    ],
)
def test_what_cannot_be_judged_is_a_sentence(two: Any, tmp_path: Path, capsys: Any, more: Any, message: str) -> None:
    with Served(longer) as server:
        code, _, err = said(capsys, *pairwise(server, tmp_path / "out", *more), *two)
    assert code == 2 and message in err and not server.asked


def test_a_folder_of_others_is_left_alone(two: Any, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("mine")
    with Served(longer) as server:
        code, _, err = said(capsys, *pairwise(server, tmp_path / "out"), *two)
        assert code == 2 and "holds mine.txt" in err
        told(capsys, *pairwise(server, tmp_path / "done"), *two)
        code, _, err = said(capsys, *pairwise(server, tmp_path / "done"), *two)
        assert code == 2 and "holds a finished run" in err
        assert said(capsys, *pairwise(server, tmp_path / "done"), *two, "--resume")[0] == 0


def test_one_process_at_a_time_judges_into_a_folder(two: Any, tmp_path: Path, capsys: Any) -> None:
    with Served(longer) as server:
        with taken(tmp_path / "out"):
            code, _, err = said(capsys, *pairwise(server, tmp_path / "out"), *two)
        assert (code, "another process is judging into" in err, server.asked) == (3, True, [])
        assert not (tmp_path / "out").exists()
        assert said(capsys, *pairwise(server, tmp_path / "out"), *two)[0] == 0


def test_a_dry_run_asks_nobody(two: Any, tmp_path: Path, capsys: Any) -> None:
    with Served(longer) as server:
        code, out, _ = said(capsys, *pairwise(server, tmp_path / "out", "--price", "1,2"), *two, "--dry-run")
        assert code == 0 and "12 judgments, 4 of them without a judge" in out and "Question 0?" in out
    assert not server.asked and not (tmp_path / "out").exists()


def test_a_schema_is_sent_where_it_is_asked_for(two: Any, tmp_path: Path, capsys: Any) -> None:
    with Served(longer) as server:
        told(capsys, *pairwise(server, tmp_path / "out")[:-1], "schema", *two)
    held = server.asked[0]["response_format"]["json_schema"]
    assert held["strict"] and list(held["schema"]["properties"]) == ["reasons", "verdict"]
