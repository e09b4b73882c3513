"""synth.evolve: harder and rarer instructions, generation by generation (Xu et al. 2023, WizardLM, arXiv:2304.12244)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from tamis.curate.synthesis.drift import Drift
from tamis.curate.synthesis.eliminate import ELIMINATION, EQUAL, RULES, SCORES, of_answer
from tamis.curate.synthesis.read import one_line_of
from tamis.curate.synthesis.row import Asked, Grown, Row, row_id
from tamis.curate.synthesis.seed import Seed
from tamis.curate.synthesis.stage import Synth, Task
from tamis.curate.synthesis.studio import Studio
from tamis.errors import UsageError
from tamis.prompts import fence
from tamis.prompts.leaks import leaks
from tamis.stage import Rule

OPERATIONS = ("constraints", "deepen", "concretize", "reasoning", "complicate", "breadth")
"""Add constraints, deepening, concretizing, increased reasoning steps, complicate input; in-breadth evolving."""


@dataclass(frozen=True)
class Evolve(Synth):
    """From what a conversation asks first, an instruction for each generation, each with an answer of its own.

    A generation starts from the last instruction that no elimination rule took, as the paper puts one that failed back
    into its pool: the parent of a row is the row it was made of.
    """

    generations: int = 2
    operations: tuple[str, ...] = OPERATIONS
    eliminate: tuple[str, ...] = ELIMINATION
    keep_seeds: bool = False

    name = "synth.evolve"
    takes = ("chat",)
    scores = pa.schema(
        [*SCORES, pa.field("unfinished", pa.uint16(), metadata={"says": "Texts that ended because the tokens did."})]
    )
    prompts: ClassVar[Mapping[str, frozenset[str]]] = {
        **{operation: frozenset({"instruction"}) for operation in OPERATIONS},
        "equal": frozenset({"first", "second"}),
        "answer": frozenset({"instruction"}),
    }
    judged = frozenset({"equal"})

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.generations <= 32:
            raise UsageError(f"{self.label}: generations is {self.generations}; 1 to 32 were wanted")
        if strange := set(self.eliminate) - set(ELIMINATION):
            raise UsageError(
                f"{self.label}: eliminate has {strange.pop()!r}; some of {', '.join(ELIMINATION)} were wanted"
            )
        if not self.operations or set(self.operations) - set(OPERATIONS):
            found = list(self.operations)
            raise UsageError(f"{self.label}: operations are {found}; some of {', '.join(OPERATIONS)} were wanted")

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The elimination rules, those asked before there is an answer first."""
        return (
            *RULES,
            Rule("max_unfinished", "drop", "unfinished", "<=", self.max_unfinished, says="Texts that broke off"),
        )

    @property
    def calls(self) -> dict[str, int]:
        """An instruction, a comparison and an answer for each generation."""
        each = self.per_seed * self.generations
        compared = {"equal": each} if "no_gain" in self.eliminate else {}
        return {"rewrite": each, **compared, "answer": each}

    def text_of(self, seed: Seed) -> str:
        """The instruction."""
        return seed.instruction

    async def grow(self, task: Task) -> None:
        """`per_seed` chains of generations."""
        for chain in range(self.per_seed):
            current, parent = task.text, task.seed.record_id
            for generation in range(1, self.generations + 1):
                place = chain * self.generations + generation - 1
                row = await self._evolved(task, current, parent, place, generation, chain)
                if row is None:
                    continue
                task.grown.rows.append(row)
                if self.kept([row]):
                    current = row.columns["messages"][0]["content"]
                    parent = row_id(self.stamp(task.seed.kind), row)

    async def _evolved(
        self, task: Task, current: str, parent: bytes, place: int, generation: int, chain: int
    ) -> Row | None:
        operation = self.operations[
            drawn(task.seed.record_id, self.seed or 0, chain, generation) % len(self.operations)
        ]
        said, made_by = await task.talk.say(task.studio.model, operation, place, instruction=fence(current, "prompt"))
        instruction = one_line_of(said.text)
        if not instruction:
            task.grown.rule = "empty_instruction"
            return None
        asked: list[Asked] = [made_by]
        scores: dict[str, Any] = {"leaks": leaks(instruction), "unfinished": int(said.finish == "length")}
        messages = [{"role": "user", "content": instruction, "extra": None}]
        same = " ".join(instruction.split()).casefold() == " ".join(current.split()).casefold()
        if not same and "no_gain" in self.eliminate:
            same, compared = await task.talk.fill(
                task.studio.judge, "equal", EQUAL, first=fence(current, "first"), second=fence(instruction, "second")
            )
            asked += compared
        scores["equal"] = int(same)
        # What rules 1 and 4 take needs no answer, and none is paid for.
        if self.kept_before(scores):
            answer, answered = await task.talk.say(
                task.studio.model, "answer", place, instruction=fence(instruction, "prompt").inner
            )
            asked.append(answered)
            scores |= of_answer(answer.text)
            scores["unfinished"] += int(answer.finish == "length")
            messages.append({"role": "assistant", "content": answer.text.strip(), "extra": None})
        return Row(
            {"messages": messages}, (parent,), place, made_by, asked, scores, operation=operation, generation=generation
        )

    def kept_before(self, scores: dict[str, Any]) -> bool:
        """Whether neither of the rules that want no answer takes a row."""
        gained = not scores["equal"] or "no_gain" not in self.eliminate
        return gained and (not scores["leaks"] or "leak" not in self.eliminate)

    def walk(self, seeds: Iterator[Seed], studio: Studio) -> Iterator[Grown]:
        """As any, and watched for drift: length and diversity of every generation, beside its seeds: generation 0."""
        drift = Drift()
        for grown in super().walk(seeds, studio):
            drift.see(0, [(grown.seed.instruction, grown.seed.text)] if grown.rows else [])
            for row in grown.rows:
                said = [message["content"] for message in row.columns["messages"]]
                if self.kept([row]):
                    drift.see(row.generation or 0, [(said[0], said[-1])])
            yield grown
        studio.bench.note("generations", drift.facts())


def drawn(record: bytes, seed: int, chain: int, generation: int) -> int:
    """A number of 64 bits, always the same for the same record, seed, chain and generation."""
    digest = hashlib.sha256(b"synth.evolve\0%d\0%d\0%d\0" % (seed, chain, generation) + record).digest()
    return int.from_bytes(digest[:8], "big")
