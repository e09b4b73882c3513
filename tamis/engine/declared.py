"""What a deriving stage gave, held against what it declares: it may be the user's own. Errors say what is wrong with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.schemas.derived import STATUSES


def columns_of(found: Any, wanted: pa.Schema, what: str) -> pa.RecordBatch:
    """`found` with the columns of `wanted` in their order, and nothing null that must not be. Raises TypeError."""
    if not isinstance(found, pa.RecordBatch):
        raise TypeError(f"its {what} are {type(found).__name__}; a pyarrow.RecordBatch was wanted")
    if not found.num_rows:
        return pa.RecordBatch.from_pylist([], schema=wanted)
    if set(found.schema.names) != set(wanted.names):
        missing, more = set(wanted.names) - {*found.schema.names}, {*found.schema.names} - set(wanted.names)
        raise TypeError(f"its {what} lack {sorted(missing)} and have {sorted(more)} that it does not declare")
    for f in wanted:
        column = found.column(f.name)
        if column.type != f.type or (column.null_count and not f.nullable):
            raise TypeError(
                f"its {what} have {f.name!r} as {column.type} with {column.null_count} nulls; {f.type} was wanted"
                + ("" if f.nullable else " without")
            )
    return pa.record_batch([found.column(f.name) for f in wanted], schema=wanted)


def table_of(found: Any, wanted: pa.Schema, what: str) -> pa.Table:
    """As `columns_of`, of a table, whose dictionaries may be plain."""
    if not isinstance(found, pa.Table):
        raise TypeError(f"its {what} is {type(found).__name__}; a pyarrow.Table was wanted")
    if missing := set(wanted.names) - {*found.schema.names}:
        raise TypeError(f"its {what} lacks {', '.join(sorted(missing))}")
    return found.select(wanted.names).cast(wanted)


def are_told(seeds: pa.Array, outcomes: pa.Table) -> None:
    """Raises ValueError unless there is an outcome for each seed, in order."""
    told = outcomes.column("record_id").combine_chunks()
    if not told.equals(seeds):
        n = min(len(told), len(seeds))
        differs = np.flatnonzero(~pc.equal(told.slice(0, n), seeds.slice(0, n)).to_numpy(zero_copy_only=False))
        at = int(differs[0]) if differs.size else n
        raise ValueError(
            f"it told what became of {len(told):,} seeds of {len(seeds):,}, and outcome {at + 1:,} is not that of seed "
            f"{at + 1:,}; there must be one for every seed, in their order"
        )
    if unknown := {*outcomes.column("status").unique().to_pylist()} - set(STATUSES):
        raise ValueError(f"a seed has the status {unknown.pop()!r}; there are {', '.join(STATUSES)}")
    silent = pc.and_(
        pc.is_in(outcomes.column("status"), pa.array(["rejected", "failed"])), outcomes.column("rule").is_null()
    )
    if pc.any(silent).as_py():
        raise ValueError("a seed is rejected or failed, and no rule says why")


def have_parents(made: pa.Array, seeds: pa.Array, lineage: pa.Table) -> None:
    """Raises ValueError unless every row made has a parent, and lineage tells of no other records."""
    child, parent = (lineage.column(name).combine_chunks() for name in ("child", "parent"))
    for ids, among, what in (
        (child, made, "has a child that was not made"),
        (parent, pa.concat_arrays([seeds, made]), "has a parent that is neither a seed nor made"),
        (made, child, "does not tell what a row was made of"),
    ):
        known = pc.is_in(ids, among)
        if not pc.all(known).as_py() and len(ids):
            first = ids.filter(pc.invert(known))[0].as_py().hex()
            raise ValueError(f"its lineage {what}: {first}")
