"""Near-duplicates in plain Python: shingles, MinHash, sets, components, pairs."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from itertools import combinations, pairwise

import naive_quality as quality

from tamis.kernels.words import word_hash

SEED, PRIME, MIX = 0xCBF29CE484222325, 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93
WRAP = 2**64


def units(text: str, unit: str) -> list[str]:
    if unit == "run":
        return [quality.lower(run) for run in re.findall(r"\w+", text)]
    if unit == "word":
        return [quality.lower(word) for word in quality.words(text)]
    return list(" ".join(quality.lower(text).split()))


@cache
def unit_hash(unit: str, kind: str) -> int:
    """An underscore is hashed as U+007F, which is in no run."""
    return step(SEED, ord(unit)) if kind == "char" else word_hash(unit.replace("_", "\x7f"))


def step(h: int, part: int) -> int:
    h = (h ^ part) * PRIME % WRAP
    return h ^ h >> 32


def finish(total: int) -> int:
    total = (total ^ total >> 32) * MIX % WRAP
    return total ^ total >> 32


def ngrams(text: str, n: int, unit: str) -> list[tuple[str, ...]]:
    """All n-grams in order; one of all units where there are fewer than n; none of nothing."""
    have = units(text, unit)
    return [tuple(have[i : i + n]) for i in range(max(1, len(have) - n + 1))] if have else []


def shingle(gram: tuple[str, ...], kind: str) -> int:
    total = 0
    for unit in gram:
        total = (total * PRIME + unit_hash(unit, kind)) % WRAP
    return finish(total)


def band_keys(text: str, n: int, unit: str, a: list[int], b: list[int], bands: int) -> list[int]:
    """The keys of a text; zeros where it has no shingle."""
    high = [shingle(gram, unit) >> 32 for gram in ngrams(text, n, unit)]
    if not high:
        return [0] * bands
    slots = [min((x * h + y) % 2**32 for h in high) for x, y in zip(a, b, strict=True)]
    rows = len(slots) // bands
    keys = []
    for band in range(bands):
        h = SEED
        for slot in slots[band * rows : (band + 1) * rows]:
            h = step(h, slot)
        h = h * MIX % WRAP
        keys.append((h ^ h >> 32) & ~63 | band)
    return keys


def jaccard(a: set[object], b: set[object]) -> float:
    return len(a & b) / len(a | b)


def roots(n: int, links: list[tuple[int, int]]) -> list[int]:
    """The smallest node that each node reaches."""
    least = list(range(n))
    for _ in range(n):
        for a, b in links:
            least[a] = least[b] = min(least[a], least[b])
    return least


def pairs(entries: list[tuple[int, int, int]], most: int, reach: int) -> tuple[set[tuple[int, int]], int, int]:
    """Pairs of (key, member, near) entries, how many buckets were too large, and pairs of those left out."""
    buckets = defaultdict(list)
    for key, member, near in entries:
        buckets[key].append((near, member))
    found, skewed, unseen = set(), 0, 0
    for bucket in buckets.values():
        order = [member for _, member in sorted(bucket)]
        own = {(min(p), max(p)) for p in combinations(order, 2)}
        if len(order) > max(most, 1):
            skewed += 1
            place = {member: i for i, member in enumerate(order)}
            close = {p for p in own if abs(place[p[0]] - place[p[1]]) <= reach}
            heads = order[:: max(most, 1)]
            joined = {(heads[i // max(most, 1)], member) for i, member in enumerate(order)} | set(pairwise(heads))
            kept = close | {(min(p), max(p)) for p in joined if p[0] != p[1]}
            unseen += len(own) - len(kept)
            own = kept
        found |= own
    return found, skewed, unseen
