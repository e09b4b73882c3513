"""synth.instruct: new instructions after the model of others (Wang et al. 2023, Self-Instruct, arXiv:2212.10560)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from tamis.bench import Bench
from tamis.curate.synthesis.rounds import Rounds, Told
from tamis.curate.synthesis.row import Grown
from tamis.curate.synthesis.seed import Seed, cut, seeds_of
from tamis.curate.synthesis.stage import Peek, Synth
from tamis.curate.synthesis.studio import Studio
from tamis.errors import UsageError
from tamis.models import BudgetSpent, Request, each
from tamis.stage import Rule


@dataclass(frozen=True)
class Instruct(Synth):
    """New instructions, each with an answer. A prompt shows six of the seeds and two that were made in earlier rounds.

    Works in rounds of `batch` prompts of `tasks` instructions each, until `n` are made or `rounds` are done. What is too
    much like one of the pool (ROUGE-L) goes, and gets no answer.
    """

    rounds: int = 4
    batch: int = 8
    tasks: int = 4
    human: int = 6
    machine: int = 2
    taxonomy: str | None = None
    max_rouge: float = 0.7
    min_words: int = 4
    max_words: int = 150
    keep_seeds: bool = False

    name = "synth.instruct"
    takes = ("chat",)
    apiece = False
    decided_by = Synth.decided_by | {"max_rouge", "min_words", "max_words"}
    scores = pa.schema(
        [
            pa.field("rouge", pa.float32(), metadata={"says": "Highest ROUGE-L F with the pool as it was then."}),
            pa.field("words", pa.uint32(), metadata={"says": "Words of the instruction."}),
            pa.field("keywords", pa.uint16(), metadata={"says": "Words that ask for more than text."}),
            pa.field("leaks", pa.uint16(), metadata={"says": "Words of our prompt in the instruction."}),
            pa.field("unfinished", pa.uint16(), metadata={"says": "Texts that ended because the tokens did."}),
        ]
    )
    prompts: ClassVar[Mapping[str, frozenset[str]]] = {
        "tasks": frozenset({"shots", "count", "topic", "format"}),
        "answer": frozenset({"instruction"}),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("rounds", "batch", "tasks"):
            if getattr(self, name) < 1:
                raise UsageError(f"{self.label}: {name} is {getattr(self, name)}; 1 or more was wanted")
        if self.human < 0 or self.machine < 0:
            raise UsageError(f"{self.label}: human is {self.human}, machine is {self.machine}; 0 or more was wanted")
        if not self.human and not self.taxonomy:
            raise UsageError(f"{self.label}: it is shown no seeds and has no taxonomy; it wants something to go by")

    @property
    def files(self) -> tuple[str, ...]:
        """The user's templates and taxonomy."""
        return super().files + ((self.taxonomy,) if self.taxonomy else ())

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What an instruction must be to stay; Wang et al. 2023, 2.2."""
        return (
            Rule("min_words", "drop", "words", ">=", self.min_words, says="Words of the instruction"),
            Rule("max_words", "drop", "words", "<=", self.max_words, says="Words of the instruction"),
            Rule("keyword", "drop", "keywords", "<=", 0, says="Words that ask for more than text"),
            Rule("leak", "drop", "leaks", "<=", 0, says="Words of our prompt in the instruction"),
            Rule("max_rouge", "drop", "rouge", "<", self.max_rouge, says="ROUGE-L with the most alike of the pool"),
            Rule("max_unfinished", "drop", "unfinished", "<=", self.max_unfinished, says="Texts that broke off"),
        )

    @property
    def calls(self) -> dict[str, int]:
        """Prompts, and an answer for each instruction."""
        return {"tasks": self.rounds * self.batch, "answer": self.rounds * self.batch * self.tasks}

    def text_of(self, seed: Seed) -> str:
        """The instruction."""
        return seed.instruction

    def walk(self, seeds: Iterator[Seed], studio: Studio) -> Iterator[Grown]:
        """What the rounds made, then what became of each seed."""
        given: list[tuple[Seed, bool]] = []
        human: list[Told] = []
        for seed in seeds:
            there = bool(seed.instruction.strip())
            if there and (self.limit is None or len(human) < self.limit):
                human.append(self._told(seed))
            # All seeds are held until the end, and their texts are not.
            given.append((seed._replace(columns={}, meta=None), there))
        rounds = Rounds(self, studio, human)
        rule = "unused"
        try:
            if human or self.taxonomy:
                yield from rounds.all()
        except BudgetSpent:
            if studio.bench.means.when_spent == "stop":
                raise
            rule = "budget"
        for seed, there in given:
            if not there:
                yield Grown(seed, "rejected", "empty")
            elif seed.record_id in rounds.used:
                yield Grown(seed)
            else:
                yield Grown(seed, "skipped", rule)

    def _told(self, seed: Seed) -> Told:
        return Told(seed.record_id, cut(seed.instruction, self.max_chars), seed.source, seed.license)

    def preview(self, seeds: Iterator[pa.RecordBatch], bench: Bench) -> Iterator[tuple[Seed, Request]]:
        """The prompts of the first round, were `seeds` all there are. Nothing is sent."""
        studio = Studio(self, bench)
        told = [self._told(seed) for seed in seeds_of(seeds) if seed.instruction.strip()]
        rounds = Rounds(self, studio, told[: self.limit])
        for number in range(self.batch):
            peek = Peek(self.model)
            studio.lend(peek)
            for _, grown, _ in each([rounds.plan(number)], rounds.ask, 1):
                if peek.seen is not None:
                    yield grown.seed, peek.seen
