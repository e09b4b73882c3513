"""quality.gopher: is it running text? (Rae et al. 2021, Scaling Language Models, arXiv:2112.11446, appendix A.1.1)"""

from __future__ import annotations

from dataclasses import dataclass

from tamis.curate.quality.counts import TEXT, columns
from tamis.stage import Rule, Stage

SOURCE = "Rae et al. 2021, A.1.1"


@dataclass(frozen=True)
class Gopher(Stage):
    """Drop what does not look like running English text, by the thresholds of Rae et al. 2021, appendix A.1.1.

    A line is one that is not blank, and a stop word counts in any case. datatrove counts blank lines too, holds "The"
    and "the" apart, and takes a punctuation mark for a word without letters in `min_alpha_words`; marks are no words
    here.
    """

    min_words: int = 50
    max_words: int = 100_000
    min_mean_word_length: float = 3
    max_mean_word_length: float = 10
    max_hash_signs: float = 0.1
    max_ellipses: float = 0.1
    max_bullet_lines: float = 0.9
    max_ellipsis_lines: float = 0.3
    min_alpha_words: float = 0.8
    min_stop_words: int = 2

    name = "quality.gopher"
    features = (TEXT,)
    scores = columns(
        *("words", "word_chars", "alpha_words", "stop_words", "hash_signs", "ellipses"),
        *("lines", "bullet_lines", "ellipsis_lines"),
    )

    @property
    def rules(self) -> tuple[Rule, ...]:
        """In the order of the paper."""
        return (
            self._at_least("min_words", "words", None, "Words"),
            self._at_most("max_words", "words", None, "Words"),
            self._at_least("min_mean_word_length", "word_chars", "words", "Characters of a word, on average"),
            self._at_most("max_mean_word_length", "word_chars", "words", "Characters of a word, on average"),
            self._at_most("max_hash_signs", "hash_signs", "words", "Number signs (#) for each word"),
            self._at_most("max_ellipses", "ellipses", "words", "Ellipses for each word"),
            self._at_most("max_bullet_lines", "bullet_lines", "lines", "Share of lines that begin with a bullet"),
            self._at_most("max_ellipsis_lines", "ellipsis_lines", "lines", "Share of lines that end in an ellipsis"),
            self._at_least("min_alpha_words", "alpha_words", "words", "Share of words with a letter"),
            self._at_least("min_stop_words", "stop_words", None, "Different stop words, of eight"),
        )

    def _at_least(self, name: str, column: str, per: str | None, says: str) -> Rule:
        return Rule(name, "drop", column, ">=", getattr(self, name), per, f"{says}; {SOURCE}")

    def _at_most(self, name: str, column: str, per: str | None, says: str) -> Rule:
        return Rule(name, "drop", column, "<=", getattr(self, name), per, f"{says}; {SOURCE}")
