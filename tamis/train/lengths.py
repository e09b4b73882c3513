"""What the length of rows does to them, counted before anything is trained: nothing goes unsaid.

kept         as they are
truncated    cut at the end, its last token among what was cut: such an answer teaches not to stop
split        a document, in pieces of the full length: nothing is lost
dropped      too long
untaught     nothing to learn in it: no assistant speaks, or an answer is empty
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.errors import GateError, InputError
from tamis.schemas._field import field
from tamis.schemas.rows import RECORD_ID
from tamis.train.settings import Settings
from tamis.train.template import IGNORED

LEFT_OUT = pa.schema(
    [
        field("record_id", RECORD_ID, "The row.", False),
        field("why", pa.string(), "truncated, dropped, untaught, overlap, leaked or held_out.", False),
        field("tokens", pa.int32(), "Tokens it has; null where it was not counted."),
    ]
)


@dataclass(frozen=True)
class Lengths:
    """Rows by what becomes of them, and their tokens.

    tokens    of what is trained on, once; learnt: those that count in the loss
    median, p95, longest   tokens of a row, before anything was cut
    """

    rows: int
    kept: int = 0
    truncated: int = 0
    split: int = 0
    dropped: int = 0
    untaught: int = 0
    examples: int = 0
    tokens: int = 0
    learnt: int = 0
    median: int = 0
    p95: int = 0
    longest: int = 0
    max_length: int = 0

    @property
    def cut(self) -> float:
        """Share of rows that were truncated, dropped or hold nothing to learn."""
        return (self.truncated + self.dropped + self.untaught) / self.rows if self.rows else 0.0

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return vars(self).copy()


def cut(rows: pa.Table, max_length: int, settings: Settings) -> tuple[pa.Table, pa.Table, Lengths]:
    """What is trained on of `rows` (SFT or DPO), LEFT_OUT rows, and the count. No row is longer than `max_length`."""
    rows = rows.combine_chunks()
    pairs = settings.method == "dpo"
    tokens, taught = _pair_tokens(rows) if pairs else (list_sizes(rows, "input_ids"), _learnt(rows))
    long, empty = tokens > max_length, taught == 0
    found = Lengths(
        rows=len(tokens),
        untaught=int(empty.sum()),
        max_length=max_length,
        median=int(np.median(tokens)) if len(tokens) else 0,
        p95=int(np.percentile(tokens, 95)) if len(tokens) else 0,
        longest=int(tokens.max(initial=0)),
    )
    why = np.full(len(tokens), "", object)
    why[empty] = "untaught"
    if settings.overlong == "split":
        done = _split(rows.filter(pa.array(~empty)), max_length)
        found = replace(found, split=int((long & ~empty).sum()))
    elif settings.overlong == "truncate":
        done = (_truncated_pairs if pairs else _truncated)(rows.filter(pa.array(~empty)), max_length)
        # What is cut down to its prompt has nothing left to learn.
        left = _pair_tokens(done)[1] if pairs else _learnt(done)
        why[np.flatnonzero(~empty)[left == 0]] = "dropped"
        why[long & (why == "")] = "truncated"
        done = done.filter(pa.array(left > 0))
    else:
        why[long & ~empty] = "dropped"
        done = rows.filter(pa.array(~long & ~empty))
    after, learnt = _pair_tokens(done, summed=True) if pairs else (list_sizes(done, "input_ids"), _learnt(done))
    named = why != ""
    left_out = pa.table([rows["record_id"].filter(pa.array(named)), why[named], tokens[named]], schema=LEFT_OUT)
    return (
        done,
        left_out,
        replace(
            found,
            kept=int((why == "").sum()) - found.split,
            truncated=int((why == "truncated").sum()),
            dropped=int((why == "dropped").sum()),
            examples=done.num_rows,
            tokens=int(after.sum()),
            learnt=int(learnt.sum()),
        ),
    )


def demand(found: Lengths, settings: Settings) -> None:
    """Raises GateError where more rows were cut than `most_cut`, InputError where none is left."""
    if not found.rows:
        raise InputError("there is no row to train on: the split is empty")
    if not found.examples:
        raise InputError(
            f"no row is left to train on: of {found.rows:,} rows, {found.dropped:,} are longer than {found.max_length:,} "
            f"tokens and {found.untaught:,} have nothing to learn; raise --max-length, or look at the rows"
        )
    if found.cut > settings.most_cut:
        raise GateError(
            f"{found.truncated + found.dropped + found.untaught:,} of {found.rows:,} rows ({found.cut:.1%}) would be cut: "
            f"{found.truncated:,} truncated, {found.dropped:,} dropped, {found.untaught:,} with nothing to learn; "
            f"{settings.most_cut:.1%} may be. Half of them have up to {found.median:,} tokens, the longest {found.longest:,}, "
            f"where {found.max_length:,} fit: raise --max-length, or --most-cut"
        )


def list_sizes(rows: pa.Table, name: str) -> np.ndarray:
    """(n,) int64: values of each list in the column `name`."""
    found: np.ndarray = pc.list_value_length(rows[name]).to_numpy().astype(np.int64)
    return found


def _learnt(rows: pa.Table) -> np.ndarray:
    """(n,) int64: tokens of each row that count in the loss. The first never does: nothing is before it."""
    labels = rows["labels"].combine_chunks()
    values = labels.flatten().to_numpy() != IGNORED
    sizes = list_sizes(rows, "labels")
    ends = np.cumsum(sizes)
    counted = np.concatenate([[0], np.cumsum(values)])
    starts = np.minimum(ends - sizes + 1, ends)
    return np.asarray(counted[ends] - counted[starts], np.int64)


def _pair_tokens(rows: pa.Table, summed: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """(n,) int64 each: tokens of the longer of both sides (`summed`: of both together); of the shorter answer."""
    prompt, chosen, rejected = (list_sizes(rows, n) for n in ("prompt_ids", "chosen_ids", "rejected_ids"))
    both = 2 * prompt + chosen + rejected if summed else prompt + np.maximum(chosen, rejected)
    return both, chosen + rejected if summed else np.minimum(chosen, rejected)


def _truncated(rows: pa.Table, size: int) -> pa.Table:
    return _with(rows, {n: pc.list_slice(rows[n], 0, size) for n in ("input_ids", "labels")})


def _truncated_pairs(rows: pa.Table, size: int) -> pa.Table:
    room = np.maximum(size - list_sizes(rows, "prompt_ids"), 0)
    return _with(rows, {n: _headed(rows[n].combine_chunks(), room) for n in ("chosen_ids", "rejected_ids")})


def _headed(lists: pa.ListArray, room: np.ndarray) -> pa.ListArray:
    """The first room[i] values of list i."""
    sizes = pc.list_value_length(lists).to_numpy().astype(np.int64)
    place = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kept = np.minimum(sizes, room)
    values = lists.flatten().filter(pa.array(place < np.repeat(room, sizes)))
    return _lists(kept, values)


def _split(rows: pa.Table, size: int) -> pa.Table:
    """Pieces of up to `size` tokens, each under the id of its row."""
    sizes = list_sizes(rows, "input_ids")
    pieces = -(-sizes // size)
    of = np.repeat(np.arange(len(sizes)), pieces)
    nth = np.arange(len(of)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    own = np.minimum(sizes[of] - nth * size, size)
    columns = [rows["record_id"].take(pa.array(of))]
    columns += [_lists(own, rows[n].combine_chunks().flatten()) for n in ("input_ids", "labels")]
    done = pa.table(columns, schema=rows.schema)
    # A last piece of one token has nothing to learn.
    return done.filter(pa.array(_learnt(done) > 0))


def _lists(sizes: np.ndarray, values: pa.Array) -> pa.ListArray:
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def _with(rows: pa.Table, columns: dict[str, Any]) -> pa.Table:
    return pa.table([columns.get(n, rows[n]) for n in rows.schema.names], schema=rows.schema)
