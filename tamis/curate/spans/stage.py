"""spans: passages that many records share, cut out or counted against a record.

    spans@1: {}                                      lines that more than 6 records have, all but the first of them
    spans@1: {unit: window, words: 50, max_count: 1} runs of 50 words and more that two records share
    spans@1: {unit: paragraph, action: drop}         records most of which is paragraphs that others have, too

Counted are records, not times: a line that one record repeats is the business of quality.repetition. The count is exact,
and so is what is cut, whatever the number of workers and however the input is cut into files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.curate.spans.cuts import SCORES, Strings, scores, strings_of, trimmed
from tamis.curate.spans.shared import ENTRY_BYTES, marked, marks_of, shared, table_of_keys
from tamis.desk import KeyRange, key_ranges
from tamis.errors import UsageError
from tamis.kernels.spans_blocks import block_keys, find_blocks
from tamis.kernels.spans_windows import find_windows, run_keys, window_keys
from tamis.stage import Corpus, Rule, by_rule, decisions, ratio

if TYPE_CHECKING:
    from tamis.desk import Desk, Tables


class Part(NamedTuple):
    """A range of keys to count, and the fragments with sketches of records that have been let go since."""

    keys: KeyRange
    with_gone: tuple[int, ...]


@dataclass(frozen=True)
class Spans(Corpus):
    """Find lines, paragraphs or windows of words that more than `max_count` records have.

    unit        `line` and `paragraph` are compared without regard to case and runs of white space; `window` is every run
                of `words` words, whatever stands between them. None reaches from one message or field into the next
    max_count   records that may have it: Llama 3 took out lines that more than 6 had (arXiv 2407.21783, 3.1.1)
    keep_first  the first record in the input that has it keeps it
    action      `trim` cuts it out; `drop` lets records go of which it is more than `max_share`
    max_share   of the characters that are no white space, 0 to 1
    min_chars   code points that a line or paragraph has at least: a bracket or "Read more" is no boilerplate
    words       of a window: 50, as in Lee et al. 2022 (arXiv 2107.06499), who count tokens
    """

    unit: Literal["line", "paragraph", "window"] = "line"
    max_count: int = 6
    keep_first: bool = True
    action: Literal["trim", "drop"] = "trim"
    max_share: float = 0.5
    min_chars: int = 20
    words: int = 50

    name: ClassVar[str] = "spans"
    scores: ClassVar[pa.Schema] = SCORES
    sketches: ClassVar[pa.Schema] = pa.schema([pa.field("keys", pa.list_(pa.uint64()))])
    """Of lines and paragraphs their hashes; of windows those of the runs that stand for them."""
    measured_by: ClassVar[frozenset[str]] = frozenset(
        ("unit", "max_count", "keep_first", "action", "min_chars", "words")
    )
    stored: ClassVar[bool] = False
    revisits: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.unit not in ("line", "paragraph", "window") or self.action not in ("trim", "drop"):
            raise UsageError(
                f"spans: unit is {self.unit!r} and action {self.action!r}; "
                "a unit is 'line', 'paragraph' or 'window', an action 'trim' or 'drop'"
            )
        bounds = {"max_count": (1, 2**31), "min_chars": (0, 2**20), "words": (1, 2**16), "max_share": (0, 1)}
        for name, (low, high) in bounds.items():
            if not low <= getattr(self, name) <= high:
                raise UsageError(f"spans: {name} is {getattr(self, name)!r}; it must be from {low:,} to {high:,}")

    @property
    def edits(self) -> bool:  # type: ignore[override]
        """Only `trim` does."""
        return self.action == "trim"

    @property
    def rules(self) -> tuple[Rule, ...]:
        """`trim`: an edit, and what it leaves blank goes. `drop`: a share."""
        if self.action == "drop":
            says = f"Share of its characters in passages that more than {self.max_count:,} records have"
            return (Rule("max_share", "drop", "cut_chars", "<=", self.max_share, "chars", says),)
        return (
            Rule("max_count", "edit", "repeated_in", "<=", self.max_count, says="Records that have the same passage"),
            Rule("emptied", "drop", says="nothing is left of it but white space"),
        )

    def sketch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The keys of every row."""
        found = [self._keys(texts) for texts in strings_of(batch).values()]
        keys = np.concatenate([keys for keys, _ in found])
        count = np.sum([np.diff(ends) for _, ends in found], axis=0)
        if len(found) > 1:
            row = np.concatenate([np.repeat(np.arange(batch.num_rows), np.diff(ends)) for _, ends in found])
            keys = keys[np.argsort(row, kind="stable")]
        ends = np.concatenate([[0], np.cumsum(count)]).astype(np.int32)
        lists = pa.ListArray.from_arrays(pa.array(ends), pa.array(keys), type=self.sketches.field("keys").type)
        return pa.record_batch([lists], schema=self.sketches)

    def index(self, sketched: pa.Table) -> Tables:
        """The keys of a fragment, sorted, each with its rows."""
        keys = sketched.column("keys").combine_chunks()
        counts = keys.value_lengths().to_numpy() if len(keys) else np.zeros(0, np.int32)
        row = np.repeat(sketched.column("row").to_numpy(), counts)
        return {"keys": table_of_keys(keys.flatten().to_numpy(), row)}

    def settle(self, desk: Desk) -> None:
        """Count the keys, tell every fragment which of its own are shared; for windows first runs, then the windows."""
        fragments = range(len(desk.bases) - 1)
        with_gone = tuple(f for f in fragments if _alive(desk, f) is not None)
        if self.unit == "window":
            entries = sum(desk.sketch(f, "keys").num_rows for f in fragments)
            desk.run("shared_runs", [Part(keys, with_gone) for keys in key_ranges(entries, ENTRY_BYTES, desk.share)])
            desk.run("windows", fragments)
            # The windows are of records that are still in.
            with_gone = ()
        entries = sum(table.num_rows for f in fragments for table in self._tables(desk, f))
        desk.run("shared", [Part(keys, with_gone) for keys in key_ranges(entries, ENTRY_BYTES, desk.share)])
        desk.run("marked", fragments)

    def shared_runs(self, desk: Desk, number: int, part: Part) -> Tables:
        """Runs in a range of keys that more than `max_count` records have chosen."""
        return {"shared_runs": self._shared(desk, part, lambda f: [desk.sketch(f, "keys")])}

    def windows(self, desk: Desk, number: int, fragment: int) -> Tables:
        """The windows around those runs in a fragment, as tables of keys of ever later rows; no other row is read again."""
        often = (desk.table("shared_runs", k) for k in range(desk.count("shared_runs")))
        marks = marked([desk.sketch(fragment, "keys")], _alive(desk, fragment), 0, often, keep_first=False)
        rows = np.unique(marks.column("row").to_numpy())
        tables = [table_of_keys(np.zeros(0, np.uint64), np.zeros(0, np.uint32))]
        for batch, places in desk.rows(fragment, rows.astype(np.int64)):
            tables.append(self._windows(batch, places, marks))
        parts = {f"windows{k}": table for k, table in enumerate(tables)}
        return {"windows": pa.table({"parts": pa.array([len(parts)], pa.int64())}), **parts}

    def shared(self, desk: Desk, number: int, part: Part) -> Tables:
        """Keys in a range that more than `max_count` records have."""
        return {"shared": self._shared(desk, part, lambda f: self._tables(desk, f))}

    def marked(self, desk: Desk, number: int, fragment: int) -> Tables:
        """What is to be cut from the rows of a fragment."""
        often = (desk.table("shared", k) for k in range(desk.count("shared")))
        own, base = self._tables(desk, fragment), int(desk.bases[fragment])
        return {"marked": marked(own, _alive(desk, fragment), base, often, self.keep_first)}

    def revisit(self, batch: pa.RecordBatch, ordinal: np.ndarray, desk: Desk) -> pa.RecordBatch:
        """The scores of every row and, where it trims, its texts without what is shared."""
        texts = strings_of(batch)
        marks, counts, begin, stop = _marks(ordinal, desk)
        found = {
            name: self._find(each, marks, counts, np.stack([begin, stop], axis=1))
            for name, each in texts.items()
            if (stop > begin).any()
        }
        columns = dict(zip(SCORES.names, scores(texts, found, self.unit), strict=True))
        if self.edits:
            edited = {n: trimmed(batch.column(n), texts[n], here) for n, here in found.items() if len(here)}
            columns = edited | columns
        return pa.record_batch(columns)

    def facts(self, desk: Desk) -> dict[str, Any]:
        """How many different passages more than `max_count` records have, and how many records have the most frequent."""
        found = [desk.table("shared", k).column("records").to_numpy() for k in range(desk.count("shared"))]
        return {
            "passages": sum(map(len, found)),
            "most_records": max((int(r.max()) for r in found if len(r)), default=0),
        }

    def decide(self, scores: pa.RecordBatch) -> pa.RecordBatch:
        """A record that is edited, or goes, with its spans."""
        first = self.rules[0]
        value = ratio(first, scores)
        rows = np.flatnonzero(value > (first.threshold or 0)).astype(np.uint32)
        spans = scores.column("cut_spans").take(pa.array(rows))
        found = decisions(rows, by_rule(first.id, len(rows)), value[rows], spans)
        if self.action == "drop":
            return found
        cut, chars = (
            scores.column(n).fill_null(0).to_numpy(zero_copy_only=False)[rows] for n in ("cut_chars", "chars")
        )
        blank = rows[cut == chars]
        both = pa.Table.from_batches([found, decisions(blank, by_rule("emptied", len(blank)))]).unify_dictionaries()
        return both.combine_chunks().to_batches()[0] if len(blank) else found

    def _keys(self, texts: Strings) -> tuple[np.ndarray, np.ndarray]:
        if self.unit == "window":
            return run_keys(texts.strings, texts.rows, self.words)
        return block_keys(texts.strings, texts.rows, self.unit == "paragraph", self.min_chars)

    def _shared(self, desk: Desk, part: Part, tables: Callable[[int], list[pa.Table]]) -> pa.Table:
        fragments = (
            (table, _alive(desk, f) if f in part.with_gone else None, int(base))
            for f, base in enumerate(desk.bases[:-1])
            for table in tables(f)
        )
        return shared(fragments, part.keys, self.max_count)

    def _tables(self, desk: Desk, fragment: int) -> list[pa.Table]:
        """Keys of the passages of a fragment that are counted: tables of ever later rows."""
        if self.unit != "window":
            return [desk.sketch(fragment, "keys")]
        parts = desk.table("windows", fragment).column("parts")[0].as_py()
        return [desk.table("windows", fragment, f"windows{k}") for k in range(parts)]

    def _windows(self, batch: pa.RecordBatch, places: np.ndarray, marks: pa.Table) -> pa.Table:
        """Keys of the windows around marked runs in the rows `places` of a fragment."""
        begin, stop = marks_of(marks, places)
        at, key = np.append(begin, stop[-1:]), marks.column("key").to_numpy()
        texts = strings_of(batch).values()
        found = [window_keys(each.strings, each.rows, self.words, key, at) for each in texts]
        row = np.concatenate([np.repeat(places.astype(np.uint32), np.diff(ends)) for _, ends in found])
        keys = np.concatenate([keys for keys, _ in found])
        order = np.argsort(row, kind="stable") if len(found) > 1 else slice(None)
        return table_of_keys(keys[order], row[order])

    def _find(self, texts: Strings, marks: np.ndarray, counts: np.ndarray, at: np.ndarray) -> np.ndarray:
        at = np.repeat(at, np.diff(texts.rows), axis=0)
        if self.unit == "window":
            return find_windows(texts.strings, marks, counts, at, self.words)
        return find_blocks(texts.strings, marks, counts, at, self.unit == "paragraph", self.min_chars)


def _alive(desk: Desk, fragment: int) -> np.ndarray | None:
    """Which records of a fragment are still in: (n,) bool; None where all are that have a key."""
    alive = desk.alive(fragment)
    row = desk.sketch(fragment, "keys").column("row").to_numpy()
    return None if alive.all() or alive[row].all() else alive


def _marks(ordinal: np.ndarray, desk: Desk) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Marks and their counts, and where those of each of the records `ordinal` begin and end among them."""
    fragment = np.searchsorted(desk.bases, ordinal, "right") - 1
    begin, stop = np.zeros(len(ordinal), np.int64), np.zeros(len(ordinal), np.int64)
    keys, counts, base = [np.zeros(0, np.uint64)], [np.zeros(0, np.uint32)], 0
    for f in np.unique(fragment).tolist():
        here, table = fragment == f, desk.table("marked", f)
        low, high = marks_of(table, ordinal[here] - int(desk.bases[f]))
        least, most = (int(low.min()), int(high.max())) if len(low) else (0, 0)
        table = table.slice(least, most - least)
        begin[here], stop[here] = low - least + base, high - least + base
        keys.append(table.column("key").to_numpy())
        counts.append(table.column("records").to_numpy())
        base += most - least
    return np.concatenate(keys), np.concatenate(counts), begin, stop
