"""What in a text needs cleaning, and the part of it that needs no Python: line ends, controls, white space.

`scan` says for every string which rules may have work to do; most have none and cost that one look. `tidy` writes a
string anew. What each rule does is told in tamis.curate.clean.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from tamis.kernels.codepoints import MAY_COMPOSE, decode
from tamis.kernels.fold import ONES, TOPS, store64
from tamis.kernels.hash import load64
from tamis.kernels.jit import njit

MOJIBAKE, HTML, LINE_ENDS, CONTROL, WHITESPACE, NFC = 1, 2, 4, 8, 16, 32
"""One bit a rule."""

PLAIN, REMOVED, BREAK, SPACE, NEWLINE, BLANK, AMPERSAND, LESS = range(8)
"""What a code point is: removed as a control; a line end to be a newline; a space to be a plain one; a newline;
a plain blank; & and <."""

WIDE_SPACE = 0x3000
"""A blank at the end of a line, but not turned into a space within it: there it is how Chinese is set."""

# Bits of a mojibake mask: ten encodings for each role a code point may have had as a byte of UTF-8.
ENCODINGS = ("latin-1", "cp1252", "cp1251", "cp1250", "cp1253", "cp1254", "cp1257", "iso-8859-2", "mac_roman", "cp437")
TEN = np.uint64(0x3FF)
FIRST_OF_2, FIRST_OF_3, FIRST_OF_4, LATER, SPACED_2, SPACED_3 = (np.uint64(10 * k) for k in range(6))
LEADS = np.uint64((1 << 30) - 1)

_NAMES = """
a abbr address article aside b big blockquote body br button caption center cite code col colgroup dd del details dfn
div dl dt em embed fieldset figcaption figure font footer form h1 h2 h3 h4 h5 h6 head header hr html i iframe img input
ins kbd label legend li link main map mark meta nav nobr noscript object ol option p param picture pre q s samp script
section select small source span strike strong style summary table tbody td template textarea tfoot th thead time title
tr tt u ul var video wbr
"""
NAMES = tuple(_NAMES.split())
"""Names of HTML elements. Any other tag stays, and so do <sub> and <sup>: without them x<sup>2</sup> reads x2."""


@cache
def kinds() -> np.ndarray:
    """(0x10000,) uint8: what every code point of the basic plane is."""
    table = np.full(0x10000, PLAIN, np.uint8)
    table[:0x20] = table[0x7F:0xA0] = REMOVED
    table[[0xAD, 0x200B, 0x2060, 0xFEFF]] = REMOVED
    table[[0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029]] = BREAK
    table[[0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F]] = SPACE
    table[0x0A] = NEWLINE
    table[[0x09, 0x20, WIDE_SPACE]] = BLANK
    table[ord("&")] = AMPERSAND
    table[ord("<")] = LESS
    return table


@cache
def mojibake_masks() -> np.ndarray:
    """(0x10000,) uint64: which byte of a UTF-8 sequence a code point may be, under each of ENCODINGS.

    ftfy also takes a space for a lost byte A0 behind some first bytes: SPACED_2 and SPACED_3.
    """
    table = np.zeros(0x10000, np.uint64)
    roles = {
        FIRST_OF_2: (0xC0, *range(0xC2, 0xE0)),
        FIRST_OF_3: range(0xE0, 0xF0),
        FIRST_OF_4: range(0xF0, 0xF5),
        LATER: range(0x80, 0xC0),
        SPACED_2: (0xC2, 0xC3, 0xC5, 0xCE, 0xD0, 0xD9),
        SPACED_3: range(0xE0, 0xE4),
    }
    for bit, encoding in enumerate(ENCODINGS):
        for role, codes in roles.items():
            for code in codes:
                point = ord(bytes([code]).decode(encoding, "ignore") or chr(code))
                # In Mac Roman an en dash is such a byte, and a space behind it is only a space: ftfy knows.
                if encoding != "mac_roman" or role not in (SPACED_2, SPACED_3):
                    table[point] |= np.uint64(1) << (role + np.uint64(bit))
    return table


@cache
def packed_names() -> np.ndarray:
    """NAMES as the gate compares them, sorted: the first eight letters as the bytes of a uint64."""
    return np.array(sorted({int.from_bytes(name.encode()[:8], "big") for name in NAMES}), np.uint64)


@njit(nogil=True, cache=True)
def scan(data, offsets, kind, ccc, masks, names, out):
    """Which rules may have work to do in every string: a rule whose bit is not set has none.

    kind   (0x10000,) uint8    as kinds()
    ccc    (0x110000,) uint8   as codepoints.combining()
    masks  (0x10000,) uint64   as mojibake_masks()
    names  (k,) uint64         as packed_names()
    out    (n,) uint8          written in place
    """
    for i in range(out.size):
        out[i] = _scan_one(data, offsets[i], offsets[i + 1], kind, ccc, masks, names)


@njit(nogil=True, cache=True)
def _scan_one(data, start, end, kind, ccc, masks, names):
    at, stop = int(start), int(end)
    found = 0
    newlines = 0
    ended_blank = False
    before = 0
    while at < stop:
        if at + 8 <= stop:
            word = load64(data, at)
            if _is_quiet(word):
                last = data[at + 7]
                ended_blank = last == 0x20
                newlines = before = 0
                at += 8
                continue
        limit = min(at + 8, stop)
        while at < limit:
            point, size = decode(data, at, stop)
            at += size
            what = int(kind[point]) if point <= 0xFFFF else PLAIN
            if what == NEWLINE:
                newlines += 1
                if ended_blank or newlines > 3:
                    found |= WHITESPACE
            else:
                newlines = 0
                if what == BREAK:
                    found |= LINE_ENDS
                elif what == REMOVED:
                    found |= CONTROL
                elif what == SPACE:
                    found |= WHITESPACE
                elif (what == AMPERSAND and _is_entity(data, at, stop)) or (
                    what == LESS and _is_tag(data, at, stop, names)
                ):
                    found |= HTML
            ended_blank = what == BLANK
            if point >= 0x80:
                c = int(ccc[point])
                if c != 0 and (c == MAY_COMPOSE or c < before):
                    found |= NFC
                before = c
                if point < 0xA0 or (
                    point <= 0xFFFF and masks[point] & LEADS and _is_garbled(data, at, stop, masks, point)
                ):
                    found |= MOJIBAKE
            else:
                before = 0
    if ended_blank:
        found |= WHITESPACE
    return found


@njit(nogil=True, cache=True)
def _is_quiet(word):
    """Whether eight bytes are all printable ASCII but & and <."""
    if word & TOPS:
        return False
    low = ~(word + np.uint64(0x80 - 0x20) * ONES)
    delete = word + np.uint64(0x01) * ONES
    # A byte is & or < where the sum with 0x7F of its difference does not reach 0x80.
    amp = ~((word ^ (np.uint64(0x26) * ONES)) + np.uint64(0x7F) * ONES)
    less = ~((word ^ (np.uint64(0x3C) * ONES)) + np.uint64(0x7F) * ONES)
    return (low | delete | amp | less) & TOPS == 0


@njit(nogil=True, cache=True)
def _is_printable(word):
    """Whether eight bytes are all ASCII, none of them a control."""
    return (word | ~(word + np.uint64(0x80 - 0x20) * ONES) | (word + np.uint64(0x01) * ONES)) & TOPS == 0


@njit(nogil=True, cache=True)
def _is_letter(byte):
    return 0x61 <= (byte | 0x20) <= 0x7A


@njit(nogil=True, cache=True)
def _is_entity(data, at, stop):
    """Whether `amp;`, `#39;` or the like stands at `data[at]`."""
    k = at
    if k < stop and data[k] == 0x23:
        k += 1
    first = k
    while k < stop and k - at < 33 and (_is_letter(data[k]) or 0x30 <= data[k] <= 0x39):
        k += 1
    return first < k < stop and data[k] == 0x3B


@njit(nogil=True, cache=True)
def _is_tag(data, at, stop, names):
    """Whether a comment, a declaration or the name of an HTML element stands at `data[at]`."""
    if at < stop and data[at] == 0x21:
        return at + 1 < stop and (data[at + 1] == 0x2D or (data[at + 1] | 0x20) == 0x64)
    k = at + 1 if at < stop and data[at] == 0x2F else at
    packed = np.uint64(0)
    size = 0
    while k < stop and size < 11 and (_is_letter(data[k]) or (size > 0 and 0x31 <= data[k] <= 0x36)):
        if size < 8:
            packed = (packed << np.uint64(8)) | np.uint64(data[k] | 0x20)
        k += 1
        size += 1
    if size == 0 or k >= stop or not (data[k] == 0x3E or data[k] == 0x2F or data[k] <= 0x20):
        return False
    low, high = 0, names.size
    while low < high:
        middle = (low + high) // 2
        if names[middle] < packed:
            low = middle + 1
        else:
            high = middle
    return low < names.size and names[low] == packed


@njit(nogil=True, cache=True)
def _is_garbled(data, at, stop, masks, point):
    """Whether `point` and what follows at `data[at]` are the bytes of one UTF-8 character in some encoding.

    As wide as ftfy: a lost byte shows as U+FFFD, U+001A or, once, as a question mark; a byte A0 as a space.
    """
    first = masks[point]
    two, three, four = (first >> FIRST_OF_2) & TEN, (first >> FIRST_OF_3) & TEN, (first >> FIRST_OF_4) & TEN
    softened = False
    for k in range(3):
        if at >= stop:
            return False
        follows, size = decode(data, at, stop)
        at += size
        if follows == 0xFFFD or follows == 0x1A:
            later = TEN
        elif follows == 0x20:
            later = np.uint64(0)
            two &= (first >> SPACED_2) & TEN
            three &= (first >> SPACED_3) & TEN
        elif follows == 0x3F:
            later = np.uint64(0)
            two &= (first >> SPACED_2) & TEN
        elif follows <= 0xFFFF:
            later = (masks[follows] >> LATER) & TEN
            if later == 0:
                return False
        else:
            return False
        if later == 0:
            if softened:
                return False
            softened = True
        else:
            two &= later
            three &= later
            four &= later
        if (k == 0 and two) or (k == 1 and three) or (k == 2 and four):
            return True
        if not (three | four):
            return False
    return False


@njit(nogil=True, cache=True)
def tidy(data, offsets, kind, want, out, ends, bits):
    """Write every string anew under those of LINE_ENDS, CONTROL and WHITESPACE that are in `want`; nothing grows.

    out   (b + 8,) uint8   one string behind the other; the last 8 bytes are room to move in
    ends  (n + 1,) int     string i is `out[ends[i]:ends[i + 1]]`
    bits  (n,) uint8       rules that changed string i
    """
    to = 0
    for i in range(bits.size):
        to, bits[i] = _tidy_one(data, offsets[i], offsets[i + 1], kind, want, out, to)
        ends[i + 1] = to


@njit(nogil=True, cache=True)
def _tidy_one(data, start, end, kind, want, out, to):
    at, stop, begin = int(start), int(end), to
    did = 0
    newlines = 0
    while at < stop:
        if at + 8 <= stop:
            word = load64(data, at)
            if _is_printable(word):
                store64(out, to, word)
                at += 8
                to += 8
                continue
        point, size = decode(data, at, stop)
        what = int(kind[point]) if point <= 0xFFFF else PLAIN
        if what == BREAK and want & LINE_ENDS:
            did |= LINE_ENDS
            if point == 0x0D and at + 1 < stop and data[at + 1] == 0x0A:
                at += 1
                continue
            what = NEWLINE
        if what == REMOVED and want & CONTROL:
            did |= CONTROL
        elif what == NEWLINE:
            if want & WHITESPACE:
                stripped = _strip(out, begin, to)
                if stripped < to:
                    did |= WHITESPACE
                    to = stripped
                newlines = newlines + 1 if to > begin and out[to - 1] == 0x0A else 1
            else:
                newlines = 1
            if newlines < 4:
                out[to] = 0x0A
                to += 1
            else:
                # Three are written when the fourth comes: two stay, one blank line.
                to -= newlines == 4
                did |= WHITESPACE
        elif what == SPACE and want & WHITESPACE:
            out[to] = 0x20
            to += 1
            did |= WHITESPACE
        else:
            for k in range(size):
                out[to + k] = data[at + k]
            to += size
        at += size
    if want & WHITESPACE:
        stripped = _strip(out, begin, to)
        if stripped < to:
            did |= WHITESPACE
            to = stripped
    return to, did


@njit(nogil=True, cache=True)
def _strip(out, begin, to):
    """Where the blanks before `out[to]` start."""
    while to > begin:
        if out[to - 1] == 0x20 or out[to - 1] == 0x09:
            to -= 1
        elif to - begin >= 3 and out[to - 3] == 0xE3 and out[to - 2] == 0x80 and out[to - 1] == 0x80:
            to -= 3
        else:
            break
    return to
