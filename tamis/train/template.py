"""Conversations as a model reads them, and which tokens of it are an assistant's.

A template may say so itself, with {% generation %} around what an assistant says. Where it does not, a turn is what a
rendering has more than the rendering up to it: true of every template that never takes back what it wrote.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tamis.errors import InputError, UsageError

IGNORED = -100
"""The label of a token that is read, and not learnt."""

Message = dict[str, Any]


def with_template(tokenizer: Any, template: str | None) -> Any:
    """`tokenizer` with the template called `template`: None its own, `chatml` ours, else a file. Raises UsageError, InputError."""
    if template == "chatml":
        ends = tokenizer.convert_tokens_to_ids("<|im_end|>")
        if ends is None or ends == tokenizer.unk_token_id:
            raise UsageError("--template chatml ends a turn with <|im_end|>, which is no token of this model")
        tokenizer.chat_template = Path(__file__).with_name("chatml.jinja").read_text("utf-8")
    elif template is not None:
        try:
            tokenizer.chat_template = Path(template).read_text("utf-8")
        except (OSError, ValueError) as wrong:
            raise InputError(f"the template {template} cannot be read: {wrong}; give a file, or chatml") from None
    return tokenizer


def is_marked(tokenizer: Any) -> bool:
    """Does its template say what an assistant wrote?"""
    return re.search(r"\{%-?\s*generation\s*-?%\}", tokenizer.chat_template or "") is not None


def demand_template(tokenizer: Any) -> None:
    """Raises UsageError where there is no template."""
    if not tokenizer.chat_template:
        raise UsageError("the base has no chat template; give one with --template FILE, or --template chatml")


def conversations(tokenizer: Any, rows: Sequence[Sequence[Message]]) -> tuple[list[list[int]], list[list[int]]]:
    """Token ids and labels of each conversation: IGNORED but for what an assistant said and the token that ends it.

    Raises UsageError where that cannot be told.
    """
    demand_template(tokenizer)
    if is_marked(tokenizer):
        made = _rendered(tokenizer, rows, return_assistant_tokens_mask=True)
        spoken = [np.array(mask, bool) for mask in made["assistant_masks"]]
        return made["input_ids"], [_labels(ids, mask) for ids, mask in zip(made["input_ids"], spoken, strict=True)]
    return _by_prefix(tokenizer, rows)


def pairs(
    tokenizer: Any, prompts: Sequence[Sequence[Message]], answers: Sequence[Sequence[Message]]
) -> tuple[list[list[int]], list[list[int]]]:
    """Token ids of each prompt, up to where the answer begins, and of each answer. Raises UsageError."""
    demand_template(tokenizer)
    asked, told = [], []
    for prompt, answer in zip(prompts, answers, strict=True):
        before = _text(tokenizer, prompt, add_generation_prompt=True)
        whole = _text(tokenizer, [*prompt, *answer])
        if not whole.startswith(before):
            raise _taken_back(prompt)
        # Cut as texts, tokens of their own: the model is asked with the first, and goes on with the second.
        asked.append(_ids(tokenizer, before))
        told.append(_ended(tokenizer, _ids(tokenizer, whole[len(before) :])))
    return asked, told


def _by_prefix(tokenizer: Any, rows: Sequence[Sequence[Message]]) -> tuple[list[list[int]], list[list[int]]]:
    texts, spans = [], []
    for row in rows:
        whole = _text(tokenizer, row)
        texts.append(whole)
        spans.append([_span(tokenizer, row, k, whole) for k, m in enumerate(row) if m["role"] == "assistant"])
    made = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True)
    labels = []
    for ids, offsets, own in zip(made["input_ids"], made["offset_mapping"], spans, strict=True):
        starts = np.array(offsets, np.int64).reshape(-1, 2)[:, 0]
        spoken = np.zeros(len(ids), bool)
        for start, end in own:
            first, last = np.searchsorted(starts, [start, end])
            spoken[first : first + len(_ended(tokenizer, ids[first:last]))] = True
        labels.append(_labels(ids, spoken))
    return made["input_ids"], labels


def _span(tokenizer: Any, row: Sequence[Message], turn: int, whole: str) -> tuple[int, int]:
    """Where in `whole` the turn is: code points."""
    before = _text(tokenizer, row[:turn], add_generation_prompt=True)
    through = _text(tokenizer, row[: turn + 1])
    if not (whole.startswith(through) and through.startswith(before)):
        raise _taken_back(row)
    return len(before), len(through)


def _ended(tokenizer: Any, ids: list[int]) -> list[int]:
    """A turn up to the token that ends it; what a template writes behind that, nobody said."""
    if tokenizer.eos_token_id in ids:
        return ids[: len(ids) - ids[::-1].index(tokenizer.eos_token_id)]
    return ids


def _labels(ids: Sequence[int], spoken: np.ndarray) -> list[int]:
    labels: list[int] = np.where(spoken, np.array(ids, np.int64), IGNORED).tolist()
    return labels


def _text(tokenizer: Any, row: Sequence[Message], **options: Any) -> str:
    return str(_rendered(tokenizer, row, tokenize=False, **options)) if row else ""


def _ids(tokenizer: Any, text: str) -> list[int]:
    found: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return found


def _rendered(tokenizer: Any, rows: Any, **options: Any) -> Any:
    """What the template makes of it. Raises UsageError where the template itself refuses."""
    import jinja2

    try:
        return tokenizer.apply_chat_template(rows, **{"tokenize": True, "return_dict": True, **options})
    except jinja2.TemplateError as refused:
        raise UsageError(
            f"the chat template refuses a conversation: {refused}; give another one with --template"
        ) from None


def _taken_back(row: Sequence[Message]) -> UsageError:
    said = " ".join(str(row[0].get("content", "")).split())[:60] if row else ""
    return UsageError(
        "the chat template has no {% generation %} marker and writes a turn otherwise once another follows, as in the row "
        f"that begins with {said!r}: what the assistant said cannot be told; give one with markers: --template FILE, or chatml"
    )
