from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.curate.refusal import Refusal
from tamis.schemas import KINDS


def chat(*turns: tuple[str, str]) -> dict[str, object]:
    return {"messages": [{"role": role, "content": text, "extra": None} for role, text in turns]}


def measured(kind: str, rows: list[dict[str, object]]) -> pa.RecordBatch:
    own = pa.schema(KINDS[kind].fields)
    return Refusal().measure(pa.RecordBatch.from_pylist(rows, own))


def broken(kind: str, row: dict[str, object]) -> list[str]:
    scores = measured(kind, [row])
    return Refusal().decide(scores).column("rule").to_pylist()


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        ("I'm sorry, but I can't help with that.", "refusals"),
        ("I’m sorry, but I cannot assist with that request.", "refusals"),
        ("Unfortunately, I am unable to browse the web.", "refusals"),
        ("As an AI language model, I have no opinion. Bread rises because of yeast.", "refusals"),
        ("Bread rises. However, as an AI language model, I cannot taste it.", "boilerplate"),
        ("My knowledge cutoff is 2021.", "boilerplate"),
        ("#Rewritten Prompt#: why does bread rise in winter?", "echoes"),
        ("Yeast.<|im_end|>\n<|im_start|>user", "echoes"),
        ("<text-0123456789abcdef01234567>\nbread", "echoes"),
        ("Why does bread rise?", "parrot"),
        ("why does bread RISE", "parrot"),
    ],
)
def test_what_is_no_answer_goes_by_its_rule(answer: str, rule: str) -> None:
    assert broken("chat", chat(("user", "Why does bread rise?"), ("assistant", answer))) == [rule]


@pytest.mark.parametrize(
    "answer",
    [
        "Yeast turns sugar into gas. I'm sorry to say that it takes hours.",
        "I cannot overstate how much yeast matters.",
        "You cannot help it: bread rises.",
        "As the text above says, a new prompt appears in the shell.",
        "The AI revolution began in the 1950s.",
        "Sorrel is a plant.",
        "I canned tomatoes for the sauce.",
        "",
    ],
)
def test_an_answer_stays(answer: str) -> None:
    assert broken("chat", chat(("user", "Why does bread rise?"), ("assistant", answer))) == []


def test_a_user_may_say_what_a_model_may_not() -> None:
    row = chat(("user", "I'm sorry, but I can't open it. As an AI language model, can you?"), ("assistant", "Yes."))
    assert broken("chat", row) == []


def test_of_a_preference_the_chosen_answer_counts() -> None:
    refusal, fine = (chat(("assistant", text))["messages"] for text in ("I'm sorry, I cannot do that.", "Fine."))
    asked = chat(("user", "Do it."))["messages"]
    assert broken("preference", {"prompt": asked, "chosen": fine, "rejected": refusal}) == []
    assert broken("preference", {"prompt": asked, "chosen": refusal, "rejected": fine}) == ["refusals"]
    assert broken(
        "preference", {"prompt": asked, "chosen": chat(("assistant", "Do it"))["messages"], "rejected": fine}
    ) == ["parrot"]


@given(
    st.lists(st.lists(st.tuples(st.sampled_from(["user", "assistant", "system"]), st.text(max_size=30)), max_size=4))
)
def test_a_row_is_measured_by_itself(rows: list[list[tuple[str, str]]]) -> None:
    chats = [chat(*turns) for turns in rows]
    together = measured("chat", chats).to_pylist()
    assert together == [measured("chat", [one]).to_pylist()[0] for one in chats]


def test_who_else_may_refuse_is_said_by_roles() -> None:
    refused = chat(("user", "I'm sorry, but I can't help with that."), ("assistant", "Yeast makes bread rise."))
    rows = pa.RecordBatch.from_pylist([refused], pa.schema(KINDS["chat"].fields))
    for roles, count in ((("assistant",), 0), (("user", "assistant"), 1), (("user",), 1)):
        stage = Refusal(roles=roles)
        assert stage.measure(rows).column("refusals").to_pylist() == [count]


@pytest.mark.parametrize(("length", "rule"), [(1, ["min_chars"]), (2, []), (20, []), (21, ["max_chars"])])
def test_answers_have_a_length(length: int, rule: list[str]) -> None:
    stage = Refusal(min_chars=2, max_chars=20)
    row = chat(("user", "Why?"), ("assistant", "b" * length))
    scores = stage.measure(pa.RecordBatch.from_pylist([row], pa.schema(KINDS["chat"].fields)))
    assert stage.decide(scores).column("rule").to_pylist() == rule
