"""synth.preference: pairs of a better and a worse answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar, Literal, NamedTuple

import pyarrow as pa

from tamis.curate.synthesis.alike import alike
from tamis.curate.synthesis.read import REASON, Form, object_schema, one_line_of, whole
from tamis.curate.synthesis.row import Asked, Row
from tamis.curate.synthesis.seed import Seed
from tamis.curate.synthesis.stage import Synth, Task
from tamis.errors import UsageError
from tamis.models import Reply
from tamis.prompts import fence
from tamis.prompts.leaks import leaks
from tamis.stage import Rule

ASPECTS = ("instruction_following", "truthfulness", "honesty", "helpfulness")

_RATING = {"type": "integer", "minimum": 1, "maximum": 5}

RATED = Form(
    "ratings",
    object_schema(reason=REASON, **dict.fromkeys(ASPECTS, _RATING)),
    lambda held: {aspect: whole(held, aspect, 1, 5) for aspect in ASPECTS},
)


def _better(held: Mapping[str, Any]) -> str:
    value = held.get("better")
    if value not in ("A", "B", "tie"):
        raise ValueError(f'\'better\' is {value!r:.40}, "A", "B" or "tie" was wanted')
    return str(value)


COMPARED = Form(
    "comparison", object_schema(reason=REASON, better={"type": "string", "enum": ["A", "B", "tie"]}), _better
)


class Answer(NamedTuple):
    """One answer to a prompt: what was said, by whom; null `asked`: the record's own."""

    text: str
    finish: str
    asked: Asked | None
    label: str


@dataclass(frozen=True)
class Preference(Synth):
    """For what a conversation asks (or the instruction of a document, asked for first), a chosen and a rejected answer.

    aspects   each answer rated 1 to 5 in four aspects, out of sight of the others; the best mean against the worst
              (Cui et al. 2023, UltraFeedback, arXiv:2310.01377; the mean, as its overall score is known to be flawed)
    pairwise  every two answers compared in both orders, won where both orders agree (Zheng et al. 2023, arXiv:2306.05685)
    record    the record's own answer is chosen, the model's rejected, and nobody judges
    """

    mode: Literal["aspects", "pairwise", "record"] = "aspects"
    models: tuple[str, ...] = ()
    temperatures: tuple[float, ...] = ()
    answers: int = 2
    min_margin: float = 0.25
    max_alike: float = 0.9

    name = "synth.preference"
    takes = ("chat", "document")
    decided_by = Synth.decided_by | {"min_margin", "max_alike"}
    scores = pa.schema(
        [
            pa.field(
                "margin",
                pa.float32(),
                metadata={"says": "Mean rating of the chosen less that of the rejected; or wins."},
            ),
            pa.field("chosen_score", pa.float32(), metadata={"says": "Mean rating, or wins for each comparison."}),
            pa.field("rejected_score", pa.float32(), metadata={"says": "Mean rating, or wins for each comparison."}),
            pa.field("alike", pa.float32(), metadata={"says": "ROUGE-L F of chosen and rejected."}),
            pa.field("unfinished", pa.uint16(), metadata={"says": "Texts that ended because the tokens did."}),
        ]
    )
    prompts: ClassVar[Mapping[str, frozenset[str]]] = {
        "answer": frozenset({"instruction"}),
        "instruction": frozenset({"text"}),
        "aspects": frozenset({"prompt", "answer"}),
        "compare": frozenset({"prompt", "first", "second"}),
    }
    judged = frozenset({"aspects", "compare"})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mode != "record" and len(self.writers) < 2:
            raise UsageError(
                f"{self.label}: {self.mode} wants 2 answers or more to choose from; answers is {self.answers}"
            )
        if self.per_seed != 1:
            raise UsageError(f"{self.label}: per_seed is {self.per_seed}; a prompt has one pair. More answers: answers")

    @property
    def writers(self) -> list[tuple[str, float, int]]:
        """Model, temperature and sample of each answer: models and temperatures in turn, until there are `answers`."""
        models, warmth = self.models or (self.model,), self.temperatures or (self.temperature,)
        most = max(len(models), len(warmth), 1 if self.mode == "record" else self.answers)
        found: list[tuple[str, float, int]] = []
        for k in range(most):
            who = (models[k % len(models)], warmth[k % len(warmth)])
            found.append((*who, sum(one[:2] == who for one in found)))
        return found

    @property
    def writing(self) -> tuple[str, ...]:
        """The model of each answer."""
        return tuple(spec for spec, _, _ in self.writers)

    def makes(self, kind: str) -> str:
        """Preferences."""
        return "preference"

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What a pair must be to stay."""
        return (
            Rule("max_unfinished", "drop", "unfinished", "<=", self.max_unfinished, says="Texts that broke off"),
            Rule("max_alike", "drop", "alike", "<=", self.max_alike, says="ROUGE-L of both: the same answer twice"),
            Rule("min_margin", "drop", "margin", ">=", self.min_margin, says="Chosen less rejected; 0 is a tie"),
        )

    @property
    def calls(self) -> dict[str, int]:
        """Answers, and what judges them."""
        n = len(self.writers)
        judged = {"aspects": {"aspects": n}, "pairwise": {"compare": n * (n - 1)}, "record": {}}[self.mode]
        return {"instruction": 1, "answer": n, **judged}

    def text_of(self, seed: Seed) -> str:
        """What is asked; of a document its text."""
        return seed.instruction

    async def grow(self, task: Task) -> None:
        """One pair."""
        prompt, before = await self._prompt(task)
        if prompt is None:
            task.grown.rule = "empty_instruction"
            return
        answers = [await self._answer(task, prompt, *writer) for writer in self.writers]
        if self.mode == "record":
            if not task.seed.text.strip():
                task.grown.rule = "no_answer"
                return
            own = task.text if task.seed.kind == "document" else task.seed.text
            answers.insert(0, Answer(own, "stop", None, "record"))
        if empty := [answer.label for answer in answers if not answer.text.strip()]:
            task.grown.rule = "empty_answer"
            task.grown.evidence["empty"] = empty
            return
        judged: list[Asked] = []
        if self.mode == "record":
            marks: list[float] | None = None
        elif self.mode == "aspects":
            marks = await self._rated(task, prompt, answers, judged)
        else:
            marks = await self._compared(task, prompt, answers, judged)
        self._pair(task, prompt, answers, marks, [*before, *judged])

    async def _prompt(self, task: Task) -> tuple[str | None, list[Asked]]:
        """What both answers answer: one message; of a document it is asked for."""
        if task.seed.kind == "chat":
            return task.text, []
        said, asked = await task.talk.say(task.studio.model, "instruction", text=fence(task.text))
        instruction = one_line_of(said.text)
        return None if leaks(instruction) else instruction or None, [asked]

    async def _answer(self, task: Task, prompt: str, spec: str, temperature: float, sample: int) -> Answer:
        said: Reply
        said, asked = await task.talk.say(
            task.studio.named(spec),
            "answer",
            sample,
            {"temperature": temperature},
            instruction=fence(prompt, "prompt").inner,
        )
        return Answer(said.text.strip(), said.finish, asked, f"{spec} at {temperature:g}, sample {sample}")

    async def _rated(self, task: Task, prompt: str, answers: list[Answer], judged: list[Asked]) -> list[float]:
        """Mean rating of each."""
        marks = []
        for answer in answers:
            ratings, asked = await task.talk.fill(
                task.studio.judge, "aspects", RATED, prompt=fence(prompt, "prompt"), answer=fence(answer.text, "answer")
            )
            judged += asked
            task.grown.evidence.setdefault("ratings", []).append({"by": answer.label, **ratings})
            marks.append(sum(ratings.values()) / len(ASPECTS))
        return marks

    async def _compared(self, task: Task, prompt: str, answers: list[Answer], judged: list[Asked]) -> list[float]:
        """Share of its comparisons that each won; one whose orders disagree is won by nobody."""
        wins = [0] * len(answers)
        for a, b in combinations(range(len(answers)), 2):
            said = []
            for first, second in ((a, b), (b, a)):
                better, asked = await task.talk.fill(
                    task.studio.judge,
                    "compare",
                    COMPARED,
                    prompt=fence(prompt, "prompt"),
                    first=fence(answers[first].text, "first"),
                    second=fence(answers[second].text, "second"),
                )
                judged += asked
                said.append({"A": first, "B": second}.get(better))
            task.grown.evidence.setdefault("won", []).append([a, b, *said])
            if said[0] is not None and said[0] == said[1]:
                wins[said[0]] += 1
        return [won / (len(answers) - 1) for won in wins]

    def _pair(
        self, task: Task, prompt: str, answers: list[Answer], marks: list[float] | None, others: list[Asked]
    ) -> None:
        """The best against the worst; of equals the first and the last."""
        order = range(len(answers))
        if marks is None:
            best, worst, ahead = 0, 1, None
        else:
            best = max(order, key=lambda k: (marks[k], -k))
            worst = min(order, key=lambda k: (marks[k], -k))
            ahead = marks[best] - marks[worst]
        chosen, rejected = answers[best], answers[worst]
        scores = {
            "margin": ahead,
            "chosen_score": None if marks is None else marks[best],
            "rejected_score": None if marks is None else marks[worst],
            "alike": alike(chosen.text, rejected.text),
            "unfinished": sum(answer.finish == "length" for answer in (chosen, rejected)),
        }
        made_by = chosen.asked or rejected.asked
        assert made_by is not None
        asked = [*others, *(answer.asked for answer in answers if answer.asked)]
        columns = {
            "prompt": [{"role": "user", "content": prompt, "extra": None}],
            "chosen": [{"role": "assistant", "content": chosen.text, "extra": None}],
            "rejected": [{"role": "assistant", "content": rejected.text, "extra": None}],
        }
        task.grown.evidence.update(chosen=chosen.label, rejected=rejected.label)
        row = Row(
            columns,
            (task.seed.record_id,),
            0,
            made_by,
            asked,
            scores,
            operation=self.mode,
            score=scores["margin"],
            edge="pair",
        )
        task.grown.rows.append(row)
