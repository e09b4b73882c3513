"""Listed phrases in a text, word by word and line by line."""

from __future__ import annotations

import naive_quality as naive


def spelt(phrase: str) -> tuple[str, ...]:
    return tuple(naive.lower(word) for word in naive.words(phrase))


def count(text: str, phrases: list[str]) -> tuple[int, int, int, str | None]:
    """Words, phrases found, words in those, and the first of them: at each word the longest phrase counts."""
    listed = {spelt(phrase): phrase for phrase in reversed(phrases)}
    total, hits, inside, first = 0, 0, 0, None
    for line in text.splitlines():
        have = spelt(line)
        total += len(have)
        at = 0
        while at < len(have):
            sizes = [n for n in range(len(have) - at, 0, -1) if have[at : at + n] in listed]
            if sizes:
                hits, inside = hits + 1, inside + sizes[0]
                first = first or listed[have[at : at + sizes[0]]]
            at += sizes[0] if sizes else 1
    return total, hits, inside, first
