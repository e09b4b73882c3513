"""How numbers are written."""

from __future__ import annotations

from decimal import Decimal
from typing import Any


def count(number: int) -> str:
    """1,234."""
    return f"{number:,}"


def percent(share: float) -> str:
    """A share (0–1) to a tenth of a percent; what is neither none nor all never looks like it."""
    if 0 < share < 0.0005:
        return "<0.1%"
    if 0.9995 < share < 1:
        return ">99.9%"
    return f"{100 * share:.1f}%" if 0 < share < 1 else f"{100 * share:.0f}%"


def figure(value: float | None) -> str:
    """A measured value: four digits where it has a fraction, all of them where it is whole."""
    if value is None:
        return "—"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"


def beside(value: float | None, threshold: float | None) -> str:
    """A measured value that missed a threshold, with as many digits as it takes to see that."""
    if value is None or threshold is None or value == threshold or figure(value) != figure(threshold):
        return figure(value)
    return f"{value:.7g}"


def short(value: float) -> str:
    """A value on an axis: 250, 10k, 0.05."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def size(number: int) -> str:
    """Bytes, to three digits."""
    for unit, letter in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= unit:
            return f"{number / unit:.3g} {letter}"
    return f"{number} B"


def span(seconds: float) -> str:
    """A time taken."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{seconds:.3g} s"


def plural(number: int, noun: str) -> str:
    """1 record, 2 records."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def cost(money: Decimal, unknown: int) -> str:
    """Money that is known, beside so many requests whose cost is not: that is never told as nothing."""
    known = f"{money.normalize():f}"
    if not unknown:
        return known
    return f"{known} and that of {unknown:,} requests, which is unknown" if money else "unknown"


def clip(text: str, most: int = 90) -> str:
    """`text`, cut where it is too long for a name."""
    return text if len(text) <= most else text[:most] + "…"


def setting(value: Any) -> str:
    """A parameter as YAML would have it."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(setting(v) for v in value) + "]"
    return str(value)
