"""decontam: records that hold evaluation items.

    decontam@1: {against: [eval/gsm8k_test.jsonl]}                    records with an item of GSM8K in them go
    decontam@1: {against: [evals/], action: trim}                     what they have of it goes
    decontam@1: {against: [he.jsonl], fields: {question: prompt, answer: canonical_solution}, fuzzy: true}

An item is in a record where one run of words holds most of its words, or most of its n-grams are there. The longest match
decides, n is 8 and n-grams count that stand there once, as those separate clean from dirty best (Singh et al. 2024, arXiv
2411.03923); below 13 words (Brown et al. 2020, appendix C) an item is too short to tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.curate.decontam.contamination import contamination
from tamis.curate.decontam.evidence import evidence_of
from tamis.curate.decontam.index import FIELDS, Index, Wanted, index_of
from tamis.curate.decontam.match import MATCH, Found, find_in, matches_of, urls_of
from tamis.curate.decontam.pieces import Pieces, cut, pieces_of, with_strings
from tamis.errors import UsageError
from tamis.kernels.ngrams_overlap import QUARTER
from tamis.schemas._field import field
from tamis.stage import Rule, Stage, decisions, first_broken

FUZZY_N = 5
GAP = 3


@dataclass(frozen=True)
class Decontam(Stage):
    """Find records that hold items of the evaluation sets `against`.

    against          files, folders or globs of items: JSON Lines or Parquet, of any kind of row
    fields           our name of a field (question, context, choices, answer_index, answer, url, id) -> its name there
    on               which texts of an item are looked for
    n                words of an n-gram
    fuzzy            a run goes on over edits of up to 3 words where 3 words agree behind, and n is 5 at most
    min_run          share of an item's words in one run from which on it is in the record, 0.25 to 1
    min_containment  share of its n-grams that are somewhere in the record, 0.25 to 1
    min_words        an item of fewer is looked for whole; it counts where its answer follows and both have so many
    max_items        an n-gram at more places among the items is generic: neither it nor its words count
    urls             the page an item was found on counts, too
    action           `drop` the record; `trim` what it has of the item; `flag` it for review
    """

    against: tuple[str, ...] = ()
    fields: dict[str, str | None] | None = None
    on: tuple[str, ...] = FIELDS
    n: int = 8
    fuzzy: bool = False
    min_run: float = 0.8
    min_containment: float = 0.8
    min_words: int = 13
    max_items: int = 30
    urls: bool = True
    action: Literal["drop", "trim", "flag"] = "drop"

    name: ClassVar[str] = "decontam"
    scores: ClassVar[pa.Schema] = pa.schema(
        [
            field("run", pa.uint32(), "Words that count in the run that holds most of an item."),
            field("run_of", pa.uint32(), "Words of that item that count."),
            field("found", pa.uint32(), "n-grams of the item that has the largest share of them in the record."),
            field("found_of", pa.uint32(), "n-grams of that item that count."),
            field(
                "whole",
                pa.uint32(),
                "Words of the longest short item that is there whole, with an answer that follows.",
            ),
            field("url_item", pa.uint32(), "The first item that was found on the same page."),
            field("page", pa.string(), "What it is called, `set:item`."),
            field("same_url", pa.uint8(), "1 where there is one."),
            field("left", pa.uint8(), "0 where nothing was left of a text that was trimmed."),
            field("matches", pa.list_(MATCH), "All items of which at least a quarter is there."),
        ]
    )
    measured_by: ClassVar[frozenset[str]] = frozenset(
        ("against", "fields", "on", "n", "fuzzy", "min_words", "max_items", "urls", "action")
    )
    leaves: ClassVar[tuple[str, ...]] = ("contamination.parquet",)

    def __post_init__(self) -> None:
        for name in ("against", "on"):
            given = getattr(self, name)
            object.__setattr__(self, name, (str(given),) if isinstance(given, str) else tuple(map(str, given)))
        if not self.on or not {*self.on} <= {*FIELDS}:
            raise UsageError(f"decontam: on is {self.on!r}; name {' or '.join(FIELDS)}, or both")
        for name in ("min_run", "min_containment"):
            if not 1 / QUARTER <= getattr(self, name) <= 1:
                raise UsageError(
                    f"decontam: {name} is {getattr(self, name)!r}; it is a share of an item from {1 / QUARTER} to 1: "
                    "less than that, chance does"
                )
        for name, low, high in (("n", 2, 63), ("min_words", 1, 1000), ("max_items", 1, 1_000_000)):
            if not low <= getattr(self, name) <= high:
                raise UsageError(f"decontam: {name} is {getattr(self, name)!r}; it must be from {low:,} to {high:,}")
        if self.action not in ("drop", "trim", "flag"):
            raise UsageError(f"decontam: action is {self.action!r}; it can be 'drop', 'trim' or 'flag'")

    @property
    def edits(self) -> bool:  # type: ignore[override]
        """Only `trim` does."""
        return self.action == "trim"

    @property
    def files(self) -> tuple[str, ...]:
        """The evaluation sets. Raises UsageError where none is named."""
        if not self.against:
            raise UsageError("decontam: against names no evaluation set; give files, folders or globs of items")
        return self.against

    @property
    def rules(self) -> tuple[Rule, ...]:
        """In the order in which they are asked: a page has nothing to be trimmed."""
        act = {"drop": "drop", "trim": "edit", "flag": "review"}[self.action]
        page = "review" if self.action == "flag" else "drop"
        listed = (
            Rule("url", page, "same_url", "<", 1, says="An item was found on the same page"),  # type: ignore[arg-type]
            Rule("min_run", act, "run", "<", self.min_run, "run_of", "Share of an item's words in one run"),  # type: ignore[arg-type]
            Rule(
                *("min_containment", act, "found", "<", self.min_containment, "found_of"),  # type: ignore[arg-type]
                "Share of an item's n-grams that are somewhere in the record",
            ),
            Rule(
                *("short_with_answer", act, "whole", "<", self.min_words),  # type: ignore[arg-type]
                says="Words of a short item and of its answer, which follows",
            ),
            Rule("short_generic", "review", "whole", "<", 1, says="A short item is there whole, without its answer"),
        )
        emptied = (Rule("emptied", "drop", says="nothing is left of it"),)
        return listed + (emptied if self.action == "trim" else ())

    @property
    def stands_on(self) -> dict[str, str]:
        """Nothing but its files, whose digests belong to the recipe: read here, so that a damaged one moves no row."""
        self.index  # noqa: B018  raises what reading them does
        return {}

    @property
    def index(self) -> Index:
        """What it looks for, read once. Raises InputError where the evaluation sets are not as `fields` says."""
        if "_index" not in self.__dict__:
            wanted = Wanted(
                *(self.files, tuple(sorted((self.fields or {}).items())), self.on),
                *(self.size, self.min_words, self.max_items),
            )
            object.__setattr__(self, "_index", index_of(wanted, self.base))
        found: Index = self.__dict__["_index"]
        return found

    def __getstate__(self) -> dict[str, Any]:
        """Without the index, which each process makes for itself."""
        return {name: value for name, value in self.__dict__.items() if name != "_index"}

    @property
    def size(self) -> int:
        """Words of an n-gram, as it is used."""
        return min(self.n, FUZZY_N) if self.fuzzy else self.n

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """All matches of every row and, where it trims, its texts without them."""
        index, pieces = self.index, pieces_of(batch)
        found = find_in(pieces, index, self.size, GAP * self.fuzzy)
        matches = matches_of(found, pieces, index)
        pages = urls_of(batch, index) if self.urls else pa.nulls(batch.num_rows, pa.uint32())
        columns = _scores(found.columns["row"], matches, pages, index.names, batch.num_rows)
        if not self.edits:
            return pa.record_batch(columns, schema=self.scores)
        strings = self._trimmed(pieces, found, matches)
        edited = with_strings(batch, pieces, strings) if strings is not pieces.strings else {}
        columns[self.scores.get_field_index("left")] = _left(pieces, strings)
        return pa.record_batch([*edited.values(), *columns], [*edited, *self.scores.names])

    def decide(self, scores: pa.RecordBatch) -> pa.RecordBatch:
        """The first rule that each record breaks, by the match that breaks it furthest, and where that is."""
        rules = [rule for rule in self.rules if rule.column]
        broken = first_broken(rules, scores)
        spans, evidence = evidence_of(broken, scores) if broken.num_rows else (None, None)
        rows, rule = broken.column("row").to_numpy(), broken.column("rule")
        found = decisions(rows, rule, broken.column("value").to_numpy(zero_copy_only=False), spans, evidence)
        if not self.edits:
            return found
        blank = pc.equal(scores.column("left"), 0).fill_null(False).to_numpy(zero_copy_only=False)
        names = (
            np.array(rule.dictionary.to_pylist(), object)[rule.indices.to_numpy()] if len(rows) else np.empty(0, object)
        )
        edited = rows[np.isin(names, ["min_run", "min_containment", "short_with_answer"])]
        gone = edited[blank[edited]]
        both = pa.Table.from_batches([found, decisions(gone, ["emptied"] * len(gone))]).unify_dictionaries()
        return both.combine_chunks().to_batches()[0] if len(gone) else found

    def leave(self, name: str, scores: Iterator[pa.RecordBatch]) -> pa.Table:
        """contamination.parquet: what was found of every item."""
        return contamination(scores, self.index, self.breaking)

    def tell(self, scores: Iterator[pa.RecordBatch]) -> dict[str, Any]:
        """Rows of the evaluation sets that could not be read as items, where there are any."""
        items = self.index.items
        unread = sum(items.refused.values())
        return {"items_unread": unread, "items_unread_first": list(items.unread)} if unread else {}

    def breaking(self, matches: pa.StructArray) -> np.ndarray:
        """(m,) int8: position in `rules` of the first that each match breaks by itself; -1: none."""
        at = {n: matches.field(n).to_numpy() for n in ("run", "words", "found", "ngrams", "whole")}
        with np.errstate(invalid="ignore", divide="ignore"):
            run, found = at["run"] / at["words"], at["found"] / at["ngrams"]
        cases = [run >= self.min_run, found >= self.min_containment, at["whole"] >= self.min_words, at["whole"] >= 1]
        return np.select(cases, [1, 2, 3, 4], -1).astype(np.int8)

    def _trimmed(self, pieces: Pieces, found: Found, matches: pa.StructArray) -> pa.StringArray:
        """The strings without what they have of items, until nothing is found any more."""
        strings, index = pieces.strings, self.index
        for _ in range(8):
            breaks = self.breaking(matches)
            hit = np.flatnonzero((breaks >= 1) & (breaks <= 3))
            if not len(hit):
                break
            first, after = found.columns["segment"][hit], found.columns["segment_stop"][hit]
            places = [tuple(p) for a, b in zip(first, after, strict=True) for p in found.segments[a:b].tolist()]
            strings = cut(strings, places)
            pieces = pieces._replace(strings=strings)
            found = find_in(pieces, index, self.size, GAP * self.fuzzy)
            matches = matches_of(found, pieces, index)
        return strings


def _scores(
    row: np.ndarray, matches: pa.StructArray, pages: pa.UInt32Array, names: pa.StringArray, n: int
) -> list[pa.Array]:
    """The columns of `Decontam.scores`: row (m,) is the row of each match."""
    ends = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=n))]).astype(np.int32)
    at = {name: matches.field(name).to_numpy() for name in ("run", "words", "found", "ngrams", "whole")}
    columns = [*_largest(row, at["run"], at["words"], n), *_largest(row, at["found"], at["ngrams"], n)]
    whole, none = np.zeros(n, np.uint32), at["whole"].size == 0
    np.maximum.at(whole, row, at["whole"])
    columns.append(pa.array(whole, mask=whole == 0))
    same = pc.if_else(pc.is_valid(pages), pa.scalar(1, pa.uint8()), None)
    empty = pa.array(np.diff(ends) == 0)
    lists = pa.nulls(n, pa.list_(MATCH)) if none else pa.ListArray.from_arrays(pa.array(ends), matches, mask=empty)
    return [*columns, pages, names.take(pages), same, pa.nulls(n, pa.uint8()), lists.cast(pa.list_(MATCH))]


def _largest(row: np.ndarray, top: np.ndarray, bottom: np.ndarray, n: int) -> tuple[pa.Array, pa.Array]:
    """Of the matches of each row the largest `top / bottom`, as both numbers; the first of several, null where none."""
    some = np.flatnonzero(bottom)
    order = some[np.lexsort((-(top[some] / bottom[some]), row[some]))]
    first = order[np.concatenate([[True], np.diff(row[order]) > 0])] if len(order) else order
    out, mask = np.zeros((2, n), np.uint32), np.ones(n, np.bool_)
    out[0, row[first]], out[1, row[first]], mask[row[first]] = top[first], bottom[first], False
    return pa.array(out[0], mask=mask), pa.array(out[1], mask=mask)


def _left(pieces: Pieces, strings: pa.StringArray) -> pa.UInt8Array:
    """0 where only white space is left of a row, else 1."""
    filled = pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(strings)), 0).to_numpy(zero_copy_only=False)
    count = np.concatenate([[0], np.cumsum(filled)])
    return pa.array((count[pieces.rows[1:]] > count[pieces.rows[:-1]]).astype(np.uint8))
