"""Answers of models that were bought with records that go: the cache of them lies outside of a run, and several may share it.

A prompt holds the text of its seed, and that of others where it shows examples. So what goes is known by the keys of the
requests that were sent for a record, by those of requests for several at once, and by the texts of rows made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from tamis.data.parquet import read_table
from tamis.runs import Run
from tamis.schemas import flat, text_fields
from tamis.snapshot.prune import Records
from tamis.snapshot.select import Match

Forget = Callable[[Path, Sequence[bytes], Sequence[str]], int]
"""Makes a cache forget answers, by their keys and by texts that they hold; returns how many. It is made a floor above."""

TELLING, LONGEST = 24, 200
"""Characters of a line of text by which a question that holds it is known: fewer stand in others, too; more are not needed."""

VALUE = 8
"""Characters from which a value that was asked for is looked for in answers: what is shorter stands in those of others."""


class Bought(NamedTuple):
    """What a cache knows of records that go."""

    cache: Path
    keys: list[bytes]
    texts: list[str]


def bought(run: Run, gone: Records, matches: Sequence[Match]) -> Bought | None:
    """What was bought for `gone` in `run`; None where it asked no model, or does not say where its answers are."""
    where = run.facts["varies"].get("responses")
    if not where:
        return None
    keys: list[bytes] = []
    for part in run.parts("requests"):
        asked = read_table(part, columns=["record_id", "key"])
        ids = asked.column("record_id")
        mine = gone.holds(ids) | ids.is_null().to_numpy()
        keys += asked.column("key").filter(pa.array(mine)).to_pylist()
    texts = {m.value for m in matches if len(m.value) >= VALUE}
    for part in run.parts("derived"):
        rows = read_table(part)
        for batch in rows.filter(pa.array(gone.holds(rows.column("record_id")))).to_batches():
            keys += _keys(batch)
            texts |= set(_telling(batch))
    return Bought(Path(where), list(dict.fromkeys(keys)), sorted(texts))


def _keys(rows: pa.RecordBatch) -> Iterator[bytes]:
    """Of all that was asked for `rows`, as they say themselves."""
    if "synthesis" in rows.schema.names:
        asked = pc.struct_field(rows.column("synthesis"), "requests")
        yield from (bytes.fromhex(key) for keys in asked.to_pylist() for key in keys or ())


def _telling(rows: pa.RecordBatch) -> Iterator[str]:
    """The longest line of each text of `rows`, where it is long enough to tell."""
    for name in text_fields(rows.schema):
        for text in flat(rows.column(name))[0].drop_null().to_pylist():
            line = max(text.splitlines(), key=len, default="").strip()
            if len(line) >= TELLING:
                yield line[:LONGEST]


def forget_all(found: Sequence[Bought], forget: Forget | None) -> tuple[dict[str, int], list[str]]:
    """How many answers went, by cache, and what was not done, in words."""
    counts: dict[str, int] = {}
    left = []
    for cache, keys, texts in found:
        if not cache.is_file():
            left.append(f"answers of models, which were kept at {cache}: there is no such file now")
        elif forget is None:
            left.append(f"answers of models, which are kept at {cache}: `tamis models prune` forgets them")
        else:
            counts[str(cache)] = counts.get(str(cache), 0) + forget(cache, keys, texts)
    return counts, list(dict.fromkeys(left))


def files_of(caches: Sequence[str]) -> list[Path]:
    """The files of caches: each with what its database keeps beside it."""
    beside = (Path(cache + tail) for cache in caches for tail in ("", "-wal", "-shm"))
    return [path for path in beside if path.is_file()]
