"""quality.fineweb: is it a list, a menu or boilerplate? (Penedo et al. 2024, arXiv:2406.17557, 3.6)"""

from __future__ import annotations

from dataclasses import dataclass

from tamis.curate.quality.counts import TEXT, columns
from tamis.stage import Rule, Stage

SOURCE = "Penedo et al. 2024, 3.6"


@dataclass(frozen=True)
class FineWeb(Stage):
    """Drop texts of few full sentences, short lines, repeated lines or many line breaks, as FineWeb does.

    The paper drops at 0.1 of the characters in repeated lines; the code that made the dataset (datatrove) at 0.01,
    which stands here. `max_line_breaks` is in that code only. A line ends in a sentence mark of any script or in a
    quotation mark, as in the code of the release; later datatrove no longer counts quotation marks. Blank lines and
    white space at the ends of a line do not count; to datatrove a mark with a space behind it ends no line.
    """

    min_terminal_lines: float = 0.12
    max_short_lines: float = 0.67
    max_dup_line_chars: float = 0.01
    max_line_breaks: float = 0.3

    name = "quality.fineweb"
    features = (TEXT,)
    scores = columns(
        *("words", "lines", "line_chars", "line_breaks", "terminal_lines", "short_lines", "dup_line_chars"),
    )

    @property
    def rules(self) -> tuple[Rule, ...]:
        """In the order of the code."""
        terminal = f"Share of lines that end in a sentence mark or quotation mark; {SOURCE}"
        short = f"Share of lines of at most 30 characters; {SOURCE}"
        again = f"Share of text in lines that were there before; {SOURCE}, 0.01 from its code"
        breaks = f"Line breaks for each word; {SOURCE}, its code"
        return (
            Rule("min_terminal_lines", "drop", "terminal_lines", ">=", self.min_terminal_lines, "lines", terminal),
            Rule("max_short_lines", "drop", "short_lines", "<=", self.max_short_lines, "lines", short),
            Rule("max_dup_line_chars", "drop", "dup_line_chars", "<=", self.max_dup_line_chars, "line_chars", again),
            Rule("max_line_breaks", "drop", "line_breaks", "<=", self.max_line_breaks, "words", breaks),
        )
