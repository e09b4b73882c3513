"""contamination.parquet: one row for every evaluation item, clean, dirty or too short, with the best evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.curate.decontam.index import FIELDS, Index
from tamis.curate.decontam.match import MATCH
from tamis.curate.decontam.pieces import SPANS
from tamis.schemas._field import field
from tamis.schemas.rows import RECORD_ID

RULES = ("url", "min_run", "min_containment", "short_with_answer", "short_generic")

CONTAMINATION = pa.schema(
    [
        field("eval", pa.string(), "Evaluation set.", False),
        field("id", pa.string(), "The item's own id, else @ and its line or row in the file.", False),
        field("status", pa.string(), "dirty: it is in a record; too_short: nobody can tell; else clean.", False),
        field("rule", pa.string(), "What it is dirty by; short_generic: it is there, but may be so by chance."),
        field("records", pa.uint32(), "Records that hold it by the rules.", False),
        field("record_id", RECORD_ID, "The record with most of it, where that is at least a quarter."),
        field("kept", pa.bool_(), "Whether that record was kept in the end."),
        field("field", pa.string(), "Which text of the item it is: question or context."),
        field("words", pa.uint32(), "Words of that text."),
        field("longest", pa.uint32(), "Words of the longest run that both have."),
        field("run", pa.float32(), "Share of the words that count in one run."),
        field("containment", pa.float32(), "Share of the n-grams that count that are in the record."),
        field("jaccard", pa.float32(), "Distinct n-grams of both by those of either."),
        field("answer", pa.bool_(), "Whether the answer stands close by; null: none is known."),
        field("item_start", pa.int32(), "Where the run begins in the item, in code points of its field."),
        field("item_end", pa.int32(), "Where it ends."),
        field("spans", SPANS, "Where it is in the record."),
    ]
)


def contamination(
    scores: Iterable[pa.RecordBatch], index: Index, breaking: Callable[[pa.StructArray], np.ndarray]
) -> pa.Table:
    """CONTAMINATION rows, in the order of the items.

    scores    `record_id`, `kept` and the scores of `Decontam` of all records, in order
    breaking  says for matches by which of RULES each makes its record go, -1: by none
    """
    best = _Best(len(index.first), index)
    for batch in scores:
        best.see(batch, breaking)
    return best.table()


class _Best:
    """The best match of every text so far."""

    def __init__(self, texts: int, index: Index) -> None:
        self.index, n = index, index.items.table.num_rows
        self.rank, self.at = np.full(texts, -1.0), np.full(texts, -1, np.int64)
        self.rule, self.records = np.full(texts, -1, np.int8), np.zeros(texts, np.int64)
        self.kept: list[pa.Table] = []
        self.held = 0
        self.page, self.pages = np.full(n, -1, np.int64), np.zeros(n, np.int64)

    def see(self, batch: pa.RecordBatch, breaking: Callable[[pa.StructArray], np.ndarray]) -> None:
        """Take the matches of more records into account."""
        matches = batch.column("matches").flatten()
        pages = np.flatnonzero(pc.is_valid(batch.column("url_item")).to_numpy(zero_copy_only=False))
        if not len(matches) and not len(pages):
            return
        row = np.repeat(np.arange(batch.num_rows), batch.column("matches").value_lengths().fill_null(0).to_numpy())
        text = matches.field("text").to_numpy().astype(np.int64)
        rule, rank = breaking(matches), _rank(matches)
        dirty = (rule >= 1) & (rule <= 3)
        rank += 10.0 * dirty
        np.add.at(self.records, text[dirty], 1)
        order = np.lexsort((np.arange(len(text)), -rank, text))
        order = order[np.concatenate([[True], np.diff(text[order]) > 0])] if len(order) else order
        order = np.sort(order[rank[order] > self.rank[text[order]]])
        t = text[order]
        self.rank[t], self.rule[t], self.at[t] = rank[order], rule[order], self.held + np.arange(len(t))
        self._keep(batch, row[order], matches.take(pa.array(order)))
        self._see_pages(batch, pages)

    def _keep(self, batch: pa.RecordBatch, row: np.ndarray, matches: pa.StructArray) -> None:
        records = batch.select(["record_id", "kept"]).take(pa.array(row))
        self.kept.append(pa.table([*records.columns, matches], names=["record_id", "kept", "match"]))
        self.held += len(row)

    def _see_pages(self, batch: pa.RecordBatch, row: np.ndarray) -> None:
        item = batch.column("url_item").take(pa.array(row)).to_numpy()
        np.add.at(self.pages, item, 1)
        item, first = np.unique(item, return_index=True)
        new = self.page[item] < 0
        self.page[item[new]] = self.held + np.arange(np.count_nonzero(new))
        self._keep(batch, row[first[new]], pa.nulls(int(np.count_nonzero(new)), MATCH))

    def table(self) -> pa.Table:
        """CONTAMINATION rows."""
        index, items = self.index, self.index.items.table
        n = items.num_rows
        text = np.repeat(np.arange(len(index.first)), np.diff(index.held))
        # Of the texts of an item the one with the best match; of several the first, which is the question.
        order = np.lexsort((text, index.of_field[text], -self.rank[text], index.holders))
        holders = index.holders[order]
        first = order[np.concatenate([[True], np.diff(holders) > 0])] if len(order) else order
        best = np.full(n, -1, np.int64)
        best[index.holders[first]] = text[first]
        page, pages = self._pages()
        at, rule = np.where(best >= 0, self.at[best], -1), np.where(best >= 0, self.rule[best], -1)
        records = np.zeros(n, np.int64)
        np.maximum.at(records, index.holders, self.records[text])
        by_page = (page >= 0) & ~((rule >= 1) & (rule <= 3))
        at, rule, records = np.where(by_page, page, at), np.where(by_page, 0, rule), np.maximum(records, pages)
        able = np.zeros(n, np.bool_)
        able[index.holders[~index.is_short[text]]] = True
        status = np.where((rule >= 0) & (rule <= 3), 0, np.where(able, 1, 2))
        return self._columns(at, rule, records, status)

    def _pages(self) -> tuple[np.ndarray, np.ndarray]:
        """Of every item the first record found on its page, and how many were: items of one page have the same."""
        urls = self.index.items.table.column("url").combine_chunks()
        if not len(self.index.urls):
            return self.page, self.pages
        from tamis.kernels.hash import xxh64
        from tamis.kernels.url import normalised

        hashes = xxh64(normalised(urls))
        where = np.minimum(np.searchsorted(self.index.urls, hashes), len(self.index.urls) - 1)
        is_one = self.index.urls[where] == hashes
        first = self.index.of_url[where]
        return np.where(is_one, self.page[first], -1), np.where(is_one, self.pages[first], 0)

    def _columns(self, at: np.ndarray, rule: np.ndarray, records: np.ndarray, status: np.ndarray) -> pa.Table:
        items = self.index.items.table
        none = pa.table(
            {"record_id": pa.nulls(0, RECORD_ID), "kept": pa.nulls(0, pa.bool_()), "match": pa.nulls(0, MATCH)}
        )
        kept = pa.concat_tables([none, *self.kept]).combine_chunks().take(pa.array(at, mask=at < 0)).combine_chunks()
        match = kept.column("match").combine_chunks() if kept.num_rows else pa.nulls(0, MATCH)
        part = {f.name: pc.struct_field(match, f.name) for f in MATCH}
        columns = [
            items.column("eval"),
            items.column("id"),
            pa.array(["dirty", "clean", "too_short"]).take(pa.array(status)),
            pa.array(RULES).take(pa.array(rule.astype(np.int64), mask=rule < 0)),
            pa.array(records, pa.uint32()),
            kept.column("record_id"),
            kept.column("kept"),
            pa.array(FIELDS).take(part["of"]),
            part["size"],
            part["longest"],
            _share(part["run"], part["words"]),
            _share(part["found"], part["ngrams"]),
            part["jaccard"],
            part["answer"],
            part["item_start"],
            part["item_end"],
            part["spans"],
        ]
        return pa.table(columns, schema=CONTAMINATION)


def _rank(matches: pa.StructArray) -> np.ndarray:
    """(m,) float64: how much of an item each match has: up to 1, and by as little as a hair the longer run first."""
    at = {n: matches.field(n).to_numpy().astype(np.float64) for n in ("run", "words", "found", "ngrams", "whole")}
    share = np.maximum(at["run"] / np.maximum(at["words"], 1), at["found"] / np.maximum(at["ngrams"], 1))
    rank: np.ndarray = np.where(at["whole"] > 0, at["whole"] / 1e4, share)
    return rank


def _share(top: pa.Array, bottom: pa.Array) -> pa.Array:
    """top / bottom, null where bottom is 0."""
    divisor = pc.if_else(pc.greater(bottom, 0), bottom, None).cast(pa.float32())
    return pc.divide(top.cast(pa.float32()), divisor)
