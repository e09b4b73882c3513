"""synth.backtranslate: the instruction that a text answers (Li et al. 2023, Self-Alignment with Instruction Backtranslation,
arXiv:2308.06259)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import pyarrow as pa

from tamis.curate.synthesis.alike import copied
from tamis.curate.synthesis.read import REASON, Form, object_schema, one_line_of, whole
from tamis.curate.synthesis.row import Grown, Row
from tamis.curate.synthesis.seed import Seed, cut, tidied
from tamis.curate.synthesis.spool import Spool
from tamis.curate.synthesis.stage import Synth, Task
from tamis.curate.synthesis.studio import Studio
from tamis.errors import UsageError
from tamis.models import each
from tamis.prompts import Fence, fence
from tamis.prompts.leaks import leaks
from tamis.stage import Rule


def _score(held: Any) -> int:
    return whole(held, "score", 1, 5)


def _plain_score(text: str) -> int:
    """The last line as the paper has it: "Score: 4"."""
    import re

    found = re.findall(r"(?im)^\W*score\W*([1-5])(?:\s*/\s*5)?\W*$", text)
    if not found:
        raise ValueError("there is neither JSON nor a line 'Score: 4'")
    return int(found[-1])


SCORE = Form(
    "score",
    object_schema(reason=REASON, score={"type": "integer", "minimum": 1, "maximum": 5}),
    _score,
    _plain_score,
)


class Shot(NamedTuple):
    """An example for the second pass."""

    text: Fence
    instruction: str


@dataclass(frozen=True)
class Backtranslate(Synth):
    """For a document, or the first answer of a conversation: the instruction that it answers, and how well it does.

    The text becomes the answer as it stands. The model scores the pair on the published 5-point scale. With two passes,
    texts that found no good instruction in the first are asked about once more, with the best pairs of the first as
    examples. The paper trains the model anew on those; here it only sees them.
    """

    passes: Literal[1, 2] = 2
    shots: int = 3
    min_score: float = 4
    max_copied: float = 0.8
    answer: Literal["verbatim", "tidy"] = "verbatim"

    name = "synth.backtranslate"
    takes = ("document", "chat")
    decided_by = Synth.decided_by | {"min_score", "max_copied"}
    scores = pa.schema(
        [
            pa.field("score", pa.float32(), metadata={"says": "The model's own score of the pair, 1 to 5."}),
            pa.field(
                "copied", pa.float32(), metadata={"says": "Share of the instruction's words that stand in the text."}
            ),
            pa.field("leaks", pa.uint16(), metadata={"says": "Words of our prompt in the instruction."}),
            pa.field("unfinished", pa.uint16(), metadata={"says": "Texts that ended because the tokens did."}),
        ]
    )
    prompts: ClassVar[Mapping[str, frozenset[str]]] = {
        "instruction": frozenset({"text", "shots"}),
        "score": frozenset({"instruction", "answer"}),
    }
    judged = frozenset({"score"})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.shots < 0:
            raise UsageError(f"{self.label}: shots is {self.shots}; 0 or more was wanted")

    def makes(self, kind: str) -> str:
        """Pairs of an instruction and its answer."""
        return "chat"

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What a pair must be to stay."""
        return (
            Rule("max_unfinished", "drop", "unfinished", "<=", self.max_unfinished, says="Texts that broke off"),
            Rule("leak", "drop", "leaks", "<=", 0, says="Words of our prompt in the instruction"),
            Rule(
                "max_copied", "drop", "copied", "<=", self.max_copied, says="Share of the instruction that is the text"
            ),
            Rule(
                "min_score", "drop", "score", ">=", self.min_score, says="The model's own score, 1 to 5; Li et al. 2023"
            ),
        )

    @property
    def calls(self) -> dict[str, int]:
        """An instruction and its score, in each pass."""
        return {"instruction": self.per_seed * self.passes, "score": self.per_seed * self.passes}

    async def grow(self, task: Task) -> None:
        """One candidate, or `per_seed`."""
        await self._asked(task, 1)

    async def _asked(self, task: Task, number: int, shots: Sequence[Shot] = ()) -> None:
        """The same in pass `number`, with `shots` as examples."""
        answer = tidied(task.text) if self.answer == "tidy" else task.text
        made = len(task.grown.rows)
        for k in range(self.per_seed):
            said, asked = await task.talk.say(
                task.studio.model, "instruction", made + k, text=fence(task.text), shots=list(shots)
            )
            instruction = one_line_of(said.text)
            if not instruction:
                task.grown.rule = "empty_instruction"
                continue
            score, judged = await task.talk.fill(
                task.studio.judge,
                "score",
                SCORE,
                instruction=fence(instruction, "instruction"),
                answer=fence(answer, "answer"),
            )
            scores = {
                "score": score,
                "copied": copied(instruction, answer),
                "leaks": leaks(instruction),
                "unfinished": int(said.finish == "length"),
            }
            messages = [
                {"role": "user", "content": instruction, "extra": None},
                {"role": "assistant", "content": answer, "extra": None},
            ]
            task.grown.rows.append(
                Row(
                    {"messages": messages},
                    (task.seed.record_id,),
                    made + k,
                    asked,
                    [asked, *judged],
                    scores,
                    generation=number,
                    score=score,
                )
            )

    def walk(self, seeds: Iterator[Seed], studio: Studio) -> Iterator[Grown]:
        """Once over all seeds, and again over those of which nothing good was made."""
        if self.passes == 1:
            yield from super().walk(seeds, studio)
            return
        best: list[tuple[float, int, Row]] = []
        good = 0
        with Spool(studio.bench.scratch / "first.pickle") as spool:
            for place, grown in enumerate(super().walk(seeds, studio)):
                spool.add(grown)
                good += self.kept(grown.rows)
                best += [(-(row.score or 0), place, row) for row in grown.rows if self.kept([row])]
                best = sorted(best, key=lambda one: one[:2])[: self.shots]
            shots = [_shot(row) for _, _, row in best]

            async def with_shots(task: Task) -> None:
                await self._asked(task, 2, shots)

            async def again(first: Grown) -> tuple[Grown, Grown]:
                wanted = first.status == "ok" and not self.kept(first.rows) and shots
                return first, await self.grown(first.seed, studio, first, with_shots) if wanted else first

            for first, second in each(spool, again, studio.bench.means.concurrency):
                if self.n is not None and good >= self.n:
                    second = first
                good += self.kept(second.rows) - self.kept(first.rows)
                yield second


def _shot(row: Row) -> Shot:
    asked, answered = row.columns["messages"]
    return Shot(fence(cut(answered["content"], 1500)), fence(asked["content"]).inner)
