"""Rows as tokens: what is learnt of them, what their length does to them, what is held out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive_train import cut_rows, learnt
from tiny import TEMPLATE, tokenizer
from training import chats, snapshot_of

from tamis.errors import GateError, InputError, UsageError
from tamis.train.lengths import cut, demand
from tamis.train.picture import loss_svg
from tamis.train.regime import regime_of, settled
from tamis.train.rows import IDS, SFT
from tamis.train.settings import Settings
from tamis.train.template import IGNORED, conversations, pairs, with_template
from tamis.train.validation import groups_of, held_out

pytest.importorskip("transformers", reason="the extra train is not installed")

PLAIN = TEMPLATE.replace("{% generation %}", "").replace("{% endgeneration %}", "")
# As templates of reasoning models do: what an assistant thought is taken out once another turn follows.
FORGETFUL = PLAIN.replace("{{ m['content'] }}", "{{ m['content'] if loop.last else m['content'][:2] }}")

TALK = [
    {"role": "system", "content": "Be short."},
    {"role": "user", "content": "What is 2 plus 3?"},
    {"role": "assistant", "content": "5."},
    {"role": "user", "content": "And café?"},
    {"role": "assistant", "content": "No answer."},
]


def said(words: Any, ids: list[int], labels: list[int]) -> str:
    """The text that is learnt."""
    return str(words.decode([t for t, label in zip(ids, labels, strict=True) if label != IGNORED]))


@pytest.mark.parametrize("template", [TEMPLATE, PLAIN], ids=["marked", "unmarked"])
def test_what_the_assistant_says_is_learnt_and_where_it_ends(template: str) -> None:
    words = tokenizer(template)
    (ids,), (labels,) = conversations(words, [TALK])
    assert said(words, ids, labels) == "5.<|im_end|>No answer.<|im_end|>"


def test_a_template_without_markers_gives_the_labels_of_one_with_them() -> None:
    assert conversations(tokenizer(PLAIN), [TALK, TALK[1:3]]) == conversations(tokenizer(TEMPLATE), [TALK, TALK[1:3]])


def test_our_template_reads_as_that_of_the_tiny_model() -> None:
    ours = with_template(tokenizer(PLAIN), "chatml")
    assert conversations(ours, [TALK]) == conversations(tokenizer(TEMPLATE), [TALK])


def test_a_template_that_takes_back_what_it_wrote_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no {% generation %} marker and writes a turn otherwise.*'Be short"):
        conversations(tokenizer(FORGETFUL), [TALK])


def test_no_template_is_refused() -> None:
    with pytest.raises(UsageError, match="has no chat template; give one"):
        conversations(tokenizer(""), [TALK])


def test_an_answer_of_a_pair_follows_its_question() -> None:
    words = tokenizer()
    (asked,), (told,) = pairs(words, [TALK[:2]], [TALK[2:3]])
    assert words.decode(asked).endswith("<|im_start|>assistant\n") and words.decode(told) == "5.<|im_end|>"


ROWS = st.lists(st.lists(st.booleans(), min_size=1, max_size=12), max_size=8)


@given(ROWS, st.integers(2, 10), st.sampled_from(["drop", "truncate", "split"]))
def test_rows_are_cut_as_the_definition_says(rows: list[list[bool]], size: int, how: Any) -> None:
    ids = [[10 * k + j for j in range(len(row))] for k, row in enumerate(rows)]
    labels = [
        [t if on else IGNORED for t, on in zip(own, row, strict=True)] for own, row in zip(ids, rows, strict=True)
    ]
    keys = [bytes([k]) * 16 for k in range(len(rows))]
    done, left, found = cut(
        pa.table([pa.array(keys, pa.binary(16)), pa.array(ids, IDS), pa.array(labels, IDS)], schema=SFT),
        size,
        Settings(overlong=how),
    )
    pieces, why = cut_rows(ids, labels, size, how)
    assert [(r["input_ids"], r["labels"]) for r in done.to_pylist()] == pieces
    assert {r["record_id"][0]: r["why"] for r in left.to_pylist()} == why
    assert found.learnt == sum(learnt(own) for _, own in pieces) and found.tokens == sum(len(i) for i, _ in pieces)
    assert found.rows == found.kept + found.split + found.truncated + found.dropped + found.untaught


def test_more_cut_than_may_be_fails_and_says_how_long_rows_are() -> None:
    ids = pa.array([[1] * n for n in (5, 5, 40)], IDS)
    _, _, found = cut(pa.table([pa.array([b"i" * 16] * 3, pa.binary(16)), ids, ids], schema=SFT), 8, Settings())
    with pytest.raises(GateError, match=r"1 of 3 rows \(33.3%\) would be cut.*the longest 40, where 8 fit"):
        demand(found, Settings())
    demand(found, Settings(most_cut=0.5))


def test_an_empty_split_is_no_data() -> None:
    _, _, found = cut(SFT.empty_table(), 8, Settings())
    with pytest.raises(InputError, match="the split is empty"):
        demand(found, Settings())


def test_rows_that_ask_the_same_are_held_out_together(tmp_path: Path) -> None:
    own = snapshot_of(tmp_path, chats(1))
    asked = [[1, 2, k // 4, 9] for k in range(40)]
    rows = pa.table(
        [
            pa.array([bytes([k]) * 16 for k in range(40)], pa.binary(16)),
            pa.array(asked, IDS),
            pa.array([[IGNORED] * 3 + [9]] * 40, IDS),
        ],
        schema=SFT,
    )
    groups = groups_of(rows, own)
    assert groups.tolist() == [k // 4 * 4 for k in range(40)]
    drawn = held_out(rows, groups, 0)
    assert 0 < drawn.sum() <= 4 and not set(groups[drawn]) & set(groups[~drawn])
    assert np.array_equal(drawn, held_out(rows, groups, 0))


@pytest.mark.parametrize("tokens, regime, rank", [(49_999, "tiny", 8), (50_000, "mid", 16), (5_000_001, "large", 32)])
def test_tokens_say_the_regime_and_it_the_rank(tokens: int, regime: str, rank: int) -> None:
    assert regime_of(tokens) == regime and settled(Settings(), tokens, 100, 0).rank == rank


def test_what_is_asked_for_is_not_changed_by_the_regime() -> None:
    asked = Settings(rank=3, alpha=5, dropout=0.0, learning_rate=1e-3, schedule="constant", epochs=1.0, eval_every=7)
    got = settled(asked, 10**7, 100, 10)
    assert {k: v for k, v in got.as_dict().items() if asked.as_dict()[k] not in (None, v)} == {}
    assert got.max_steps == 25


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"rank": 0}, "rank is 0; it must be from 1"),
        ({"precision": "int8"}, "precision is 'int8'; it can be auto"),
        ({"trackers": ("neptune",)}, "no tracker is called 'neptune'"),
        ({"method": "dpo", "overlong": "split"}, "a pair cannot be split"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"learning_rate": 1e38}, "learning_rate is 1e.38"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Settings(**wrong)


@pytest.mark.parametrize("losses", [[], [2.0, 2.0], [5.57, 5.56, 5.55], [3.0, float("nan")], [1e-9, 1e9]])
def test_a_picture_is_drawn_of_any_losses(losses: list[float]) -> None:
    from xml.etree import ElementTree

    points = [(float(k), loss) for k, loss in enumerate(losses)]
    picture = loss_svg(points, points[:1], "<b> & others")
    shown = "".join(ElementTree.fromstring(picture).itertext())
    assert "<b> & others" in shown and b"nan" not in picture and b"script" not in picture
