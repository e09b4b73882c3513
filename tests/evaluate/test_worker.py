"""What comes in lm-eval's order is told by item, each with its answers in the order of the suite."""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from tamis.evaluate.worker import _Items


class Request(NamedTuple):
    """As much of lm-eval's as is looked at."""

    task_name: str
    doc_id: int
    args: tuple[Any, ...]


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4), min_size=1, max_size=6), st.data())
def test_each_item_is_told_once_and_whole_in_whatever_order_answers_come(
    items: list[list[str]], data: st.DataObject
) -> None:
    requests = [Request("t", k, ("same?", choice)) for k, own in enumerate(items) for choice in own]
    told: list[tuple[str, int, Any]] = []
    waiting = _Items(requests, lambda asked, answer: {"ll": answer}, lambda *item: told.append(item))
    for request in data.draw(st.permutations(requests)):
        waiting.add_partial("loglikelihood", request.args, f"weight of {request.args[1]}")
    assert sorted(doc for _, doc, _ in told) == list(range(len(items)))
    for _, doc, parts in told:
        assert parts == [{"ll": f"weight of {choice}"} for choice in items[doc]]


def test_equal_prompts_have_their_answers_in_turn_whatever_else_is_asked() -> None:
    how = {"until": ["\n"], "temperature": 0.9}
    requests = [Request("t", k // 2, ("same?", how)) for k in range(4)] + [Request("u", 0, ("same?", {"until": []}))]
    told: list[Any] = []
    waiting = _Items(requests, lambda asked, answer: {"text": answer}, lambda *item: told.append(item))
    for name, asked in (("v", ("same?", {"until": []})), *((n, ("same?", how)) for n in "wxyz")):
        waiting.add_partial("generate_until", asked, name)
    texts = [(task, doc, [part["text"] for part in parts]) for task, doc, parts in told]
    assert texts == [("u", 0, ["v"]), ("t", 0, ["w", "x"]), ("t", 1, ["y", "z"])]
