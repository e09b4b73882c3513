"""quality.c4: would anything of it be in C4? (Raffel et al. 2020, JMLR 21:140, section 2.2)"""

from __future__ import annotations

from dataclasses import dataclass

from tamis.curate.quality.counts import TEXT, columns
from tamis.stage import Rule, Stage

SOURCE = "Raffel et al. 2020, 2.2"


@dataclass(frozen=True)
class C4(Stage):
    """Drop pages with lorem ipsum, a curly bracket, or too few sentences in the lines that C4 would keep.

    C4 keeps a line that ends in a sentence mark or quotation mark but no ellipsis, has three words or more, no run of
    more than 1,000 characters without white space, and neither the word JavaScript nor a phrase such as "privacy
    policy". The text stays as it is: `quality.c4_lines` cuts the other lines.

    Three words a line and five sentences a page are what the JMLR paper says; a later arXiv version and the published
    code have five and three. Sentences are those of docs/words.md, not of NLTK's punkt. The paper takes any page with a
    bracket or lorem ipsum out, the code (and datatrove) only where the line would have stayed: here any page.
    """

    min_sentences: int = 5
    max_lorem_ipsum: int = 0
    max_curly_brackets: int = 0
    end_mark: bool = True
    """False: lines may end as they like (so FineWeb uses it, Penedo et al. 2024, 3.5)."""

    name = "quality.c4"
    features = (TEXT,)
    scores = columns("c4_sentences", "c4_sentences_any_end", "curly_brackets", "lorem_ipsum")

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What condemns the page first, then what is left of it."""
        kept = "c4_sentences" if self.end_mark else "c4_sentences_any_end"
        lorem, curly = f"Times it says lorem ipsum; {SOURCE}", f"Opening curly brackets; {SOURCE}"
        left = f"Sentences in the lines that C4 keeps; {SOURCE}"
        return (
            Rule("max_lorem_ipsum", "drop", "lorem_ipsum", "<=", self.max_lorem_ipsum, says=lorem),
            Rule("max_curly_brackets", "drop", "curly_brackets", "<=", self.max_curly_brackets, says=curly),
            Rule("min_sentences", "drop", kept, ">=", self.min_sentences, says=left),
        )
