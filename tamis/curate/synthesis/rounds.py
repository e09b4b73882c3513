"""The rounds of synth.instruct: what each prompt shows, what it brings, and what of that joins the pool.

round 1   8 prompts of six seeds each                         32 instructions, 20 of them unlike the pool: answered
round 2   8 prompts of six seeds and two of those 20          …
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tamis.curate.synthesis.alike import Pool, words_of
from tamis.curate.synthesis.read import Form, object_schema, one_line_of
from tamis.curate.synthesis.row import Asked, Grown, Row, row_id
from tamis.curate.synthesis.seed import Seed
from tamis.curate.synthesis.studio import Studio
from tamis.curate.synthesis.talk import Talk, Unreadable
from tamis.curate.synthesis.taxonomy import Leaf, read_taxonomy
from tamis.models import Failed, each
from tamis.prompts import fence
from tamis.prompts.leaks import leaks

if TYPE_CHECKING:
    from tamis.curate.synthesis.instruct import Instruct

_KEYWORDS = re.compile(
    r"\b(?:image|images|graph|graphs|picture|pictures|file|files|map|maps|draw|plot|go to|video|audio)\b", re.I
)
"""What a model of language cannot do: the list of the paper's code, with sound and film."""

_ITEM = re.compile(r"(?m)^\s*(?:task\s*)?\d{1,3}\s*[.:)]\s*(.+(?:\n(?!\s*(?:task\s*)?\d{1,3}\s*[.:)]).+)*)", re.I)


def _tasks(held: Mapping[str, Any]) -> list[str]:
    value = held.get("tasks")
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"'tasks' is {value!r:.40}, a list of texts was wanted")
    return value


def _listed(text: str) -> list[str]:
    """As the paper has it continued: "Task 9: …", "10. …"."""
    found = _ITEM.findall(text)
    if not found:
        raise ValueError("it is neither JSON nor a numbered list")
    return found


class Told(NamedTuple):
    """An instruction of the pool: whose it is, and what a row made of it inherits."""

    record: bytes
    text: str
    source: str
    license: str | None


class Batch(NamedTuple):
    """One prompt: its number over all rounds, what it shows, and what it asks about."""

    number: int
    human: tuple[Told, ...]
    machine: tuple[Told, ...]
    leaf: Leaf


class Rounds:
    """Prompts and answers of all rounds, and the pool as it grows. `used`: the seeds that stood in a prompt that brought rows."""

    def __init__(self, stage: Instruct, studio: Studio, human: list[Told]) -> None:
        self.stage, self.studio, self.human = stage, studio, human
        self.at_once = studio.bench.means.concurrency
        self.leaves = [Leaf()]
        if stage.taxonomy:
            self.leaves = read_taxonomy(Path(stage.base) / stage.taxonomy, stage.seed or 0)
        self.machine: list[Told] = []
        self.used: set[bytes] = set()
        self.places = self.good = 0
        self.pool = Pool()
        for told in human:
            self.pool.add(words_of(told.text))

    def all(self) -> Iterator[Grown]:
        """Round after round. What a prompt shows is drawn when its round begins, from what earlier ones made."""
        stage = self.stage
        for number in range(stage.rounds):
            batches = [self.plan(number * stage.batch + k) for k in range(stage.batch)]
            for batch, grown, texts in each(batches, self.ask, self.at_once):
                fresh = [(row, stage.kept([row])) for row in self._rows(batch, grown, texts)]
                yield from self._answered(grown, fresh)
                if stage.n is not None and self.good >= stage.n:
                    return

    def plan(self, number: int) -> Batch:
        """What prompt `number` shows and asks about, by what there is now."""
        stage = self.stage
        shown = draw(self.human, stage.human, f"{stage.seed} human {number}")
        made = draw(self.machine, stage.machine, f"{stage.seed} machine {number}")
        return Batch(number, shown, made, self.leaves[number % len(self.leaves)])

    async def ask(self, batch: Batch) -> tuple[Batch, Grown, list[str]]:
        """What one prompt brought."""
        shown = (*batch.human, *batch.machine)
        talk, grown = self.studio.talk(), Grown(stand_in(shown), shared=True)
        grown.asked = talk.asked
        try:
            found, _ = await talk.fill(
                self.studio.model,
                "tasks",
                tasks_form(self.stage.tasks),
                batch.number,
                self.stage.temperature,
                shots=[str(fence(told.text, "task")) for told in shown],
                count=self.stage.tasks,
                topic=batch.leaf.topic,
                format=batch.leaf.format,
            )
        except (Failed, Unreadable):
            found = []
        return batch, grown, found[: self.stage.tasks]

    def _rows(self, batch: Batch, grown: Grown, texts: Iterable[str]) -> Iterator[Row]:
        """A row for each instruction, without an answer; what passes joins the pool before the next is looked at."""
        shown = (*batch.human, *batch.machine)
        for text in texts:
            instruction = one_line_of(text)
            if not instruction:
                continue
            found = words_of(instruction)
            scores: dict[str, float | None] = {
                "rouge": self.pool.nearest(found)[1],
                "words": len(found),
                "keywords": len(_KEYWORDS.findall(instruction)),
                "leaks": leaks(instruction),
                "unfinished": 0,
            }
            columns = {"messages": [{"role": "user", "content": instruction, "extra": None}]}
            parents = tuple(dict.fromkeys(told.record for told in shown))
            operation = " / ".join(filter(None, batch.leaf)) or None
            # The prompt is paid for once, by the first row it brought.
            asked = list(grown.asked) if not grown.rows else []
            row = Row(columns, parents, self.places, grown.asked[-1], asked, scores, operation=operation)
            grown.rows.append(row)
            self.places += 1
            self.used |= {told.record for told in batch.human}
            if self.stage.kept([row]):
                self.pool.add(found)
                record = row_id(self.stage.stamp("chat"), row)
                self.machine.append(Told(record, instruction, grown.seed.source, grown.seed.license))
            yield row

    def _answered(self, grown: Grown, rows: list[tuple[Row, int]]) -> Iterator[Grown]:
        """The same with answers to the instructions that stay."""

        async def answer(one: tuple[Row, int]) -> tuple[Row | None, list[Asked]]:
            row, stays = one
            if not stays:
                return row, []
            return await self._answer(row)

        grown.rows = []
        for (asked_for, _), (row, asked) in zip(rows, each(rows, answer, self.at_once), strict=True):
            grown.asked += asked
            if row is not None:
                grown.rows.append(row)
            else:
                # Its row is not made: nothing may come to be a child of it.
                gone = row_id(self.stage.stamp("chat"), asked_for)
                self.machine = [told for told in self.machine if told.record != gone]
        self.good += self.stage.kept(grown.rows)
        yield grown

    async def _answer(self, row: Row) -> tuple[Row | None, list[Asked]]:
        """`row` with an answer; None where there is none: its request says why."""
        talk: Talk = self.studio.talk()
        asked_for = row.columns["messages"][0]
        try:
            said, asked = await talk.say(
                self.studio.model, "answer", instruction=fence(asked_for["content"], "prompt").inner
            )
        except (Failed, Unreadable):
            return None, talk.asked
        messages = [asked_for, {"role": "assistant", "content": said.text.strip(), "extra": None}]
        scores = {**row.scores, "unfinished": int(said.finish == "length")}
        return (
            Row(
                {"messages": messages},
                row.parents,
                row.place,
                row.made_by,
                [*row.asked, asked],
                scores,
                operation=row.operation,
            ),
            talk.asked,
        )


def tasks_form(count: int) -> Form:
    """A list of up to `count` instructions."""
    text = {"type": "string", "maxLength": 600}
    listed = {"type": "array", "items": text, "minItems": 1, "maxItems": count}
    return Form("tasks", object_schema(tasks=listed), _tasks, _listed)


def draw(told: list[Told], count: int, salt: str) -> tuple[Told, ...]:
    """`count` of them, in an order that `salt` gives; all where there are fewer."""
    if not told:
        return ()
    digest = hashlib.sha256(salt.encode()).digest()
    places = np.random.default_rng(int.from_bytes(digest[:8], "big")).permutation(len(told))[:count]
    return tuple(told[k] for k in places)


def stand_in(shown: tuple[Told, ...]) -> Seed:
    """What a row inherits of several seeds: their licences together, their source where it is one."""
    licences = {told.license for told in shown}
    both = None if None in licences or not licences else " AND ".join(sorted(_part(one) for one in licences if one))
    sources = {told.source for told in shown}
    return Seed(b"", "chat", None, sources.pop() if len(sources) == 1 else "several", None, both, None, {})


def _part(licence: str) -> str:
    return f"({licence})" if " " in licence else licence
