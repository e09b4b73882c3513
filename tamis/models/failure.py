"""What may go wrong between a question and its answer.

Failed          this one request: its row ends failed(reason, attempts), and the run goes on
Stopped         no request can be answered: the run stops with exit code 3, and what was bought is kept for the next
├── Missed      replay: the cache has no answer to this request
├── Refused     the endpoint does not take the key, knows no such model, or wants money
└── Down        the endpoint gives no answers any more
BudgetSpent     what may be spent is spent: its row ends skipped(budget), or the run stops
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from tamis.errors import RunError, TamisError
from tamis.models.reply import UNTOLD, Usage

Reason = Literal[
    "timeout",
    "refused",
    "rate_limit",
    "server",
    "reset",
    "truncated",
    "malformed",
    "html",
    "empty",
    "too_large",
    "auth",
    "context",
    "bad_request",
    "missed",
    "circuit",
    "budget",
]
"""Why there is no answer.

timeout      none in time (docs/models.md has the seconds), or it dripped in too slowly
refused      nobody listens there, or the name of the host is not known
rate_limit   429 to the last attempt
server       408, 409 or 5xx to the last attempt
reset        the connection broke before the answer came
truncated    the answer broke off
malformed    the answer is no JSON, or not in the shape of the protocol
html         a web page, as a proxy or a login sends it
empty        an answer without any text
too_large    the answer is longer than is taken
auth         401, 402, 403
context      the request is longer than the model can read
bad_request  400 and its like: the endpoint does not take the request as it is
missed       replay: not in the cache
circuit      the endpoint is down
budget       the budget is spent
"""


class Failed(TamisError):
    """A request that got no answer, in so many attempts.

    usage  tokens that the endpoint counted all the same; `cost`: what it charges for all of them, None where nobody knows
    """

    exit_code = 3

    def __init__(
        self, reason: Reason, message: str, attempts: int = 1, usage: Usage = UNTOLD, cost: Decimal | None = None
    ) -> None:
        super().__init__(message)
        self.reason, self.attempts, self.message = reason, attempts, message
        self.usage, self.cost = usage, cost


class Stopped(RunError):
    """No request can be answered any more. The run stops; what was bought is in the cache."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message


class Missed(Stopped):
    """Replay found no answer in the cache."""


class Refused(Stopped):
    """The endpoint takes no request of ours: the key, the name of the model, or the account."""


class Down(Stopped):
    """The endpoint gave no answer to several requests in a row, each tried to the end, or nobody is there."""


def nobody(name: str, endpoint: str, reason: Reason, message: str) -> Down:
    """Nobody answers for the model `name` at `endpoint`."""
    return Down(
        reason,
        f"nobody answers for {name} at {endpoint}: {message}; start the server, or mend the base URL. "
        "What is in the cache is had without one: --replay",
    )


class BudgetSpent(TamisError):
    """The next request could cost more than is left. A gate of the user's own: what was bought stays, and a resume goes on."""

    exit_code = 1
    reason: Reason = "budget"
