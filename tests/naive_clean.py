"""Cleaning in plain Python: every rule on every string, with no gate before it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from ftfy import fix_encoding

from tamis.curate.markup import without_markup


def mojibake(text: str) -> str:
    return "\n".join(fix_encoding(line) for line in text.split("\n"))


def line_ends(text: str) -> str:
    return re.sub("\r\n|[\r\v\f\x85\u2028\u2029]", "\n", text)


def control(text: str) -> str:
    return re.sub("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u200b\u2060\ufeff]", "", text)


def whitespace(text: str) -> str:
    text = re.sub("[\xa0\u1680\u2000-\u200a\u202f\u205f]", " ", text)
    return re.sub("\n{4,}", "\n\n", re.sub("[ \t\u3000]+(?=\n|$(?!\n))", "", text))


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


RULES: dict[str, Callable[[str], str]] = {
    "mojibake": mojibake,
    "html": without_markup,
    "line_ends": line_ends,
    "control": control,
    "whitespace": whitespace,
    "nfc": nfc,
}


def clean(text: str, rules: tuple[str, ...] = tuple(RULES)) -> tuple[str, list[str]]:
    """`text` repaired, and the names of the rules that changed it, in order."""
    before, did = text, set()
    for _ in range(8):
        start = text
        for rule in rules:
            changed = RULES[rule](text)
            if changed != text:
                did.add(rule)
                text = changed
        if text == start:
            break
    return text, [rule for rule in RULES if rule in did] if text != before else []
