"""The grammar of JSON (RFC 8259): where a value ends, or which byte is wrong and why.

Every function takes a Block, a position `at` in it, and the `end` of the text it reads. It gives the
position it came to and an error code, FINE where there is none; with an error the position is the byte it is at.
"""

from __future__ import annotations

import numpy as np

from tamis.kernels.jit import njit
from tamis.kernels.unescape import BACKSLASH, LETTER_U, escaped, hex4, is_hex
from tamis.kernels.wide import WIDE, below, equal, first

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
    ("bad_escape", 'no escape begins like this; JSON has \\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX'),
    ("bad_number", "this is not a JSON number"),
    ("not_finite", "NaN and Infinity are not JSON; null may be meant"),
    ("duplicate_key", "this key was there before, so its value is ambiguous"),
    ("too_deep", f"more than {MAX_DEPTH} objects and arrays are open at once"),
    ("trailing_data", "the object has ended before this byte; a line holds one object"),
    ("nul", "this is a NUL byte, as a crash or a full disk leaves them"),
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

QUOTE, COMMA, COLON, MINUS, PLUS, POINT, ZERO, NINE = b'",:-+.09'
OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE = b"[]{}"
_NONE, _ONE, _TWO, _THREE = (np.uint64(n) for n in range(4))
_EVEN = np.uint64(0x5555555555555555)
_TRUE, _FALSE, _NULL, _NAN, _INFINITY = (
    int.from_bytes(word, "little") for word in (b"true", b"false", b"null", b"NaN", b"Infinity")
)


@njit(nogil=True, cache=True)
def space(data, at, end):
    """Position of the first byte that is not white space."""
    while at < end and data.byte[at] <= 0x20:
        if data.byte[at] != 0x20 and data.byte[at] != 0x0A and data.byte[at] != 0x0D and data.byte[at] != 0x09:
            break
        at += 1
    return at


@njit(nogil=True, cache=True)
def unexpected(data, at, end):
    """The error that the byte at `at` is, where JSON has no place for it."""
    if at >= end:
        return end, TRUNCATED
    if data.byte[at] == 0:
        return at, NUL
    if data.byte[at] >= 0x80 and _character(data, at, end)[1] == INVALID_UTF8:
        return at, INVALID_UTF8
    return at, NOT_JSON


@njit(nogil=True, cache=True)
def _character(data, at, end):
    """After the UTF-8 sequence that begins with a byte above 0x7f (Unicode 16, table 3-7)."""
    lead = data.byte[at]
    if lead < 0xC2 or lead > 0xF4:
        return at, INVALID_UTF8
    more = 1 + (lead >= 0xE0) + (lead >= 0xF0)
    low = 0xA0 if lead == 0xE0 else 0x90 if lead == 0xF0 else 0x80
    high = 0x9F if lead == 0xED else 0x8F if lead == 0xF4 else 0xBF
    for step in range(1, more + 1):
        if at + step >= end:
            return end, TRUNCATED
        if data.byte[at + step] < low or data.byte[at + step] > high:
            return at, INVALID_UTF8
        low, high = 0x80, 0xBF
    return at + more + 1, FINE


@njit(nogil=True, cache=True)
def _unicode(data, at, end):
    """After the \\uXXXX at `at`, and its second half where it is one of a pair; and LONE_SURROGATE or 0."""
    for step in range(2, 6):
        if at + step >= end:
            return end, TRUNCATED, 0
        if not is_hex(data.byte[at + step]):
            return at, BAD_ESCAPE, 0
    code = hex4(data, at + 2)
    if code < 0xD800 or code > 0xDFFF:
        return at + 6, FINE, 0
    if code < 0xDC00 and at + 12 <= end and data.byte[at + 6] == BACKSLASH and data.byte[at + 7] == LETTER_U:
        low = hex4(data, at + 8)
        if 0xDC00 <= low <= 0xDFFF:
            return at + 12, FINE, 0
    return at + 6, FINE, LONE_SURROGATE


@njit(nogil=True, cache=True)
def _after_slash(slashes, carried):
    """Mask of the bytes after an odd run of backslashes, and whether the first byte of the next block is one.

    The additions carry along a run: Langdale and Lemire 2019, section 3.1.1.
    """
    slashes &= ~carried
    follows = slashes << _ONE | carried
    odd_starts = slashes & ~_EVEN & ~follows
    ends = odd_starts + slashes
    return (_EVEN ^ (ends << _ONE)) & follows, np.uint64(ends < slashes)


@njit(nogil=True, cache=True)
def _letters(data, at):
    """Mask of the bytes that may follow a backslash, but for u."""
    byte = data.byte
    signs = equal(byte, at, QUOTE) | equal(byte, at, BACKSLASH) | equal(byte, at, 0x2F)
    letters = equal(byte, at, 0x62) | equal(byte, at, 0x66) | equal(byte, at, 0x6E)
    return signs | letters | equal(byte, at, 0x72) | equal(byte, at, 0x74)


@njit(nogil=True, cache=True)
def _utf8(byte, at, not_ascii):
    """Mask of the bytes that break UTF-8 (Unicode 16, table 3-7), and of the leads whose sequence the block cuts off.

    Trails must stand where leads want them and nowhere else; then some leads narrow what may come next.
    """
    trails = below(byte, at, 0xC0)
    leads = not_ascii & ~trails
    long, longest = leads & ~below(byte, at, 0xE0), leads & ~below(byte, at, 0xF0)
    wanted = leads << _ONE | long << _TWO | longest << _THREE
    low, high = below(byte, at, 0xA0), equal(byte, at, 0xED) << _ONE
    wrong = (wanted ^ trails) | leads & below(byte, at, 0xC2)
    wrong |= equal(byte, at, 0xE0) << _ONE & low | high & ~low
    if longest:
        low = below(byte, at, 0x90)
        wrong |= equal(byte, at, 0xF0) << _ONE & low | equal(byte, at, 0xF4) << _ONE & ~low
        wrong |= longest & ~below(byte, at, 0xF5)
    cut = leads >> np.uint64(63) << np.uint64(63) | long >> np.uint64(62) << np.uint64(62)
    return wrong, cut | longest >> np.uint64(61) << np.uint64(61)


@njit(nogil=True, cache=True)
def _next_special(data, at, end):
    """From `at` in a string on, the closing quote, a control character, a byte of broken UTF-8 or before it, or a
    backslash that begins none of the escapes of one letter; and whether backslashes were passed.

    Whole blocks of text and simple escapes are passed without a jump that depends on the text.
    """
    flags = 0
    carried = _NONE
    while at + WIDE <= data.size:
        byte = data.byte
        special, not_ascii = below(byte, at, 0x20), below(byte, at, 0x00)
        quotes, slashes = equal(byte, at, QUOTE), equal(byte, at, BACKSLASH)
        special &= ~not_ascii
        after_slash, step, passed = _NONE, WIDE, ~_NONE
        if slashes | carried:
            after_slash, carried = _after_slash(slashes, carried)
            quotes &= ~after_slash
            special |= after_slash & ~_letters(data, at)
        special |= quotes
        if not_ascii:
            wrong, cut = _utf8(byte, at, not_ascii)
            if cut:
                # The next block begins with the sequence that this one cuts off.
                step = first(cut)
                carried = after_slash >> np.uint64(step) & _ONE
                passed = (_ONE << np.uint64(step)) - _ONE
                special &= passed
            # The cut itself counts: a lead may stand where the sequence before it wants a trail.
            if wrong & (passed << _ONE | _ONE) & (special ^ (special - _ONE)):
                special |= not_ascii & passed
        if slashes & passed & (special ^ (special - _ONE)):
            flags = HAS_ESCAPES
        if special:
            step = first(special)
            return at + step - np.int64(after_slash >> np.uint64(step) & _ONE), flags
        at += step
    at -= np.int64(carried)
    while at < end and data.byte[at] >= 0x20 and data.byte[at] < 0x80 and data.byte[at] != QUOTE:
        if data.byte[at] == BACKSLASH:
            flags = HAS_ESCAPES
            if at + 1 >= end or escaped(data.byte[at + 1]) == 0:
                break
            at += 1
        at += 1
    return at, flags


@njit(nogil=True, cache=True)
def string(data, at, end):
    """The quote that closes the string whose text begins at `at`; and its flags."""
    flags = 0
    while True:
        at, escapes = _next_special(data, at, end)
        flags |= escapes
        if at >= end:
            return end, TRUNCATED, flags
        byte = data.byte[at]
        if byte == QUOTE:
            return at, FINE, flags
        code = FINE
        if byte >= 0x80:
            while code == FINE and at < end and data.byte[at] >= 0x80:
                at, code = _character(data, at, end)
        elif byte != BACKSLASH:
            code = NUL if byte == 0 else CONTROL_CHARACTER
        elif at + 1 >= end:
            at, code = end, TRUNCATED
        elif data.byte[at + 1] == LETTER_U:
            at, code, lone = _unicode(data, at, end)
            flags |= HAS_ESCAPES | lone
        else:
            code = BAD_ESCAPE
        if code != FINE:
            return at, code, flags


@njit(nogil=True, cache=True)
def _digits(data, at, end):
    while at < end and ZERO <= data.byte[at] <= NINE:
        at += 1
    return at


@njit(nogil=True, cache=True)
def _number(data, at, end):
    """After the number at `at`, which begins with a digit or a minus."""
    begin = at
    if data.byte[at] == MINUS:
        at += 1
        if _word(data, at, end, _INFINITY)[1] == FINE:
            return begin, NOT_FINITE
    after = _digits(data, at, end)
    wrong = after == at or (data.byte[at] == ZERO and after > at + 1)
    if not wrong and after < end and data.byte[after] == POINT:
        at = after + 1
        after = _digits(data, at, end)
        wrong = after == at
    if not wrong and after < end and data.byte[after] | 0x20 == 0x65:
        at = after + 1
        if at < end and (data.byte[at] == PLUS or data.byte[at] == MINUS):
            at += 1
        after = _digits(data, at, end)
        wrong = after == at
    if not wrong:
        return after, FINE
    return (end, TRUNCATED) if at >= end else (begin, BAD_NUMBER)


@njit(nogil=True, cache=True)
def _word(data, at, end, word):
    """After `word`, the number its bytes make, lowest first."""
    begin = at
    while word:
        if at >= end:
            return end, TRUNCATED
        if data.byte[at] != word & 0xFF:
            return begin, NOT_JSON
        word >>= 8
        at += 1
    return at, FINE


@njit(nogil=True, cache=True)
def _scalar(data, at, end):
    """After the string, number or word at `at`; and its kind."""
    byte = data.byte[at]
    if byte == QUOTE:
        at, code, flags = string(data, at + 1, end)
        return at + (code == FINE), code, STRING | flags
    if byte == MINUS or ZERO <= byte <= NINE:
        at, code = _number(data, at, end)
        return at, code, NUMBER
    kind = TRUE if byte == 0x74 else FALSE if byte == 0x66 else NULL if byte == 0x6E else ABSENT
    if kind != ABSENT:
        at, code = _word(data, at, end, _TRUE if kind == TRUE else _FALSE if kind == FALSE else _NULL)
        return at, code, kind
    if _word(data, at, end, _NAN)[1] == FINE or _word(data, at, end, _INFINITY)[1] == FINE:
        return at, NOT_FINITE, ABSENT
    at, code = unexpected(data, at, end)
    return at, code, ABSENT


@njit(nogil=True, cache=True)
def key(data, at, end):
    """The value behind the key and colon at `at`; and the quote that closes the key, and the key's flags."""
    if at >= end or data.byte[at] != QUOTE:
        at, code = unexpected(data, at, end)
        return at, code, at, 0
    close, code, flags = string(data, at + 1, end)
    if code != FINE:
        return close, code, close, flags
    at = space(data, close + 1, end)
    if at >= end or data.byte[at] != COLON:
        at, code = unexpected(data, at, end)
        return at, code, close, flags
    return space(data, at + 1, end), FINE, close, flags


@njit(nogil=True, cache=True)
def value(data, at, end, is_object):
    """After the value at `at`, nested or not, inside one object or array; and its kind.

    is_object  pointer to MAX_DEPTH uint8   scratch: of what is open, which are objects
    """
    depth = 1
    wants_key = False
    kind = ABSENT
    while True:
        if wants_key:
            at, code, _, _ = key(data, at, end)
            if code != FINE:
                return at, code, ABSENT
            wants_key = False
        if at >= end:
            return end, TRUNCATED, ABSENT
        byte = data.byte[at]
        if byte in (OPEN_BRACE, OPEN_BRACKET):
            if depth == MAX_DEPTH:
                return at, TOO_DEEP, ABSENT
            is_object[depth] = byte == OPEN_BRACE
            depth += 1
            at = space(data, at + 1, end)
            if at >= end or data.byte[at] != byte + 2:  # the bracket that closes it
                wants_key = byte == OPEN_BRACE
                continue
        else:
            at, code, kind = _scalar(data, at, end)
            if code != FINE:
                return at, code, ABSENT
        while depth > 1:
            at = space(data, at, end)
            if at < end and data.byte[at] == COMMA:
                at = space(data, at + 1, end)
                wants_key = is_object[depth - 1]
                break
            if at >= end or data.byte[at] != (CLOSE_BRACE if is_object[depth - 1] else CLOSE_BRACKET):
                at, code = unexpected(data, at, end)
                return at, code, ABSENT
            kind = OBJECT if is_object[depth - 1] else ARRAY
            depth -= 1
            at += 1
        else:
            return at, FINE, kind
