"""The numbers of a text that the quality stages share, counted in one walk.

words 214  word_chars 960  lines 12  dup_lines 1  top_2gram_chars 18  c4_sentences 9  …
"""

from __future__ import annotations

import pyarrow as pa

from tamis.kernels.text import COUNTS, counts
from tamis.schemas._field import field
from tamis.stage import Feature

_SAYS = {
    "chars": "Code points.",
    "words": "Words: runs of letters and digits; in scripts without spaces each letter.",
    "word_chars": "Code points in words.",
    "alpha_words": "Words with a letter in them.",
    "stop_words": "How many of the, be, to, of, and, that, have, with there are.",
    "hash_signs": "Number signs, #.",
    "ellipses": "Ellipses: ... or U+2026.",
    "lines": "Lines that are not blank.",
    "line_chars": "Code points in lines, white space at their ends left out.",
    "line_breaks": "Line breaks.",
    "bullet_lines": "Lines that begin with a bullet.",
    "ellipsis_lines": "Lines that end in an ellipsis.",
    "terminal_lines": "Lines that end in a sentence mark or quotation mark.",
    "short_lines": "Lines of at most 30 code points.",
    "c4_sentences": "Sentences in the lines that C4 keeps.",
    "c4_sentences_any_end": "Sentences in the lines that C4 keeps, were it not for how a line must end.",
    "curly_brackets": "Opening curly brackets.",
    "lorem_ipsum": "Times that lorem ipsum is said.",
    "dup_lines": "Lines that were there before.",
    "dup_line_chars": "Code points in lines that were there before.",
    "paragraphs": "Paragraphs: runs of lines with no blank line between them.",
    "dup_paragraphs": "Paragraphs that were there before.",
    "dup_paragraph_chars": "Code points in paragraphs that were there before.",
    **{
        f"top_{n}gram_chars": f"Code points of words in the {n}-gram that comes most often, if twice."
        for n in (2, 3, 4)
    },
    **{f"dup_{n}gram_chars": f"Code points of words in {n}-grams that were there before." for n in range(5, 11)},
}

SCHEMA = pa.schema([field(name, pa.uint32(), _SAYS[name]) for name in COUNTS])


def count(strings: pa.StringArray) -> pa.RecordBatch:
    """A row of SCHEMA for every string."""
    return pa.record_batch([pa.array(column) for column in counts(strings)], schema=SCHEMA)


def columns(*names: str) -> pa.Schema:
    """The fields of SCHEMA called `names`."""
    return pa.schema([SCHEMA.field(name) for name in names])


TEXT = Feature("text", count)
