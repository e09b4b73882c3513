"""Members of `meta` by their path, as --match and --lineage spell them.

meta.email   meta.author.name   meta.derived_from

A row that a run read from the rows of another may carry their meta within its own, as meta.meta: a path is looked for
there, too. A path with a dot is also tried as the name of one member.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

WITHIN = 3
"""How many times a meta may stand within a meta."""


def member_texts(meta: pl.Series, path: str, value: str | None = None) -> pl.DataFrame:
    """`row` (uint32) and `text` of what stands at `path` in the JSON objects of `meta`; of a list, each member.

    A number or truth value is its JSON text; null, objects and lists within lists are none. Where a `value` is given,
    rows whose text is another may be left out: lists that cannot hold it are not parsed.
    """
    import polars as pl

    frame = meta.alias("meta").to_frame().with_row_index("row").drop_nulls()
    found = frame.select("row", text=pl.coalesce(pl.col("meta").str.json_path_match(p) for p in _paths(path)))
    found = found.drop_nulls("text")
    is_plain = ~pl.col("text").str.contains(r"^[\[{]")
    if value is not None:
        is_plain = pl.col("text") == value
        found = found.filter(is_plain | pl.col("text").str.starts_with("["))
    plain = found.filter(is_plain)
    lists = found.filter(pl.col("text").str.starts_with("["))
    members = [(row, text) for row, encoded in lists.iter_rows() for text in _members(encoded)]
    listed = pl.DataFrame(members, schema=plain.schema, orient="row")
    return pl.concat([plain, listed]).unique().sort("row", "text")


def _paths(path: str) -> list[str]:
    """JSON paths of `path`, most likely first."""
    spelled = dict.fromkeys(("".join(map(_step, path.split("."))), _step(path)))
    return ["$" + _step("meta") * k + steps for k in range(WITHIN + 1) for steps in spelled]


def _step(name: str) -> str:
    return "['" + name.replace("\\", "\\\\").replace("'", "\\'") + "']"


def _members(encoded: str) -> list[str]:
    """The texts of a JSON list; a text that only looks like one is itself."""
    try:
        found: Any = json.loads(encoded)
    except (ValueError, RecursionError):
        return [encoded]
    return [v if isinstance(v, str) else json.dumps(v) for v in found if isinstance(v, (str, int, float))]
