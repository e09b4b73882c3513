"""What processors, storage and moving data cost at given prices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

DAYS = 30
"""Of the month that storage is paid by."""


class Prices(NamedTuple):
    """Money for an hour of a processor, a gigabyte kept for a month, one moved; and how many days data are kept."""

    cpu_hour: float | None = None
    gb_month: float | None = None
    gb_transfer: float | None = None
    days: float = DAYS


NO_PRICES = Prices()


def money(prices: Prices, found: Mapping[str, Mapping[str, float]], passes: int, whole: int) -> dict[str, Any] | None:
    """For processors, for keeping what is written, for moving data: input once a pass, exchanges there and back, output once.

    found  estimates by name; whole  bytes of input
    """
    if prices.cpu_hour is prices.gb_month is prices.gb_transfer is None:
        return None
    told: dict[str, Any] = {}
    for bound in ("estimate", "least", "most"):
        moved = passes * whole + 2 * found["exchanged_bytes"][bound] + found["output_bytes"][bound]
        parts = {
            "cpu": (prices.cpu_hour or 0) * found["cpu_seconds"][bound] / 3600,
            "storage": (prices.gb_month or 0) * found["disk_bytes"][bound] / 1e9 * prices.days / DAYS,
            "transfer": (prices.gb_transfer or 0) * moved / 1e9,
        }
        told[bound] = {name: float(f"{value:.6g}") for name, value in {**parts, "total": sum(parts.values())}.items()}
    return {"prices": prices._asdict(), **told}
