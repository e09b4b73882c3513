"""synth.rephrase: a text in another style (Maini et al. 2024, Rephrasing the Web, arXiv:2401.16380)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from tamis.curate.synthesis.alike import alike
from tamis.curate.synthesis.row import Row
from tamis.curate.synthesis.stage import Synth, Task
from tamis.errors import UsageError
from tamis.prompts import fence
from tamis.prompts.leaks import leaks
from tamis.stage import Rule

STYLES = ("easy", "medium", "hard", "qa", "list", "summary")

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_BULLET = re.compile(r"(?m)^\s*\d{1,3}[.)]\s")


@dataclass(frozen=True)
class Rephrase(Synth):
    """Each document in each of `styles`. What lost or invented numbers, grew or shrank too much is let go.

    easy, medium, hard and qa are those of the paper, which took at most 300 tokens a piece: cut long documents with
    chunk@1 before. list and summary are among those of Nemotron-CC (Su et al. 2024, arXiv:2412.02595).
    """

    styles: tuple[str, ...] = ("medium",)
    min_length: float = 0.2
    max_length: float = 3.0
    max_lost_numbers: float = 0.3
    max_new_numbers: float = 0.3
    max_alike: float = 0.95
    keep_seeds: bool = False

    name = "synth.rephrase"
    takes = ("document",)
    decided_by = Synth.decided_by | {"min_length", "max_length", "max_lost_numbers", "max_new_numbers", "max_alike"}
    scores = pa.schema(
        [
            pa.field("chars", pa.uint32(), metadata={"says": "Characters of the new text."}),
            pa.field("seed_chars", pa.uint32(), metadata={"says": "Characters of the old one."}),
            pa.field(
                "lost_numbers", pa.uint32(), metadata={"says": "Different numbers of the old text not in the new."}
            ),
            pa.field("seed_numbers", pa.uint32(), metadata={"says": "Different numbers of the old text."}),
            pa.field(
                "new_numbers", pa.uint32(), metadata={"says": "Different numbers of the new text not in the old."}
            ),
            pa.field("numbers", pa.uint32(), metadata={"says": "Different numbers of the new text."}),
            pa.field("alike", pa.float32(), metadata={"says": "ROUGE-L F of both."}),
            pa.field("leaks", pa.uint16(), metadata={"says": "Words of our prompt in the new text."}),
            pa.field("unfinished", pa.uint16(), metadata={"says": "Texts that ended because the tokens did."}),
        ]
    )
    prompts: ClassVar[Mapping[str, frozenset[str]]] = {"rewrite": frozenset({"text", "style"})}

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.styles or set(self.styles) - set(STYLES):
            raise UsageError(f"{self.label}: styles are {list(self.styles)}; some of {', '.join(STYLES)} were wanted")

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What a new text must be to stay."""
        return (
            Rule("max_unfinished", "drop", "unfinished", "<=", self.max_unfinished, says="Texts that broke off"),
            Rule("leak", "drop", "leaks", "<=", 0, says="Words of our prompt in the text"),
            Rule("min_length", "drop", "chars", ">=", self.min_length, "seed_chars", "Length beside that of the seed"),
            Rule("max_length", "drop", "chars", "<=", self.max_length, "seed_chars", "Length beside that of the seed"),
            Rule(
                "max_lost_numbers", "drop", "lost_numbers", "<=", self.max_lost_numbers, "seed_numbers", "Numbers lost"
            ),
            Rule("max_new_numbers", "drop", "new_numbers", "<=", self.max_new_numbers, "numbers", "Numbers invented"),
            Rule("max_alike", "drop", "alike", "<=", self.max_alike, says="ROUGE-L with the seed: the text given back"),
        )

    @property
    def calls(self) -> dict[str, int]:
        """A text in each style."""
        return {"rewrite": self.per_seed * len(self.styles)}

    async def grow(self, task: Task) -> None:
        """The document in each style, `per_seed` times."""
        place = 0
        for style in self.styles:
            for k in range(self.per_seed):
                said, asked = await task.talk.say(task.studio.model, "rewrite", k, text=fence(task.text), style=style)
                text = said.text.strip()
                if text:
                    scores = {
                        **faithful(task.text, text),
                        "leaks": leaks(text),
                        "unfinished": int(said.finish == "length"),
                    }
                    task.grown.rows.append(
                        Row({"text": text}, (task.seed.record_id,), place, asked, [asked], scores, operation=style)
                    )
                place += 1


def faithful(old: str, new: str) -> dict[str, float]:
    """How `new` keeps to `old`: lengths, numbers and words. A number is counted once; those that number a list are not."""
    were, are = (set(_NUMBER.findall(_BULLET.sub("", text))) for text in (old, new))
    return {
        "chars": len(new),
        "seed_chars": len(old),
        "lost_numbers": len(were - are),
        "seed_numbers": len(were),
        "new_numbers": len(are - were),
        "numbers": len(are),
        "alike": alike(old, new),
    }
