"""Values that look like the ones they replace, and are nobody's: from ranges that are reserved for examples.

    EMAIL_ADDRESS  wren.qkzm@example.com         example.com is IANA's (RFC 2606)
    IP_ADDRESS     192.0.2.17, 2001:db8::5a1c    TEST-NET-1 to 3 (RFC 5737) and 2001:db8::/32 (RFC 3849)
    PHONE_NUMBER   212-555-0147                  555-0100 to 555-0199 are for fiction (NANPA)
    US_SSN         666-17-0123                   no number beginning with 666 is ever issued (SSA)
    CREDIT_CARD    4111 1111 1111 1111           numbers that payment processors publish for tests
    IBAN_CODE      GB82 WEST 1234 5698 7654 32   the examples of the IBAN registry
    CRYPTO         1111111111111111111114oLvT2   nobody has the key of these
    URL            https://example.com/qkzm

What of these is drawn depends on a digest of the value. Few values are reserved, so two of them may have the same
surrogate, where two pseudonyms never do. What has no range here is tagged.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata

from tamis.curate.pii.pseudonym import letters

NAMES = "Ada Alba Ari Ben Cleo Dara Eden Ezra Fay Gil Hana Ida Ivo Jo Kai Lev Lou Mara Max Mika Nia Noa Odo Ora Pia Ray Rio Sam Tao Uma Wren Zoe".split()  # noqa: SIM905, E501
AREAS = (212, 213, 303, 312, 404, 415, 503, 512, 602, 617, 702, 713, 773, 808, 907, 919)
NETS = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
CARDS = (
    "4111111111111111",
    "4012888888881881",
    "4242424242424242",
    "5555555555554444",
    "5105105105105100",
    "2223003122003222",
    "6011111111111117",
    "6011000990139424",
    "3530111333300000",
    "30569309025904",
    "378282246310005",
    "371449635398431",
)
IBANS = (
    "GB82WEST12345698765432",
    "DE89370400440532013000",
    "FR1420041010050500013M02606",
    "NL91ABNA0417164300",
    "ES9121000418450200051332",
    "CH9300762011623852957",
    "BE68539007547034",
    "IT60X0542811101000000123456",
    "NO9386011117947",
    "SE4550000000058398257466",
    "PL61109010140000071219812874",
    "PT50000201231234567890154",
)
COINS = ("1111111111111111111114oLvT2", "1BitcoinEaterAddressDontSendf59kuE")

RESERVED = frozenset(
    ("EMAIL_ADDRESS", "IP_ADDRESS", "PHONE_NUMBER", "US_SSN", "CREDIT_CARD", "IBAN_CODE", "CRYPTO", "URL")
)
"""Entities that have surrogates. People have none: every name is somebody's."""


def surrogate(entity: str, found: str, digest: bytes) -> str:
    """A value of the kind `entity` that `digest` (32 bytes) draws, written somewhat as `found` is. `entity` is of RESERVED."""
    draw, word = int.from_bytes(digest[24:], "big"), letters(digest)
    if entity == "EMAIL_ADDRESS":
        return f"{NAMES[draw % len(NAMES)].lower()}.{word[:6]}@example.com"
    if entity == "IP_ADDRESS":
        return _address(found, draw)
    if entity == "PHONE_NUMBER":
        international = "+1-" if unicodedata.normalize("NFKC", found).lstrip().startswith(("+", "00")) else ""
        return f"{international}{AREAS[draw // 100 % len(AREAS)]}-555-01{draw % 100:02d}"
    if entity == "US_SSN":
        return f"666-{1 + draw % 99:02d}-{1 + draw // 99 % 9999:04d}"
    if entity == "CREDIT_CARD":
        return _spaced(CARDS[draw % len(CARDS)], found)
    if entity == "IBAN_CODE":
        return _spaced(IBANS[draw % len(IBANS)], found)
    if entity == "CRYPTO":
        return COINS[draw % len(COINS)]
    assert entity == "URL", entity
    return f"https://example.com/{word[:6]}"


def is_reserved(entity: str, found: str) -> bool:
    """Whether `found` is of a reserved range, so that it is nobody's."""
    text = unicodedata.normalize("NFKC", found).strip()
    if entity in ("EMAIL_ADDRESS", "URL"):
        return _EXAMPLE.fullmatch(text) is not None
    if entity == "IP_ADDRESS":
        return _is_example(text)
    bare = re.sub(r"[\W_]+", "", text)
    if entity == "PHONE_NUMBER":
        return re.fullmatch(r"1?\d{3}55501\d\d", bare) is not None
    if entity == "US_SSN":
        return bare.startswith("666")
    return bare in {"CREDIT_CARD": CARDS, "IBAN_CODE": IBANS, "CRYPTO": COINS}.get(entity, ())


_EXAMPLE = re.compile(r"(?i)(?:[\w.+-]+@|(?:https?://)?(?:[\w-]+\.)*)example\.(?:com|net|org)(?:[/?#]\S*)?")


def _address(found: str, draw: int) -> str:
    if ":" in found:
        return str(ipaddress.IPv6Address(0x20010DB8 << 96 | draw % 2**64))
    net = ipaddress.ip_network(NETS[draw // 254 % len(NETS)])
    return str(net[1 + draw % 254])


def _is_example(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    nets = ("2001:db8::/32",) if address.version == 6 else NETS
    return any(address in ipaddress.ip_network(net) for net in nets)


def _spaced(number: str, found: str) -> str:
    """`number` in groups of four, where `found` is written in groups."""
    mark = re.search(r"(?<=\w)([ -])(?=\w)", found)
    return mark[1].join(re.findall(".{1,4}", number)) if mark else number
