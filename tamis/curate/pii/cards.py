"""Payment cards: 12 to 19 digits that an issuer's range and length allow (ISO/IEC 7812) and whose check digit is right.

Presidio's recogniser knows 12 to 17 digits and no 2-series; it takes any number that passes Luhn and begins with 1, 3, 4, 5
or 6, which one in ten of all such numbers does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tamis.curate.pii.digits import DASHES, SPACES, UNSEEN, plain
from tamis.curate.pii.recogniser import Match

ISSUERS: tuple[tuple[int, int, tuple[int, ...]], ...] = (
    (4, 4, (13, 16, 19)),  # Visa
    (51, 55, (16,)),  # Mastercard
    (2221, 2720, (16,)),
    (34, 34, (15,)),  # American Express
    (37, 37, (15,)),
    (6011, 6011, (16, 17, 18, 19)),  # Discover
    (644, 649, (16, 17, 18, 19)),
    (65, 65, (16, 17, 18, 19)),
    (300, 305, (14, 16, 19)),  # Diners Club
    (3095, 3095, (14, 16, 19)),
    (36, 36, (14, 16, 19)),
    (38, 39, (14, 16, 19)),
    (3528, 3589, (16, 17, 18, 19)),  # JCB
    (2131, 2131, (15,)),
    (1800, 1800, (15,)),
    (62, 62, (16, 17, 18, 19)),  # UnionPay
    (81, 81, (16,)),
    (2200, 2204, (16, 17, 18, 19)),  # Mir
    (60, 60, (16,)),  # RuPay
    (82, 82, (16,)),
    (508, 508, (16,)),
    (50, 50, (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
    (56, 58, (12, 13, 14, 15, 16, 17, 18, 19)),
    (6304, 6304, (12, 13, 14, 15, 16, 17, 18, 19)),
    (6390, 6390, (12, 13, 14, 15, 16, 17, 18, 19)),
    (67, 67, (12, 13, 14, 15, 16, 17, 18, 19)),
)
"""First and last prefix, and the lengths in digits that its cards have."""

MARK = f"[{SPACES}{DASHES}{UNSEEN}]{{0,2}}"
SHAPE = re.compile(rf"(?<![\w{DASHES}.,])\d(?:{MARK}\d){{11,18}}(?![\w]|[{DASHES}.,]\d)")
"""12 to 19 digits in a row, up to two marks between two of them, no part of a longer number."""

CALLED = re.compile(
    r"\b(?:cards?|credit|debit|visa|master ?card|amex|american express|jcb|diners|maestro|cc)\b", re.IGNORECASE
)
REACH = 40
"""Code points before a number in which a word may call it a card."""


class Cards:
    """Numbers of payment cards."""

    name, entity = "Cards", "CREDIT_CARD"
    gate = rf"\d(?:{MARK}\d){{11}}"

    def find(self, text: str) -> Iterator[Match]:
        """Every card number in `text`; surest where it is written in groups or has at least 15 digits."""
        for match in SHAPE.finditer(text):
            number = plain(match[0])
            if is_card(number):
                yield Match(match.start(), match.end(), 1.0 if len(number) >= 15 else 0.6)
            # No table of ranges is ever complete. What a word calls a card is one where the check digit agrees.
            elif may_be_card(number) and CALLED.search(text[max(0, match.start() - REACH) : match.start()]):
                yield Match(match.start(), match.end(), 0.75)


def is_card(number: str) -> bool:
    """Whether `number` (digits) can be a card's."""
    allowed = any(low <= int(number[: len(str(low))]) <= high and len(number) in sizes for low, high, sizes in ISSUERS)
    return allowed and luhn(number) and len(set(number)) > 1


def may_be_card(number: str) -> bool:
    """Whether `number` would be a card's if its range were one."""
    return len(number) >= 13 and number[0] in "3456" and len(set(number)) > 1 and luhn(number)


def luhn(number: str) -> bool:
    """Whether the check digit is right (ISO/IEC 7812-1, annex B)."""
    doubled = sum(sum(divmod(2 * int(d), 10)) for d in number[-2::-2])
    return (doubled + sum(map(int, number[-1::-2]))) % 10 == 0
