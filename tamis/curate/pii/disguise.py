r"""Texts as they are read: what stands for a plain character is taken for it, and what cannot be seen is passed over.

    ａｎｎ＠ｃｏｒｐ．ｏｒｇ     full-width, mathematical and other scripts' letters and digits
    ann@co\u00adrp.org     soft hyphens, zero-width characters, marks of direction
    ann&#64;corp.org       references of HTML
    ?to=ann%40corp.org     escapes of a URL
    536–22–1234            dashes and spaces that are others than those of ASCII
    _ann@corp.org_         underscores round a word
    服务器8.8.8.8的          letters of scripts that put no spaces between words, right beside what is in others

Recognisers look for plain characters. So what lies about any of these is searched twice: as it stands, and as it is read.
"""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_right
from typing import NamedTuple

UNSEEN = "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff"
DASHES = "\u2010-\u2015\u2212\ufe58\ufe63\uff0d"
SPACES = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
WIDE = "\uff01-\uff5e\U0001d400-\U0001d7ff"
UNSPACED = (
    "\u0e01-\u0e4e\u0e80-\u0ece\u1000-\u103f\u1100-\u11ff\u1780-\u17d3\u3005-\u3007\u3040-\u30ff\u3105-\u318f\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
"""Letters of Thai, Lao, Burmese, Khmer, Chinese, Japanese and Korean: to `\\b`, "a" and one of these are one word."""
LETTER = re.compile(f"[{UNSPACED}]")
SECTION = "(?<=[0-9])[절장조항節节章条條項项版]"
"""What makes a number before it one of a section or a version."""
LATIN = "0-9A-Za-z\uff10-\uff19\uff21-\uff3a\uff41-\uff5a"
NAMED = "nbsp|commat|period|hyphen|dash|ndash|minus|lpar|rpar|plus|num|colon|sol|lowbar|shy|zwnj|zwj|lrm|rlm"

PIECE = re.compile(
    rf"(?P<unseen>[{UNSEEN}]+)|[{DASHES}]|[{SPACES}]|[{WIDE}]|(?![0-9])\d"
    rf"|(?P<html>&(?:#[0-9]{{2,7}}|#[xX][0-9A-Fa-f]{{2,6}}|{NAMED});)|(?P<url>%(?:2[089BDEbde]|3[0-9]|40|[46][1-9A-Fa-f]|[57][0-9Aa]|5[Ff]))"
    r"|(?P<edge>(?<![^\W_])_+|_+(?![^\W_]))"
)
"""What is read as something else."""
APART = re.compile(
    rf"{PIECE.pattern}|(?P<both>(?<=[{LATIN}])(?!{SECTION})[{UNSPACED}](?=[{LATIN}+(]))|(?P<after>(?<=[{LATIN}])(?!{SECTION})[{UNSPACED}])"
    rf"|(?P<before>[{UNSPACED}](?=[{LATIN}+(]))"
)
"""And where a space is read between a letter and what touches it."""

_OTHER_DIGIT = "\0"
_SPOTS = (
    rf"[0-9A-Za-z@._+) -][{UNSEEN}]+[0-9A-Za-z@._+(-]",
    rf"[0-9)][{DASHES}{SPACES}][0-9(]",
    "[\uff10-\uff19\uff20-\uff3a\uff41-\uff5a\U0001d400-\U0001d7ff]",
    _OTHER_DIGIT,
    r"(?i:&(?:#0{0,4}(?:4[0-9]|5[0-8]|6[4-9]|[78][0-9]|9[05-9]|1[01][0-9]|12[0-2])|#x0{0,4}(?:2[89bdef]|3[0-9a]|[46][0-9a-f]"
    r"|[57][0-9af])|commat|period|hyphen|lpar|rpar|plus|lowbar);)",
    r"(?i:[0-9)]&(?:nbsp|dash|ndash|minus|#0{0,4}[0-9]{3,4}|#x0{0,4}(?:a0|20[0-9]{2}));[0-9(])",
    r"(?i:[0-9a-z@.]&(?:shy|zwnj|zwj|lrm|rlm|#0{0,4}(?:173|820[3-9]|65279)|#x0{0,4}(?:ad|200[b-f]|feff));[0-9a-z@.])",
    r"(?i:%40|%2[0bde][0-9(]|%28|%3[0-9])",
    r"@[^\s@]{1,255}[0-9A-Za-z]_+(?:[^\w]|$)|[0-9]_+(?:[^\w]|$)|(?:^|[^\w])_+[0-9+(]",
)
GATE = tuple(spot.replace(_OTHER_DIGIT, r"[\p{Nd}--[0-9]]") for spot in _SPOTS)
"""In Rust's syntax: one of these, or TOUCHING, matches every text in which reading can matter."""
_NUMBER, _MAIL, _HEX = r"[0-9](?:[-. ()/]{0,2}[0-9]){6}", "[0-9A-Za-z.!#$%&'*+/=?^_`{|}~:-]", "[0-9A-Fa-f]{0,4}"
_VALUES = (_NUMBER, r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}", f"{_HEX}:{_HEX}:{_HEX}", "[0-9A-Za-z_-]{16}")
_VALUE = f"(?:{'|'.join(_VALUES)})"
TOUCHING = rf"[{UNSPACED}](?:{_MAIL}+@|[+(]{{0,2}}{_VALUE})|@[0-9A-Za-z.-]+[{UNSPACED}]|{_VALUE}[{UNSPACED}]"
"""In both syntaxes: what may be a value right beside a letter of a script without spaces."""
SPOT = re.compile("|".join(spot.replace(_OTHER_DIGIT, r"(?![0-9])\d") for spot in _SPOTS))
"""The same as GATE in Python's: where in a text it can."""
SPOT_APART = re.compile(f"{SPOT.pattern}|{TOUCHING}")
"""Either, for a text that has such letters."""

REACH, LONGEST = 100, 2000
"""Code points round a spot that are read with it, and those by which the run of characters there may be longer."""


def is_unspaced(text: str) -> bool:
    """Whether letters of UNSPACED stand in it."""
    return not text.isascii() and LETTER.search(text) is not None


def windows(text: str, apart: bool = False) -> list[tuple[int, int]]:
    """Where `text` is to be read: what lies about each spot, cut at white space; (start, stop), apart and in order.

    apart: it is unspaced
    """
    out: list[tuple[int, int]] = []
    for spot in (SPOT_APART if apart else SPOT).finditer(text):
        start, stop = max(0, spot.start() - REACH), min(len(text), spot.end() + REACH)
        if out and stop <= out[-1][1]:
            continue
        high = min(len(text), stop + LONGEST)
        while stop < high and not text[stop].isspace():
            stop += 1
        low = max(0, start - LONGEST, out[-1][1] if out else 0)
        while start > low and not text[start - 1].isspace():
            start -= 1
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], stop)
        else:
            out.append((start, stop))
    return out


class AsRead(NamedTuple):
    """A text as it is read.

    at     where in `text` each stretch begins, ascending, the first at 0
    was    where in the text as it stands
    width  code points there of what is read as something else or nothing; 0: the stretch stands as it is read
    """

    text: str
    at: list[int]
    was: list[int]
    width: list[int]

    def back(self, start: int, stop: int) -> tuple[int, int]:
        """Where `text[start:stop]`, which is not empty, lies in the text as it stands."""
        first, last = (bisect_right(self.at, place) - 1 for place in (start, stop - 1))
        begin = self.was[first] + (0 if self.width[first] else start - self.at[first])
        end = self.was[last] + (self.width[last] or stop - self.at[last])
        return begin, end

    def is_plain(self, start: int, stop: int) -> bool:
        """Whether the text stands as it is read from `start` to `stop`, places in it as it stands."""
        last = bisect_right(self.was, stop - 1) - 1
        return not self.width[last] and self.was[last] <= start


def as_read(text: str, apart: bool = False) -> AsRead:
    """`text` as it is read. apart: with a space between letters of UNSPACED and what touches them."""
    parts: list[str] = []
    at, was, width = [0], [0], [0]
    length = last = 0
    for piece in (APART if apart else PIECE).finditer(text):
        start, stop = piece.span()
        parts.append(text[last:start])
        length += start - last
        parts.append(_spaced(piece) if apart else _plain(piece))
        at.append(length)
        was.append(start)
        width.append(stop - start)
        length += len(parts[-1])
        at.append(length)
        was.append(stop)
        width.append(0)
        last = stop
    return AsRead("".join([*parts, text[last:]]), at, was, width)


def _spaced(piece: re.Match[str]) -> str:
    """What a piece of APART is read as."""
    side = piece.lastgroup
    if side in ("both", "after", "before"):
        return " " * (side != "before") + piece[0] + " " * (side != "after")
    return _plain(piece)


def _plain(piece: re.Match[str]) -> str:
    """What a piece is read as: one character, or none."""
    found = piece[0]
    if piece["unseen"]:
        return ""
    if piece["edge"]:
        return " "
    if piece["url"]:
        return chr(int(found[1:], 16))
    if piece["html"]:
        found = html.unescape(found)
    if len(found) != 1 or re.match(f"[{UNSEEN}]", found):
        return found[:1] if len(found) > 1 else ""
    if found.isdecimal():
        return str(int(found))
    if re.match(f"[{DASHES}]", found):
        return "-"
    if re.match(f"[{SPACES}]", found):
        return " "
    plain = unicodedata.normalize("NFKC", found)
    return plain if len(plain) == 1 else found
