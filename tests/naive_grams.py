"""Word n-grams as bytes, and what they hash to, in plain Python."""

from __future__ import annotations

import hashlib

import naive_quality as naive
import xxhash


def grams(text: str, n: int) -> list[bytes]:
    """The n-grams of a text, in order; one of all its words where it has fewer than n."""
    words = [naive.lower(word) for word in naive.words(text)]
    return [" ".join(words[k : k + n]).encode() for k in range(max(len(words) - n + 1, min(len(words), 1)))]


def sha1(data: bytes) -> int:
    """First eight bytes of the SHA-1, little-endian."""
    return int.from_bytes(hashlib.sha1(data).digest()[:8], "little")


def xxh64(data: bytes) -> int:
    """The XXH64 with seed 0."""
    return xxhash.xxh64_intdigest(data)
