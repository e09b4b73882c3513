"""Numbers on the command line that are some: nan lies in no range, and is told so."""

from __future__ import annotations

from math import isfinite
from typing import Any

import click


class Number(click.FloatRange):
    """A finite number, within a range where one is given."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """`value` as a float. Fails for nan, which is neither above nor below anything, and for infinity."""
        found = float(super().convert(value, param, ctx))
        if not isfinite(found):
            self.fail(f"{value!r} is no finite number", param, ctx)
        return found
