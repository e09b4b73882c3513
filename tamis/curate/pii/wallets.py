"""Addresses of crypto wallets, each with the checksum its coin has: Base58Check, Bech32(m) or the case of EIP-55.

Presidio's recogniser knows Bitcoin's alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256

from tamis.curate.pii.keccak import keccak256
from tamis.curate.pii.recogniser import Match

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
VERSIONS = {b"\x00", b"\x05", b"\x1e", b"\x16", b"\x30", b"\x32", b"\x4c", b"\x10", b"\x41", b"\x1c\xb8", b"\x1c\xbd"}
"""First bytes: Bitcoin, Dogecoin, Litecoin, Dash, Tron, Zcash."""

ETHEREUM = re.compile(r"(?<![0-9A-Za-z])0x[0-9a-fA-F]{40}(?![0-9A-Za-z])")
LEGACY = re.compile(r"(?<![0-9A-Za-z])[13LMDAX9Tt7][1-9A-HJ-NP-Za-km-z]{25,35}(?![0-9A-Za-z])")
SEGWIT = re.compile(r"(?<![0-9A-Za-z])(?:bc|ltc)1[02-9ac-hj-np-z]{11,87}(?![0-9A-Za-z])", re.IGNORECASE)


class Wallets:
    """Addresses of Bitcoin, Litecoin, Dogecoin, Dash, Zcash, Tron and Ethereum (and what shares its form)."""

    name, entity = "Wallets", "CRYPTO"
    gate = r"0x[0-9a-fA-F]{40}|(?i:bc|ltc)1[0-9A-Za-z]{11}|[13LMDAX9Tt7][1-9A-HJ-NP-Za-km-z]{25}"

    def find(self, text: str) -> Iterator[Match]:
        """Every address in `text` whose checksum is right; one of Ethereum's in one case has none."""
        for match in ETHEREUM.finditer(text):
            digits = match[0][2:]
            if digits in (digits.lower(), digits.upper()):
                if len(set(digits.lower())) > 6:
                    yield Match(*match.span(), 0.6)
            elif _has_eip55_case(digits):
                yield Match(*match.span(), 1.0)
        for match in LEGACY.finditer(text):
            if _is_base58check(match[0]):
                yield Match(*match.span(), 1.0)
        for match in SEGWIT.finditer(text):
            if _is_bech32(match[0]):
                yield Match(*match.span(), 1.0)


def _has_eip55_case(digits: str) -> bool:
    """Whether each letter is a capital where, and only where, the hash of the address says so."""
    nibbles = keccak256(digits.lower().encode()).hex()
    return all(c.isdigit() or c.isupper() == (int(h, 16) >= 8) for c, h in zip(digits, nibbles, strict=False))


def _is_base58check(address: str) -> bool:
    number = 0
    for char in address:
        number = number * 58 + BASE58.index(char)
    zeros = len(address) - len(address.lstrip("1"))
    raw = bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
    version = raw[:-24]
    return version in VERSIONS and sha256(sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]


def _is_bech32(address: str) -> bool:
    """BIP 173 and 350: in one case, and the polynomial leaves one of two constants."""
    if address not in (address.lower(), address.upper()):
        return False
    prefix, _, data = address.lower().partition("1")
    values = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix] + [BECH32.index(c) for c in data]
    check = 1
    for value in values:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= term if top >> bit & 1 else 0
    return check in (1, 0x2BC830A3)
