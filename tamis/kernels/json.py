"""JSON texts (RFC 8259) checked to the last byte, and where the wanted values in them are.

Nothing is converted here: a value is a type code and a span of the bytes it stands in. Numbers keep their digits, what
was not asked for stays raw. A text that is not valid yields the first error and the byte it is at, never half its values.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from tamis.kernels.unescape import ESCAPED, copied, decode, hex4
from tamis.kernels.wide import WIDE, first, plain

ABSENT, NULL, FALSE, TRUE, NUMBER, STRING, ARRAY, OBJECT = range(8)
"""Type codes: the low three bits of a kind."""
TYPE = 0x07
HAS_ESCAPES = 0x10
"""Flag of a kind: the string has a backslash in it."""
LONE_SURROGATE = 0x20
"""Flag of a kind: the string has a \\ud800 to \\udfff without its other half, which no UTF-8 text can hold."""

MAX_DEPTH = 512
"""Objects and arrays that may be open at once."""

ERRORS = (
    ("fine", "there is no error"),
    ("not_json", "this byte cannot stand here in JSON"),
    ("truncated", "the line ends inside a value: it was cut off"),
    ("not_an_object", "this is JSON, but not an object {…}"),
    ("invalid_utf8", "these bytes are not UTF-8"),
    ("control_character", "a control character in a string must be written as an escape"),
    ("bad_escape", "no escape begins like this; JSON has \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX"),
    ("bad_number", "this is not a JSON number"),
    ("not_finite", "NaN and Infinity are not JSON; null may be meant"),
    ("duplicate_key", "this key was there before, so the value is ambiguous"),
    ("too_deep", f"more than {MAX_DEPTH} objects and arrays are open at once"),
    ("trailing_data", "the object has ended; a line holds one object"),
    ("nul", "a NUL byte, as a crash or a full disk leaves them"),
)
"""Name and sentence of each error code."""
(
    FINE,
    NOT_JSON,
    TRUNCATED,
    NOT_AN_OBJECT,
    INVALID_UTF8,
    CONTROL_CHARACTER,
    BAD_ESCAPE,
    BAD_NUMBER,
    NOT_FINITE,
    DUPLICATE_KEY,
    TOO_DEEP,
    TRAILING_DATA,
    NUL,
) = range(len(ERRORS))

_WORD_TRUE, _WORD_FALSE, _WORD_NULL = (np.frombuffer(word, np.uint8) for word in (b"true", b"false", b"null"))
_WORD_NAN, _WORD_INFINITY = (np.frombuffer(word, np.uint8) for word in (b"NaN", b"Infinity"))


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
        text = np.frombuffer(b"".join(encoded[column] for column in order), np.uint8).copy()
        by_size = np.searchsorted(sizes, np.arange(sizes.max(initial=0) + 2)).astype(np.int32)
        return cls(text, (np.cumsum(sizes) - sizes).astype(np.int32), np.array(order, np.int32), by_size)


class Scan(NamedTuple):
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


@njit(nogil=True, cache=True)
def _space(data: np.ndarray, at: int, end: int) -> int:
    while at < end and data[at] <= 0x20 and (data[at] == 0x20 or data[at] == 0x0A or data[at] == 0x0D or data[at] == 0x09):
        at += 1
    return at


@njit(nogil=True, cache=True)
def _character(data: np.ndarray, at: int, end: int) -> tuple[int, int]:
    """Position after the UTF-8 sequence that begins at `at` with a byte above 0x7f, or `at` or `end` with an error."""
    lead = data[at]
    low, high, more = 0x80, 0xBF, 1
    if lead < 0xC2 or lead > 0xF4:
        return at, INVALID_UTF8
    if lead >= 0xF0:
        more = 3
        if lead == 0xF0:
            low = 0x90
        elif lead == 0xF4:
            high = 0x8F
    elif lead >= 0xE0:
        more = 2
        if lead == 0xE0:
            low = 0xA0
        elif lead == 0xED:
            high = 0x9F
    for step in range(1, more + 1):
        if at + step >= end:
            return end, TRUNCATED
        if data[at + step] < low or data[at + step] > high:
            return at, INVALID_UTF8
        low, high = 0x80, 0xBF
    return at + more + 1, FINE


@njit(nogil=True, cache=True)
def _unicode(data: np.ndarray, at: int, end: int) -> tuple[int, int, int]:
    """Position after the \\uXXXX at `at` and its second half, an error, and whether it is a lone surrogate."""
    for step in range(2, 6):
        if at + step >= end:
            return end, TRUNCATED, 0
        if hex4_digit(data[at + step]):
            return at, BAD_ESCAPE, 0
    code = hex4(data, at + 2)
    if code < 0xD800 or code > 0xDFFF:
        return at + 6, FINE, 0
    if code < 0xDC00 and at + 12 <= end and data[at + 6] == 0x5C and data[at + 7] == 0x75:
        low = hex4(data, at + 8)
        if 0xDC00 <= low <= 0xDFFF:
            return at + 12, FINE, 0
    return at + 6, FINE, LONE_SURROGATE


@njit(nogil=True, cache=True)
def hex4_digit(byte: int) -> bool:
    return not (0x30 <= byte <= 0x39 or 0x41 <= byte <= 0x46 or 0x61 <= byte <= 0x66)


@njit(nogil=True, cache=True)
def _string(data: np.ndarray, at: int, end: int) -> tuple[int, int, int]:
    """Position of the quote that closes the string whose text begins at `at`; an error at that place; flags."""
    flags = 0
    while True:
        if at + WIDE <= data.size:
            mask = plain(data, at)
            if mask == np.uint64(0):
                at += WIDE
                continue
            at += first(mask)
        else:
            while at < end and data[at] >= 0x20 and data[at] < 0x80 and data[at] != 0x22 and data[at] != 0x5C:
                at += 1
        if at >= end:
            return end, TRUNCATED, flags
        byte = data[at]
        if byte == 0x22:
            return at, FINE, flags
        code = FINE
        if byte == 0x5C:
            flags |= HAS_ESCAPES
            if at + 1 >= end:
                return end, TRUNCATED, flags
            if data[at + 1] == 0x75:
                at, code, lone = _unicode(data, at, end)
                flags |= lone
            elif ESCAPED[data[at + 1]]:
                at += 2
            else:
                code = BAD_ESCAPE
        elif byte >= 0x80:
            while at < end and data[at] >= 0x80 and code == FINE:
                at, code = _character(data, at, end)
        else:
            code = NUL if byte == 0 else CONTROL_CHARACTER
        if code != FINE:
            return at, code, flags


@njit(nogil=True, cache=True)
def _digits(data: np.ndarray, at: int, end: int) -> int:
    while at < end and 0x30 <= data[at] <= 0x39:
        at += 1
    return at


@njit(nogil=True, cache=True)
def _number(data: np.ndarray, at: int, end: int) -> tuple[int, int]:
    """Position after the number at `at`, which begins with a digit or a minus; an error at that place."""
    begin = at
    if data[at] == 0x2D:
        at += 1
        if _is_word(data, at, end, _WORD_INFINITY):
            return begin, NOT_FINITE
    after = _digits(data, at, end)
    wrong = after == at or (data[at] == 0x30 and after > at + 1)
    if after < end and data[after] == 0x2E and not wrong:
        at = after + 1
        after = _digits(data, at, end)
        wrong = after == at
    if after < end and data[after] | 0x20 == 0x65 and not wrong:
        at = after + 1
        if at < end and (data[at] == 0x2B or data[at] == 0x2D):
            at += 1
        after = _digits(data, at, end)
        wrong = after == at
    if not wrong:
        return after, FINE
    return (end, TRUNCATED) if at >= end else (begin, BAD_NUMBER)


@njit(nogil=True, cache=True)
def _is_word(data: np.ndarray, at: int, end: int, word: np.ndarray) -> bool:
    if end - at < word.size:
        return False
    for k in range(word.size):
        if data[at + k] != word[k]:
            return False
    return True


@njit(nogil=True, cache=True)
def _word(data: np.ndarray, at: int, end: int, word: np.ndarray) -> tuple[int, int]:
    """Position after `word`, or an error at that place."""
    for k in range(word.size):
        if at + k >= end:
            return end, TRUNCATED
        if data[at + k] != word[k]:
            return at, NOT_JSON
    return at + word.size, FINE


@njit(nogil=True, cache=True)
def _unexpected(data: np.ndarray, at: int, end: int) -> tuple[int, int]:
    """The error that the byte at `at` is, where JSON has no place for it."""
    if at >= end:
        return end, TRUNCATED
    if data[at] == 0:
        return at, NUL
    if data[at] >= 0x80:
        _, code = _character(data, at, end)
        return at, (INVALID_UTF8 if code == INVALID_UTF8 else NOT_JSON)
    return at, NOT_JSON


@njit(nogil=True, cache=True)
def _scalar(data: np.ndarray, at: int, end: int) -> tuple[int, int, int, int]:
    """Position after the string, number or word at `at`; an error at that place; its type code; flags."""
    byte = data[at]
    if byte == 0x22:
        at, code, flags = _string(data, at + 1, end)
        return at + (code == FINE), code, STRING, flags
    if byte == 0x2D or 0x30 <= byte <= 0x39:
        at, code = _number(data, at, end)
        return at, code, NUMBER, 0
    if byte == 0x74:
        at, code = _word(data, at, end, _WORD_TRUE)
        return at, code, TRUE, 0
    if byte == 0x66:
        at, code = _word(data, at, end, _WORD_FALSE)
        return at, code, FALSE, 0
    if byte == 0x6E:
        at, code = _word(data, at, end, _WORD_NULL)
        return at, code, NULL, 0
    if _is_word(data, at, end, _WORD_NAN) or _is_word(data, at, end, _WORD_INFINITY):
        return at, NOT_FINITE, ABSENT, 0
    at, code = _unexpected(data, at, end)
    return at, code, ABSENT, 0


@njit(nogil=True, cache=True)
def _key(data: np.ndarray, at: int, end: int) -> tuple[int, int, int, int]:
    """A key at `at` and its colon: position of the value, an error at that place, the closing quote, flags."""
    if at >= end or data[at] != 0x22:
        at, code = _unexpected(data, at, end)
        return at, code, at, 0
    close, code, flags = _string(data, at + 1, end)
    if code != FINE:
        return close, code, close, flags
    at = _space(data, close + 1, end)
    if at >= end or data[at] != 0x3A:
        at, code = _unexpected(data, at, end)
        return at, code, close, flags
    return _space(data, at + 1, end), FINE, close, flags


@njit(nogil=True, cache=True)
def _value(data: np.ndarray, at: int, end: int, open_: np.ndarray, depth: int) -> tuple[int, int, int, int]:
    """Any value at `at`, nested or not: position after it, an error at that place, its type code, flags.

    open_  (MAX_DEPTH,) uint8   scratch: whether what is open is an object; the first `depth` are the caller's
    """
    outermost = depth
    kind = ABSENT
    while True:
        if at >= end:
            return end, TRUNCATED, ABSENT, 0
        byte = data[at]
        if byte == 0x7B or byte == 0x5B:
            if depth == MAX_DEPTH:
                return at, TOO_DEEP, ABSENT, 0
            open_[depth] = byte == 0x7B
            depth += 1
            at = _space(data, at + 1, end)
            if at >= end or data[at] != byte + 2:
                if byte == 0x7B:
                    at, code, _, _ = _key(data, at, end)
                    if code != FINE:
                        return at, code, ABSENT, 0
                continue
            depth -= 1
            at += 1
            kind, flags = OBJECT if byte == 0x7B else ARRAY, 0
        else:
            at, code, kind, flags = _scalar(data, at, end)
            if code != FINE:
                return at, code, ABSENT, 0
        while depth > outermost:
            at = _space(data, at, end)
            inside = open_[depth - 1]
            if at < end and data[at] == 0x2C:
                at = _space(data, at + 1, end)
                if inside:
                    at, code, _, _ = _key(data, at, end)
                    if code != FINE:
                        return at, code, ABSENT, 0
                break
            if at >= end or data[at] != (0x7D if inside else 0x5D):
                at, code = _unexpected(data, at, end)
                return at, code, ABSENT, 0
            depth -= 1
            at += 1
            kind, flags = OBJECT if inside else ARRAY, 0
        else:
            return at, FINE, kind, flags


@njit(nogil=True, cache=True)
def _find(text: np.ndarray, at: int, size: int, keys: Keys) -> int:
    """Column of the wanted key that is spelt `text[at:at + size]`, or -1."""
    if size + 1 >= keys.by_size.size:
        return -1
    for k in range(keys.by_size[size], keys.by_size[size + 1]):
        start = keys.start[k]
        same = 0
        while same < size and text[at + same] == keys.text[start + same]:
            same += 1
        if same == size:
            return keys.column[k]
    return -1


@njit(nogil=True, cache=True)
def _column(data: np.ndarray, at: int, close: int, flags: int, keys: Keys, scratch: np.ndarray) -> int:
    """Column of the key whose raw text is `data[at:close]`, or -1. An escaped spelling is the same key."""
    if flags == 0:
        return _find(data, at, close - at, keys)
    if flags & LONE_SURROGATE or close - at + WIDE > scratch.size:
        return -1
    return _find(scratch, 0, decode(data, at, close, scratch, 0), keys)


@njit(nogil=True, cache=True)
def _not_an_object(data: np.ndarray, at: int, end: int, open_: np.ndarray) -> tuple[int, int]:
    begin = at
    at, code, _, _ = _value(data, at, end, open_, 0)
    if code != FINE:
        return at, code
    return (begin, NOT_AN_OBJECT) if _space(data, at, end) == end else (_space(data, at, end), TRAILING_DATA)


@njit(nogil=True, cache=True)
def _object(
    data: np.ndarray, at: int, end: int, row: int, keys: Keys, found: Scan, open_: np.ndarray, scratch: np.ndarray
) -> tuple[int, int, int]:
    """Check the object at `at` and note its wanted values in `found`: members, position of an error, its code."""
    if at >= end or data[at] != 0x7B:
        at, code = _not_an_object(data, at, end, open_)
        return 0, at, code
    members = 0
    at = _space(data, at + 1, end)
    if at < end and data[at] == 0x7D:
        at += 1
    else:
        while True:
            begin = at
            at, code, close, flags = _key(data, at, end)
            if code != FINE:
                return 0, at, code
            column = _column(data, begin + 1, close, flags, keys, scratch)
            start = at
            at, code, kind, flags = _value(data, at, end, open_, 1)
            if code != FINE:
                return 0, at, code
            if column >= 0:
                if found.kinds[column, row] != ABSENT:
                    return 0, begin, DUPLICATE_KEY
                quote = kind == STRING
                found.kinds[column, row] = kind | flags
                found.starts[column, row], found.ends[column, row] = start + quote, at - quote
            members += 1
            at = _space(data, at, end)
            if at < end and data[at] == 0x2C:
                at = _space(data, at + 1, end)
            elif at < end and data[at] == 0x7D:
                at += 1
                break
            else:
                at, code = _unexpected(data, at, end)
                return 0, at, code
    at = _space(data, at, end)
    return members, at, (FINE if at == end else NUL if data[at] == 0 else TRAILING_DATA)


@njit(nogil=True, cache=True)
def scan(data: np.ndarray, starts: np.ndarray, ends: np.ndarray, keys: Keys) -> Scan:
    """Check each text as a JSON object and find the values of the wanted keys at its top level.

    data          (n,) uint8   the block; n < 2**31
    starts, ends  (m,) int64   the texts
    A wanted key that occurs twice in a text is an error; any other key may.
    """
    rows, columns = starts.size, keys.start.size
    found = Scan(
        np.zeros((columns, rows), np.uint8),
        np.empty((columns, rows), np.int32),
        np.empty((columns, rows), np.int32),
        np.zeros(rows, np.int32),
        np.zeros(rows, np.uint8),
        np.zeros(rows, np.int64),
    )
    open_ = np.zeros(MAX_DEPTH, np.uint8)
    # An escape writes at least one byte in six, so a longer raw text is no wanted key.
    scratch = np.empty(6 * keys.by_size.size + WIDE, np.uint8)
    for row in range(rows):
        members, at, code = _object(data, starts[row], ends[row], row, keys, found, open_, scratch)
        found.members[row] = members
        if code != FINE:
            found.error[row], found.error_at[row] = code, at
            found.kinds[:, row] = ABSENT
    return found


@njit(nogil=True, cache=True)
def elements(
    data: np.ndarray, kinds: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The elements of valid arrays, in order. Values of another kind have none.

    kinds, starts, ends  (m,)             as `scan` found them
    offsets              (m + 1,) int32   elements of value i are `offsets[i]` up to `offsets[i + 1]`
    kinds                (e,) uint8       of each element
    starts, ends         (e,) int64       its raw text, a string's with the quotes
    """
    offsets = np.zeros(kinds.size + 1, np.int32)
    open_ = np.zeros(MAX_DEPTH, np.uint8)
    size = max(16, 4 * kinds.size)
    inner, left, right = np.empty(size, np.uint8), np.empty(size, np.int64), np.empty(size, np.int64)
    count = 0
    for row in range(kinds.size):
        if kinds[row] & TYPE == ARRAY:
            end = np.int64(ends[row]) - 1
            at = _space(data, np.int64(starts[row]) + 1, end)
            while at < end:
                if count == size:
                    size *= 2
                    inner, left, right = _grown(inner, size), _grown(left, size), _grown(right, size)
                left[count] = at
                at, _, kind, flags = _value(data, at, end, open_, 1)
                inner[count], right[count] = kind | flags, at
                count += 1
                at = _space(data, _space(data, at, end) + 1, end)
        offsets[row + 1] = count
    return offsets, inner[:count].copy(), left[:count].copy(), right[:count].copy()


@njit(nogil=True, cache=True)
def _grown(array: np.ndarray, size: int) -> np.ndarray:
    larger = np.empty(size, array.dtype)
    larger[: array.size] = array
    return larger


@njit(nogil=True, cache=True)
def rest_room(starts: np.ndarray, ends: np.ndarray, found: Scan, consumed: np.ndarray) -> int:
    """Bytes that `rest` needs."""
    size = WIDE
    for row in range(starts.size):
        taken = 0
        for column in range(consumed.shape[1]):
            if consumed[row, column] and found.kinds[column, row] != ABSENT:
                taken += 1
                size -= found.ends[column, row] - found.starts[column, row]
        size += ends[row] - starts[row]
    return size


@njit(nogil=True, cache=True)
def _consumed(found: Scan, consumed: np.ndarray, row: int, start: int) -> int:
    """Column of the consumed value whose raw text begins at `start` in the text of `row`, or -1."""
    for column in range(consumed.shape[1]):
        if consumed[row, column] and found.kinds[column, row] != ABSENT and found.starts[column, row] == start:
            return column
    return -1


@njit(nogil=True, cache=True)
def rest(
    data: np.ndarray, starts: np.ndarray, ends: np.ndarray, found: Scan, consumed: np.ndarray, out: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The JSON object of the members of each text that were not consumed, one after the other in `out`.

    starts, ends  (m,) int64   the texts
    consumed      (m, k) bool  which wanted values were taken from each
    out           (rest_room(...),) uint8   written in place: `{"k":v,"l":w}`, keys and values as they stood, in their order
    offsets       (m + 1,) int32   where each begins
    some          (m,) bool    whether it has any member
    """
    offsets = np.zeros(starts.size + 1, np.int32)
    some = np.zeros(starts.size, np.bool_)
    open_ = np.zeros(MAX_DEPTH, np.uint8)
    to = 0
    for row in range(starts.size):
        left = found.members[row]
        for column in range(consumed.shape[1]):
            left -= consumed[row, column] and found.kinds[column, row] != ABSENT
        some[row] = left > 0
        at, end = _space(data, starts[row] + 1, ends[row]), ends[row]
        while left > 0:
            begin = at
            at, _, close, _ = _key(data, at, end)
            quote = data[at] == 0x22
            column = _consumed(found, consumed, row, at + quote)
            if column >= 0:
                at = found.ends[column, row] + quote
            else:
                out[to] = 0x2C if to > offsets[row] else 0x7B
                to = copied(data, begin, close + 1, out, to + 1)
                out[to] = 0x3A
                begin = at
                at, _, _, _ = _value(data, at, end, open_, 1)
                to = copied(data, begin, at, out, to + 1)
                left -= 1
            at = _space(data, _space(data, at, end) + 1, end)
        if some[row]:
            out[to] = 0x7D
            to += 1
        offsets[row + 1] = to
    return offsets, some
