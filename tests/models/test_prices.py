from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tamis.errors import InputError
from tamis.models import read_prices, shipped_prices


def test_a_price_belongs_to_an_endpoint_and_a_model() -> None:
    table = shipped_prices()
    found = table.of("https://api.openai.com/v1", "gpt-4o-mini")
    assert found is not None and (found.into, found.out, found.table) == (
        Decimal("0.15"),
        Decimal("0.6"),
        table.version,
    )
    assert table.of("http://127.0.0.1:8080/v1", "gpt-4o-mini") is None
    assert table.of("https://api.openai.com/v1", "gpt-4o-mini-of-tomorrow") is None


def test_every_price_is_a_number_with_a_version() -> None:
    table = shipped_prices()
    prices = [price for models in table.models.values() for price in models.values()]
    assert len(prices) > 50 and all(0 < p.into <= p.out < 1000 and p.table == table.version for p in prices)


@pytest.mark.parametrize("text", ["", "[1]", "version: 1\ncurrency: USD\nmodels: {h: {m: [1]}}", "models: {"])
def test_what_is_no_table_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(InputError, match=r"p\.yaml is no price table"):
        read_prices(tmp_path / "p.yaml")
