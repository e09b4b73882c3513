import json

import naive_rows
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.data.canonical import Origin, canonical
from tamis.data.jsonl import JsonRows
from tamis.data.shapes import Fields, majority, names_for, shape_of, wanted
from tamis.errors import UsageError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
ODD = st.none() | st.integers(-1, 3) | st.booleans() | TEXT
SAID = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant"]), "content": TEXT | st.none()},
    optional={"tool_calls": st.lists(st.integers(), max_size=1)},
)
SHAREGPT = st.fixed_dictionaries({"from": st.sampled_from(["human", "gpt", "tool"]), "value": TEXT})
PARTS = st.fixed_dictionaries(
    {
        "role": st.just("user"),
        "content": st.lists(
            st.fixed_dictionaries(
                {"type": st.just("text")}, optional={"text": TEXT | st.none() | st.lists(TEXT, max_size=1)}
            )
            | TEXT
            | st.integers()
            | st.fixed_dictionaries({"text": TEXT})
            | st.just({"type": "image_url", "image_url": {"url": "x,y]"}}),
            max_size=4,
        ),
    }
)
BAD_TURN = st.sampled_from([1, "x", {}, {"role": "user", "content": 5}, {"content": "x"}, {"role": 1}])
TURNS = st.lists(SAID | SHAREGPT | PARTS, max_size=3) | st.lists(SAID | BAD_TURN, max_size=2)
HH = st.lists(TEXT, min_size=1, max_size=3).map(lambda said: "".join(f"\n\nHuman: {s}\n\nAssistant: {s}" for s in said))
ANSWER = TEXT | TURNS | SAID | HH | ODD
MORE = {
    "id": st.integers() | TEXT | st.none(),
    "source": ODD,
    "url": TEXT | st.lists(TEXT, max_size=1),
    "license": ODD,
    "meta": st.dictionaries(TEXT, st.integers(), max_size=2) | ODD,
    "lang": TEXT,
}
SHAPES = {
    "document": st.fixed_dictionaries({}, optional={"text": ODD, "content": ODD, "raw_content": TEXT, **MORE}),
    "chat": st.fixed_dictionaries({}, optional={"messages": TURNS | ODD, "system": TEXT, **MORE})
    | st.fixed_dictionaries({"conversations": TURNS}, optional={"system": ODD, **MORE})
    | st.fixed_dictionaries({"instruction": TEXT | ODD, "output": TEXT}, optional={"input": ODD, **MORE})
    | st.fixed_dictionaries({"prompt": TEXT | TURNS, "completion": TEXT | TURNS}, optional={"system": TEXT, **MORE}),
    "preference": st.fixed_dictionaries(
        {"chosen": ANSWER, "rejected": ANSWER}, optional={"prompt": ANSWER, "conversations": TURNS, **MORE}
    )
    | st.tuples(TURNS, SAID, SAID).map(lambda t: {"prompt": t[0], "chosen": [*t[0], t[1]], "rejected": [*t[0], t[2]]})
    | st.tuples(TURNS, SAID, SAID).map(lambda t: {"chosen": [*t[0], t[1]], "rejected": [*t[0], t[2]]}),
    "eval_item": st.fixed_dictionaries(
        {"question": TEXT | ODD},
        optional={
            "context": TEXT | st.none(),
            "choices": st.lists(TEXT, max_size=3)
            | st.lists(st.integers(), min_size=1, max_size=2)
            | st.fixed_dictionaries(
                {"text": st.lists(TEXT, max_size=3)}, optional={"label": st.lists(TEXT, max_size=3)}
            )
            | st.fixed_dictionaries({"label": st.lists(TEXT, max_size=1)}),
            "answer_index": st.integers(-1, 4),
            "answer": TEXT | st.integers(-1, 4) | st.lists(TEXT, max_size=1),
            **MORE,
        },
    ),
}


def block_of(rows, kind, fields=None, source=None):
    data = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows).encode()
    names = names_for(fields)
    lines = JsonRows(data, wanted(names))
    place = lines.start.astype(np.int64)
    return canonical(lines, kind, names, Origin("web/a.jsonl.gz", source), place, lines.number, lined=True)


def plain(row):
    """A row as the oracle has it: JSON text as what it says."""
    out = row | {"meta": row["meta"] and json.loads(row["meta"])}
    for field in {"messages", "prompt", "chosen", "rejected"} & row.keys():
        out[field] = [m | {"extra": m["extra"] and json.loads(m["extra"])} for m in row[field]]
    return out


@pytest.mark.parametrize("kind", SHAPES)
@given(st.data(), st.sampled_from([None, "recipe"]))
@settings(max_examples=100, deadline=None)
def test_rows_are_those_of_the_plain_reader(kind, data, source):
    rows = data.draw(st.lists(SHAPES[kind], max_size=6))
    block = block_of(rows, kind, source=source)
    block.rows.validate(full=True)
    at = np.cumsum([0, *(len(json.dumps(r, ensure_ascii=False).encode()) + 1 for r in rows)])
    wanted_rows = [
        naive_rows.row(r, kind, "web/a.jsonl.gz", p, source) for r, p in zip(rows, at[:-1].tolist(), strict=True)
    ]
    assert [plain(r) for r in block.rows.to_pylist()] == [r for r in wanted_rows if r]
    assert block.position.tolist() == block.line.tolist() == [k for k, r in enumerate(wanted_rows) if r]
    assert block.bad["position"].to_pylist() == [k for k, r in enumerate(wanted_rows) if not r]
    assert block.total == block.lines == len(rows)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"text": "a"}, "plain text -> document"),
        ({"content": "a", "id": 1}, "plain text -> document"),
        ({"messages": [], "text": "rendered"}, "OpenAI messages -> chat"),
        ({"conversation": []}, "ShareGPT -> chat"),
        ({"instruction": "a", "input": "", "output": "b"}, "Alpaca -> chat"),
        ({"prompt": "a", "completion": "b"}, "prompt/completion -> chat"),
        ({"prompt": "a", "chosen": "b", "rejected": "c"}, "chosen/rejected -> preference"),
        ({"question": "a", "answer": "b"}, "question/answer -> eval_item"),
    ],
)
def test_shapes_are_recognised(row, says):
    names = names_for(None)
    seen = majority(Fields(JsonRows(json.dumps(row).encode(), wanted(names)), names))
    assert seen.says == says


def test_most_rows_decide_and_the_others_are_counted():
    names = names_for(None)
    rows = JsonRows(b'{"text":"a"}\n{"messages":[]}\n{"conversations":[]}\n{"x":1}\nbroken\n', wanted(names))
    seen = majority(Fields(rows, names))
    assert seen == ("chat", {"OpenAI messages": 1, "ShareGPT": 1}, 3)
    assert shape_of(Fields(rows, names), "document").tolist() == [6, -1, -1, -1, -1]


@pytest.mark.parametrize(
    ("row", "kind", "rule", "says"),
    [
        ({"a": 1}, "document", "missing_text", "keys 'a'; a document was wanted: 'text'/'content'/'raw_content'"),
        ({"text": None}, "document", "null_text", "'text' is null"),
        ({"content": 5}, "document", "not_text", "'content' is a number"),
        ({"messages": []}, "document", "wrong_shape", "OpenAI messages"),
        ({"text": "a"}, "chat", "wrong_shape", "plain text"),
        ({"messages": "a"}, "chat", "not_messages", "'messages' is a string"),
        ({"messages": [{"role": "user", "content": "a"}, {"content": "b"}]}, "chat", "bad_message", "message 2"),
        ({"messages": [{"role": "user", "content": True}]}, "chat", "not_text", "has true as its 'content'"),
        ({"chosen": "a", "rejected": "b"}, "preference", "missing_prompt", "no 'prompt'"),
        ({"question": "a", "choices": ["b"], "answer_index": 1}, "eval_item", "bad_answer_index", "last of 1 choices"),
        ({"text": "\ud800"}, "document", "lone_surrogate", "half a surrogate pair"),
        ({"text": "a", "id": "\ud800"}, "document", "lone_surrogate", "'id'"),
        ({"messages": [{"role": "user", "content": "\ud800"}]}, "chat", "lone_surrogate", "message 1"),
        ({"messages": [{"role": "user", "content": ["\ud800", "a"]}]}, "chat", "lone_surrogate", "message 1"),
        ({"messages": [{"role": "u", "content": [{"text": "\ud800"}]}]}, "chat", "lone_surrogate", "'content'"),
    ],
)
def test_a_refused_row_says_why(row, kind, rule, says):
    data = json.dumps(row).encode()
    bad = canonical_bad(data, kind)
    assert [b["rule"] for b in bad] == [rule] and says in bad[0]["message"] and bad[0]["raw"] == data


def test_names_are_as_the_recipe_maps_them():
    row = {"body": "t", "text": "other", "doc": 7, "id": "no", "lic": "MIT"}
    [got] = block_of([row], "document", {"text": "body", "id": "doc", "license": "lic"}).rows.to_pylist()
    assert (got["text"], got["id"], got["license"]) == ("t", "7", "MIT")
    assert json.loads(got["meta"]) == {"text": "other", "id": "no"}


def test_a_field_mapped_to_nothing_is_left_in_meta():
    [got] = block_of([{"text": "t", "id": "x"}], "document", {"id": None}).rows.to_pylist()
    assert got["id"] is None and json.loads(got["meta"]) == {"id": "x"}


def test_an_unknown_field_is_named_with_its_neighbour():
    with pytest.raises(UsageError, match="no field is called 'licens'; did you mean 'license'"):
        names_for({"licens": "x"})


def test_arc_choices_and_their_key():
    choices = {"text": ["x", "y"], "label": ["1", "2"]}
    [one, two] = block_of(
        [
            {"question": "q", "choices": choices, "answerKey": "2"},
            {"question": "q", "choices": ["x", "y"], "answerKey": "B"},
        ],
        "eval_item",
    ).rows.to_pylist()
    assert [(r["choices"], r["answer_index"], r["answer"]) for r in (one, two)] == [(["x", "y"], 1, "y")] * 2
    assert json.loads(one["meta"]) == {"choices": {"label": ["1", "2"]}, "answerKey": "2"}


def test_content_in_parts_stands_in_one_place_and_the_parts_can_be_told():
    image = {"type": "image_url", "image_url": {"url": "x"}}
    given_ = [{"type": "text", "text": "a\nb", "n": 1}, image, "c", {"type": "text", "text": ""}]
    [row] = block_of([{"messages": [{"role": "user", "name": "z", "content": given_}]}], "chat").rows.to_pylist()
    [said] = row["messages"]
    extra = json.loads(said["extra"])
    assert said["content"] == "a\nb\nc\n"
    assert extra == {
        "name": "z",
        "content": [{"type": "text", "n": 1, "text": 2}, image, 1, {"type": "text", "text": 1}],
    }
    lines = said["content"].split("\n")
    assert ["\n".join(lines[:2]), lines[2], lines[3]] == [given_[0]["text"], given_[2], given_[3]["text"]]


def test_an_answer_in_parts_and_a_sharegpt_value_in_parts_leave_no_text_behind():
    part = [{"type": "text", "text": "told"}]
    row = {
        "prompt": "q",
        "chosen": [{"role": "assistant", "content": part}],
        "rejected": {"from": "gpt", "value": part},
    }
    [got] = block_of([row], "preference").rows.to_pylist()
    for field, key in (("chosen", "content"), ("rejected", "value")):
        [said] = got[field]
        assert said["content"] == "told" and json.loads(said["extra"]) == {key: [{"type": "text", "text": 1}]}


def test_a_huge_number_is_no_trouble():
    [bad] = canonical_bad(b'{"n":' + b"9" * 5000 + b"}")
    assert bad["rule"] == "missing_text"


def test_of_a_huge_bad_row_the_beginning_is_kept():
    [bad] = canonical_bad(b'{"n":"' + b"x" * 3_000_000 + b'"}')
    assert len(bad["raw"]) == 65536 and "(a long row)" in bad["message"]


def canonical_bad(data, kind="document"):
    names = names_for(None)
    lines = JsonRows(data, wanted(names))
    return canonical(lines, kind, names, Origin("a.jsonl"), lines.start, lines.number, lined=True).bad.to_pylist()
