"""What a judge, a model or a person, said about an answer or a pair of answers.

item-17  gpt-x against base  by judge-y  shown b first  verdict a (0.83)  rubric helpful@2
"""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

from tamis.schemas._field import field

Verdict = Literal["a", "b", "tie", "unparsed"]
"""Who won: the answer of `model_a`, of `model_b`, neither; or the judge said nothing that could be read, never a tie."""

Order = Literal["ab", "ba"]
"""Whose answer was shown first."""

MONEY = pa.decimal128(18, 9)

JUDGMENT = pa.schema(
    [
        field("item_id", pa.string(), "The question that was answered: the cluster of every interval.", False),
        field("model_a", pa.string(), "Who gave the answer, or one of the two: wherever it was shown.", False),
        field("model_b", pa.string(), "Who gave the other answer; null: one answer was scored by itself."),
        field("judge", pa.string(), "The model or person that judged.", False),
        field("human", pa.bool_(), "Whether a person judged."),
        field("rubric", pa.string(), "Name of the rubric, as helpful@2."),
        field("rubric_sha256", pa.string(), "Digest of the rubric's file, in hex: a verdict is of one text of it."),
        field("aspect", pa.string(), "What of the answer was judged, where the rubric has several; null: all of it."),
        field("turn", pa.int16(), "Turn of a dialogue, from 1; null: there is one, or all were judged together."),
        field("order", pa.string(), "ab: the answer of model_a was shown first; ba: that of model_b; null: a score."),
        field("repeat", pa.int16(), "How often the same was asked before."),
        field("verdict", pa.string(), "a, b, tie or unparsed; of models, not of places. Null: a score."),
        field("probability_a", pa.float64(), "Probability that model_a wins, 0 to 1, from the judge's logprobs."),
        field("score", pa.float64(), "Points on the rubric's scale; null: a pair, or no score could be read."),
        field("reasons", pa.string(), "What the judge gave as its reasons."),
        field("raw", pa.string(), "The judge's whole response, as it came."),
        field("failure", pa.string(), "Why there is no verdict: refused, empty, no_verdict, off_scale, timeout, …"),
        field("chars_a", pa.int32(), "Code points of the answer of model_a."),
        field("chars_b", pa.int32(), "Code points of the answer of model_b."),
        field("judged_at", pa.timestamp("us", "UTC"), "When a person judged, or a model answered."),
        field("request", pa.string(), "Key of the request in the response cache, in hex."),
        field("returned", pa.string(), "Model name that the endpoint gave back."),
        field("tokens_in", pa.int32(), "Tokens sent; null: not told."),
        field("tokens_out", pa.int32(), "Tokens received; null: not told."),
        field("cost", MONEY, "What the request cost; null: the price is not known."),
        field("settled", pa.string(), "Why no judge was asked: identical or empty answers; null: one was."),
    ]
)
"""A row for each time one judge was asked about one thing: both orders of a pair are two rows."""

PANEL = pa.schema(
    [
        *(JUDGMENT.field(n) for n in ("item_id", "model_a", "model_b", "judge", "rubric", "rubric_sha256", "aspect")),
        *(JUDGMENT.field(n) for n in ("turn", "verdict", "score", "chars_a", "chars_b")),
        field("judges", pa.int16(), "How many judges said something that could be read.", False),
        field("silent", pa.int16(), "How many did not.", False),
        field("for_a", pa.float64(), "Weight of the judges for model_a; null: scores."),
        field("for_b", pa.float64(), "Weight of the judges for model_b."),
        field("for_tie", pa.float64(), "Weight of those who saw a tie, or decided by the order."),
        field("unanimous", pa.bool_(), "Whether all who said something said the same."),
        field("spread", pa.float64(), "Highest score less lowest; null: a pair."),
    ]
)
"""A row for each thing that several judges were asked about: what they say together, and how far they are apart."""
