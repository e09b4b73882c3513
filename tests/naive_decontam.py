"""Contamination in plain Python: all n-grams in a dict, all runs by comparing word by word."""

from __future__ import annotations

import re
from typing import NamedTuple

SHORT_SEED, ANCHOR, QUARTER, REACH, ADJOINS = 4, 3, 4, 512, 2


class Item(NamedTuple):
    """Words of an item and of its answer."""

    words: tuple[str, ...]
    answer: tuple[str, ...] = ()


class Match(NamedTuple):
    """What a record has of an item; see MATCH."""

    item: int
    longest: int
    run: int
    words: int
    found: int
    ngrams: int
    whole: int
    shared: int
    either: int
    answer: bool | None


def words_of(text: str) -> tuple[str, ...]:
    """Words of a text in scripts with spaces."""
    return tuple(re.findall(r"[^\W_]+", text.lower()))


def grams(words: tuple[str, ...], n: int) -> list[tuple[str, ...]]:
    """All n-grams, in order."""
    return [words[k : k + n] for k in range(len(words) - n + 1)]


def matches(
    record: tuple[str, ...], items: list[Item], n: int, min_words: int, max_items: int, gap: int
) -> list[Match]:
    """What `record` has of each of `items`, which differ; those of which it has less than a quarter are left out."""
    places: dict[tuple[str, ...], int] = {}
    for item in items:
        for gram in grams(item.words, n):
            places[gram] = places.get(gram, 0) + 1
    out = []
    for i, item in enumerate(items):
        own = [q for q, gram in enumerate(grams(item.words, n)) if places[gram] <= max_items]
        covered = {q + k for q in own for k in range(n)}
        is_short = len(covered) < min_words
        match = _short(i, item, record) if is_short else _long(i, item, record, own, covered, n, gap)
        if match:
            out.append(match)
    return out


def _short(i: int, item: Item, record: tuple[str, ...]) -> Match | None:
    size, best = len(item.words), 0
    for p in range(len(record) - size + 1):
        if size >= SHORT_SEED and record[p : p + size] == item.words:
            follows = any(
                item.answer and record[p + size + d : p + size + d + len(item.answer)] == item.answer
                for d in range(ADJOINS + 1)
            )
            best = max(best, size + len(item.answer) * follows)
    return Match(i, size, 0, 0, 0, 0, best, 0, 0, None) if best else None


def _long(
    i: int, item: Item, record: tuple[str, ...], own: list[int], covered: set[int], n: int, gap: int
) -> Match | None:
    runs = []
    for p in range(len(record)):
        for q in range(len(item.words)):
            if record[p] == item.words[q] and (p == 0 or q == 0 or record[p - 1] != item.words[q - 1]):
                size = 0
                while (
                    p + size < len(record) and q + size < len(item.words) and record[p + size] == item.words[q + size]
                ):
                    size += 1
                if any(q <= k <= q + size - n for k in own):
                    runs.append((-size, p, q))
    if not runs:
        return None
    found = sum(any(q <= k <= q - size - n for size, _, q in runs) for k in own)
    size, p, q = min(runs)
    longest = -size
    held = set(range(q, q + longest))
    stop, start = p + longest, p
    if gap:
        ahead = _walk(record, item.words, p + longest, q + longest, gap)
        back = _walk(record[::-1], item.words[::-1], len(record) - p, len(item.words) - q, gap)
        held |= ahead[1] | {len(item.words) - 1 - k for k in back[1]}
        start, stop = len(record) - back[0], ahead[0]
    run = len(held & covered)
    if run * QUARTER < len(covered) and found * QUARTER < len(own):
        return None
    a, b = set(grams(item.words, n)), set(grams(record, n))
    answer = _answer(item, record, start, stop) if item.answer else None
    return Match(i, longest, run, len(covered), found, len(own), 0, len(a & b), len(a | b), answer)


def _walk(record: tuple[str, ...], words: tuple[str, ...], p: int, q: int, gap: int) -> tuple[int, set[int]]:
    """Where a run goes on to from `record[p]` and `words[q]`, over edits, and which words of the item it holds."""
    held: set[int] = set()
    while True:
        steps = sorted((a + b, a, b) for a in range(gap + 1) for b in range(gap + 1) if a + b)
        for _, a, b in steps:
            need = min(ANCHOR, len(words) - q - b)
            if need >= 1 and len(record) >= p + a + need and record[p + a :][:need] == words[q + b :][:need]:
                p, q = p + a, q + b
                break
        else:
            return p, held
        while p < len(record) and q < len(words) and record[p] == words[q]:
            held.add(q)
            p, q = p + 1, q + 1


def _answer(item: Item, record: tuple[str, ...], start: int, stop: int) -> bool:
    size = len(item.answer)
    near = range(max(0, start - REACH), min(stop + REACH, len(record)) - size + 1)
    return any(record[p : p + size] == item.answer for p in near if p + size <= start or p >= stop)
