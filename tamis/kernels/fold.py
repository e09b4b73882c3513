"""Keys of texts that differ only in case, white space or composition: NFC, simple lower case, one space between words.

A text is folded into a scratch buffer that stays in cache and hashed from there; nothing is kept of it but its key.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tamis.kernels.codepoints import MAY_COMPOSE, combining, decode, encode, folded
from tamis.kernels.hash import SECOND_SEED, bytes_of, hash_one, load64
from tamis.kernels.jit import njit

ONES = np.uint64(0x0101010101010101)
TOPS = np.uint64(0x8080808080808080)
SPACES = np.uint64(0x2020202020202020)


def folded_keys(strings: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Of every string after folding: its 128-bit key (n, 2) uint64, and whether anything is left of it (n,) bool.

    Folding is NFC, then simple lower case code point by code point, then every run of white space to one space, none at
    the ends. A null counts as the empty string.
    """
    pairs, composed, filled = _fold(strings)
    rows = np.flatnonzero(~composed)
    if len(rows):
        # Only what may not be NFC is normalised: 0.3 % of the documents of a web crawl.
        pairs[rows], _, filled[rows] = _fold(pc.utf8_normalize(strings.take(pa.array(rows)), "NFC"))
    return pairs, filled


def _fold(strings: pa.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    strings = pc.fill_null(strings, "") if strings.null_count else strings
    n = len(strings)
    pairs, composed, filled = np.empty((n, 2), np.uint64), np.empty(n, np.bool_), np.empty(n, np.bool_)
    fold_all(*bytes_of(strings), folded(), combining(), np.uint64(SECOND_SEED), pairs, composed, filled)
    return pairs, composed, filled


def _store64(typingctx: Any, data: Any, at: Any, word: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, args[0])
        pointer = builder.gep(view.data, [args[1]])
        builder.store(args[2], builder.bitcast(pointer, ir.IntType(64).as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(data, types.int64, types.uint64), build


store64: Any = intrinsic(_store64)
"""`store64(data, at, word)`: write `word` to the 8 bytes of `data` from `at`, little-endian; `at` is not checked."""


@njit(nogil=True, cache=True)
def fold_all(data, offsets, fold, ccc, seed, pairs, composed, filled):
    """Fold and hash every string.

    fold      (0x110000,) int32   what becomes of a code point; U+0020 for white space
    ccc       (0x110000,) uint8   combining class, MAY_COMPOSE where it may not be NFC
    pairs     (n, 2) uint64       out: XXH64 with seed 0 and `seed`
    composed  (n,) bool           out: false where the string may not be NFC, so that its key is not yet right
    filled    (n,) bool           out: whether anything is left
    """
    longest = 0
    for i in range(filled.size):
        longest = max(longest, int(offsets[i + 1] - offsets[i]))
    # U+023A and U+023E take two bytes, their lower case three: nothing grows by more than half.
    scratch = np.empty(longest + longest // 2 + 16, np.uint8)
    for i in range(filled.size):
        size, composed[i] = fold_one(data, offsets[i], offsets[i + 1], fold, ccc, scratch)
        pairs[i, 0] = hash_one(scratch, 0, size, np.uint64(0))
        pairs[i, 1] = hash_one(scratch, 0, size, seed)
        filled[i] = size > 0


@njit(nogil=True, cache=True)
def fold_one(data, start, end, fold, ccc, out):
    """Fold `data[start:end]` into `out`; give its size there and whether the string is certainly NFC."""
    at, stop = np.int64(start), np.int64(end)
    to = 0
    after_space = True
    before = 0
    composed = True
    while at < stop:
        if at + 8 <= stop:
            word, space, plain = _fold8(load64(data, at), after_space)
            if plain:
                store64(out, to, word)
                at += 8
                to += 8
                after_space = space
                before = 0
                continue
        limit = min(at + 8, stop)
        while at < limit:
            point, size = decode(data, at, stop)
            c = ccc[point]
            composed &= c != MAY_COMPOSE and (c == 0 or before <= c)
            before = int(c)
            low = fold[point]
            at += size
            if low != 0x20 or not after_space:
                to += encode(low, out, to)
            after_space = low == 0x20
    if to > 0 and after_space:
        to -= 1
    return to, composed


@njit(nogil=True, cache=True)
def _fold8(word, after_space):
    """Eight bytes folded, whether the last is a space, and whether that was possible: ASCII, no two spaces in a row.

    Every byte is below 0x80, so that sums within a byte never carry: `word + (0x80 - k)` has its top bit set where the
    byte is k or more.
    """
    if word & TOPS:
        return word, False, False
    control = (word + np.uint64(0x80 - 0x09) * ONES) & ~(word + np.uint64(0x80 - 0x0E) * ONES)
    other = (word ^ SPACES) + np.uint64(0x7F) * ONES
    space = (control | ~other) & TOPS
    if space & ((space << np.uint64(8)) | (np.uint64(0x80) if after_space else np.uint64(0))):
        return word, False, False
    mask = (space >> np.uint64(7)) * np.uint64(0xFF)
    word = (word & ~mask) | (SPACES & mask)
    upper = (word + np.uint64(0x80 - 0x41) * ONES) & ~(word + np.uint64(0x80 - 0x5B) * ONES) & TOPS
    return word | (upper >> np.uint64(2)), (space >> np.uint64(63)) != 0, True
