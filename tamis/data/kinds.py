"""The own columns of each kind, made of the fields of rows in any of its shapes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.data.draft import Draft, lines_of, only
from tamis.data.messages import Lists, dialogue, pick, shared, single, weave
from tamis.data.shapes import SAYS, SHAPES
from tamis.data.turns import said
from tamis.kernels.grammar import ARRAY, NULL, NUMBER, OBJECT, STRING

Columns = list[pa.Array]


def document(draft: Draft, shape: np.ndarray) -> Columns:
    """`text`."""
    return [draft.string("text", shape >= 0)]


def chat(draft: Draft, shape: np.ndarray) -> Columns:
    """`messages`: a list as it stands, or what was asked and what was answered."""
    is_ = {s.name: shape == k for k, s in enumerate(SHAPES)}
    asked = single("user", _instruction(draft, is_["Alpaca"]))
    answered = single("assistant", draft.string("output", is_["Alpaca"]))
    pairs = is_["prompt/completion"]
    parts = [
        _system(draft, shape >= 0),
        said(draft, "messages", "user", _listed(draft, "messages", is_["OpenAI messages"])),
        said(draft, "conversations", "user", _listed(draft, "conversations", is_["ShareGPT"])),
        asked,
        answered,
        said(draft, "prompt", "user", pairs),
        said(draft, "completion", "assistant", pairs),
    ]
    return [weave(*parts).column()]


def preference(draft: Draft, shape: np.ndarray) -> Columns:
    """`prompt`, `chosen` and `rejected`; what both answers begin with belongs to the prompt."""
    rows, fields = shape >= 0, draft.fields
    prompts = [_system(draft, rows)]
    open_ = rows
    for field in ("prompt", "messages", "conversations"):
        prompts.append(said(draft, field, "user", open_ & fields.has(field)))
        open_ = open_ & ~fields.has(field)
    chosen, rejected = (_answer(draft, field, rows, open_) for field in ("chosen", "rejected"))
    prompt = weave(*prompts)
    common = np.minimum(shared(chosen, rejected), np.minimum(chosen.lengths, rejected.lengths) - 1)
    begin = np.where(open_, np.maximum(common, 0), 0)
    # Many sets repeat the prompt at the head of both answers beside giving it: told once is enough.
    repeated = ~open_ & (prompt.lengths > 0)
    for answer in (chosen, rejected):
        repeated &= (shared(prompt, answer) == prompt.lengths) & (answer.lengths > prompt.lengths)
    begin = np.where(repeated, prompt.lengths, begin)
    prompt = weave(prompt, pick(chosen, np.zeros_like(begin), np.where(open_, begin, 0)))
    draft.refuse(
        rows & (prompt.lengths == 0),
        "missing_prompt",
        "there is no 'prompt', and 'chosen' and 'rejected' do not begin with the same messages",
    )
    if begin.any():
        chosen, rejected = (pick(answer, begin, answer.lengths) for answer in (chosen, rejected))
    return [prompt.column(), chosen.column(), rejected.column()]


def eval_item(draft: Draft, shape: np.ndarray) -> Columns:
    """`question`, `context`, `choices`, `answer_index` and `answer`."""
    rows = shape >= 0
    question, context = draft.string("question", rows), draft.string("context", rows)
    choices, labels = _choices(draft, rows)
    index, told = _index(draft, rows, choices, labels)
    answer = draft.scalar("answer", rows & ~told)
    return [
        question,
        context,
        choices,
        pa.array(index, pa.int32(), mask=index < 0),
        pc.coalesce(answer, _at(choices, index)),
    ]


def _system(draft: Draft, rows: np.ndarray) -> Lists:
    """A system message where a row has one as a string that is not empty."""
    text = draft.peek("system", rows & (draft.fields.type("system") == STRING))
    said = pc.fill_null(pc.not_equal(text, ""), False).to_numpy(zero_copy_only=False)
    draft.use("system", said)
    return single("system", only(text, said))


def _instruction(draft: Draft, rows: np.ndarray) -> pa.StringArray:
    """Alpaca's instruction, with its input below where there is one."""
    asked, given = draft.string("instruction", rows), pc.fill_null(draft.string("input", rows), "")
    return pc.if_else(pc.equal(given, ""), asked, pc.binary_join_element_wise(asked, given, "\n\n"))


def _listed(draft: Draft, field: str, rows: np.ndarray) -> np.ndarray:
    """`rows` whose `field` is a list; the others are refused."""
    kinds = draft.fields.type(field)
    draft.refuse(
        rows & (kinds != ARRAY),
        "not_messages",
        lambda row: f"{draft.name(field, row)} is {SAYS[kinds[row]]}; a list of messages was wanted",
    )
    listed: np.ndarray = rows & (kinds == ARRAY)
    return listed


def _answer(draft: Draft, field: str, rows: np.ndarray, open_: np.ndarray) -> Lists:
    """The messages of `chosen` or `rejected`; a string may be a whole dialogue where the prompt is still `open_`."""
    strings = rows & open_ & (draft.fields.type(field) == STRING)
    if not strings.any():
        return said(draft, field, "assistant", rows)
    text = draft.string(field, strings)
    spoken = dialogue(text)
    plain = pc.if_else(pa.array(spoken.lengths > 0), None, text)
    return weave(spoken, single("assistant", plain), said(draft, field, "assistant", rows & ~strings))


def _choices(draft: Draft, rows: np.ndarray) -> tuple[pa.ListArray, pa.ListArray]:
    """Choices as lists of strings, and their labels where they have some (ARC: {"text": […], "label": […]})."""
    fields, kinds = draft.fields, draft.fields.type("choices")
    choices = labels = pa.nulls(len(rows), pa.list_(pa.string()))
    for k, name in enumerate(fields.names["choices"]):
        here = rows & (fields.which("choices") == k)
        listed, labelled = here & (kinds == ARRAY), here & (kinds == OBJECT)
        if listed.any():
            choices = pc.if_else(pa.array(listed), fields.rows.list_of_strings(name), choices)
        if labelled.any():
            inner = lines_of(only(fields.rows.text(name), labelled), ("text", "label"))
            choices = pc.if_else(pa.array(labelled), inner.list_of_strings("text"), choices)
            labels = pc.if_else(pa.array(labelled), inner.list_of_strings("label"), labels)
            # Labels stay, and that there was an object; its texts are in `choices` alone, or no stage would edit them all.
            draft.remains.append((name, only(pc.fill_null(inner.rest(("text",)), "{}"), labelled)))
    draft.refuse(
        rows & (kinds > NULL) & choices.is_null().to_numpy(zero_copy_only=False),
        "not_text",
        lambda row: f"{draft.name('choices', row)} is {SAYS[kinds[row]]}; a list of strings was wanted",
    )
    draft.use("choices", rows & ((kinds <= ARRAY) | (kinds == OBJECT)))
    return choices, labels


def _index(
    draft: Draft, rows: np.ndarray, choices: pa.ListArray, labels: pa.ListArray
) -> tuple[np.ndarray, np.ndarray]:
    """(m,) int64: position of the right choice, -1 where it is not told; (m,) bool: whether `answer` told it.

    `answer_index` counts from 0; `answerKey` is a label, else a letter from A or a number from 1; a number as the
    `answer` to a question with choices counts from 0. A negative number means, in the sets that have it, "not told".
    """
    fields, index = draft.fields, np.full(len(rows), -1, np.int64)
    told = np.zeros(len(rows), np.bool_)
    counts = pc.fill_null(pc.list_value_length(choices), 0).to_numpy(zero_copy_only=False)
    for field, there in (
        ("answer_index", rows),
        ("answer_key", rows),
        ("answer", rows & (counts > 0) & (fields.type("answer") == NUMBER)),
    ):
        there = there & (index < 0)
        text = draft.peek(field, there)
        if text.null_count == len(rows):
            continue
        place = _by_label(text, labels) if field == "answer_key" else _whole(text)
        _refuse_past(draft, field, place, counts)
        index = np.where(index < 0, place, index)
        told |= (place >= 0) & (field == "answer")
        if field != "answer_key":  # its letter would be lost: it stays in meta, too
            draft.use(field, place >= 0)
    return index, told


def _refuse_past(draft: Draft, field: str, place: np.ndarray, counts: np.ndarray) -> None:
    draft.refuse(
        (place >= counts) & (counts > 0),
        "bad_answer_index",
        lambda row: f"{draft.name(field, row)} points past the last of {counts[row]} choices",
    )


def _whole(text: pa.StringArray) -> np.ndarray:
    """(m,) int64: the number `text` is in decimal digits, -1 where it is none."""
    digits = pc.if_else(pc.match_substring_regex(text, r"^[0-9]{1,9}$"), text, None)
    found: np.ndarray = pc.fill_null(digits.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    return found


def _by_label(key: pa.StringArray, labels: pa.ListArray) -> np.ndarray:
    """(m,) int64: position of `key` among the labels of its row; without labels a letter from A or a number from 1."""
    letter = pc.fill_null(pc.index_in(key, pa.array([chr(ord("A") + k) for k in range(26)])), -1).to_numpy()
    place: np.ndarray = np.where(letter >= 0, letter, np.maximum(_whole(key), 0) - 1).astype(np.int64)
    sizes = pc.fill_null(pc.list_value_length(labels), 0).to_numpy(zero_copy_only=False)
    row = np.repeat(np.arange(len(sizes)), sizes)
    equal = pc.fill_null(pc.equal(labels.flatten(), key.take(pa.array(row))), False).to_numpy(zero_copy_only=False)
    place[sizes > 0] = -1
    hits = np.flatnonzero(equal)[::-1]  # the first of equal labels is written last
    place[row[hits]] = hits - _before(sizes)[row[hits]]
    return place


def _at(choices: pa.ListArray, index: np.ndarray) -> pa.StringArray:
    """The choice at `index` of each row, null where it is -1 or there is none."""
    counts = pc.fill_null(pc.list_value_length(choices), 0).to_numpy(zero_copy_only=False)
    there = (index >= 0) & (index < counts)
    return choices.flatten().take(pa.array(np.where(there, _before(counts) + index, 0), mask=~there))


def _before(counts: np.ndarray) -> np.ndarray:
    """(m,) int64: how many values stand before those of each list."""
    before: np.ndarray = np.cumsum(counts, dtype=np.int64) - counts
    return before
