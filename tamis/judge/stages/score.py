"""judge.score: points that a judge gives to answers, or to texts by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tamis.errors import UsageError
from tamis.judge.case import Case
from tamis.judge.clerk import Clerk, Outcome
from tamis.judge.rubric import Rubric
from tamis.judge.stages.asking import AsksJudge, Told, ended, rows_of, said
from tamis.stage import Rule


@dataclass(frozen=True)
class Score(AsksJudge):
    """The assistant's answers in a conversation, or a document, scored under a rubric; the mean, where it has aspects.

    min_score   rows with fewer points go; None: all stay, with their score
    min_aspect  rows of which any aspect has fewer go
    """

    rubric: str = "helpfulness"
    min_score: float | None = None
    min_aspect: float | None = None

    name = "judge.score"
    takes = ("chat", "document")
    decided_by = AsksJudge.decided_by | {"min_score", "min_aspect"}
    scores = pa.schema(
        [
            pa.field("score", pa.float32(), metadata={"says": "Points; the mean of all aspects."}),
            pa.field("lowest", pa.float32(), metadata={"says": "Points of the aspect with the fewest."}),
            pa.field("unparsed", pa.uint16(), metadata={"says": "Answers of the judge without a verdict."}),
        ]
    )

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What a row must have to stay."""
        found = list(super().rules)
        if self.min_score is not None:
            found.append(Rule("min_score", "drop", "score", ">=", self.min_score, says="Points of the judge"))
        if self.min_aspect is not None:
            found.append(
                Rule("min_aspect", "drop", "lowest", ">=", self.min_aspect, says="Points of the lowest aspect")
            )
        return tuple(found)

    def walk(self, seeds: Iterator[pa.RecordBatch], clerk: Clerk, own: Rubric) -> Iterator[Told]:
        """Every row with its score."""
        for row, outcomes in self.judged(rows_of(seeds), lambda row: self._cases(row, own), clerk, own):
            yield self._told(row, outcomes)

    def _cases(self, row: Mapping[str, Any], own: Rubric) -> list[Case]:
        """One; none where there is nothing to score. Raises UsageError where the rubric is of something else."""
        document = row["kind"] == "document"
        if document != (own.of == "texts"):
            found, wanted = ("documents", "texts") if document else ("conversations", "answers")
            raise UsageError(
                f"{self.label}: these are {found}, and {own.label} is of {own.of}; a rubric of: {wanted} was wanted"
            )
        name = row["record_id"].hex()
        if document:
            return [Case(name, "text", None, (), (row["text"] or "",))]
        asked, answered = turns(row["messages"] or [])
        return [Case(name, "answer", None, asked, answered)] if asked else []

    def _told(self, row: Mapping[str, Any], outcomes: list[Outcome]) -> Told:
        told = Told(row)
        if not outcomes:
            told.status, told.rule = "rejected", "no_answer"
        elif not ended(told, outcomes):
            points = [r["score"] for o in outcomes for r in o.rows if r.get("score") is not None]
            told.scores = {
                "score": sum(points) / len(points) if points else None,
                "lowest": min(points, default=None),
                "unparsed": sum(o.status == "unparsed" for o in outcomes),
            }
            told.columns, told.parents = row, (row["record_id"],)
        return told


def turns(messages: list[Mapping[str, Any]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Questions and answers of a conversation, as many of each; none where nobody answers."""
    asked: list[str] = []
    answered: list[str] = []
    before = ""
    for message in messages:
        role = (message or {}).get("role")
        if role == "assistant" and (before or asked):
            # What was asked of nobody, and what was said twice in a row, belongs to the turn it stands in.
            if before or not answered:
                asked.append(before.strip())
                answered.append(said(message))
            else:
                answered[-1] += "\n\n" + said(message)
            before = ""
        elif role != "assistant":
            before += said(message) + "\n\n"
    return tuple(asked), tuple(answered)
