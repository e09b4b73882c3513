"""Phrases of a word list, counted in every text in one walk over its words: a trie of word hashes.

A phrase is a sequence of words of one line, whatever stands between them. At each word the longest phrase that begins
there counts, and the walk goes on behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tamis.kernels.hash import bytes_of
from tamis.kernels.jit import njit
from tamis.kernels.unicode import BREAK, WORD, look, table
from tamis.kernels.words import take_word, words

ROOT, ABSENT = 0, -1
GATE = 1 << 15
"""First words are looked up by 15 bits of their hash: of a thousand listed words, 3 % of the others pass by chance."""
GATE_SHIFT = 49


class Lexicon(NamedTuple):
    """A trie of phrases; its nodes in an open-addressing table.

    gate    (GATE,) bool    whether a phrase begins with a word of those bits
    hashes  (slots,) uint64 word of a node; slots is a power of two
    parents (slots,) int64  node before it
    nodes   (slots,) int64  the node, ABSENT where the slot is empty
    lists   (nodes,) uint32 a bit for each list that has the phrase which ends here
    phrases (nodes,) int64  number of that phrase, ABSENT where none ends here
    """

    gate: np.ndarray
    hashes: np.ndarray
    parents: np.ndarray
    nodes: np.ndarray
    lists: np.ndarray
    phrases: np.ndarray


class Counted(NamedTuple):
    """What was found in every text, each (n,).

    words    uint32  all words
    hits     uint32  phrases
    inside   uint32  words in them
    first    int64   number of the first phrase, ABSENT where there is none
    """

    words: np.ndarray
    hits: np.ndarray
    inside: np.ndarray
    first: np.ndarray


def lexicon(phrases: Sequence[str], lists: Sequence[int]) -> Lexicon:
    """A trie of `phrases`, each in the lists whose bits are set. Raises ValueError for one without a word."""
    found = words(pa.array(phrases, pa.string()))
    children: dict[tuple[int, int], int] = {}
    masks, numbers = [0], [ABSENT]
    for k, mask in enumerate(lists):
        node = ROOT
        spelt = found.hashes[found.rows[k] : found.rows[k + 1]].tolist()
        if not spelt:
            raise ValueError(f"{phrases[k]!r} has no word")
        for h in spelt:
            if (node, h) not in children:
                children[node, h] = len(masks)
                masks.append(0)
                numbers.append(ABSENT)
            node = children[node, h]
        masks[node] |= mask
        numbers[node] = k if numbers[node] == ABSENT else numbers[node]
    slots = 1 << max(4, (2 * len(children)).bit_length())
    table = Lexicon(
        np.zeros(GATE, np.bool_),
        np.zeros(slots, np.uint64),
        np.zeros(slots, np.int64),
        np.full(slots, ABSENT, np.int64),
        np.array(masks, np.uint32),
        np.array(numbers, np.int64),
    )
    for (parent, h), node in children.items():
        slot = _slot(np.uint64(h), parent, table.hashes, table.parents, table.nodes)
        table.hashes[slot], table.parents[slot], table.nodes[slot] = h, parent, node
        if parent == ROOT:
            table.gate[h >> GATE_SHIFT] = True
    return table


def count(strings: pa.Array, listed: Lexicon, lists: np.ndarray) -> Counted:
    """The phrases of `listed` in every string of an Arrow array without nulls. lists (n,) uint32: those that apply to it."""
    n = len(strings)
    counted = Counted(np.zeros(n, np.uint32), np.zeros(n, np.uint32), np.zeros(n, np.uint32), np.full(n, ABSENT))
    count_phrases(*bytes_of(strings), *table(), *listed, lists, *counted)
    return counted


@njit(nogil=True, cache=True)
def _slot(h, parent, hashes, parents, nodes):
    """Where the child of `parent` by the word `h` (uint64) is in the table, or would be."""
    mask = np.uint64(nodes.size - 1)
    slot = (h ^ (np.uint64(parent) * np.uint64(0x9E3779B97F4A7C15))) & mask
    while nodes[slot] != ABSENT and (hashes[slot] != h or parents[slot] != parent):
        slot = (slot + np.uint64(1)) & mask
    return slot


@njit(nogil=True, cache=True)
def count_phrases(
    data, offsets, block, info, gate, hashes, parents, nodes, lists, phrases, apply, words, hits, inside, first
):
    """Fill the arrays of `Counted`. block, info: of tamis.kernels.unicode.table; apply (n,) uint32: lists for each string."""
    text, stage, leaf = data.ctypes.data, block.ctypes.data, info.ctypes.data
    for i in range(offsets.size - 1):
        at, end, total = np.int64(offsets[i]), np.int64(offsets[i + 1]), 0
        while at < end:
            code, width, entry = look(text, at, end, stage, leaf)
            if not entry & (WORD << 16):
                at += width
                continue
            h, at, _, _ = take_word(text, at, end, code, width, entry, stage, leaf)
            total += 1
            if not gate[h >> np.uint64(GATE_SHIFT)]:
                continue
            node = nodes[_slot(h, ROOT, hashes, parents, nodes)]
            after, depth, size, found = at, 1, 0, ABSENT
            while node != ABSENT:
                if lists[node] & apply[i]:
                    size, found, at = depth, phrases[node], after
                # The next word of the line, if there is one.
                while after < end:
                    code, width, entry = look(text, after, end, stage, leaf)
                    if entry & ((WORD | BREAK) << 16):
                        break
                    after += width
                if after >= end or entry & (BREAK << 16):
                    break
                h, after, _, _ = take_word(text, after, end, code, width, entry, stage, leaf)
                depth += 1
                node = nodes[_slot(h, node, hashes, parents, nodes)]
            if size:
                hits[i] += 1
                inside[i] += size
                total += size - 1
                if first[i] == ABSENT:
                    first[i] = found
        words[i] = total
