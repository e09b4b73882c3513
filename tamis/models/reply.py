"""What a model answered."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple


class Usage(NamedTuple):
    """Tokens as the endpoint counted them; None where it did not say."""

    tokens_in: int | None = None
    tokens_out: int | None = None


UNTOLD = Usage()


class Reply(NamedTuple):
    """One answer. All but `cached` is the same however often it is taken from the cache.

    text         what the model said: the first choice
    finish       why it ended: stop, length, content_filter, …; "" where the endpoint did not say
    model        the model as the endpoint names it, which may be another than was asked for
    usage        tokens of all tries, as far as the endpoint counted them
    cost         money that all tries cost when it was bought; None where the price is not known, or what one of them used
    key          32 bytes: what the answer is kept under
    cached       it was not bought this time
    attempts     how many tries it took when it was bought, from 1
    logprobs     `logprobs.content` of the choice, as the endpoint gave it: a mapping for every token
    fingerprint  the endpoint's own name for what answered
    choices      how many answers the body held
    created      when it was first kept, in UTC, to a second; None: it is in no cache
    """

    text: str
    finish: str
    model: str
    usage: Usage
    cost: Decimal | None
    key: bytes
    cached: bool
    attempts: int
    logprobs: list[dict[str, Any]] | None = None
    fingerprint: str | None = None
    choices: int = 1
    created: datetime | None = None
