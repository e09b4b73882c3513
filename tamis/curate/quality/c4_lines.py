"""quality.c4_lines: cut the lines that C4 would cut (Raffel et al. 2020, JMLR 21:140, section 2.2)"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.kernels.c4_lines import Lines, copy_lines, judge_lines
from tamis.kernels.hash import bytes_of
from tamis.kernels.line_ends import KEPT
from tamis.schemas import DECISION, flat, kind_of, rebuild
from tamis.schemas._field import field
from tamis.stage import Rule, Stage, decisions

SOURCE = "Raffel et al. 2020, 2.2"

REASONS = {
    "long_word": f"Lines with a run of more than 1,000 characters without white space; {SOURCE}, its code",
    "no_terminal": f"Lines that end in no sentence mark or quotation mark, or in an ellipsis; {SOURCE}",
    "few_words": f"Lines of fewer than three words; {SOURCE}",
    "javascript": f"Lines with the word JavaScript; {SOURCE}",
    "policy": f"Lines with a phrase such as privacy policy; {SOURCE}",
}
"""By rule what it cuts, in the order of `tamis.kernels.line_ends`."""

SPANS = DECISION.field("spans").type


@dataclass(frozen=True)
class C4Lines(Stage):
    """Cut the lines that C4 would cut, each with its line break and the blank lines after it.

    Put `quality.c4` before it to judge the page as a whole, or behind it to ask what is left. Citation marks such as
    [12] stay, which C4 takes out of the lines that it keeps. Lines of every text field are cut, of messages too.
    """

    end_mark: bool = True
    """False: lines may end as they like."""

    name = "quality.c4_lines"
    edits = True
    scores = pa.schema(
        [
            field("cut_lines", pa.uint32(), "Lines cut."),
            field("cut_rules", pa.uint8(), "Rules that cut a line: bit k is the k-th."),
            field("cut_spans", SPANS, "What was cut, labelled with the rule."),
        ]
    )

    @property
    def rules(self) -> tuple[Rule, ...]:
        """In the order in which a line is asked."""
        return tuple(Rule(name, "edit", says=says) for name, says in REASONS.items())

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Every text field without the lines that go, and what went."""
        edited, cuts = {}, []
        texts = kind_of(batch.schema).texts
        for name in texts:
            column = batch.column(name)
            strings, offsets = flat(column)
            lines = judge_lines(strings, self.end_mark)
            if (lines.reason != KEPT).any():
                edited[name] = rebuild(column, _without(strings, lines))
                cuts.append(_cuts(lines, offsets, None if texts == ("text",) else name))
        return pa.record_batch([*edited.values(), *_scores(cuts, batch.num_rows)], [*edited, *self.scores.names])

    def decide(self, scores: pa.RecordBatch) -> pa.RecordBatch:
        """One edit for every row that lost a line: its rules joined by +, and the number of lines."""
        mask = scores.column("cut_rules").fill_null(0).to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(mask).astype(np.uint32)
        kinds, which = np.unique(mask[rows], return_inverse=True)
        names = ["+".join(n for k, n in enumerate(REASONS) if bits >> k & 1) for bits in kinds.tolist()]
        rule = pa.DictionaryArray.from_arrays(pa.array(which, pa.int16()), pa.array(names, pa.string()))
        found = scores.take(pa.array(rows))
        return decisions(rows, rule, found.column("cut_lines").to_numpy(), found.column("cut_spans"))


class Cuts(NamedTuple):
    """Lines cut from one text field: one entry for each run of lines with the same reason.

    row     (c,) int64   row of the batch
    spans   (c,) struct  an item of SPANS for each
    lines   (c,) int64   how many lines
    reason  (c,) int64
    """

    row: np.ndarray
    spans: pa.StructArray
    lines: np.ndarray
    reason: np.ndarray


def _without(strings: pa.StringArray, lines: Lines) -> pa.StringArray:
    data, where = bytes_of(strings)
    offsets = where.astype(np.int64)
    out = np.empty(offsets[-1] - offsets[0], np.uint8)
    size = copy_lines(data, offsets[1:].copy(), lines.start, lines.row, lines.reason != KEPT, out, offsets)
    buffers = [None, pa.py_buffer(offsets.astype(where.dtype)), pa.py_buffer(out[:size])]
    left = pa.Array.from_buffers(strings.type, len(strings), buffers)
    return pc.if_else(strings.is_valid(), left, None) if strings.null_count else left


def _cuts(lines: Lines, offsets: np.ndarray | None, name: str | None) -> Cuts:
    """What goes of a field called `name`; None: the only one. offsets: as `flat` has them."""
    string, reason = lines.row, lines.reason
    begins = np.r_[True, (string[1:] != string[:-1]) | (reason[1:] != reason[:-1])]
    first = np.flatnonzero(begins)
    after = np.r_[first[1:], len(string)]
    is_last = np.r_[string[1:] != string[:-1], True][after - 1]
    stop = np.where(is_last, lines.chars[string[after - 1]], lines.at[np.minimum(after, len(string) - 1)])
    cut = reason[first] != KEPT
    first, after, stop = first[cut], after[cut], stop[cut]
    string, reason = string[first], reason[first]
    row = string if offsets is None else np.searchsorted(offsets, string, "right") - 1
    if name is None or offsets is None:
        place = pa.array([name] * len(row), pa.string())
    else:
        place = pa.array([f"{name}[{i}]" for i in string - offsets[row]], pa.string())
    label = pa.array(list(REASONS)).take(pa.array(reason - 1))
    columns = [place, pa.array(lines.at[first], pa.int32()), pa.array(stop, pa.int32()), label]
    return Cuts(row, pa.StructArray.from_arrays(columns, fields=list(SPANS.value_type)), after - first, reason)


def _scores(cuts: list[Cuts], n: int) -> list[pa.Array]:
    """The columns of `C4Lines.scores` for n rows."""
    count, mask = np.zeros(n, np.uint32), np.zeros(n, np.uint8)
    if not cuts:
        return [pa.array(count), pa.array(mask), pa.nulls(n, SPANS)]
    row = np.concatenate([c.row for c in cuts])
    np.add.at(count, row, np.concatenate([c.lines for c in cuts]).astype(np.uint32))
    np.bitwise_or.at(mask, row, (1 << np.concatenate([c.reason for c in cuts]) - 1).astype(np.uint8))
    spans = pa.concat_arrays([c.spans for c in cuts]).take(pa.array(np.argsort(row, kind="stable")))
    ends = np.r_[0, np.cumsum(np.bincount(row, minlength=n))].astype(np.int32)
    return [
        pa.array(count),
        pa.array(mask),
        pa.ListArray.from_arrays(pa.array(ends), spans, SPANS, mask=pa.array(mask == 0)),
    ]
