"""Strings with what is found in them replaced, until a second look finds nothing new.

What is taken out uncovers other things: the rest of a longer finding that lost to it, or a number that was no number
beside it. So the edited strings are searched again, and what is found there is taken out of the original in one go.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ROUNDS = 4
"""Looks at most."""


class Span(NamedTuple):
    """Something found in a string, in code points from 0; `score` is 0–1."""

    start: int
    stop: int
    entity: str
    score: float


class Finds(Protocol):
    """What finds: for each string its findings in order, none overlapping another."""

    def __call__(self, strings: pa.StringArray) -> tuple[Iterable[tuple[int, Span]], Iterable[tuple[int, str]]]:
        """(place of the string, finding), sorted; and (place, why) of strings that could not be searched as they should."""
        ...


Replace = Callable[[str, str], str]
"""Entity and what was found to what is put in its place."""


class Scrubbed(NamedTuple):
    """Strings, what was taken out of each that had any (spans of the string as it was), and why some were not searched."""

    strings: pa.StringArray
    spans: dict[int, list[Span]]
    failures: list[tuple[int, str]]


class Edited(NamedTuple):
    """A string with its spans replaced.

    at   (start, stop) of each replacement in `text`
    """

    text: str
    at: list[tuple[int, int]]


def scrub(strings: pa.StringArray, find: Finds, replace: Replace, mark: Replace | None = None) -> Scrubbed:
    """`strings` (no nulls) without what `find` finds in them. The same array where it finds nothing.

    mark  what is put there for a look in between, where `replace` puts what looks like the value or nothing: between two
          surrogates a third number may look like a part of them
    """
    spans: dict[int, list[Span]] = {}
    found, failed = find(strings)
    failures = list(failed)
    for row, span in found:
        spans.setdefault(row, []).append(span)
    if not spans:
        return Scrubbed(strings, spans, failures)
    rows = sorted(spans)
    texts = dict(zip(rows, strings.take(pa.array(rows)).to_pylist(), strict=True))
    if mark is not None:
        _look_again(texts, spans, failures, find, mark, 1)
    edited, busy = _look_again(texts, spans, failures, find, replace, ROUNDS - 1)
    failures += [(row, f"scrub: each of {ROUNDS} looks found something more") for row in busy]
    mask = np.zeros(len(strings), np.bool_)
    mask[rows] = True
    new = pa.array([edited[row].text for row in rows], strings.type)
    return Scrubbed(pc.replace_with_mask(strings, pa.array(mask), new), spans, failures)


def _look_again(
    texts: dict[int, str],
    spans: dict[int, list[Span]],
    failures: list[tuple[int, str]],
    find: Finds,
    replace: Replace,
    looks: int,
) -> tuple[dict[int, Edited], list[int]]:
    """`texts` with `spans` replaced, searched again: what is found goes to `spans`. And the rows the last look changed."""
    edited = {row: splice(text, spans[row], replace) for row, text in texts.items()}
    busy = list(texts)
    for _ in range(looks):
        news: dict[int, list[Span]] = {}
        found, failed = find(pa.array([edited[row].text for row in busy], pa.string()))
        failures += [(busy[place], why) for place, why in failed]
        for place, span in found:
            row = busy[place]
            # What lies within a replacement is our own: a surrogate is an address, too.
            if (was := back(span, edited[row].at, spans[row])) is not None:
                news.setdefault(row, []).append(was)
        busy = []
        for row, new in news.items():
            if (whole := union([*spans[row], *new])) != spans[row]:
                spans[row], edited[row] = whole, splice(texts[row], whole, replace)
                busy.append(row)
        if not busy:
            break
    return edited, busy


def splice(text: str, spans: Iterable[Span], replace: Replace) -> Edited:
    """`text` with each of `spans`, sorted and apart, replaced."""
    parts, at, last, length = [], [], 0, 0
    for span in spans:
        put = replace(span.entity, text[span.start : span.stop])
        length += span.start - last
        parts += [text[last : span.start], put]
        at.append((length, length + len(put)))
        last, length = span.stop, length + len(put)
    return Edited("".join([*parts, text[last:]]), at)


def back(span: Span, at: list[tuple[int, int]], spans: list[Span]) -> Span | None:
    """Where `span` of an edited string lies in the string as it was; None where it lies within one replacement.

    A replacement that it touches a part of belongs to it as a whole.
    """
    first = bisect_right(at, span.start, key=lambda a: a[1])
    last = bisect_left(at, span.stop, key=lambda a: a[0]) - 1
    if first == last and at[first][0] <= span.start and span.stop <= at[first][1]:
        return None
    start = stop = 0
    if first < len(at) and at[first][0] <= span.start:
        start = spans[first].start
    else:
        start = span.start + (spans[first - 1].stop - at[first - 1][1] if first else 0)
    if last >= 0 and span.stop <= at[last][1]:
        stop = spans[last].stop
    else:
        stop = span.stop + (spans[last].stop - at[last][1] if last >= 0 else 0)
    return span._replace(start=start, stop=stop)


def union(spans: Iterable[Span]) -> list[Span]:
    """`spans` sorted, those that overlap as one: of the highest score among them, of the first of those."""
    out: list[Span] = []
    for span in sorted(spans):
        if out and span.start < out[-1].stop:
            best = max(out[-1], span, key=lambda s: s.score)
            out[-1] = best._replace(start=out[-1].start, stop=max(out[-1].stop, span.stop))
        else:
            out.append(span)
    return out
