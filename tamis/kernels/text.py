"""Everything the quality rules count in a text, in one walk over its characters.

    lines       str.splitlines(), white space at both ends off; what is blank then only parts paragraphs
    paragraphs  runs of lines with no blank line between them
    words       tamis.kernels.words; n-grams of them in lower case
    sentences   see docs/words.md

Of a text's words, lines and paragraphs the first 2**20 are compared with each other, which bounds the memory at 90 MB
for any text; everything else is counted to the end.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tamis.kernels.hash import bytes_of, hash_one
from tamis.kernels.jit import njit
from tamis.kernels.line_ends import KEPT, c4_reason, ends_in_ellipsis, is_ended
from tamis.kernels.phrases import JAVASCRIPT_WORD, LISTED, LOREM_IPSUM, PLAIN, POLICY_PHRASE, code_of, phrase
from tamis.kernels.raw import load8
from tamis.kernels.repeats import come_again, longer, repeated_words, scratch
from tamis.kernels.unicode import ALPHA, BREAK, BULLET, QUOTE, SOLO, SPACE, STOP, WORD, look, table
from tamis.kernels.words import PRIME, take_word

COMPARED = 1 << 20

SHORT_LINE = 30
"""Characters: FineWeb's `short_line_length`."""

COUNTS = (
    *("chars", "words", "word_chars", "alpha_words", "stop_words", "hash_signs", "ellipses"),
    *("lines", "line_chars", "line_breaks", "bullet_lines", "ellipsis_lines", "terminal_lines", "short_lines"),
    *("c4_sentences", "c4_sentences_any_end", "curly_brackets", "lorem_ipsum"),
    *("dup_lines", "dup_line_chars", "paragraphs", "dup_paragraphs", "dup_paragraph_chars"),
    *("top_2gram_chars", "top_3gram_chars", "top_4gram_chars", "dup_5gram_chars", "dup_6gram_chars"),
    *("dup_7gram_chars", "dup_8gram_chars", "dup_9gram_chars", "dup_10gram_chars"),
)
"""The numbers of one text, in the order in which the kernel writes them."""

_COUNTED = COUNTS.index("dup_lines")


def counts(strings: pa.Array, compared: int = COMPARED) -> np.ndarray:
    """(len(COUNTS), n) uint32: the numbers of every string of an Arrow array without nulls, sliced or large too.

    compared: how many words, lines and paragraphs of one text are compared with each other at most.
    """
    data, offsets = bytes_of(strings)
    out = np.zeros((len(COUNTS), len(strings)), np.uint32)
    if len(strings):
        longest = int(np.diff(offsets).max())
        _count_all(data, offsets, *table(), min(compared, longest // 2 + 1), min(compared, longest + 1), out)
    return out


@njit(nogil=True, cache=True)
def _count_all(data, offsets, block, info, most_words, most_lines, out):
    """Fill `out` (see `counts`). most_words, most_lines: how many of one text are compared at most."""
    hashes, ends = np.empty(most_words, np.uint64), np.empty(most_words + 1, np.uint32)
    lines, line_sizes = np.empty(most_lines, np.uint64), np.empty(most_lines, np.uint32)
    blocks, block_sizes = np.empty(most_lines, np.uint64), np.empty(most_lines, np.uint32)
    place, group, left, right, count, slots = scratch(max(most_words, most_lines))
    for i in range(offsets.size - 1):
        words, n_lines, n_blocks = count_one(
            *(data, np.int64(offsets[i]), np.int64(offsets[i + 1]), block, info),
            *(hashes, ends, lines, line_sizes, blocks, block_sizes, out[:, i]),
        )
        k = _COUNTED
        out[k, i], out[k + 1, i] = come_again(lines, line_sizes, min(n_lines, most_lines), slots)
        out[k + 2, i] = n_blocks
        out[k + 3, i], out[k + 4, i] = come_again(blocks, block_sizes, min(n_blocks, most_lines), slots)
        m = repeated_words(hashes, min(words, most_words), place, group, count, slots)
        for n in range(2, 11):
            if m < 2:
                break
            m, top, again = longer(m, n, ends, place, group, left, right, count, slots)
            out[k + 3 + n, i] = top if n < 5 else again


@njit(nogil=True, cache=True)
def count_one(
    data,
    start,
    end,
    block,
    info,
    hashes,
    ends,
    line_hashes,
    line_sizes,
    block_hashes,
    block_sizes,
    out,
):
    """Walk over the text `data[start:end]`: fill `out` up to "dup_lines", and say how many words, lines, paragraphs.

    hashes        (w,)     uint64  of the first w words, in lower case
    ends          (w + 1,) uint32  characters in all words before each
    line_hashes   (l,)     uint64  of the first l lines
    line_sizes    (l,)     uint32  their characters
    block_hashes, block_sizes      the same for paragraphs; a paragraph is the sequence of its lines
    """
    text, stage, leaf = data.ctypes.data, block.ctypes.data, info.ctypes.data
    most_words, most_lines = hashes.size, line_hashes.size
    chars, words, word_chars, alpha_words, listed_seen, hash_signs, ellipses = 0, 0, 0, 0, 0, 0, 0
    lines, line_chars, breaks, bullets, trailing_off, terminal, short = 0, 0, 0, 0, 0, 0, 0
    kept_sentences, any_end_sentences, curly, lorem = 0, 0, 0, 0
    blocks, block_hash, block_chars = 0, np.uint64(0), 0
    ends[0] = 0
    at = start
    while at < end:
        # One line a turn. `first` and `last`: its bytes without the white space at both ends.
        first, last, first_char, last_char = -1, at, 0, 0
        first_entry, last_entry = np.int64(0), np.int64(0)
        line_words, sentences, fresh, held, after_stop = 0, 0, 0, 0, -1
        before_code, last_code = PLAIN, PLAIN
        run_from, longest_run = chars, 0
        javascript, policy = False, False
        width = 0
        while at < end:
            code, width, entry = look(text, at, end, stage, leaf)
            if entry & (WORD << 16):
                if first < 0:
                    first, first_char, first_entry = at, chars, entry
                if at == after_stop and not entry & (SOLO << 16):
                    sentences -= 1
                    fresh = held
                h, at, size, kinds = take_word(text, at, end, code, width, entry, stage, leaf)
                chars += size
                word_chars += size
                alpha_words += (kinds & ALPHA) != 0
                if words < most_words:
                    hashes[words] = h
                    ends[words + 1] = word_chars
                words += 1
                line_words += 1
                fresh += 1
                listed = code_of(h)
                # Without a branch, which every third word of prose would send the wrong way; bit 31 stands for PLAIN.
                listed_seen |= 1 << (listed & 31)
                if listed >= LISTED:
                    found = phrase(before_code, last_code, listed)
                    javascript |= found == JAVASCRIPT_WORD
                    policy |= found == POLICY_PHRASE
                    lorem += found == LOREM_IPSUM
                before_code, last_code = last_code, listed
                last, last_char, last_entry = at, chars, entry
                continue
            if entry & (SPACE << 16):
                longest_run = max(longest_run, chars - run_from)
                if entry & (BREAK << 16):
                    break
                at += width
                chars += 1
                run_from = chars
                continue
            if first < 0:
                first, first_char, first_entry = at, chars, entry
            if entry & (STOP << 16):
                after_stop = at + width
                if code == 46:
                    while at + width < end and load8(text, at + width) == 46:
                        width += 1
                    ellipses += width // 3
                    chars += width - 1
                if fresh:
                    held, fresh = fresh, 0
                    sentences += 1
                else:
                    after_stop = -1
            elif code == 35:
                hash_signs += 1
            elif code == 123:
                curly += 1
            elif code == 0x2026:
                ellipses += 1
            at += width
            chars += 1
            last, last_char, last_entry = at, chars, entry
        longest_run = max(longest_run, chars - run_from)
        if first >= 0:
            size = last_char - first_char
            h = hash_one(data, first, last, np.uint64(0))
            if lines < most_lines:
                line_hashes[lines], line_sizes[lines] = h, size
            block_hash = (block_hash ^ h) * PRIME
            block_hash ^= block_hash >> np.uint64(32)
            block_chars += size
            lines += 1
            line_chars += size
            short += size <= SHORT_LINE
            bullets += (first_entry & (BULLET << 16)) != 0
            terminal += (last_entry & ((STOP | QUOTE) << 16)) != 0
            trailing_off += ends_in_ellipsis(text, first, last)
            sentences += fresh > 0
            ended = is_ended(text, first, last, stage, leaf)
            if c4_reason(True, longest_run, line_words, javascript, policy) == KEPT:
                any_end_sentences += sentences
                kept_sentences += sentences if ended else 0
        elif block_chars:
            if blocks < most_lines:
                block_hashes[blocks], block_sizes[blocks] = block_hash, block_chars
            blocks, block_hash, block_chars = blocks + 1, np.uint64(0), 0
        if at < end:
            breaks += 1
            chars += 1
            at += width
            if code == 13 and at < end and load8(text, at) == 10:
                chars += 1
                at += 1
    if block_chars:
        if blocks < most_lines:
            block_hashes[blocks], block_sizes[blocks] = block_hash, block_chars
        blocks += 1
    stop_words = 0
    for code in range(LISTED):
        stop_words += listed_seen >> code & 1
    found = (
        *(chars, words, word_chars, alpha_words, stop_words, hash_signs, ellipses),
        *(lines, line_chars, breaks, bullets, trailing_off, terminal, short),
        *(kept_sentences, any_end_sentences, curly, lorem),
    )
    for k in range(len(found)):
        out[k] = found[k]
    return words, lines, blocks
