"""What a deriving stage says beside the rows it makes: what became of each seed, and what was asked of a model.

outcome  8a…17  rejected  short  value 3.0
request  8a…17  step 4  answer  key 5d…  ok  attempts 1  tokens 120 → 34  cost 0.000031000  smollm2
"""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

from tamis.schemas._field import field
from tamis.schemas.rows import RECORD_ID

Status = Literal["ok", "rejected", "failed", "skipped"]
"""What can become of a seed: rows were made of it; what was made of it broke a rule of the stage; nothing could be made;
nothing was tried."""

STATUSES = ("ok", "rejected", "failed", "skipped")

USED = "used"
"""Rule of the verdict about a seed that rows were made of; about others it is `status.why`."""


def of_seed(rule: str) -> tuple[str, str | None] | None:
    """Status of a seed, and why, by the rule of the verdict about it; None: the rule is about something else.

    used            ok
    failed.timeout  failed, timeout
    """
    if rule == USED:
        return "ok", None
    status, dot, why = rule.partition(".")
    return (status, why) if dot and status in STATUSES[1:] else None


MONEY = pa.decimal128(18, 9)
"""Money, to a thousandth of a millionth."""

OUTCOME = pa.schema(
    [
        field("record_id", RECORD_ID, "The seed.", False),
        field("status", pa.string(), "ok, rejected, failed or skipped.", False),
        field("rule", pa.string(), "Why, where it is not ok: the rule, the reason, or what ran out.", True),
        field("value", pa.float32(), "What was measured."),
        field("evidence", pa.string(), "Anything else worth keeping, as JSON."),
    ]
)
"""One row for every seed, in the order in which they were given."""

REQUEST = pa.schema(
    [
        field("record_id", RECORD_ID, "The seed it was sent for; null: for several."),
        field("step", pa.uint8(), "Position of the stage in the recipe, from 1; the engine fills it in.", False),
        field("purpose", pa.string(), "What was asked for: instruction, score, answer, …", False),
        field("key", pa.binary(32), "Key of the request: sha256 over what was asked of whom.", False),
        field("outcome", pa.string(), "ok, or the reason of the failure: timeout, rate_limit, malformed, …", False),
        field("attempts", pa.int32(), "How often it was sent until then, when it was answered first."),
        field(
            "tokens_in", pa.int64(), "Tokens of the prompt, of all tries, as the endpoint counted them; null: not said."
        ),
        field("tokens_out", pa.int64(), "Tokens of the answer; null: not said."),
        field("cost", MONEY, "What all tries cost; null: the price is not known, or what one of them used."),
        field("model", pa.string(), "Model that answered, as the endpoint named it."),
    ]
)
"""One row for every request, in the order of the seeds."""
