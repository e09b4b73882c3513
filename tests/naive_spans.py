"""Repeated lines, paragraphs and windows of words in plain Python.

A corpus is a list of records, a record a list of strings.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from naive_exact import SPACES
from naive_quality import is_mark, lower, words


class Unit(NamedTuple):
    """A line, paragraph or window: what it is known by, and where it begins and ends (for windows, as words)."""

    key: object
    start: int
    end: int


def fold(text: str) -> str:
    low = "".join(c.lower()[0] for c in text).translate(SPACES)
    return " ".join(word for word in low.split(" ") if word)


def blocks(text: str, paragraphs: bool, min_chars: int) -> list[Unit]:
    """Lines or paragraphs, each up to the next line that is not blank."""
    found: list[tuple[str, int, int]] = []
    at, after_blank = 0, True
    for raw in text.splitlines(keepends=True):
        stop = at + len(raw)
        if not raw.strip():
            if found:
                found[-1] = (*found[-1][:2], stop)
        elif paragraphs and not after_blank:
            found[-1] = (found[-1][0] + raw, found[-1][1], stop)
        else:
            found.append((raw, at, stop))
        after_blank, at = not raw.strip(), stop
    keys = [(fold(raw.strip()), start, stop) for raw, start, stop in found]
    return [Unit(*unit) for unit in keys if len(unit[0]) >= max(min_chars, 1)]


def windows(text: str, n: int) -> list[Unit]:
    spelt = [lower(word) for word in words(text)]
    return [Unit(tuple(spelt[i : i + n]), i, i + n) for i in range(len(spelt) - n + 1)]


def units(text: str, unit: str, length: int) -> list[Unit]:
    return windows(text, length) if unit == "window" else blocks(text, unit == "paragraph", length)


class Cut(NamedTuple):
    """What goes of a string, in code points, and how many records have it."""

    start: int
    end: int
    records: int


def cuts(corpus: list[list[str]], unit: str, length: int, max_count: int, keep_first: bool) -> list[list[list[Cut]]]:
    """For every string of every record what goes of it."""
    holders: dict[object, list[int]] = defaultdict(list)
    for r, record in enumerate(corpus):
        for key in {u.key for text in record for u in units(text, unit, length)}:
            holders[key].append(r)
    hot = {key: rows for key, rows in holders.items() if len(rows) > max_count}
    return [
        [
            list(
                _merged(
                    text,
                    [
                        (u.start, u.end, len(hot[u.key]))
                        for u in units(text, unit, length)
                        if u.key in hot and not (keep_first and hot[u.key][0] == r)
                    ],
                    unit,
                )
            )
            for text in record
        ]
        for r, record in enumerate(corpus)
    ]


def _merged(text: str, found: list[tuple[int, int, int]], unit: str) -> Iterator[Cut]:
    runs: list[Cut] = []
    for start, end, records in found:
        if runs and start <= runs[-1].end:
            runs[-1] = Cut(runs[-1].start, max(end, runs[-1].end), max(records, runs[-1].records))
        else:
            runs.append(Cut(start, end, records))
    if unit != "window":
        yield from runs
        return
    places = word_places(text)
    for run in runs:
        yield Cut(*widened(text, places[run.start][0], places[run.end - 1][1]), run.records)


def word_places(text: str) -> list[tuple[int, int]]:
    """First code point of each word and one past its last."""
    places, at = [], 0
    for word in words(text):
        at = text.index(word, at)
        places.append((at, at + len(word)))
        at += len(word)
    return places


def widened(text: str, start: int, end: int) -> tuple[int, int]:
    """A run of words with the marks that touch it, and the white space behind it."""
    lead = re.search(r"(?:^|(?<=\s))\S*\Z", text[:start])
    if lead and not words(lead[0]) and not any(is_mark(c) for c in lead[0]):
        start = lead.start()
    lines = text.splitlines(keepends=True)
    ends, at = [], 0
    for raw in lines:
        at += len(raw)
        ends.append((at, raw))
    begins_line = all(c.isspace() for c in "".join((text[:start] + "x").splitlines()[-1])[:-1])
    while end < len(text) and not text[end].isspace() and not text[end].isalnum():
        end += 1
    while end < len(text) and text[end].isspace() and not len((text[end] + "x").splitlines()) > 1:
        end += 1
    if begins_line and end < len(text) and text[end].isspace():
        line_end = next(stop for stop, raw in ends if stop > end)
        end = line_end
        for raw in text[line_end:].splitlines(keepends=True):
            if raw.strip():
                break
            end += len(raw)
    return start, end


def without(text: str, gone: list[Cut]) -> str:
    for cut in reversed(gone):
        text = text[: cut.start] + text[cut.end :]
    return text


def share(text: str, gone: list[Cut]) -> float:
    """Of the characters that are no white space, the share in `gone`; 0 where there are none."""
    solid = len("".join(text.split()))
    cut = sum(len("".join(text[c.start : c.end].split())) for c in gone)
    return cut / solid if solid else 0.0
