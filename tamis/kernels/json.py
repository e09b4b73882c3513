"""JSON objects checked to the last byte, and where the wanted values in them are.

Nothing is converted here: a value is a type code and a span of the bytes it stands in. Numbers keep their digits, what
was not asked for stays raw. A text that is not valid yields the first error and the byte it is at, and no values.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tamis.kernels.grammar import (
    ABSENT,
    ARRAY,
    CLOSE_BRACE,
    COLON,
    COMMA,
    DUPLICATE_KEY,
    FINE,
    HAS_ESCAPES,
    LONE_SURROGATE,
    MAX_DEPTH,
    NOT_AN_OBJECT,
    NUL,
    OPEN_BRACE,
    QUOTE,
    STRING,
    TRAILING_DATA,
    TYPE,
    key,
    space,
    unexpected,
    value,
)
from tamis.kernels.jit import njit
from tamis.kernels.unescape import copied, decode
from tamis.kernels.wide import WIDE, Block, pointer


class Keys(NamedTuple):
    """Wanted keys, by length and then in the order given, so that a key is compared with few of them.

    text     (b,) uint8       all keys, UTF-8
    start    (k,) int32       where each begins in `text`
    column   (k,) int32       its position in the order given
    by_size  (s + 2,) int32   keys of n bytes are `by_size[n]` up to `by_size[n + 1]`; s: bytes of the longest
    """

    text: np.ndarray
    start: np.ndarray
    column: np.ndarray
    by_size: np.ndarray

    @classmethod
    def of(cls, names: tuple[str, ...]) -> Keys:
        """Keys made of their names, all different."""
        encoded = [name.encode() for name in names]
        order = sorted(range(len(names)), key=lambda column: len(encoded[column]))
        sizes = np.array([len(encoded[column]) for column in order], np.int32)
        text = np.frombuffer(bytearray(b"".join(encoded[column] for column in order)), np.uint8)
        by_size = np.searchsorted(sizes, np.arange(sizes.max(initial=0) + 2)).astype(np.int32)
        return cls(text, (np.cumsum(sizes) - sizes).astype(np.int32), np.array(order, np.int32), by_size)


class Found(NamedTuple):
    """What `scan` found in m texts for k wanted keys. A text with an error has no values.

    kinds         (k, m) uint8   type code and flags of each value
    starts, ends  (k, m) int32   its raw text, a string's without the quotes; undefined where it is absent
    members       (m,) int32     members of the object, wanted or not
    error         (m,) uint8     0, or the code of the first error
    error_at      (m,) int64     byte it is at
    """

    kinds: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    members: np.ndarray
    error: np.ndarray
    error_at: np.ndarray


def scan(data: np.ndarray, starts: np.ndarray, ends: np.ndarray, keys: Keys) -> Found:
    """Check each text as a JSON object and find the values of the wanted keys at its top level.

    data          (n,) uint8   the block, read only; n < 2**31
    starts, ends  (m,) int64   the texts
    A wanted key that occurs twice in a text is an error, in whatever spelling; any other key may.
    """
    rows, shape = len(starts), (len(keys.start), len(starts))
    found = Found(
        np.zeros(shape, np.uint8),
        np.empty(shape, np.int32),
        np.empty(shape, np.int32),
        np.zeros(rows, np.int32),
        np.zeros(rows, np.uint8),
        np.zeros(rows, np.int64),
    )
    spelling = np.empty(6 * len(keys.by_size) + WIDE, np.uint8)
    scan_all(data, starts, ends, keys, found, np.empty(MAX_DEPTH, np.uint8), spelling)
    return found


class _Keys(NamedTuple):
    """Keys by their addresses, with the number of `by_size`, and room for an escaped key to be decoded in."""

    text: Any
    start: Any
    column: Any
    by_size: Any
    sizes: int
    spelling: Any


class _Found(NamedTuple):
    """Found by its addresses; the value in column k of row i is at `k * rows + i`."""

    kinds: Any
    starts: Any
    ends: Any
    rows: int


@njit(nogil=True, cache=True)
def scan_all(data, starts, ends, keys, found, is_object, spelling):
    text, byte, sizes = pointer(keys.text), pointer(spelling), keys.by_size.size
    wanted = _Keys(text, pointer(keys.start), pointer(keys.column), pointer(keys.by_size), sizes, byte)
    places = _Found(pointer(found.kinds), pointer(found.starts), pointer(found.ends), starts.size)
    block, nest = Block(pointer(data), data.size), pointer(is_object)
    for row in range(starts.size):
        at, code, members = _object(block, starts[row], ends[row], row, wanted, places, nest)
        found.members[row] = members
        if code != FINE:
            found.error[row], found.error_at[row], found.members[row] = code, at, 0
            for column in range(keys.start.size):
                places.kinds[column * places.rows + row] = ABSENT


@njit(nogil=True, cache=True)
def _object(data, at, end, row, keys, found, is_object):
    """Check the text `data[at:end]`, note its wanted values: its end or the wrong byte, the error, its members."""
    outermost, members = at, 0
    if data.byte[at] != OPEN_BRACE:
        at, code, _ = value(data, at, end, is_object)
        if code == FINE:
            at = space(data, at, end)
            at, code = (outermost, NOT_AN_OBJECT) if at == end else (at, TRAILING_DATA)
        return at, code, 0
    at = space(data, at + 1, end)
    more = at >= end or data.byte[at] != CLOSE_BRACE
    while more:
        begin = at
        at, code, close, flags = key(data, at, end)
        if code != FINE:
            return at, code, 0
        column = _column(data, begin + 1, close, flags, keys)
        start = at
        at, code, kind = value(data, at, end, is_object)
        if code != FINE:
            return at, code, 0
        members += 1
        if column >= 0:
            place = column * found.rows + row
            if found.kinds[place] != ABSENT:
                return begin, DUPLICATE_KEY, 0
            quote = kind & TYPE == STRING
            found.kinds[place], found.starts[place], found.ends[place] = kind, start + quote, at - quote
        at = space(data, at, end)
        more = at < end and data.byte[at] == COMMA
        if more:
            at = space(data, at + 1, end)
        elif at >= end or data.byte[at] != CLOSE_BRACE:
            at, code = unexpected(data, at, end)
            return at, code, 0
    at = space(data, at + 1, end)
    return at, (FINE if at >= end else NUL if data.byte[at] == 0 else TRAILING_DATA), members


@njit(nogil=True, cache=True)
def _column(data, at, close, flags, keys):
    """Column of the key whose raw text is `data[at:close]`, or -1. With escapes in it, it is the same key."""
    if flags & HAS_ESCAPES == 0:
        return _find(data.byte, at, close - at, keys)
    # An escape writes at least one byte in six, so a longer raw text is no wanted key.
    if flags & LONE_SURROGATE or close - at > 6 * keys.sizes:
        return -1
    return _find(keys.spelling, np.int64(0), decode(data, at, close, keys.spelling, np.int64(0)), keys)


@njit(nogil=True, cache=True)
def _find(byte, at, size, keys):
    if size + 1 >= keys.sizes:
        return -1
    for k in range(keys.by_size[size], keys.by_size[size + 1]):
        same = 0
        while same < size and byte[at + same] == keys.text[keys.start[k] + same]:
            same += 1
        if same == size:
            return np.int64(keys.column[k])
    return -1


class Elements(NamedTuple):
    """The elements of m values, in order; values that are no array have none.

    offsets       (m + 1,) int32   elements of value i are `offsets[i]` up to `offsets[i + 1]`
    kinds         (e,) uint8       of each element
    starts, ends  (e,) int64       its raw text, a string's with the quotes
    """

    offsets: np.ndarray
    kinds: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


def elements(data: np.ndarray, found: Found, column: int) -> Elements:
    """The elements of the valid arrays in one column of `found`."""
    of = (found.kinds[column], found.starts[column], found.ends[column])
    most = commas_all(data, *of)
    made = Elements(
        np.zeros(len(of[0]) + 1, np.int32), np.empty(most, np.uint8), np.empty(most, np.int64), np.empty(most, np.int64)
    )
    elements_all(data, *of, *made, np.empty(MAX_DEPTH, np.uint8))
    count = int(made.offsets[-1])
    return Elements(made.offsets, made.kinds[:count], made.starts[:count], made.ends[:count])


@njit(nogil=True, cache=True)
def commas_all(data, kinds, starts, ends):
    """At least as many as there are elements: the commas in the arrays, and one for each."""
    byte = pointer(data)
    count = 0
    for row in range(kinds.size):
        if kinds[row] == ARRAY:
            count += 1
            for at in range(starts[row], ends[row]):
                count += byte[at] == COMMA
    return count


@njit(nogil=True, cache=True)
def elements_all(data, kinds, starts, ends, offsets, inner, lefts, rights, is_object):
    block, nest = Block(pointer(data), data.size), pointer(is_object)
    count = 0
    for row in range(kinds.size):
        if kinds[row] == ARRAY:
            end = np.int64(ends[row]) - 1
            at = space(block, np.int64(starts[row]) + 1, end)
            while at < end:
                lefts[count] = at
                at, _, kind = value(block, at, end, nest)
                inner[count], rights[count] = kind, at
                count += 1
                at = space(block, space(block, at, end) + 1, end)
        offsets[row + 1] = count


def rest(
    data: np.ndarray, starts: np.ndarray, ends: np.ndarray, found: Found, consumed: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The JSON object of the members of each text that were not consumed: `{"k":v,"l":w}`, verbatim and in their order.

    starts, ends  (m,) int64       the texts
    consumed      (m, k) uint8     which wanted values were taken from each
    out           uint8            the objects, one after the other
    offsets       (m + 1,) int32   where each begins in `out`
    some          (m,) bool        whether there is any member left; if not, it is empty
    """
    offsets, some = np.zeros(len(starts) + 1, np.int32), np.zeros(len(starts), np.bool_)
    out = np.empty(room_all(starts, ends, found, consumed, some), np.uint8)
    rest_all(data, starts, ends, found, consumed, out, offsets, some, np.empty(MAX_DEPTH, np.uint8))
    return out, offsets, some


@njit(nogil=True, cache=True)
def room_all(starts, ends, found, consumed, some):
    """Bytes that the rests can take, and which there are: what is not consumed only gets shorter."""
    room = WIDE
    for row in range(starts.size):
        left = found.members[row]
        size = ends[row] - starts[row]
        for column in range(consumed.shape[1]):
            if consumed[row, column] and found.kinds[column, row] != ABSENT:
                left -= 1
                size -= found.ends[column, row] - found.starts[column, row]
        some[row] = left > 0
        if left > 0:
            room += size
    return room


@njit(nogil=True, cache=True)
def rest_all(data, starts, ends, found, consumed, out, offsets, some, is_object):
    places = _Found(pointer(found.kinds), pointer(found.starts), pointer(found.ends), starts.size)
    block, byte, nest = Block(pointer(data), data.size), pointer(out), pointer(is_object)
    taken, columns = pointer(consumed), consumed.shape[1]
    to = np.int64(0)
    for row in range(starts.size):
        if some[row]:
            byte[to] = OPEN_BRACE
            to = _members(block, starts[row], ends[row], row, places, taken, columns, byte, to + 1, nest)
            byte[to - 1] = CLOSE_BRACE
        offsets[row + 1] = to


@njit(nogil=True, cache=True)
def _members(data, at, end, row, found, consumed, columns, out, to, is_object):
    """Write the members of the object `data[at:end]` that were not consumed, each with a comma behind it."""
    at = space(data, at + 1, end)
    while data.byte[at] != CLOSE_BRACE:
        begin = at
        at, _, close, _ = key(data, at, end)
        quote = data.byte[at] == QUOTE
        after = _consumed(found, consumed, columns, row, at + quote)
        if after >= 0:
            at = after + quote
        else:
            to = copied(data, begin, close + 1, out, to)
            out[to] = COLON
            begin = at
            at, _, _ = value(data, at, end, is_object)
            to = copied(data, begin, at, out, to + 1)
            out[to] = COMMA
            to += 1
        at = space(data, at, end)
        if data.byte[at] == COMMA:
            at = space(data, at + 1, end)
    return to


@njit(nogil=True, cache=True)
def _consumed(found, consumed, columns, row, start):
    """Where the consumed value ends whose raw text begins at `start` in the text of `row`; -1: none does."""
    for column in range(columns):
        place = column * found.rows + row
        if consumed[row * columns + column] and found.kinds[place] != ABSENT and found.starts[place] == start:
            return np.int64(found.ends[place])
    return -1
