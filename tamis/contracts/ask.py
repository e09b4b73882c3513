"""The process that queries run in: reads a job from standard input, answers with `{}` when it is ready, then
with a line of JSON for each query.

{"tables": {"t": ["…/0.parquet"]}, "queries": [["SELECT …", "condition" or null]], "show": 5, "bytes": …, "seconds": …}
{"value": 3, "rows": [0, 17]}        or {"error": "…"}
"""

from __future__ import annotations

import json
import resource
import sys
from decimal import Decimal
from typing import Any

import polars as pl

ROW = "tamis.row"


def answer(context: pl.SQLContext[Any], query: str, condition: str | None, table: str, show: int) -> dict[str, Any]:
    """The number that `query` gives, and the first rows of `table` that fulfil `condition`."""
    try:
        found = context.execute(query, eager=False).head(2).collect(engine="streaming")
        if found.shape != (1, 1):
            return {"error": f"it gives {found.height} rows of {found.width} columns; wanted one number"}
        value = found.item()
        if isinstance(value, Decimal):
            value = float(value)
        if isinstance(value, bool) or value is None or not isinstance(value, int | float):
            value = None if value is None else int(value) if isinstance(value, bool) else str(type(value).__name__)
        rows = []
        if condition is not None and value:
            quoted = table.replace('"', '""')
            named = context.execute(f'SELECT "{ROW}" FROM "{quoted}" WHERE {condition}', eager=False)
            rows = named.sort(ROW).head(show).collect(engine="streaming").to_series().to_list()
        return {"value": value, "rows": rows}
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, RecursionError, TypeError, ValueError) as bad:
        said = str(bad).splitlines()
        return {"error": said[0] if said else type(bad).__name__}


def main() -> None:
    """Answer the job on standard input."""
    job = json.loads(sys.stdin.buffer.readline())
    _bound(resource.RLIMIT_AS, job["bytes"])
    _bound(resource.RLIMIT_CPU, job["seconds"])
    frames = {}
    for name, paths in job["tables"].items():
        parts = [pl.scan_parquet(path, glob=False, hive_partitioning=False) for path in paths]
        frame = pl.concat(parts, how="diagonal_relaxed") if len(parts) > 1 else parts[0]
        frame = frame.select(c for c in job["columns"][name] if c in frame.collect_schema())
        frames[name] = frame.with_row_index(ROW) if name == job["table"] else frame
    context = pl.SQLContext(frames)
    print("{}", flush=True)
    for query, condition in job["queries"]:
        print(json.dumps(answer(context, query, condition, job["table"], job["show"])), flush=True)


def _bound(what: int, most: int) -> None:
    """Limit this process. Who started it watches it closer, but may be killed, and then nobody does."""
    hard = resource.getrlimit(what)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    main()
