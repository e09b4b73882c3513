"""The words that set a topic apart: p · log(p / q), where a share p of its records has the word, and q of those of all.

A word that every topic has scores 0, whatever the language: there is no list of stop words.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.kernels.hash import bytes_of
from tamis.kernels.words import words

COUNTED = pa.schema([("topic", pa.int64()), ("hash", pa.uint64()), ("word", pa.string()), ("records", pa.int64())])
"""How many records of a topic have a word, known by its hash and spelt as it first stood there."""

FEWEST = 2
"""Records of a topic that have a term, at least."""


def counted(texts: pa.StringArray, topic: np.ndarray) -> pa.Table:
    """COUNTED rows of texts and their topics (n,) int64; one for each topic and word."""
    found = words(texts)
    row = np.repeat(np.arange(len(texts)), np.diff(found.rows))
    # A word counts once for a record.
    once = _first(row.astype(np.uint64), found.hashes)
    of, hashes, starts, stops = topic[row[once]], found.hashes[once], found.starts[once], found.stops[once]
    order = np.lexsort((starts, hashes, of))
    of, hashes = of[order], hashes[order]
    new = np.ones(len(of), np.bool_)
    new[1:] = (of[1:] != of[:-1]) | (hashes[1:] != hashes[:-1])
    at = np.flatnonzero(new)
    spelt = _spelt(texts, starts[order[at]], stops[order[at]])
    counts = np.diff(at, append=len(of))
    return pa.table([of[at], hashes[at], spelt, counts], schema=COUNTED)


def _first(row: np.ndarray, hashes: np.ndarray) -> np.ndarray:
    """Places of the first of each pair."""
    order = np.lexsort((np.arange(len(row)), hashes, row))
    new = np.ones(len(order), np.bool_)
    new[1:] = (row[order[1:]] != row[order[:-1]]) | (hashes[order[1:]] != hashes[order[:-1]])
    return np.sort(order[new])


def _spelt(texts: pa.StringArray, starts: np.ndarray, stops: np.ndarray) -> pa.StringArray:
    """The bytes between, as strings in lower case."""
    data = bytes_of(texts).data
    size = stops - starts
    ends = np.concatenate([[0], np.cumsum(size)]).astype(np.int32)
    place = np.repeat(starts - ends[:-1], size) + np.arange(ends[-1])
    strings = pa.StringArray.from_buffers(len(starts), pa.py_buffer(ends), pa.py_buffer(data[place].tobytes()))
    return pc.utf8_lower(strings)


def named(table: pa.Table, read: np.ndarray, terms: int) -> list[list[str]]:
    """Up to `terms` words for each topic, the most telling first. table: COUNTED rows; read (k,): records of each topic."""
    topic, hashes, records = (table.column(n).to_numpy() for n in ("topic", "hash", "records"))
    order = np.lexsort((hashes, topic))
    topic, hashes, records = topic[order], hashes[order], records[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (topic[1:] != topic[:-1]) | (hashes[1:] != hashes[:-1])
    at = np.flatnonzero(new)
    if not len(at):
        return [[] for _ in read]
    have = np.add.reduceat(records, at)
    topic, hashes, words = topic[at], hashes[at], table.column("word").take(pa.array(order[at]))
    _, place = np.unique(hashes, return_inverse=True)
    share = have / read[topic]
    of_all = np.bincount(place, have)[place] / read.sum()
    score = share * np.log(share / of_all)
    telling = (have >= FEWEST) & (score > 0) & (pc.utf8_length(words).to_numpy() > 1)
    found: list[list[str]] = []
    for k in range(len(read)):
        own = np.flatnonzero(telling & (topic == k))
        best = own[np.lexsort((hashes[own], -score[own]))][:terms]
        found.append(words.take(pa.array(best)).to_pylist())
    return found
