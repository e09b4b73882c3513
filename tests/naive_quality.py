"""What the quality stages count, said in plain Python: docs/words.md and the papers, line by line."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from tamis.kernels.unicode_build import BULLETS, SOLO_RANGES, STOP_RANGES, ranges

SOLO, STOP = ranges(SOLO_RANGES), ranges(STOP_RANGES)
CITATIONS = re.compile(r"(\s*\[([0-9]*|edit|citation needed)\])+\s*$")
STOP_WORDS = {"the", "be", "to", "of", "and", "that", "have", "with"}
POLICIES = ["terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies"]


def is_mark(char: str) -> bool:
    return unicodedata.category(char) in ("Mn", "Mc", "Me") or char in "\u200c\u200d"


def is_solo(char: str) -> bool:
    return char.isalnum() and ord(char) in SOLO and not char.isdecimal()


def is_terminal(char: str) -> bool:
    return ord(char) in STOP or unicodedata.category(char) in ("Pi", "Pf") or char in "\"'」』"


def words(text: str) -> list[str]:
    found: list[str] = []
    inside = False
    for char in text:
        if char.isalnum():
            if inside and not is_solo(char) and not is_solo(found[-1][0]):
                found[-1] += char
            else:
                found.append(char)
            inside = True
        elif inside and is_mark(char):
            found[-1] += char
        else:
            inside = False
    return found


def lower(word: str) -> str:
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in word)


def sentences(line: str) -> int:
    """Stretches with a word in them, up to a sentence mark that no letter or digit follows, or to the end."""
    count, stretch = 0, ""
    for char, following in zip(line, line[1:] + " ", strict=True):
        stretch += char
        glued = following.isalnum() and not is_solo(following)
        if ord(char) in STOP and not glued and words(stretch):
            count, stretch = count + 1, ""
    return count + bool(words(stretch))


def has_phrase(line: str, phrase: str) -> int:
    wanted = phrase.split()
    have = [lower(w) for w in words(line)]
    return sum(have[i : i + len(wanted)] == wanted for i in range(len(have)))


def is_ellipsis_end(line: str) -> bool:
    return line.endswith(("...", "…"))


def c4_says(line: str, end_mark: bool = True) -> str:
    """Why C4 cuts a stripped line; "" where it keeps it."""
    bare = CITATIONS.sub("", line)
    if any(len(run) > 1000 for run in line.split()):
        return "long_word"
    if end_mark and (not bare or not is_terminal(bare[-1]) or is_ellipsis_end(bare)):
        return "no_terminal"
    if len(words(line)) < 3:
        return "few_words"
    if has_phrase(line, "javascript"):
        return "javascript"
    return "policy" if any(has_phrase(line, p) for p in POLICIES) else ""


def cut_lines(text: str, end_mark: bool = True) -> tuple[str, list[tuple[int, int, str]]]:
    """The text without the lines that C4 cuts, and each (first code point, one past the last, why) of what went.

    A line goes with its break and the blank lines after it; neighbours that go for the same reason are one cut.
    """
    kept, cuts, at = "", [], 0
    says = ""
    for raw in text.splitlines(keepends=True):
        before, stop = says, at + len(raw)
        says = c4_says(raw.strip(), end_mark) if raw.strip() else says
        if not says:
            kept += raw
        elif cuts and cuts[-1][1] == at and before == says:
            cuts[-1] = (cuts[-1][0], stop, says)
        else:
            cuts.append((at, stop, says))
        at = stop
    return kept, cuts


def again(things: list[tuple[object, int]]) -> tuple[int, int]:
    """How many things were there before, and the sum of their sizes."""
    seen: set[object] = set()
    sizes = []
    for thing, size in things:
        if thing in seen:
            sizes.append(size)
        seen.add(thing)
    return len(sizes), sum(sizes)


def covered(places: list[int], n: int, sizes: list[int]) -> int:
    """Characters of the words inside the n-grams at `places`, each counted once."""
    return sum(sizes[i] for i in {i for p in places for i in range(p, p + n)})


def top_chars(have: list[str], n: int) -> int:
    grams = [tuple(have[i : i + n]) for i in range(len(have) - n + 1)]
    count = Counter(grams)
    if not count or max(count.values()) == 1:
        return 0
    top = max(count, key=lambda g: (count[g], sum(map(len, g)), -grams.index(g)))
    return covered([i for i, g in enumerate(grams) if g == top], n, list(map(len, have)))


def dup_chars(have: list[str], n: int) -> int:
    grams = [tuple(have[i : i + n]) for i in range(len(have) - n + 1)]
    first = {g: i for i, g in reversed(list(enumerate(grams)))}
    return covered([i for i, g in enumerate(grams) if first[g] != i], n, list(map(len, have)))


def counts(text: str, compared: int = 1 << 20) -> dict[str, int]:
    """Every number of `tamis.kernels.text.COUNTS`."""
    whole = [line.strip() for line in text.splitlines()]
    lines = [line for line in whole if line]
    blocks = [block.split("\n") for block in re.split("\n{2,}", "\n".join(whole).strip("\n")) if block]
    found = words(text)
    have = [lower(w) for w in found]
    near = have[:compared]
    kept = [line for line in lines if not c4_says(line)]
    any_end = [line for line in lines if not c4_says(line, end_mark=False)]
    dup_lines, dup_line_chars = again([(line, len(line)) for line in lines[:compared]])
    dup_blocks, dup_block_chars = again([(tuple(b), sum(map(len, b))) for b in blocks[:compared]])
    return {
        "chars": len(text),
        "words": len(found),
        "word_chars": sum(map(len, found)),
        "alpha_words": sum(any(c.isalpha() for c in w) for w in found),
        "stop_words": len(STOP_WORDS & set(have)),
        "hash_signs": text.count("#"),
        "ellipses": text.count("...") + text.count("…"),
        "lines": len(lines),
        "line_chars": sum(map(len, lines)),
        "line_breaks": len((text + "x").splitlines()) - 1,
        "bullet_lines": sum(line[0] in BULLETS for line in lines),
        "ellipsis_lines": sum(map(is_ellipsis_end, lines)),
        "terminal_lines": sum(is_terminal(line[-1]) for line in lines),
        "short_lines": sum(len(line) <= 30 for line in lines),
        "c4_sentences": sum(map(sentences, kept)),
        "c4_sentences_any_end": sum(map(sentences, any_end)),
        "curly_brackets": text.count("{"),
        "lorem_ipsum": sum(has_phrase(line, "lorem ipsum") for line in lines),
        "dup_lines": dup_lines,
        "dup_line_chars": dup_line_chars,
        "paragraphs": len(blocks),
        "dup_paragraphs": dup_blocks,
        "dup_paragraph_chars": dup_block_chars,
        **{f"top_{n}gram_chars": top_chars(near, n) for n in (2, 3, 4)},
        **{f"dup_{n}gram_chars": dup_chars(near, n) for n in range(5, 11)},
    }
