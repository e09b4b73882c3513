"""Which keys more than so many records have, and which records have those.

A table of keys has `key` (uint64) and `row` (uint32, place in the fragment), each pair once, sorted by both. Keys are evenly
spread hashes, so that equal ranges of them are equally much work; a key that all records have is counted a fragment at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from tamis.desk import KeyRange

KEYS = pa.schema([("key", pa.uint64()), ("row", pa.uint32())])
SHARED = pa.schema([("key", pa.uint64()), ("records", pa.uint32()), ("first", pa.uint64())])
"""By key, ascending: how many records have it, and the ordinal of the first."""
MARKED = pa.schema([("row", pa.uint32()), ("key", pa.uint64()), ("records", pa.uint32())])
"""Keys that are shared, by the rows of a fragment that have them, sorted by both."""

ENTRY_BYTES = 48
"""Memory that counting takes for each pair of key and row."""


def table_of_keys(key: np.ndarray, row: np.ndarray) -> pa.Table:
    """The table of the pairs `key` (n,) uint64 and `row` (n,) uint32, in which rows ascend and a pair may come twice."""
    order = np.argsort(key, kind="stable")
    key, row = key[order], row[order]
    again = np.zeros(len(key), np.bool_)
    again[1:] = (key[1:] == key[:-1]) & (row[1:] == row[:-1])
    if again.any():
        key, row = key[~again], row[~again]
    return pa.table([key, row], schema=KEYS)


def shared(fragments: Iterable[tuple[pa.Table, np.ndarray | None, int]], keys: KeyRange, max_count: int) -> pa.Table:
    """Keys in the range that more than `max_count` records have: a table of SHARED.

    fragments: of each its table of keys, which of its records are in (n,) bool (None: all), and the ordinal of its first.
    """
    parts = [_counted(KEYS.empty_table(), None, 0)]
    parts += [_counted(_within(table, keys), alive, base) for table, alive, base in fragments]
    key, records, first = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(key, kind="stable")
    key, records, first = key[order], records[order], first[order]
    starts = _starts(key)
    total = np.add.reduceat(records, starts) if len(starts) else records
    often = total > max_count
    starts = starts[often]
    columns = [key[starts], total[often].astype(np.uint32), first[starts]]
    return pa.table(columns, schema=SHARED)


def marked(
    tables: Sequence[pa.Table], alive: np.ndarray | None, base: int, shared: Iterable[pa.Table], keep_first: bool
) -> pa.Table:
    """Of the keys of a fragment those that are shared, row by row: a table of MARKED.

    tables  tables of keys of the fragment, each of later rows than the one before
    alive   (n,) bool: which of its records are in (None: all); base: the ordinal of its first
    shared  tables of SHARED, each of higher keys than the one before
    keep_first: the first of the records that have a key is left out.
    """
    found: list[list[tuple[np.ndarray, ...]]] = [[] for _ in tables]
    for part in shared:
        for held, table in zip(found, tables, strict=True):
            if part.num_rows:
                held.append(_held(table, alive, base, part, keep_first))
    parts = [MARKED.empty_table()]
    for held in filter(None, found):
        row, key, records = (np.concatenate(column) for column in zip(*held, strict=True))
        order = np.argsort(row, kind="stable")
        parts.append(pa.table([row[order], key[order], records[order]], schema=MARKED))
    return pa.concat_tables(parts).combine_chunks()


def marks_of(table: pa.Table, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the marks of the rows of a fragment (n,) begin and end in its table of MARKED: two of (n,) int64."""
    row = table.column("row").to_numpy()
    wanted = rows.astype(np.uint32)
    return np.searchsorted(row, wanted, "left"), np.searchsorted(row, wanted, "right")


def _within(table: pa.Table, keys: KeyRange) -> pa.Table:
    key = table.column("key").to_numpy()
    low = np.searchsorted(key, np.uint64(keys.low), "left")
    return table.slice(low, np.searchsorted(key, np.uint64(keys.high), "right") - low)


def _counted(table: pa.Table, alive: np.ndarray | None, base: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of a table of keys: each key, how many records have it, the ordinal of the first."""
    key, row = _in(table, alive)
    starts = _starts(key)
    return key[starts], np.diff(starts, append=len(key)), row[starts].astype(np.uint64) + np.uint64(base)


def _held(
    table: pa.Table, alive: np.ndarray | None, base: int, part: pa.Table, keep_first: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, key and number of records of the keys in `table` that are in `part`, which is not empty."""
    often, records, first = (part.column(name).to_numpy() for name in SHARED.names)
    key, row = _in(_within(table, KeyRange(int(often[0]), int(often[-1]))), alive)
    place = np.searchsorted(often, key)
    is_shared = often[place] == key
    if keep_first:
        is_shared &= row.astype(np.uint64) + np.uint64(base) != first[place]
    place = place[is_shared]
    return row[is_shared], often[place], records[place]


def _in(table: pa.Table, alive: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    key, row = table.column("key").to_numpy(), table.column("row").to_numpy()
    if alive is None:
        return key, row
    still = alive[row]
    return key[still], row[still]


def _starts(key: np.ndarray) -> np.ndarray:
    """Where each run of equal numbers begins."""
    begins = np.ones(len(key), np.bool_)
    begins[1:] = key[1:] != key[:-1]
    return np.flatnonzero(begins)
