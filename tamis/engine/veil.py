"""What was set aside before a stage that hides texts, as that stage would have left it: quarantine must not give away more
than the data does."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.engine.isolate import measure
from tamis.ledger import POISON
from tamis.schemas import KINDS, Kind
from tamis.stage import Stage


def veiled(aside: pa.Table, stages: Iterable[tuple[int, Stage]], kind: Kind) -> pa.Table:
    """`aside` (rows of quarantine/, of `kind`) as those of `stages`, each with its place, that hide texts leave it.

    Where such a stage breaks on a row, its texts go.
    """
    for step, stage in stages:
        if not (stage.hides and aside.num_rows):
            continue
        earlier = pc.less(aside.column("step"), pa.scalar(step, pa.uint8()))
        at = np.flatnonzero(earlier.to_numpy())
        if at.size:
            aside = _hidden(_unquoted(aside, earlier), at, stage, kind)
    return aside


def unkeyed(messages: pa.Array) -> pa.Array:
    """What was said of lines that could not be read, without the keys that stood there: they are the line's own words."""
    return pc.replace_substring_regex(messages, r"(?s)\bkeys .*(; an? \w+ was wanted: )", r"other keys\1")


def _hidden(aside: pa.Table, at: np.ndarray, stage: Stage, kind: Kind) -> pa.Table:
    """`aside` with the rows `at` (k,) as `stage` leaves them."""
    own = {f.name for f in kind.fields}
    others = {f.name for other in KINDS.values() for f in other.fields} - own
    batch = aside.drop_columns([n for n in aside.schema.names if n in others])
    batch = batch.take(pa.array(at)).combine_chunks().to_batches()[0]
    measured = measure(stage, batch)
    whole = np.setdiff1d(np.arange(at.size), [row for row, _ in measured.broke])
    place = np.arange(aside.num_rows)
    place[at] = -1
    place[at[whole]] = aside.num_rows + np.arange(whole.size)
    where = pa.array(place, mask=place < 0)
    for name in (*kind.texts, *stage.writes.names):
        old = aside.column(name)
        new = [] if measured.columns is None else [measured.columns.column(name).cast(old.type)]
        both = pa.chunked_array([*old.chunks, *new], old.type).combine_chunks()
        aside = aside.set_column(aside.schema.get_field_index(name), aside.schema.field(name), both.take(where))
    return aside


def _unquoted(aside: pa.Table, earlier: pa.ChunkedArray) -> pa.Table:
    """Without what errors of stages said: it may quote the text. Their type stays."""
    broke = pc.and_(earlier, pc.equal(aside.column("rule"), POISON))
    said = aside.column("message")
    short = pc.replace_substring_regex(said, r"(?s)^(.*? raised [\w.]+): .*$", r"\1")
    at = aside.schema.get_field_index("message")
    return aside.set_column(at, aside.schema.field(at), pc.if_else(broke, short, said))
