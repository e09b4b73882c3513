"""Texts made to trip recognisers and gates up, drawn from a seed."""

from __future__ import annotations

import random

FRAGMENTS = [
    *("john.doe@example.com", "ünï@exämple.co.uk", "a@b", "x@y.zz", "@", "@@", "foo@bar@baz.com", ".com"),
    *("4111 1111 1111 1111", "4111-1111-1111-1112", "378282246310005", "5500005555555559", "6011000990139424"),
    *("GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "gb82west12345698765432"),
    *(
        "192.168.0.1",
        "8.8.8.8",
        "2001:db8::1",
        "::1",
        "::ffff:1.2.3.4",
        "2607:f8b0:4005::200e",
        "256.1.1.1",
        "%eth0",
        "/24",
    ),
    *("123-45-6789", "078-05-1120", "219 09 9999", "123456788", "943 476 5919", "A1234567", "C12345678", "AB123456789"),
    *("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"),
    *("(212) 555-0199", "+44 20 7946 0958", "+1-800-555-0199 ext. 12", "030 1234567", "06 12 34 56 78"),
    *("1642", "1688 1699", "+49 1641"),
    *("٠١٢٣٤٥٦٧٨٩", "４１１１１１１１１１１１１１１１", "2１2-５55-5555", "\u200f+972-50-123-4567\u200e"),
    *("http://www.example.com/a?b=c", "example.org", "HTTPS://EXAMPLE.COM", "'http://a.io'"),
    *(
        "2020-01-02",
        "12/31/1999",
        "March 5, 2001",
        "123456789012",
        "00:1A:2B:3C:4D:5E",
        "00-1a-2b-3c-4d-5e",
        "BB1388568",
    ),
    *("9" * 13, "1" * 20, "K1234", "\u212a12345", "ſsn", "İ", "ı", "5", "55", "555", "-2", "a.b.c"),
    *(":)", "http: //", "the:foo", ":the", "(", ")", "...", "-", "\n", "\t", "  ", "\u00a0", "\u3000"),
    *("ssn", "SSN:", "social security number", "phone", "call me on", "my number is", "card", "credit card:", "visa"),
    *(
        "iban",
        "bank",
        "ip",
        "ipv4",
        "license",
        "passport",
        "taxpayer",
        "itin",
        "bitcoin wallet",
        "email",
        "url",
        "date",
    ),
    *("the", "of", "and", "x", "is", "不", "电话", "телефон", "ghp_0123456789abcdefghijABCDEFGHIJ012345"),
]
SEPARATORS = [" ", "", "\n", ",", ": ", "-", ".", "/", "(", ")", " - ", "\u00a0", "\t", "  ", "\u200b"]


def fuzzed(count: int, seed: int = 0) -> list[str]:
    """`count` texts of one to twenty fragments, some glued together."""
    draw = random.Random(seed)
    return ["".join(_piece(draw) for _ in range(draw.choice([1, 1, 2, 3, 5, 9, 20]))) for _ in range(count)]


def _piece(draw: random.Random) -> str:
    return draw.choice(FRAGMENTS) + (draw.choice(SEPARATORS) if draw.random() < 0.4 else " ")
