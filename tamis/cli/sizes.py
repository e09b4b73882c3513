"""Sizes as people write them: 1GB, 512MiB, 800000."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import click

_UNITS = {"": 1, "b": 1, **{f"{c}b": 1000**k for k, c in enumerate("kmgt", 1)}}
_UNITS |= {f"{c}ib": 1024**k for k, c in enumerate("kmgt", 1)}
_UNITS |= {c: 1000**k for k, c in enumerate("kmgt", 1)}

MOST = 2**63 - 1
"""Bytes that a file system can count."""


class ByteSize(click.ParamType):  # type: ignore[type-arg]
    """A number of bytes, with or without a unit: KB, MB, GB, TB are powers of 1,000; KiB, MiB, GiB, TiB of 1,024."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """`value` in bytes; a usage error where it is none."""
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", str(value))
        unit = _UNITS.get(found[2].lower()) if found else None
        if found is None or unit is None:
            self.fail(f"{value!r} is no size; write bytes or a unit, as 1GB, 800MB or 512MiB", param, ctx)
        size = Decimal(found[1]) * unit
        if size > MOST:
            self.fail(f"{value!r} is more than {MOST:,} bytes, which no disk holds; name a smaller size", param, ctx)
        return int(size)
