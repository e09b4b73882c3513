"""quality.repetition: does it say the same thing over and over? (Rae et al. 2021, arXiv:2112.11446, table A1)"""

from __future__ import annotations

from dataclasses import dataclass

from tamis.curate.quality.counts import TEXT, columns
from tamis.stage import Rule, Stage

SOURCE = "Rae et al. 2021, table A1"

PARTS = ("line", "paragraph")
TOP, DUP = (2, 3, 4), (5, 6, 7, 8, 9, 10)


@dataclass(frozen=True)
class Repetition(Stage):
    """Drop texts that repeat lines, paragraphs or n-grams of words, by the thresholds of Rae et al. 2021, table A1.

    A line, paragraph or n-gram is duplicate where it was there before: its first appearance is not. As the paper asks,
    a character on which several n-grams overlap counts once. n-grams are of words in lower case and span lines; their
    share is of the characters in words, white space and punctuation in neither. An n-gram said once is no top n-gram.

    datatrove divides by all characters of the text, counts the spaces inside a top n-gram and overlaps twice, lets a
    top n-gram be said once, and skips n words after each duplicate, so that it misses the ends of long ones.
    """

    max_dup_lines: float = 0.30
    max_dup_paragraphs: float = 0.30
    max_dup_line_chars: float = 0.20
    max_dup_paragraph_chars: float = 0.20
    max_top_2gram: float = 0.20
    max_top_3gram: float = 0.18
    max_top_4gram: float = 0.16
    max_dup_5gram: float = 0.15
    max_dup_6gram: float = 0.14
    max_dup_7gram: float = 0.13
    max_dup_8gram: float = 0.12
    max_dup_9gram: float = 0.11
    max_dup_10gram: float = 0.10

    name = "quality.repetition"
    features = (TEXT,)
    scores = columns(
        *("lines", "line_chars", "dup_lines", "dup_line_chars"),
        *("paragraphs", "dup_paragraphs", "dup_paragraph_chars", "word_chars"),
        *(f"top_{n}gram_chars" for n in TOP),
        *(f"dup_{n}gram_chars" for n in DUP),
    )

    @property
    def rules(self) -> tuple[Rule, ...]:
        """In the order of the table."""
        return (
            *(
                self._rule(f"max_dup_{p}s", f"dup_{p}s", f"{p}s", f"Share of {p}s that were there before")
                for p in PARTS
            ),
            *(
                self._rule(
                    f"max_dup_{p}_chars",
                    f"dup_{p}_chars",
                    "line_chars",
                    f"Share of text in {p}s that were there before",
                )
                for p in PARTS
            ),
            *(
                self._rule(f"max_top_{n}gram", f"top_{n}gram_chars", "word_chars", f"Share of text in the top {n}-gram")
                for n in TOP
            ),
            *(
                self._rule(
                    f"max_dup_{n}gram", f"dup_{n}gram_chars", "word_chars", f"Share of text in duplicate {n}-grams"
                )
                for n in DUP
            ),
        )

    def _rule(self, name: str, column: str, per: str, says: str) -> Rule:
        return Rule(name, "drop", column, "<=", getattr(self, name), per, f"{says}; {SOURCE}")
