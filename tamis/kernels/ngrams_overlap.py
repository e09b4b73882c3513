"""What records and given texts have in common: runs of words, n-grams, and whether an answer stands there, too.

A text is found by its own n-grams, those that do not stand all over the other texts, and each hit is followed word by word as
far as both go on alike. A short text is found whole, by four words of it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tamis.kernels.jit import njit
from tamis.kernels.ngrams import Grams, find
from tamis.kernels.unicode import WORD, look
from tamis.kernels.units import ROOM, WORDS, take_units
from tamis.kernels.words import take_word

QUARTER = 4
"""A text of which neither a run nor the n-grams found are a 4th is not reported: chance does that much."""

SHORT_SEED = 4
"""Words by which a short text is found; one of fewer words never is."""

ANCHOR = 3
"""Words that must agree after an edit for a run to go on; fewer where the text ends."""

ANSWER_REACH = 512
"""Words before and behind a run in which the answer is looked for."""

ADJOINS = 2
"""Words that may stand between a short question and its answer ("The answer:")."""


class Targets(NamedTuple):
    """The texts looked for; the words of text t are `[rows[t]:rows[t + 1]]`.

    words       (w,)     uint64  hashes
    owner       (w,)     int32   text of each word
    rows        (t + 1,) int64
    own_gram    (w,)     bool    the n-gram from this word on counts
    own_before  (w + 1,) int64   words before this one that stand in an n-gram that counts
    own_grams   (t,)     int64   n-grams that count
    answers     (a,)     uint64  words of the answers
    answer_rows (t + 1,) int64   those of text t; none: no answer is known
    """

    words: np.ndarray
    owner: np.ndarray
    rows: np.ndarray
    own_gram: np.ndarray
    own_before: np.ndarray
    own_grams: np.ndarray
    answers: np.ndarray
    answer_rows: np.ndarray


FOUND = (
    *("row", "text", "start", "stop", "text_first", "text_stop", "longest", "run", "found"),
    *("shared", "either", "answer", "whole", "segment", "segment_stop"),
)
"""Columns of what `overlap` finds, one row for every record and text that have enough in common.

row, text             the record and the text
start, stop           bytes of the record: of the run, of a short text with its answer where that adjoins
text_first, text_stop words of the text that the run covers
longest               words of the longest run without a gap
run                   of the words that count, those in the run; with gaps where they are allowed
found                 n-grams that count and are somewhere in the record
shared, either        distinct n-grams of both, and of one or the other
answer                1 where the answer stands close by, 0 where it does not, -1 where none is known
whole                 of a short text: words of it and of its answer where that adjoins; else 0
segment, segment_stop its rows among the segments: start and stop in bytes of all that the record has of the text
"""


@njit(nogil=True, cache=True)
def overlap(data, offsets, rows, block, info, targets, long, short, n, gap):
    """What is in `FOUND` (m, 15) int64, and the segments (s, 2) int64.

    data, offsets  strings; record i is strings `[rows[i]:rows[i + 1]]`, one after the other
    block, info    tamis.kernels.unicode.table()
    long, short    Grams: n-grams that count, and SHORT_SEED words of each short text; their places are words of `targets`
    gap            words on either side that an edit may have; 0: a run ends at the first difference
    """
    most, widest = np.int64(0), np.int64(0)
    for i in range(rows.size - 1):
        length = np.int64(offsets[rows[i + 1]]) - np.int64(offsets[rows[i]])
        most = max(most, length // 2 + 2 * (rows[i + 1] - rows[i]) + 2)
    for k in range(targets.rows.size - 1):
        widest = max(widest, np.int64(targets.rows[k + 1] - targets.rows[k]))
    words, starts, stops = np.empty(most + ROOM, np.uint64), np.empty(most, np.int64), np.empty(most, np.int64)
    at, which = np.empty(most, np.int64), np.empty(most, np.int64)
    seen, stamp = np.zeros(widest + 1, np.int64), 0
    last = np.full(targets.rows.size, -1, np.int64)
    out, segments = np.empty((64, 15), np.int64), np.empty((64, 2), np.int64)
    size, cuts = 0, 0
    for i in range(rows.size - 1):
        count = hash_words(data, offsets, rows[i], rows[i + 1], block, info, words)
        begun = size
        hits = find(words, count, n, long.keys, long.directory, long.filter, at, which)
        if hits:
            total = 0
            for k in range(hits):
                total += long.first[which[k] + 1] - long.first[which[k]]
            order, place = np.empty(total, np.int64), np.empty(total, np.int64)
            filled = 0
            for k in range(hits):
                for j in range(long.first[which[k]], long.first[which[k] + 1]):
                    g = long.places[j]
                    of = np.int64(targets.owner[g])
                    # One number for text and diagonal; places ascend, and the sort is stable.
                    order[filled] = (of << 34) + (at[k] - (g - targets.rows[of]) + (1 << 33))
                    place[filled] = at[k]
                    filled += 1
            turn = np.argsort(order, kind="mergesort")
            first = 0
            while first < total:
                t = order[turn[first]] >> 34
                after = first
                while after < total and order[turn[after]] >> 34 == t:
                    after += 1
                stamp += 1
                if size == len(out):
                    out = _grown(out)
                if cuts + after - first >= len(segments):
                    segments = _grown_to(segments, cuts + after - first + 1)
                filled = weigh(
                    *(words, count, targets, t, order, place, turn, first, after, n, gap, seen, stamp),
                    *(out[size], segments, cuts),
                )
                if filled > cuts:
                    out[size, 0], out[size, 13], out[size, 14] = i, cuts, filled
                    size, cuts = size + 1, filled
                first = after
        long_ones = size
        hits = find(words, count, SHORT_SEED, short.keys, short.directory, short.filter, at, which)
        for k in range(hits):
            for j in range(short.first[which[k]], short.first[which[k] + 1]):
                g = short.places[j]
                of = np.int64(targets.owner[g])
                begin = at[k] - (g - targets.rows[of])
                whole = whole_at(words, count, targets, of, begin)
                if whole == 0:
                    continue
                known = last[of]
                if known >= begun and out[known, 12] >= whole:
                    continue
                if known < begun:
                    if size == len(out):
                        out = _grown(out)
                    known, last[of] = size, size
                    size += 1
                own = targets.rows[of + 1] - targets.rows[of]
                out[known, :] = 0
                out[known, 0], out[known, 1] = i, of
                stop = begin + own
                if whole > own:
                    stop = max(stop, end_of_answer(words, count, targets, of, stop))
                out[known, 2], out[known, 3], out[known, 5], out[known, 6] = begin, stop, own, own
                out[known, 12] = whole
        if size > begun:
            # Most records have nothing in common with any text: where their words stand is asked of the others alone.
            place_words(data, offsets, rows[i], rows[i + 1], block, info, starts, stops)
            grams = distinct(words, count, n) if long_ones > begun else at[:0].view(np.uint64)
            for k in range(begun, size):
                first, after, t = out[k, 2], out[k, 3], out[k, 1]
                if k < long_ones:
                    shared, own = common(grams, targets.words[targets.rows[t] : targets.rows[t + 1]], n)
                    out[k, 9], out[k, 10] = shared, grams.size + own - shared
                    for s in range(out[k, 13], out[k, 14]):
                        segments[s, 0], segments[s, 1] = starts[segments[s, 0]], stops[segments[s, 1] - 1]
                out[k, 11] = has_answer(words, count, targets, t, first, after)
                if out[k, 12] > targets.rows[t + 1] - targets.rows[t]:
                    out[k, 11] = 1
                out[k, 2], out[k, 3] = starts[first], stops[after - 1]
                if k >= long_ones:
                    if cuts == len(segments):
                        segments = _grown(segments)
                    segments[cuts, 0], segments[cuts, 1] = out[k, 2], out[k, 3]
                    out[k, 13], out[k, 14] = cuts, cuts + 1
                    cuts += 1
    return out[:size].copy(), segments[:cuts].copy()


@njit(nogil=True, cache=True)
def hash_words(data, offsets, low, high, block, info, words):
    """Write the hashes of the words of strings `[low:high]`, one after the other, to `words`. How many."""
    text, stage, leaf = data.ctypes.data, block.ctypes.data, info.ctypes.data
    count = 0
    for piece in range(low, high):
        at, end = np.int64(offsets[piece]), np.int64(offsets[piece + 1])
        left = words[count:]
        _, more = take_units(text, at, end, data.size, stage, leaf, WORDS, False, left.size - ROOM, left)
        count += more
    return count


@njit(nogil=True, cache=True)
def place_words(data, offsets, low, high, block, info, starts, stops):
    """Write the first byte of those words, and the byte after the last."""
    text, stage, leaf = data.ctypes.data, block.ctypes.data, info.ctypes.data
    count = 0
    for piece in range(low, high):
        at, end = np.int64(offsets[piece]), np.int64(offsets[piece + 1])
        while at < end:
            code, width, entry = look(text, at, end, stage, leaf)
            if entry & (WORD << 16):
                starts[count] = at
                _, at, _, _ = take_word(text, at, end, code, width, entry, stage, leaf)
                stops[count] = at
                count += 1
            else:
                at += width


@njit(nogil=True, cache=True)
def weigh(words, count, targets, t, order, place, turn, first, after, n, gap, seen, stamp, out, segments, cuts):
    """What `words[:count]` and text t have in common, by their hits `turn[first:after]`: fills `out` and `segments`.

    The segments it wrote end at what is given: `cuts` itself where too little is in common to be reported. Bytes in
    `out` and `segments` are numbers of words still.
    """
    base, size = targets.rows[t], targets.rows[t + 1] - targets.rows[t]
    longest, start, text_start, found = 0, 0, 0, 0
    diagonal, reach, to = np.int64(-1), np.int64(-1), cuts
    for k in range(first, after):
        if order[turn[k]] != diagonal:
            diagonal, reach = order[turn[k]], np.int64(-1)
        p = place[turn[k]]
        if p < reach:
            continue
        q = p - ((diagonal & ((1 << 34) - 1)) - (1 << 33))
        a, b, e = p, q, p
        while a > 0 and b > 0 and words[a - 1] == targets.words[base + b - 1]:
            a, b = a - 1, b - 1
        while e < count and e - p + q < size and words[e] == targets.words[base + e - p + q]:
            e += 1
        reach = max(e, p + 1)
        if e - a < n:
            continue
        if e - a > longest or (e - a == longest and (a, b) < (start, text_start)):
            longest, start, text_start = e - a, a, b
        for k_own in range(b, b + e - a - n + 1):
            if targets.own_gram[base + k_own] and seen[k_own] != stamp:
                seen[k_own] = stamp
                found += 1
        segments[to, 0], segments[to, 1] = a, e
        to += 1
    if longest == 0:
        return cuts
    stop, text_stop = start + longest, text_start + longest
    own = targets.own_before
    run = own[base + text_stop] - own[base + text_start]
    if gap:
        start, text_start, more = backward(words, targets.words[base : base + size], start, text_start, gap, own[base:])
        stop, text_stop, yet = forward(
            words, count, targets.words[base : base + size], stop, text_stop, gap, own[base:]
        )
        run += more + yet
    own_words = own[base + size] - own[base]
    if run * QUARTER < own_words and found * QUARTER < targets.own_grams[t]:
        return cuts
    if gap:
        segments[to, 0], segments[to, 1] = start, stop
        to += 1
    out[1], out[2], out[3], out[4], out[5] = t, start, stop, text_start, text_stop
    out[6], out[7], out[8], out[12] = longest, run, found, 0
    return to


@njit(nogil=True, cache=True)
def forward(words, count, text, p, q, gap, own):
    """Go on behind a run that ends before `words[p]` and `text[q]`, over edits: where it ends then, and what it gained.

    The nearest agreement is taken: the fewest words left out in all, then the fewest of the record.
    """
    gained = 0
    while q < text.size:
        step = -1
        for d in range(1, 2 * gap + 1):
            for a in range(max(0, d - gap), min(d, gap) + 1):
                b = d - a
                need = min(ANCHOR, text.size - q - b)
                if need < 1 or p + a + need > count:
                    continue
                same = True
                for k in range(need):
                    same = same and words[p + a + k] == text[q + b + k]
                if same:
                    step = a
                    break
            if step >= 0:
                p, q = p + step, q + d - step
                break
        if step < 0:
            break
        begin = q
        while p < count and q < text.size and words[p] == text[q]:
            p, q = p + 1, q + 1
        gained += own[q] - own[begin]
    return p, q, gained


@njit(nogil=True, cache=True)
def backward(words, text, p, q, gap, own):
    """As `forward`, before a run that begins at `words[p]` and `text[q]`."""
    gained = 0
    while q > 0:
        step = -1
        for d in range(1, 2 * gap + 1):
            for a in range(max(0, d - gap), min(d, gap) + 1):
                b = d - a
                need = min(ANCHOR, q - b)
                if need < 1 or p - a - need < 0:
                    continue
                same = True
                for k in range(1, need + 1):
                    same = same and words[p - a - k] == text[q - b - k]
                if same:
                    step = a
                    break
            if step >= 0:
                p, q = p - step, q - d + step
                break
        if step < 0:
            break
        end = q
        while p > 0 and q > 0 and words[p - 1] == text[q - 1]:
            p, q = p - 1, q - 1
        gained += own[end] - own[q]
    return p, q, gained


@njit(nogil=True, cache=True)
def whole_at(words, count, targets, t, begin):
    """Words of text t, if it stands whole at `words[begin]`, and of its answer where that adjoins; else 0."""
    base, size = targets.rows[t], targets.rows[t + 1] - targets.rows[t]
    if begin < 0 or begin + size > count:
        return 0
    for k in range(size):
        if words[begin + k] != targets.words[base + k]:
            return 0
    if end_of_answer(words, count, targets, t, begin + size) >= 0:
        return size + targets.answer_rows[t + 1] - targets.answer_rows[t]
    return size


@njit(nogil=True, cache=True)
def end_of_answer(words, count, targets, t, at):
    """Where the answer of text t ends that begins at most ADJOINS words behind `words[at]`; -1: it does not."""
    low, size = targets.answer_rows[t], targets.answer_rows[t + 1] - targets.answer_rows[t]
    for p in range(at, min(at + ADJOINS + 1, count - size + 1)):
        same = size > 0
        for k in range(size):
            same = same and words[p + k] == targets.answers[low + k]
        if same:
            return p + size
    return -1


@njit(nogil=True, cache=True)
def has_answer(words, count, targets, t, start, stop):
    """1 where the answer of text t stands before or behind `words[start:stop]`, 0 where it does not, -1: none is known."""
    low, size = targets.answer_rows[t], targets.answer_rows[t + 1] - targets.answer_rows[t]
    if size == 0:
        return -1
    for p in range(max(0, start - ANSWER_REACH), min(stop + ANSWER_REACH, count) - size + 1):
        if p + size > start and p < stop:
            continue
        k = 0
        while k < size and words[p + k] == targets.answers[low + k]:
            k += 1
        if k == size:
            return 1
    return 0


@njit(nogil=True, cache=True)
def distinct(words, count, n):
    """The distinct hashes of all n-grams of `words[:count]`, ascending."""
    if count < n:
        return np.empty(0, np.uint64)
    out = np.empty(count - n + 1, np.uint64)
    h = np.uint64(0)
    for k in range(count):
        h = (h << np.uint64(1) | h >> np.uint64(63)) ^ words[k]
        if k >= n:
            gone = words[k - n]
            h ^= gone << np.uint64(n & 63) | gone >> np.uint64(-n & 63)
        if k >= n - 1:
            out[k - n + 1] = h
    out.sort()
    filled = 1
    for k in range(1, out.size):
        if out[k] != out[k - 1]:
            out[filled] = out[k]
            filled += 1
    return out[:filled]


@njit(nogil=True, cache=True)
def common(grams, text, n):
    """How many distinct n-grams of `text` are among `grams`, which ascend; and how many it has."""
    own = distinct(text, text.size, n)
    where = np.searchsorted(grams, own)
    shared = 0
    for k in range(own.size):
        if where[k] < grams.size and grams[where[k]] == own[k]:
            shared += 1
    return shared, own.size


@njit(nogil=True, cache=True)
def _grown(array):
    return _grown_to(array, array.shape[0] + 1)


@njit(nogil=True, cache=True)
def _grown_to(array, least):
    """A copy of `array` with room for `least` rows and as much again."""
    out = np.empty((2 * least, array.shape[1]), np.int64)
    out[: array.shape[0]] = array
    return out


__all__ = ["FOUND", "Grams", "Targets", "overlap"]
