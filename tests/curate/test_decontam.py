import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import digests, recipe, write_lines
from naive_decontam import Item, Match, matches, words_of

from tamis import replay, run
from tamis.curate.decontam import Decontam, scan
from tamis.curate.decontam.index import FIELDS, Wanted, build
from tamis.curate.decontam.items import ITEM, Items, read_items
from tamis.curate.decontam.match import find_in
from tamis.curate.decontam.pieces import pieces_of
from tamis.errors import InputError, UsageError

SHARED = Path(__file__).parents[2] / "../shared/data"

ITEMS = [
    {
        "id": "q0",
        "question": "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. "
        "How many clips did Natalia sell altogether in April and May?",
        "answer": "72",
    },
    {"id": "q1", "question": "What is the meaning of life?", "answer": "42"},
    {
        "id": "q2",
        "question": "What do cows drink in the summer?",
        "answer": "mostly fresh water from streams and ponds",
    },
    {
        "id": "q3",
        "question": "Weng earns twelve dollars an hour for babysitting the neighbours. Yesterday, she just did fifty "
        "minutes of babysitting. How much did she earn?",
        "url": "http://Example.org/weng/?utm_source=x",
    },
]


@pytest.fixture
def evals(tmp_path: Path) -> str:
    return str(write_lines(tmp_path / "evals.jsonl", ITEMS))


def judged(stage: Decontam, *texts: str) -> list[dict[str, Any] | None]:
    """The verdict on each text."""
    _, verdicts = stage(pa.table({"text": list(texts)}))
    by_row = {int.from_bytes(v["record_id"]): v for v in verdicts.to_pylist()}
    return [by_row.get(k) for k in range(len(texts))]


def rules(stage: Decontam, *texts: str) -> list[str | None]:
    return [verdict and f"{verdict['action']} {verdict['rule']}" for verdict in judged(stage, *texts)]


WORD = st.sampled_from(list("abcdefgh"))


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, str]]]:
    """A record, and questions with answers: of the same stretches of few words, put together; or an item with edits."""
    parts = draw(st.lists(st.lists(WORD, min_size=1, max_size=12), min_size=1, max_size=5))
    some = st.lists(st.one_of(st.sampled_from(parts), st.lists(WORD, max_size=2)), max_size=5)
    flat = some.map(lambda chosen: [word for part in chosen for word in part])
    items = draw(st.lists(st.tuples(flat, st.lists(WORD, max_size=2)), min_size=1, max_size=5))
    record = draw(st.one_of(flat, st.sampled_from(items).map(lambda item: item[0] + item[1])))
    for at, put in draw(st.lists(st.tuples(st.integers(0, 40), st.lists(WORD | st.just("x"), max_size=2)), max_size=3)):
        record = record[:at] + put + record[at + draw(st.integers(0, 2)) :]
    return record, [(" ".join(words), " ".join(answer)) for words, answer in items]


def found(
    record: str, items: Sequence[tuple[str, str]], n: int, min_words: int, max_items: int, gap: int
) -> list[Match]:
    """What the kernel finds; the items' texts and answers are told apart by their words."""
    columns = {"eval": "e", "id": "i", "context": None, "url": None}
    rows = [{**columns, "question": q, "answer": a} for q, a in items]
    index = build(Items(pa.Table.from_pylist(rows, ITEM), {}), Wanted((), (), FIELDS, n, min_words, max_items))
    c = find_in(pieces_of(pa.record_batch({"text": [record]})), index, n, gap).columns
    own = index.targets.own_before[index.targets.rows]
    out = []
    for k, t in enumerate(c["text"].tolist()):
        short = c["whole"][k] > 0
        of = (0, 0) if short else (int(own[t + 1] - own[t]), int(index.targets.own_grams[t]))
        numbers = {name: int(c[name][k]) for name in ("longest", "run", "found", "whole", "shared", "either")}
        answer = None if short or c["answer"][k] < 0 else bool(c["answer"][k])
        out.append(Match(int(index.first[t]), words=of[0], ngrams=of[1], answer=answer, **numbers))
    return sorted(out)


def distinct(items: Sequence[tuple[str, str]]) -> tuple[list[Item], list[int]]:
    """Items that differ and have words, and where each is first."""
    first: dict[Item, int] = {}
    for k, (question, answer) in enumerate(items):
        if words_of(question):
            first.setdefault(Item(words_of(question), words_of(answer)), k)
    return list(first), list(first.values())


@settings(deadline=None, max_examples=200)
@given(
    cases(),
    st.sampled_from([2, 3, 8]),
    st.sampled_from([1, 5, 13]),
    st.sampled_from([1, 3, 30]),
    st.sampled_from([0, 3]),
)
def test_matches_are_those_of_plain_python(
    case: tuple[list[str], list[tuple[str, str]]], n: int, min_words: int, max_items: int, gap: int
) -> None:
    record, items = case
    differ, first = distinct(items)
    wanted = [m._replace(item=first[m.item]) for m in matches(tuple(record), differ, n, min_words, max_items, gap)]
    assert found(" ".join(record), items, n, min_words, max_items, gap) == sorted(wanted)


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data are not here")
def test_matches_of_real_texts_are_those_of_plain_python() -> None:
    items = read_items([SHARED / "eval/singleeq_test.jsonl.gz"]).table
    pairs = [(row["question"], row["answer"] or "") for row in items.to_pylist()]
    differ, first = distinct(pairs)
    for row in read_items([SHARED / "eval/addsub_test.jsonl.gz"]).table.to_pylist()[:12]:
        record = f"{row['question']} {row['answer']}"
        for gap, n in ((0, 8), (3, 5)):
            wanted = [m._replace(item=first[m.item]) for m in matches(words_of(record), differ, n, 13, 30, gap)]
            assert found(record, pairs, n, 13, 30, gap) == sorted(wanted)


def test_an_item_is_found_whatever_its_case_and_punctuation(evals: str) -> None:
    text = "Q: " + ITEMS[0]["question"].upper().replace(",", " —") + " A: 72"
    assert rules(Decontam((evals,)), text, "Nothing of it.") == ["drop min_run", None]


def test_the_ledger_says_which_item_where_and_how_much(evals: str) -> None:
    text = f"é {ITEMS[0]['question']} It is 72."
    verdict = judged(Decontam((evals,)), text)[0]
    assert verdict is not None
    span = verdict["spans"][0]
    assert text[span["start"] : span["end"]] == ITEMS[0]["question"].rstrip("?")
    said = json.loads(verdict["evidence"])
    size = len(words_of(str(ITEMS[0]["question"])))
    assert said.pop("jaccard") == pytest.approx((size - 7) / (size - 7 + len(["é", "it", "is", "72"])), abs=1e-4)
    assert said == {
        **{"item": "evals:q0", "field": "question", "words": size, "longest": size, "containment": 1.0},
        **{"answer": True, "item_span": [0, len(ITEMS[0]["question"]) - 1]},
    }


def test_a_short_item_counts_with_its_answer_only(evals: str) -> None:
    texts = (
        "What is the meaning of life? 42",
        "What is the meaning of life? Nobody knows.",
        "What do cows drink in the summer? Answer: mostly fresh water from streams and ponds.",
        "What do cows drink in the summer? In a cold winter mostly fresh water from streams and ponds.",
    )
    flagged = "review short_generic"
    assert rules(Decontam((evals,)), *texts) == [flagged, flagged, "drop short_with_answer", flagged]


def test_the_page_of_an_item_counts(evals: str) -> None:
    table = pa.table({"text": ["Some other words."] * 2, "url": ["http://example.org/weng#top", "http://example.org/"]})
    kept, verdicts = Decontam((evals,))(table)
    assert kept.num_rows == 1
    assert json.loads(verdicts["evidence"][0].as_py())["item"] == "evals:q3"
    assert Decontam((evals,), urls=False)(table)[0].num_rows == 2


def test_an_item_is_dirty_by_its_page(tmp_path: Path) -> None:
    table = [{"id": "a", "text": "Other words.", "url": "http://example.org/weng"}]
    evals, train = write_lines(tmp_path / "evals.jsonl", ITEMS), write_lines(tmp_path / "train.jsonl", table)
    row = scan([train], Decontam((str(evals),))).table.to_pylist()[3]
    assert (row["id"], row["status"], row["rule"], row["records"], row["longest"]) == ("q3", "dirty", "url", 1, None)


def edited(text: str, every: int) -> str:
    words = text.split()
    return " ".join("so" if k % every == every - 1 else word for k, word in enumerate(words))


def test_fuzzy_survives_a_word_in_seven(evals: str) -> None:
    text = edited(str(ITEMS[0]["question"]), 7)
    assert rules(Decontam((evals,)), text) == [None]
    assert rules(Decontam((evals,), fuzzy=True), text) == ["drop min_run"]


def test_what_many_items_share_does_not_count(tmp_path: Path) -> None:
    template = "Read the following passage with care and then tell which of the two words that follow means more than"
    items = [{"question": f"{template} {a} {b}"} for a in "abcdef" for b in "klmnop"]
    stage = Decontam((str(write_lines(tmp_path / "e.jsonl", items)),), max_items=10)
    assert rules(stage, f"{template} x y") == [None]
    assert [line["status"] for line in _left(stage, f"{template} x y")] == ["too_short"] * 36


def _left(stage: Decontam, *texts: str) -> list[dict[str, Any]]:
    batch = pa.record_batch({"text": list(texts)})
    ids = pa.array([k.to_bytes(16) for k in range(len(texts))], pa.binary(16))
    columns = stage.measure(batch).select(stage.scores.names)
    kept = pa.array([True] * len(texts))
    scores = pa.record_batch([ids, kept, *columns.columns], ["record_id", "kept", *columns.schema.names])
    rows: list[dict[str, Any]] = stage.leave("contamination.parquet", iter([scores])).to_pylist()
    return rows


def test_every_item_has_its_row(evals: str) -> None:
    texts = (f"Half of it: {ITEMS[0]['question'][:75]}", f"{ITEMS[0]['question']} 72", "What is the meaning of life?")
    rows = _left(Decontam((evals,)), *texts)
    assert [(row["id"], row["status"], row["rule"], row["records"]) for row in rows] == [
        ("q0", "dirty", "min_run", 1),
        ("q1", "too_short", "short_generic", 0),
        ("q2", "too_short", None, 0),
        ("q3", "clean", None, 0),
    ]
    assert int.from_bytes(rows[0]["record_id"]) == 1
    assert rows[0]["answer"] is True


def test_items_with_the_same_words_are_dirty_alike(tmp_path: Path) -> None:
    again = [*ITEMS, {**ITEMS[0], "id": "again"}]
    stage = Decontam((str(write_lines(tmp_path / "e.jsonl", again)),))
    rows = _left(stage, str(ITEMS[0]["question"]))
    assert [row["status"] for row in rows if row["id"] in ("q0", "again")] == ["dirty", "dirty"]


def test_trim_takes_out_the_item_and_leaves_the_rest(evals: str) -> None:
    stage = Decontam((evals,), action="trim")
    table = pa.table({"text": [f"Before.\n\n{ITEMS[0]['question']} Behind.", "Other.", str(ITEMS[0]["question"])[:-1]]})
    kept, verdicts = stage(table)
    assert kept["text"].to_pylist() == ["Before.\n\n? Behind.", "Other."]
    assert sorted(verdicts["action"].to_pylist()) == ["drop", "edit", "edit"]
    assert stage(kept)[1].num_rows == 0


def test_trim_edits_the_message_that_has_it(evals: str) -> None:
    chats = [
        [{"role": "user", "content": ITEMS[3]["question"] + " Tell me."}, {"role": "assistant", "content": "Ten."}]
    ]
    kept, verdicts = Decontam((evals,), action="trim")(pa.table({"messages": chats}))
    assert [m["content"] for m in kept["messages"][0].as_py()] == ["? Tell me.", "Ten."]
    assert verdicts["spans"][0].as_py()[0]["field"] == "messages[0]"


def test_an_item_may_reach_over_two_messages(tmp_path: Path) -> None:
    question = str(ITEMS[0]["question"])
    stage = Decontam((str(write_lines(tmp_path / "e.jsonl", ITEMS)),))
    parts = question.partition(" and then ")
    chats = [[{"role": "user", "content": parts[0]}, {"role": "user", "content": "".join(parts[1:])}]]
    _, verdicts = stage(pa.table({"messages": chats}))
    spans = verdicts["spans"][0].as_py()
    assert [span["field"] for span in spans] == ["messages[0]", "messages[1]"]


@pytest.mark.parametrize(
    ("rows", "fields", "says"),
    [
        ([], None, "no evaluation item in it: it is empty"),
        ([{"prompt": "a", "target": "b"}], {"question": "prmpt"}, "keys 'prompt', 'target'"),
        (
            [{"prompt": "a", "target": "b"}],
            {"question": "prompt", "answer": "goal"},
            "no row has 'goal'.*'prompt', 'target'",
        ),
        ([{"prompt": "a"}], {"questoin": "prompt"}, "did you mean 'question'"),
    ],
)
def test_sets_that_cannot_be_read_are_refused(tmp_path: Path, rows: Any, fields: Any, says: str) -> None:
    path = write_lines(tmp_path / "e.jsonl", rows)
    with pytest.raises((InputError, UsageError), match=says):
        Decontam((str(path),), fields=fields)(pa.table({"text": ["a"]}))


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"min_run": 0.1}, "from 0.25 to 1"),
        ({"min_containment": 1.5}, "from 0.25 to 1"),
        ({"n": 1}, "from 2 to 63"),
        ({"on": ("text",)}, "question or context"),
        ({"action": "mend"}, "'drop', 'trim' or 'flag'"),
    ],
)
def test_parameters_out_of_range_are_refused(params: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Decontam(("e.jsonl",), **params)


def test_no_set_at_all_is_refused() -> None:
    with pytest.raises(UsageError, match="names no evaluation set"):
        Decontam()(pa.table({"text": ["a"]}))


def test_lines_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "e.jsonl", [*ITEMS, b"{bad", {"no": 1}])
    assert read_items([path]).refused == {"e": 2}


def test_a_run_leaves_contamination_and_is_the_same_for_any_workers(tmp_path: Path, evals: str) -> None:
    rows = [{"id": str(k), "text": f"{k} {ITEMS[k % 4]['question']} and more"} for k in range(400)]
    path = write_lines(tmp_path / "train.jsonl", rows)
    told = recipe({"decontam@1": {"against": [evals]}})
    one = run(told, path, tmp_path / "one", workers=1)
    run(told, path, tmp_path / "two", workers=2, partition_size=4000)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert (one.path / "contamination.parquet").exists()


def test_a_replay_needs_no_evaluation_set(tmp_path: Path) -> None:
    evals = write_lines(tmp_path / "evals.jsonl", ITEMS)
    train = write_lines(tmp_path / "train.jsonl", [{"text": str(ITEMS[0]["question"])[:110]}])
    done = run(recipe({"decontam@1": {"against": [str(evals)]}}), train, tmp_path / "run")
    evals.unlink()
    assert (done.facts["rows"]["dropped"], replay(done, ["decontam.min_run=0.5"]).gone.num_rows) == (0, 1)


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data are not here")
def test_published_training_data_hold_1055_questions_of_gsm8k(tmp_path: Path) -> None:
    sets = [str(SHARED / f"eval/{name}_test.jsonl.gz") for name in ("gsm8k", "svamp")]
    rows = scan([SHARED / "sft/llm_adapters_math_data.jsonl.gz"], Decontam(tuple(sets))).table
    dirty = [row for row in rows.to_pylist() if row["status"] == "dirty"]
    assert sum(row["eval"] == "gsm8k_test" for row in dirty) == 1055
    assert sum(row["eval"] == "svamp_test" for row in dirty) == 800


def test_a_set_against_itself_is_dirty_throughout(tmp_path: Path) -> None:
    long = [item for item in ITEMS if item["id"] in ("q0", "q3")]
    path = write_lines(tmp_path / "e.jsonl", long)
    found = scan([path], Decontam((str(path),)))
    assert found.table["status"].to_pylist() == ["dirty", "dirty"]
    assert (found.records, found.touched) == (2, 2)
