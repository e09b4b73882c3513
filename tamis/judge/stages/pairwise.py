"""judge.pairwise: preferences that a judge agrees with, or builds of several answers to one question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

import pyarrow as pa

from tamis.errors import UsageError
from tamis.judge.case import Case
from tamis.judge.clerk import Clerk, Outcome
from tamis.judge.rubric import Rubric
from tamis.judge.stages.asking import AsksJudge, Told, ended, rows_of, said
from tamis.stage import Rule

SIDES = ("chosen", "rejected")


@dataclass(frozen=True)
class Pairwise(AsksJudge):
    """Each pair judged in both orders. Of preferences: whether the judge prefers what was chosen. Of conversations with the
    same question: every two answers compared, the one that wins most chosen, the one that wins least rejected.

    min_agrees  of the win, both orders together, that the chosen answer must have: 1: both orders say so; 0.75: one does, and
                the other sees a tie; 0: no matter
    turn        a preference whose rejected answer wins is turned around
    most        answers to one question that are compared; those after them are left
    """

    rubric: str = "pairwise"
    min_agrees: float = 1.0
    turn: bool = False
    most: int = 4

    name = "judge.pairwise"
    takes = ("preference", "chat")
    form: ClassVar[str] = "pairwise"
    decided_by = AsksJudge.decided_by | {"min_agrees"}
    scores = pa.schema(
        [
            pa.field(
                "agrees", pa.float32(), metadata={"says": "Of the win, both orders together, that is the chosen one's."}
            ),
            pa.field(
                "chance", pa.float32(), metadata={"says": "The same by the judge's probabilities, where it gives them."}
            ),
            pa.field("turned", pa.uint8(), metadata={"says": "1: the pair was turned around."}),
            pa.field("unparsed", pa.uint16(), metadata={"says": "Answers of the judge without a verdict."}),
        ]
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.most < 2:
            raise UsageError(f"{self.label}: most is {self.most}; 2 or more was wanted")

    def makes(self, kind: str) -> str:
        """Preferences."""
        return "preference"

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What a pair must have to stay."""
        own = Rule("min_agrees", "drop", "agrees", ">=", self.min_agrees, says="Of the win, what the chosen answer has")
        return (*super().rules, own)

    def walk(self, seeds: Iterator[pa.RecordBatch], clerk: Clerk, own: Rubric) -> Iterator[Told]:
        """Preferences one by one; conversations when all have been seen."""
        rows = rows_of(seeds)
        for first in rows:
            source = _after(first, rows)
            return (
                self._filtered(source, clerk, own) if first["kind"] == "preference" else self._built(source, clerk, own)
            )
        return iter(())

    def _filtered(self, rows: Iterator[dict[str, Any]], clerk: Clerk, own: Rubric) -> Iterator[Told]:
        for row, outcomes in self.judged(rows, _pair, clerk, own):
            told = Told(row)
            if not ended(told, outcomes):
                agrees, chance = share(outcomes)
                turned = self.turn and agrees is not None and agrees < 0.5
                sides = dict(zip(SIDES, reversed([row[s] for s in SIDES]), strict=True)) if turned else {}
                told.columns, told.parents = {**row, **sides}, (row["record_id"],)
                told.scores = _scores(agrees, chance, turned, outcomes)
            yield told

    def _built(self, rows: Iterator[dict[str, Any]], clerk: Clerk, own: Rubric) -> Iterator[Told]:
        """Conversations are held in memory: which have the same question is known at the end."""
        held = list(rows)
        groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for row in held:
            if asked := _asked(row):
                groups.setdefault(asked, []).append(row)
        of = {row["record_id"]: _different(group)[: self.most] for group in groups.values() for row in group}
        leads = [group for group in map(_different, groups.values()) if len(group) > 1]
        done = {
            unit[0]["record_id"]: outcomes
            for unit, outcomes in self.judged([g[: self.most] for g in leads], _all_pairs, clerk, own)
        }
        for row in held:
            group = of.get(row["record_id"], [])
            told = Told(row)
            outcomes = done.get(group[0]["record_id"]) if group else None
            if outcomes is None:
                told.status, told.rule = "rejected", "alone" if group else "no_answer"
            elif row["record_id"] not in [one["record_id"] for one in group]:
                told.status, told.rule = "rejected", "left"
            else:
                lead = row["record_id"] == group[0]["record_id"]
                if not ended(told, outcomes) and lead:
                    self._build(told, group, outcomes)
                told.outcomes = outcomes if lead else ()
            yield told

    def _build(self, told: Told, group: Sequence[Mapping[str, Any]], outcomes: Sequence[Outcome]) -> None:
        """The answer with most of the wins against the one with least; of equals the earlier is better."""
        won = [0.0] * len(group)
        for outcome in outcomes:
            a, b = int(outcome.case.model_a), int(outcome.case.model_b or 0)
            part = _won(outcome)
            won[a] += part
            won[b] += 1 - part
        best = max(range(len(group)), key=lambda k: (won[k], -k))
        worst = min(range(len(group)), key=lambda k: (won[k], -k))
        own = [o for o in outcomes if {o.case.model_a, o.case.model_b} == {str(best), str(worst)}]
        agrees, chance = share(own, str(best))
        told.columns = {
            "prompt": group[0]["messages"][:-1],
            "chosen": [group[best]["messages"][-1]],
            "rejected": [group[worst]["messages"][-1]],
        }
        told.parents = tuple(one["record_id"] for one in group)
        told.scores = _scores(agrees, chance, False, outcomes)


def share(outcomes: Sequence[Outcome], side: str | None = None) -> tuple[float | None, float | None]:
    """Of the win, what `side` (None: model_a) has: by verdicts, and by probabilities; None where nothing could be read."""
    read = [o for o in outcomes if o.status in ("ok", "settled")]
    turned = [side is not None and o.case.model_a != side for o in read]
    by_word = [1 - _won(o) if t else _won(o) for o, t in zip(read, turned, strict=True)]
    sure = [(o.rows[0].get("probability_a"), t) for o, t in zip(read, turned, strict=True)]
    by_chance = [1 - p if t else p for p, t in sure if p is not None]
    mean = sum(by_word) / len(by_word) if by_word else None
    return mean, sum(by_chance) / len(by_chance) if by_chance else None


def _won(outcome: Outcome) -> float:
    """Share of the win of model_a by the verdict; half where there is none."""
    return {"a": 1.0, "b": 0.0}.get(outcome.rows[0].get("verdict") or "", 0.5)


def _scores(
    agrees: float | None, chance: float | None, turned: bool, outcomes: Sequence[Outcome]
) -> dict[str, float | None]:
    def side(value: float | None) -> float | None:
        return 1 - value if turned and value is not None else value

    unparsed = sum(o.status == "unparsed" for o in outcomes)
    return {"agrees": side(agrees), "chance": side(chance), "turned": int(turned), "unparsed": unparsed}


def _pair(row: Mapping[str, Any]) -> list[Case]:
    """Both orders of a preference."""
    prompt = transcript(row["prompt"] or [])
    chosen, rejected = ("\n\n".join(map(said, row[side] or [])) for side in SIDES)
    name = row["record_id"].hex()
    case = Case(name, *SIDES, (prompt,), (chosen,), (rejected,))
    return [case._replace(order=order) for order in ("ab", "ba")]


def _all_pairs(group: Sequence[Mapping[str, Any]]) -> list[Case]:
    """Both orders of every two answers of a group, who are called by their place in it."""
    prompt, name = transcript(group[0]["messages"][:-1]), group[0]["record_id"].hex()
    texts = [said(one["messages"][-1]) for one in group]
    return [
        Case(name, str(a), str(b), (prompt,), (texts[a],), (texts[b],), order=order)
        for a, b in combinations(range(len(group)), 2)
        for order in ("ab", "ba")
    ]


def transcript(messages: Sequence[Mapping[str, Any]]) -> str:
    """What was said before an answer, as text; of one message what it says."""
    if len(messages) == 1:
        return said(messages[0])
    return "\n\n".join(f"[{m.get('role')}] {said(m)}" for m in messages if m)


def _asked(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What stands before the last answer of a conversation; nothing where it ends without one."""
    messages = row["messages"] or []
    if len(messages) < 2 or (messages[-1] or {}).get("role") != "assistant":
        return ()
    return tuple(f"{(m or {}).get('role')}\0{said(m)}" for m in messages[:-1])


def _different(group: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first of each answer."""
    found = {said(one["messages"][-1]).strip(): one for one in reversed(group)}
    kept = {one["record_id"] for one in found.values()}
    return [one for one in group if one["record_id"] in kept]


def _after(first: dict[str, Any], rest: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield first
    yield from rest
