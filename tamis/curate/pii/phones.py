"""Telephone numbers: those that show by their form what they are, and those that a word nearby calls one.

Presidio asks libphonenumber for numbers valid in eight countries: it misses local numbers written in groups (recall .59 on
its own test set) and takes years for German pagers. Here a number with a country code must be one that libphonenumber holds
possible; without, its groups must be those of North America or begin with a trunk 0 or an area code in brackets; any other
needs a word such as `phone` or `fax` beside it. Dates, ranges of years, sums, and what a word calls an order or an ISBN go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tamis.curate.pii.digits import DASHES, SPACES, UNSEEN, ascii_form, plain
from tamis.curate.pii.recogniser import Match
from tamis.extras import extra

MARK = f"[{DASHES}.()/（）．{SPACES}{UNSEEN}]{{0,3}}"
BEFORE = (
    rf"(?=[+＋(（\d{UNSEEN}])(?<![\w/&#@$€£¥%^{DASHES}])(?<!\d[:.,])(?<!\w[+＋])"
    r"(?<![\w)]\*)(?<![\w)]\*\*)(?<!\d \*)(?<!(?<!~)~)"
)
AFTER = (
    rf"(?![\w%°€]|[.,:/{DASHES}+=^]{{1,2}}\d| ?[=×÷^]| >|>[\d=]| ?<(?!/?[a-z][\w:-]*[\s/>]|!--)"
    r"|\*{1,2}\w| ?\*{1,2} ?[\d(]| \*{1,2} )"
)
"""No part of a sum, a comparison or a longer number; Markdown's `*` and `~~` and the tags of HTML may stand beside one."""
SHAPE = re.compile(
    rf"{BEFORE}(?:[+＋(（][ {UNSEEN}]?){{0,2}}[{UNSEEN}]?\d(?:{MARK}\d){{6,15}}"
    rf"(?P<extension>[ ,]{{0,2}}(?:x|ext\.?|extension) ?\d{{1,6}})?{AFTER}",
    re.IGNORECASE,
)

CALLED = re.compile(
    r"\b(?:phones?|telephone|tele?|mobile|cell(?:ular|phone)?|mob|fax|pager|call(?:s|ed|ing)?|dial|sms|texts?|texting|"
    r"whatsapp|desk|office|hotline|helpline|voicemail|messages?|ring|contact|reach(?:ed)?|toll[- ]free)\b",
    re.IGNORECASE,
)
CALLED_BESIDE = re.compile(
    r"(?:电话|電話|手机|手機|携帯|传真|傳真|热线|熱線|ファックス|전화|휴대폰|핸드폰|연락처|팩스|โทร(?:ศัพท์)?|มือถือ)"
    r"(?:号码?|號碼?|番号|번호)?[\s:：是は는은]{0,3}$"
)
"""Of languages without spaces between words, whose words `\\b` does not tell apart: only right before a number."""
CALLED_AFTER = re.compile(r"[-\s(,\\]{1,3}(?:office|mobile|home|work|cell|fax|phone|tel|desk)\b", re.IGNORECASE)
OTHERWISE = re.compile(
    r"\b(?:isbn|issn|doi|pmid|order|invoice|account|acct|a/c|ssn|social security|card|serial|case|ticket|tracking|patent|"
    r"version|model|part|zip|postal|postcode|iban|routing|passport|licen[cs]e|policy|born|dated?|bitcoin|id|ids|no|"
    r"reference|ref|pin|sku|upc|ean|vat|tax|bank|sum|total|population|coordinates|latitude|longitude|equals?|digits|"
    r"sequence|integer|array|equation|years?)\b\W*(?:\w+\W+){0,2}$",
    re.IGNORECASE,
)
REACH, REACH_OTHERWISE = 48, 32
"""Code points before a number in which a word may call it a phone, or something else."""

NO_PHONE = re.compile(
    r"""\(?(?:1[5-9]|20)\d\d\)?[-./ ]{1,3}(?:0?[1-9]|1[0-2])[-./ ](?:0?[1-9]|[12]\d|3[01])(?!\d)  # 2001-12-31
    | (?:0?[1-9]|[12]\d|3[01])[-./ ](?:0?[1-9]|[12]\d|3[01])[-./ ](?:1[5-9]|20)\d\d(?!\d)          # 31.12.2001
    | \(?(?:1[5-9]|20)\d\d\)?[-./ ()]{1,3}(?:1[5-9]|20)\d\d\)?(?:[-./ ]|$)                         # 1939-1945
    | (?:1[5-9]|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])(?:\D|$)                                  # 20011231
    | \d{3}[-. ]\d\d[-. ]\d{4}$ | \d{5}-\d{4}$ | \d{1,3}(?:\.\d{1,3}){3}$                          # SSN, ZIP+4, IPv4
    | 97[89](?:[- ]?\d){10}$ | \d\.\d | (?:\d[-. ]){4}                                             # ISBN, decimal, 1 2 3 4 5
    """,
    re.VERBOSE,
)
GROUP = re.compile(r"\d+")
THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:([ .])\d{3})(?:\1\d{3})+$")
AMERICAN = re.compile(
    r"(?:1[-. ]?)?(?:\([2-9]\d\d\)[-. ]?|[2-9]\d\d[-. ])\d{3}[-. ]\d{4}$|1[-. ]?[2-9]\d\d[-. ]\d{3}[-. ]?\d{4}$"
)
TRUNK = re.compile(r"\(?0[1-9]\d{0,3}\)?(?:[-./ ]{1,2}\d{2,8}){1,5}$")
AREA = re.compile(r"\((?!1[5-9]\d\d|20\d\d)\d{2,4}\)[- ]?\d{2,5}(?:[- ]\d{2,4}){1,2}$")


class Phones:
    """Telephone numbers of any country."""

    name, entity = "Phones", "PHONE_NUMBER"
    gate = rf"\d(?:{MARK}\d){{6}}"

    def find(self, text: str) -> Iterator[Match]:
        """Every phone number in `text`: 0.75 where a word calls it one or it has a country code, else 0.5."""
        for match in SHAPE.finditer(text):
            start, stop = match.start(), match.end()
            told = ascii_form(text[start : match.start("extension") if match["extension"] else stop])
            if told[0] == "(" and (")" not in told or told.startswith("((")):
                start, told = start + re.search(r"[(（]", text[start:stop]).end(), told[1:].lstrip()  # type: ignore[union-attr]
            score = _score(told, text[max(0, start - REACH) : start], text[stop : stop + 12], bool(match["extension"]))
            if score:
                yield Match(start, stop, score)


def _score(told: str, before: str, after: str, has_extension: bool) -> float:
    """How sure it is that `told` is a phone number between `before` and `after`; 0: it is none."""
    number = plain(told)
    if len(set(number)) < 3 or len(number) > 15:
        return 0
    if told[0] == "+" or (told.lstrip("(").startswith("00") and told != number):
        return 0.75 if _is_possible("+" + number.removeprefix("00")) else 0
    if NO_PHONE.match(told) or sum(len(group) == 1 for group in GROUP.findall(told)) > 1:
        return 0
    if _is_called(before) or CALLED_AFTER.match(after) or has_extension:
        return 0.75
    if OTHERWISE.search(before[-REACH_OTHERWISE:]) or THOUSANDS.match(told):
        return 0
    return 0.5 if _looks_like_one(told, len(number)) else 0


def _is_called(before: str) -> bool:
    """Whether a word before it calls a number a phone, and none that stands nearer calls it something else."""
    if not before.isascii() and CALLED_BESIDE.search(before):
        return True
    called = list(CALLED.finditer(before))
    return bool(called) and not OTHERWISE.search(before[called[-1].end() :])


def _looks_like_one(told: str, digits: int) -> bool:
    if AMERICAN.match(told):
        return True
    trunk, area = 9 <= digits <= 11 and TRUNK.match(told), 8 <= digits <= 11 and AREA.match(told)
    return bool(trunk or area)


def _is_possible(international: str) -> bool:
    phonenumbers = _library()
    try:
        return bool(phonenumbers.is_possible_number(phonenumbers.parse(international)))
    except phonenumbers.NumberParseException:
        return False


def _library() -> Any:
    with extra("pii"):
        import phonenumbers
    return phonenumbers
