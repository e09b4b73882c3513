"""What all methods share: their parameters, the walk over the seeds, what becomes of each.

The methods derive from Synth, which departs from the rule that there are no bases beside the three shapes: sixteen
parameters and one walk would stand in five files otherwise.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import chain, islice
from time import monotonic
from typing import ClassVar, Literal, NamedTuple

import pyarrow as pa

from tamis.bench import Bench
from tamis.curate.synthesis.row import SYNTHESIS, Grown, Row, Stamp, made_of
from tamis.curate.synthesis.seed import Seed, TooLong, cut, seeds_of
from tamis.curate.synthesis.stays import stays
from tamis.curate.synthesis.studio import Studio, templates_of
from tamis.curate.synthesis.talk import Talk, Unreadable
from tamis.errors import UsageError
from tamis.models import BudgetSpent, Failed, Reply, Request, each, price
from tamis.stage import Derive, Made

TOGETHER = 256
"""Seeds whose rows go out together."""

TELLS_EVERY = 0.2
"""Seconds."""


@dataclass(frozen=True)
class Synth(Derive):
    """Rows written by a language model. A method says what it makes of one seed, with `grow`."""

    model: str = ""
    base_url: str | None = None
    judge: str | None = None
    price: str | None = None
    temperature: float = 0.7
    max_tokens: int = 512
    seed: int | None = 0
    per_seed: int = 1
    n: int | None = None
    limit: int | None = None
    max_chars: int = 6000
    too_long: TooLong = "cut"
    max_unfinished: int = 0
    template: str | None = None
    structured: Literal["auto", "schema", "text"] = "auto"
    thoughts: Literal["strip", "keep"] = "strip"
    terms: str | None = None

    writes = pa.schema([pa.field("synthesis", SYNTHESIS)])
    decided_by = frozenset({"max_unfinished"})
    prompts: ClassVar[Mapping[str, frozenset[str]]] = {}
    """Its prompts by purpose, the main one first, and what each may place."""
    judged: ClassVar[frozenset[str]] = frozenset()
    """Purposes of those that the judge answers."""
    apiece: ClassVar[bool] = True
    """Whether every seed is asked about on its own: then `calls` are those of one seed, else of the whole run."""

    def __post_init__(self) -> None:
        if not self.model:
            raise UsageError(f"{self.label} wants a model: the name of one at base_url, openai:URL#NAME, or hf:PATH")
        for name in ("max_tokens", "per_seed", "max_chars"):
            if getattr(self, name) < 1:
                raise UsageError(f"{self.label}: {name} is {getattr(self, name)}; 1 or more was wanted")
        for name in ("n", "limit", "temperature", "max_unfinished"):
            if getattr(self, name) is not None and getattr(self, name) < 0:
                raise UsageError(f"{self.label}: {name} is {getattr(self, name)}; 0 or more was wanted")
        if self.judge is not None and not self.judged:
            raise UsageError(f"{self.label}: judge is {self.judge!r}, but nothing is judged here; leave it out")
        if self.price:
            price(self.price)

    @property
    def files(self) -> tuple[str, ...]:
        """The user's templates: the file, or those of the folder."""
        if not self.template:
            return ()
        place = self.base / self.template
        found = sorted(path.name for path in place.glob("*.j2")) if place.is_dir() else []
        return tuple(f"{self.template}/{name}" for name in found) or (self.template,)

    @property
    def stands_on(self) -> dict[str, str]:
        """The digests of its prompts: a new version of tamis may bring others."""
        return {f"prompt {purpose}": t.sha256.hex() for purpose, t in templates_of(self).items()}

    @property
    def calls(self) -> dict[str, int]:
        """Requests by purpose, at most and without repairs, for one seed (`apiece`): what an estimate starts from."""
        raise NotImplementedError

    @property
    def specs(self) -> tuple[str, ...]:
        """Every model that it asks, as it names them: those that write, and the judge, where one is asked."""
        return (*self.writing, self.judge or self.model) if self.judged & set(self.calls) else self.writing

    @property
    def writing(self) -> tuple[str, ...]:
        """The models that write."""
        return (self.model,)

    def text_of(self, seed: Seed) -> str:
        """The text of a seed that the method works on."""
        return seed.text

    async def grow(self, task: Task) -> None:
        """Make rows of one seed and put them into `task.grown`. Failed and Unreadable may be left to the caller."""
        raise NotImplementedError

    def derive(self, seeds: Iterator[pa.RecordBatch], bench: Bench) -> Iterator[Made]:
        """Every seed has its own talk; as many are held at once as requests may be under way."""
        studio = Studio(self, bench)
        try:
            studio.settle()
            yield from self.parts(self.walk(seeds_of(seeds), studio), studio)
        finally:
            studio.close()

    def walk(self, seeds: Iterator[Seed], studio: Studio) -> Iterator[Grown]:
        """What became of each seed, in order; those behind the last that was needed are skipped."""
        drawn: deque[Seed] = deque()
        good = 0

        def drawing() -> Iterator[Seed]:
            for seed in islice(seeds, self.limit):
                drawn.append(seed)
                yield seed

        if self.n != 0:
            for grown in each(drawing(), lambda seed: self.grown(seed, studio), studio.bench.means.concurrency):
                drawn.popleft()
                yield grown
                good += self.kept(grown.rows)
                if self.n is not None and good >= self.n:
                    break
        rule = "enough" if self.n is not None and good >= self.n else "limit"
        yield from (Grown(seed, "skipped", rule) for seed in chain(drawn, seeds))

    def parts(self, all_grown: Iterator[Grown], studio: Studio) -> Iterator[Made]:
        """Tables of what was grown, and word of how it goes."""
        held: list[Grown] = []
        done, failures, told = 0, 0, 0.0
        goal = {} if self.limit is None else {"total": self.limit}
        for grown in all_grown:
            held.append(grown)
            done += 1
            failures += grown.status == "failed"
            if monotonic() - told > TELLS_EVERY:
                studio.bench.tell({"done": done, "failures": failures, **goal, **studio.progress()})
                told = monotonic()
            if len(held) == TOGETHER:
                yield made_of(held, self.stamp(held[0].seed.kind))
                held = []
        if held:
            yield made_of(held, self.stamp(held[0].seed.kind))
        studio.bench.tell({"done": done, "failures": failures, **goal, **studio.progress()})

    async def grown(self, seed: Seed, studio: Studio, before: Grown | None = None, grow: Grow | None = None) -> Grown:
        """What became of one seed, whatever happened. `before` is what an earlier pass made of it, `grow` how this one does."""
        grown = deepcopy(before) if before else Grown(seed)
        text = self.text_of(seed)
        if not text.strip():
            grown.status, grown.rule = "rejected", "empty"
            return grown
        if len(text) > self.max_chars:
            grown.evidence["cut"] = {"to": self.max_chars, "of": len(text)}
            if self.too_long == "reject":
                grown.status, grown.rule, grown.value = "rejected", "too_long", float(len(text))
                return grown
            text = cut(text, self.max_chars)
            grown.evidence["cut"]["to"] = len(text)
        talk = studio.talk(grown.evidence.get("cut"))
        talk.asked.extend(grown.asked)
        grown.asked = talk.asked
        try:
            with studio.budget.task(sum(self.calls.values())):
                await (grow or self.grow)(Task(seed, text, talk, grown, studio))
        except Failed as failed:
            grown.rows.clear()
            grown.status, grown.rule = "failed", failed.reason
            grown.evidence.update(attempts=failed.attempts, message=failed.message[:500])
        except Unreadable as wrong:
            grown.status, grown.rule = "rejected", wrong.rule
            grown.evidence.update(asked=wrong.purpose, why=wrong.why[:500])
        except BudgetSpent:
            if studio.bench.means.when_spent == "stop":
                raise
            grown.rows.clear()
            grown.status, grown.rule = "skipped", "budget"
        if grown.status == "ok" and not grown.rows:
            grown.status, grown.rule = "rejected", grown.rule or "nothing"
        return grown

    def stamp(self, kind: str) -> Stamp:
        """What all rows made of seeds of `kind` share."""
        return Stamp(self.name, self.label, self.makes(kind), self.scores, self.seed, self.terms)

    def kept(self, rows: Sequence[Row]) -> int:
        """How many of `rows` no rule of the stage takes."""
        return sum(stays(row.scores, self.rules, self.scores) for row in rows)

    def preview(self, seeds: Iterator[pa.RecordBatch], bench: Bench) -> Iterator[tuple[Seed, Request]]:
        """The first prompt for each seed that has one. Nothing is sent."""
        studio = Studio(self, bench)
        for seed in seeds_of(seeds):
            peek = Peek(self.model)
            studio.lend(peek)
            next(each([seed], lambda one: self.grown(one, studio), 1))
            if peek.seen is not None:
                yield seed, peek.seen


class Task(NamedTuple):
    """One seed to grow from: its text, as long as may be asked about, and who is asked."""

    seed: Seed
    text: str
    talk: Talk
    grown: Grown
    studio: Studio


Grow = Callable[[Task], Awaitable[None]]
"""What makes rows of one seed, as `Synth.grow` does."""


class Peek:
    """A model that is shown one request and answers none."""

    endpoint = "nowhere"

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen: Request | None = None

    async def ask(self, request: Request) -> Reply:
        """Note the request."""
        self.seen = self.seen or request
        raise Failed("missed", "nothing is sent")
