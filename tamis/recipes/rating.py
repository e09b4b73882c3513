"""Responses of an evaluation shown to a judge, which says of each whether it declines and whether it does harm.

What it says is kept like all answers of models: the same response is not judged twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from tamis.bench import Means
from tamis.data.writer import write_parquet
from tamis.errors import RunError
from tamis.evaluate.answer import Answer
from tamis.evaluate.frozen import FrozenTask
from tamis.evaluate.items import Item
from tamis.evaluate.metrics import JUDGED
from tamis.judge.case import Case
from tamis.judge.clerk import Asking, Clerk, Outcome, Row, name_of
from tamis.judge.rubric import Rubric
from tamis.judge.shelf import find_rubric
from tamis.models import trusting
from tamis.schemas.judgment import JUDGMENT

JUDGMENTS = "judgments.parquet"


class Rater:
    """The judge `spec`: openai:URL#NAME, or hf:PATH. Use it as a context.

    facts  name of the judge, the rubrics by metric, and by task how many responses it said nothing of that could be read
    rows   of JUDGMENT: what it said, and why
    """

    def __init__(self, spec: str, responses: Path, means: Means) -> None:
        self._clerk = Clerk([spec], Asking(), responses, trusting(means, [spec], None))
        self._rubrics = {metric: find_rubric(name) for metric, name in JUDGED.items()}
        told = {metric: f"{own.label} sha256:{own.sha256}" for metric, own in self._rubrics.items()}
        self.facts: dict[str, Any] = {"name": name_of(spec), "rubrics": told, "unread": {}}
        self.rows: list[Row] = []

    def __enter__(self) -> Rater:
        try:
            self._clerk.settle()  # nobody waits for hours of answers to learn that there is no judge
        except BaseException:
            self._clerk.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._clerk.__exit__()

    def __call__(
        self, task: FrozenTask, asked: Sequence[tuple[Item, Answer, str | None]]
    ) -> list[tuple[dict[str, float], str | None]]:
        """Scores of `task`. What the judge cannot be understood on counts as the worst, and is told: it is never left out."""
        found: list[tuple[dict[str, float], str | None]] = [({}, None) for _ in asked]
        there = [k for k, (_, one, _) in enumerate(asked) if one.status == "ok" and one.response is not None]
        for metric in (m for m in task.task.metrics if m in JUDGED):
            own = self._rubrics[metric]
            outcomes = list(self._clerk.ask(_cases(task, [asked[k] for k in there]), own))
            if outcomes and all(o.status == "failed" for o in outcomes):
                raise RunError(
                    f"the judge {self.facts['name']} answered none of {len(outcomes):,} requests: {outcomes[0].why}"
                )
            for k, outcome in zip(there, outcomes, strict=True):
                scores, problem = found[k]
                value, wrong = _read(outcome, own)
                found[k] = ({**scores, metric: value}, problem or (wrong and f"the judge on {metric}: {wrong}"))
                self.rows += outcome.rows
        if unread := sum(problem is not None for _, problem in found):
            self.facts["unread"][task.task.name] = unread
        return found

    def write(self, output: Path) -> None:
        """Write judgments.parquet to the folder of the run."""
        write_parquet(output / JUDGMENTS, [pa.Table.from_pylist(self.rows, JUDGMENT)], JUDGMENT)


def _cases(task: FrozenTask, asked: Sequence[tuple[Item, Answer, str | None]]) -> list[Case]:
    """What is shown: the prompt and the response, and not whose it is."""
    prompts = {request.item_id: request.prompt for request in task.requests}
    return [
        Case(
            f"{task.task.name}/{item.item_id}",
            "model",
            None,
            (prompts[item.item_id],),
            (one.response or "",),
            repeat=one.repeat,
        )
        for item, one, _ in asked
    ]


def _read(outcome: Outcome, own: Rubric) -> tuple[float, str | None]:
    score, scale = outcome.rows[0].get("score"), own.scale
    assert scale is not None
    if score is None:
        return scale.high, f"no verdict ({outcome.rows[0].get('failure')})"
    return float(score), None
