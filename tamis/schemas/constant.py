"""Python values as Arrow scalars, made once.

pyarrow looks for `dateutil` whenever a Python value becomes an Arrow one; where it is not installed that search took 0.1 ms
a time, a tenth of a whole run.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pyarrow as pa


@lru_cache(maxsize=256)
def constant(value: str | int | float | bool) -> Any:
    """`value` as an Arrow scalar of its usual type."""
    return pa.scalar(value)
