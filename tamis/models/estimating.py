"""What requests will cost, before any is sent."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from tamis.models.client import Remote
from tamis.models.local import Local
from tamis.models.request import Request, most_tokens

BYTES_PER_TOKEN = 4
"""Of English prose in the vocabularies of today; text in other scripts and code take more tokens than this says."""


class Estimate(NamedTuple):
    """Of all requests: `cached` are there already and cost nothing; the other numbers are of the rest.

    tokens_in   about
    tokens_out  at most; None where a request sets no limit
    money       for that; None where the price or the limit is not known
    """

    requests: int
    cached: int
    tokens_in: int
    tokens_out: int | None
    money: Decimal | None


def estimate(model: Remote | Local, requests: Iterable[Request]) -> Estimate:
    """What `requests` will cost at most, for answers of full length and an estimated size of prompts."""
    count = cached = into = 0
    out: int | None = 0
    for request in requests:
        count += 1
        if model.has(request):
            cached += 1
            continue
        sent, limit = most_tokens(request)
        into += -(-sent // BYTES_PER_TOKEN)
        out = None if out is None or limit is None else out + limit
    money = None if model.price is None or out is None else model.price.cost(into, out)
    return Estimate(count, cached, into, out, money)
