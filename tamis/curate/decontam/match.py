"""What a batch of records has in common with evaluation items, as columns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.curate.decontam.index import Index
from tamis.curate.decontam.pieces import SPANS, Pieces, spans_of
from tamis.kernels.hash import bytes_of, xxh64
from tamis.kernels.ngrams_overlap import FOUND, overlap
from tamis.kernels.unicode import table
from tamis.kernels.url import normalised
from tamis.schemas._field import field

MATCH = pa.struct(
    [
        field("text", pa.uint32(), "The text of the items that match, by its place in the index."),
        field("item", pa.uint32(), "The first item that has it, by its place in the evaluation sets."),
        field("of", pa.int8(), "Which text of the item it is: 0 the question, 1 the context."),
        field("size", pa.uint32(), "Words of that text."),
        field("longest", pa.uint32(), "Words of the longest run that both have."),
        field("run", pa.uint32(), "Words of it that count; over small edits where fuzzy."),
        field("words", pa.uint32(), "Words of the item that count."),
        field("found", pa.uint32(), "n-grams of the item that count and are in the record."),
        field("ngrams", pa.uint32(), "n-grams of the item that count."),
        field(
            "whole", pa.uint32(), "Of a short item that is there whole: its words, with its answer's if that follows."
        ),
        field("jaccard", pa.float32(), "Distinct n-grams of both by those of either."),
        field("answer", pa.bool_(), "Whether the answer stands close by; null: none is known."),
        field("item_start", pa.int32(), "Where the run begins in the item, in code points of its field."),
        field("item_end", pa.int32(), "Where it ends."),
        field("spans", SPANS, "Where it is in the record."),
    ]
)


class Found(NamedTuple):
    """Matches of a batch, in order of its rows.

    columns   FOUND -> (m,) int64
    segments  (s, 2) int64  bytes of all that a match has of the record; those of match i are
              `[columns["segment"][i]:columns["segment_stop"][i]]`
    """

    columns: dict[str, np.ndarray]
    segments: np.ndarray


def find_in(pieces: Pieces, index: Index, n: int, gap: int) -> Found:
    """All matches of the records of `pieces` with the texts of `index`."""
    data, offsets = bytes_of(pieces.strings)
    found, segments = overlap(data, offsets, pieces.rows, *table(), index.targets, index.long, index.short, n, gap)
    return Found(dict(zip(FOUND, found.T, strict=True)), segments)


def matches_of(found: Found, pieces: Pieces, index: Index) -> pa.StructArray:
    """A MATCH for each."""
    c, t = found.columns, found.columns["text"]
    targets = index.targets
    own = targets.own_before[targets.rows[t + 1]] - targets.own_before[targets.rows[t]]
    is_short = c["whole"] > 0
    first = targets.rows[t] + c["text_first"]
    last = targets.rows[t] + np.maximum(c["text_stop"], c["text_first"] + 1) - 1
    either = np.maximum(c["either"], 1)
    label = index.names.take(pa.array(index.first[t]))
    columns = [
        pa.array(t, pa.uint32()),
        pa.array(index.first[t], pa.uint32()),
        pa.array(index.of_field[t]),
        pa.array(targets.rows[t + 1] - targets.rows[t], pa.uint32()),
        pa.array(c["longest"], pa.uint32()),
        pa.array(c["run"], pa.uint32()),
        pa.array(np.where(is_short, 0, own), pa.uint32()),
        pa.array(c["found"], pa.uint32()),
        pa.array(np.where(is_short, 0, targets.own_grams[t]), pa.uint32()),
        pa.array(c["whole"], pa.uint32()),
        pa.array((c["shared"] / either).astype(np.float32), mask=is_short),
        pa.array(c["answer"] == 1, mask=c["answer"] < 0),
        pa.array(index.points[first, 0]),
        pa.array(index.points[last, 1]),
        spans_of(pieces, c["start"], c["stop"], label),
    ]
    return pa.StructArray.from_arrays(columns, fields=list(MATCH))


def urls_of(batch: pa.RecordBatch, index: Index) -> pa.UInt32Array:
    """The first item that has the URL of each row; null where none has."""
    n = batch.num_rows
    if not len(index.urls) or "url" not in batch.schema.names or batch.column("url").null_count == n:
        return pa.nulls(n, pa.uint32())
    urls = batch.column("url")
    hashes = xxh64(normalised(urls))
    at = np.minimum(np.searchsorted(index.urls, hashes), len(index.urls) - 1)
    hit = (index.urls[at] == hashes) & pc.is_valid(urls).to_numpy(zero_copy_only=False)
    return pa.array(index.of_url[at].astype(np.uint32), mask=~hit)
