"""Options of commands that ask a model: where answers are kept, and what may be spent."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from tamis.bench import Means

F = TypeVar("F", bound=Callable[..., Any])


class Money(click.ParamType[Decimal]):
    """An amount of money, exactly as it is written."""

    name = "money"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """`value` as a number of 0 or more."""
        try:
            found = Decimal(str(value))
        except InvalidOperation:
            found = Decimal(-1)
        if not found.is_finite() or found < 0:
            self.fail(f"{value!r} is no amount of money; write it as 2.50", param, ctx)
        return found


_OPTIONS = (
    click.option("--budget", type=Money(), metavar="MONEY", help="Stop before more than this is spent, as 2.50."),
    click.option("--max-requests", type=click.IntRange(0), metavar="N", help="Stop before more requests are sent."),
    click.option(
        "--max-tokens-total", type=click.IntRange(0), metavar="N", help="Stop before more tokens are used, in and out."
    ),
    click.option(
        "--when-spent",
        type=click.Choice(["stop", "finish"]),
        default="stop",
        show_default=True,
        help="stop: the run can be resumed with more; finish: it goes on without what is left.",
    ),
    click.option(
        "--concurrency", type=click.IntRange(1), default=16, show_default=True, help="Requests under way at once."
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(0, min_open=True),
        default=120.0,
        show_default=True,
        metavar="SECONDS",
        help="For one try.",
    ),
    click.option("--attempts", type=click.IntRange(1), default=6, show_default=True, help="Tries of one request."),
    click.option("--replay", is_flag=True, help="Answer from the cache alone; what is not in it is an error."),
    click.option(
        "--responses",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="The cache of answers; else TAMIS_RESPONSES, else responses.sqlite beside the run.",
    ),
    click.option(
        "--key-env",
        multiple=True,
        metavar="[HOST=]VARIABLE",
        help="Variable with the key, for HOST alone or for all; may be given again.  [default: OPENAI_API_KEY]",
    ),
    click.option(
        "--key-to",
        multiple=True,
        metavar="HOST",
        help="Host that may be sent the key although only the recipe names it; may be given again.",
    ),
)


def asks_models(command: F) -> F:
    """`command` with these options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def means_of(given: dict[str, Any]) -> Means:
    """What the options say; they are taken out of `given`."""
    from tamis.bench import Means

    own = ("responses", "replay", "budget", "max_requests", "when_spent", "concurrency", "timeout", "attempts")
    keys = dict(_key(named) for named in given.pop("key_env"))
    return Means(
        **{name: given.pop(name) for name in own},
        max_tokens=given.pop("max_tokens_total"),
        key_env=keys.pop("", "OPENAI_API_KEY"),
        key_envs=keys,
        keys_to=frozenset(host.lower() for host in given.pop("key_to")),
    )


def _key(named: str) -> tuple[str, str]:
    """Host ("": any) and variable of `[HOST=]VARIABLE`."""
    host, _, variable = named.rpartition("=")
    return host.lower(), variable
