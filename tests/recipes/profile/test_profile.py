"""A look at a dataset before it is curated."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from making import sentences, write_lines

from tamis.curate.quality import C4, FineWeb, Gopher, Repetition
from tamis.errors import InputError
from tamis.recipes.profile import Profile, profile

ROWS: list[Any] = [
    *({**row, "license": "MIT" if k % 4 else None, "source": f"s{k % 2}"} for k, row in enumerate(sentences(200))),
    b"{never",
]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    return profile(write_lines(tmp_path_factory.mktemp("profile") / "in.jsonl", ROWS))


def test_every_line_is_accounted_for(found: Profile) -> None:
    assert found.rows["in"] == len(ROWS)
    assert [(c.name, c.rows) for c in found.unreadable] == [("not_json", 1)]
    assert sum(c.rows for c in found.sources) == len(ROWS)
    assert {c.name: c.rows for c in found.licences} == {"MIT": 150, "": 50}


def test_duplicates_are_all_but_the_first(found: Profile) -> None:
    texts = [row["text"] for row in ROWS[:-1]]
    assert found.rows["duplicates"] == len(texts) - len(set(texts))


@pytest.mark.parametrize("family", [Gopher(), Repetition(), C4(), FineWeb()], ids=lambda s: s.name)
def test_a_family_counts_what_its_stage_would_drop(found: Profile, family: Any) -> None:
    _, verdicts = family(pa.table({"text": [row["text"] for row in ROWS[:-1]]}))
    told = next(f for f in found.families if f.name == family.name)
    assert told.rows == verdicts.num_rows
    assert max(rule.rows for rule in told.rules) <= told.rows <= sum(rule.rows for rule in told.rules)


def test_lengths_are_those_of_all_records(found: Profile) -> None:
    lengths = sorted(len(row["text"]) for row in ROWS[:-1])
    assert found.lengths is not None and found.length is not None
    assert (found.lengths[0], found.lengths[4]) == (lengths[0], lengths[-1])
    assert sum(b.stay for b in found.length.bins) == len(lengths)


def test_a_small_dataset_is_its_own_sample(found: Profile) -> None:
    assert found.sample.is_all
    assert found.near.share.low is None
    assert found.topics is not None
    assert sum(t.rows for t in found.topics.topics) + found.topics.outside == 200
    assert {t.share.low for t in found.topics.topics} == {None}


def test_extremes_are_those_of_all_records(tmp_path: Path) -> None:
    rows = [{"id": f"r{k}", "text": "a plain text of no great length " * 3 + str(k)} for k in range(300)]
    rows[17]["text"] = "long " * 5000
    rows[211]["text"] = "|-+-|" * 40
    rows.insert(100, b"{never")  # type: ignore[arg-type]
    odd = profile(write_lines(tmp_path / "in.jsonl", rows), sample=5).oddest
    first = {why.partition(":")[0]: one for one in reversed(odd) for why in one.why}
    assert (first["longest"].id, first["longest"].chars) == ("r17", 25_000)
    assert first["most that is neither letter nor digit"].id == "r211"
    assert (first["longest"].text or "").startswith("long long")


def test_a_record_that_is_odd_twice_is_shown_once(tmp_path: Path) -> None:
    odd = profile(write_lines(tmp_path / "in.jsonl", [{"text": "the only record there is, and no other"}])).oddest
    assert len(odd) == 1
    assert [why.partition(":")[0] for why in odd[0].why][:2] == ["longest", "shortest"]


def test_some_of_every_source_and_length_are_there_to_read(found: Profile) -> None:
    assert {(r.source, r.why[0].partition(":")[0]) for r in found.to_read} == {
        (source, band) for source in ("s0", "s1") for band in ("short", "usual", "long")
    }


def test_the_fields_of_a_chat_are_measured_one_by_one(tmp_path: Path) -> None:
    chats = [
        {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "x" * k}]}
        for k in range(1, 9)
    ]
    found = profile(write_lines(tmp_path / "in.jsonl", chats))
    (messages,) = found.fields
    assert messages.name == "messages" and messages.parts is not None
    assert (messages.chars.quantiles[0], messages.chars.quantiles[4]) == (3, 10)
    assert messages.parts.quantiles == (2, 2, 2, 2, 2)


PREFERENCE = {"prompt": "which one?", "chosen": "this one, of course", "rejected": "that one"}
EVAL = {"question": "which planet is red?", "choices": ["Mars", "Venus"], "answer": "Mars"}


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        pytest.param([PREFERENCE], "preference", id="a preference"),
        pytest.param([EVAL], "eval_item", id="an eval item"),
        pytest.param([{"text": ""}], "document", id="an empty text"),
        pytest.param([{"text": "x" * 1_000_000}], "document", id="a million characters"),
        pytest.param([{"text": " \n " * 50}, {"text": "\x07\u202e" * 30}], "document", id="no words"),
        pytest.param([b"{never", b"[]"], "document", id="nothing to read"),
        pytest.param([], "document", id="nothing"),
    ],
)
def test_odd_datasets_have_a_profile(rows: list[Any], kind: str, tmp_path: Path) -> None:
    found = profile(write_lines(tmp_path / "in.jsonl", rows))
    assert (found.kind, found.rows["in"]) == (kind, len(rows))
    assert json.loads(json.dumps(found.as_dict()))["sample"]["n"] == found.rows["readable"]


def test_workers_change_nothing(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "in.jsonl", sentences(800))
    assert profile(path, workers=1, sample=100) == profile(path, workers=2, sample=100)


def test_topics_by_a_model_say_so(tmp_path: Path) -> None:
    from small_model import MODELS, make_model

    make_model("topics@1")
    model = MODELS["topics@1"]["model"]
    found = profile(write_lines(tmp_path / "in.jsonl", sentences(100)), model=model)
    assert found.topics is not None
    assert found.topics.by == f"the model {model}"


def test_a_model_that_is_not_there_is_told_first(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing is downloaded"):
        profile(tmp_path / "absent.jsonl", model="no/such/model")


def test_a_frame_is_profiled_like_a_file() -> None:
    found = profile(pa.table({"text": ["the one", "and the other"]}))
    assert (found.rows["in"], found.name) == (2, "table")


def test_the_command_writes_the_page_and_nothing_else(tamis: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    file = write_lines(tmp_path / "in.jsonl", ROWS)
    code, text = tamis("profile", file, "--quiet", "-o", tmp_path / "kept")
    assert code == 0
    assert "201 records in 1 file" in text
    assert "none declared" in text
    assert "quality.gopher" in text
    assert sorted(p.name for p in (tmp_path / "kept").iterdir()) == ["profile.json", "report.html"]


def test_the_command_prints_what_it_writes(tamis: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    code, text = tamis("profile", write_lines(tmp_path / "in.jsonl", ROWS), "--json", "-o", tmp_path / "kept")
    assert code == 0
    assert json.loads(text) == json.loads((tmp_path / "kept/profile.json").read_text("utf-8"))


def test_a_folder_that_is_there_is_not_written_over(tamis: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    file = write_lines(tmp_path / "in.jsonl", ROWS)
    code, text = tamis("profile", file, "-o", tmp_path)
    assert code == 2
    assert "name another folder" in text


def test_standard_input_is_read_once(
    tamis: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = io.TextIOWrapper(io.BytesIO(b'{"text": "one"}\n{"text": "two"}\n'))
    monkeypatch.setattr("sys.stdin", lines)
    code, text = tamis("profile", "-", "--json")
    assert (code, json.loads(text)["rows"]["in"], json.loads(text)["name"]) == (0, 2, "stdin")


def test_what_cannot_be_read_at_all_is_told(tamis: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    code, text = tamis("profile", tmp_path / "absent.jsonl", "-o", tmp_path / "kept")
    assert code == 2
    assert "absent.jsonl" in text
    assert "Traceback" not in text
    assert not (tmp_path / "kept").exists()
