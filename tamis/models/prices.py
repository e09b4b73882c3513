"""What tokens cost: a table with a version, by endpoint and model. What stands in none has no known price, which is not 0."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tamis.errors import InputError, UsageError
from tamis.models.reply import Usage

MILLION = Decimal(1_000_000)
NINE = Decimal("0.000000001")
"""Money is kept to nine decimals, as decimal128(18, 9) has it."""

DEAREST = 10_000
"""For a million tokens: what costs more does not fit into decimal128(18, 9) with as many tokens as an endpoint may count."""


class Price(NamedTuple):
    """Money for a million tokens into the model and out of it, and the table that says so."""

    into: Decimal
    out: Decimal
    currency: str = "USD"
    table: str = "given"

    def cost(self, tokens_in: int, tokens_out: int) -> Decimal:
        """Money for so many tokens."""
        return ((tokens_in * self.into + tokens_out * self.out) / MILLION).quantize(NINE)

    def of(self, usage: Usage) -> Decimal | None:
        """Money for `usage`; None where a number of it is not known, and not all is free."""
        if not self.into and not self.out:
            return self.cost(0, 0)
        if usage.tokens_in is None or usage.tokens_out is None:
            return None
        return self.cost(usage.tokens_in, usage.tokens_out)


class Prices(NamedTuple):
    """A price table. `models` is by host, then by the exact name of the model."""

    version: str
    currency: str
    models: Mapping[str, Mapping[str, Price]]

    def of(self, endpoint: str, model: str) -> Price | None:
        """The price of `model` at `endpoint` (a base URL); None where the table has none."""
        return self.models.get(urlsplit(endpoint).hostname or "", {}).get(model)


def price(text: str) -> Price:
    """A price as people write it: "0.15,0.60" is for a million tokens in and out. Raises UsageError."""
    try:
        into, out = (Decimal(part.strip()) for part in text.split(","))
    except (InvalidOperation, ValueError):
        into = out = Decimal(-1)
    if not all(part.is_finite() and 0 <= part <= DEAREST for part in (into, out)):
        raise UsageError(
            f"{text!r} is no price; write money for a million tokens in and out, {DEAREST:,} at most, as 0.15,0.60"
        )
    return Price(into, out)


def read_prices(path: Path) -> Prices:
    """A table in the layout of the one that comes with tamis. Raises InputError."""
    try:
        return _table(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as wrong:
        raise InputError(f"no price table can be read at {path}: {wrong}") from None


@cache
def shipped_prices() -> Prices:
    """The table that comes with tamis."""
    return _table((files("tamis.models") / "prices.yaml").read_text("utf-8"), "prices.yaml")


def _table(text: str, name: str) -> Prices:
    import yaml

    try:
        facts: Any = yaml.safe_load(text)
        version, currency = str(facts["version"]), str(facts["currency"])

        def one(row: Any) -> Price:
            into, out = (Decimal(str(part)) for part in row)
            return Price(into, out, currency, version)

        models = {host: {model: one(row) for model, row in table.items()} for host, table in facts["models"].items()}
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError, InvalidOperation) as wrong:
        raise InputError(
            f"{name} is no price table ({type(wrong).__name__}: {wrong}); it wants version, currency, and "
            "models: {host: {model: [price of a million tokens in, out]}}"
        ) from None
    return Prices(version, currency, models)
