"""A recipe's stages as segments: fused row-wise stages, each run ended by a stage that must see all rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from tamis.engine.isolate import blamed
from tamis.errors import ColumnMissing, UsageError
from tamis.schemas import Kind
from tamis.stage import Corpus, Stage

STEPS = 255
"""Stages of a recipe: the ledger has one byte for the step."""


@dataclass(frozen=True)
class Segment:
    """One pass over the rows. `steps` pairs each row-wise stage with its place in the recipe, from 1.

    `revisit` is the corpus stage of the segment before, where it goes over the rows again: it comes first.
    """

    number: int
    steps: tuple[tuple[int, Stage], ...]
    corpus: tuple[int, Corpus] | None
    revisit: tuple[int, Corpus] | None = None

    @property
    def stages(self) -> tuple[tuple[int, Stage], ...]:
        """Row-wise stages and, last, the corpus stage."""
        return (*self.steps, self.corpus) if self.corpus else self.steps

    @property
    def passed(self) -> tuple[tuple[int, Stage], ...]:
        """Every stage that measures and decides in this pass."""
        return (self.revisit, *self.steps) if self.revisit else self.steps

    def wants_processes(self, size: int) -> bool:
        """Whether a stage in it wants processes of its own for an input of `size` bytes."""
        return any(stage.holds_gil and size >= stage.processes_from for _, stage in self.stages)


@dataclass(frozen=True)
class Plan:
    """What is to be done to rows of `kind`, in passes. `schema` is what the data has at the end."""

    kind: Kind
    segments: tuple[Segment, ...]
    schema: pa.Schema

    @property
    def steps(self) -> tuple[tuple[int, Stage], ...]:
        """Every stage with its place, in order."""
        return tuple(step for segment in self.segments for step in segment.stages)

    @property
    def hidden(self) -> int:
        """The last step that hides the text it was given; 0: none does."""
        return max((step for step, stage in self.steps if stage.hides), default=0)


def plan(stages: Sequence[Stage], kind: Kind) -> Plan:
    """Cut `stages` into segments. Raises ColumnMissing or UsageError where a stage cannot have what it reads."""
    if len(stages) > STEPS:
        raise UsageError(f"there are {len(stages)} stages; {STEPS} at most are taken: cut the recipe in two")
    for stage in stages:
        _sound(stage, kind)
    schema = follow(stages, kind.schema)
    segments: list[Segment] = []
    run: list[tuple[int, Stage]] = []
    for step, stage in enumerate(stages, 1):
        if isinstance(stage, Corpus):
            segments.append(Segment(len(segments), tuple(run), (step, stage), _again(segments)))
            run = []
        else:
            run.append((step, stage))
    if run or not segments or _again(segments):
        segments.append(Segment(len(segments), tuple(run), None, _again(segments)))
    return Plan(kind, tuple(segments), schema)


def _again(segments: Sequence[Segment]) -> tuple[int, Corpus] | None:
    """The last corpus stage, if it goes over the rows again."""
    last = segments[-1].corpus if segments else None
    return last if last and last[1].revisits else None


def _sound(stage: Stage, kind: Kind) -> None:
    """Raise UsageError where what `stage` says of itself cannot be carried out."""
    with blamed(stage, "rules"):
        rules = tuple(stage.rules)
    for rule in rules:
        missing = {rule.column, rule.per} - {None, *stage.scores.names}
        if rule.keep is not None and missing:
            raise UsageError(
                f"{stage.label}: its rule {rule.id!r} compares {missing.pop()!r}, which is none of its scores"
            )
    if stage.edits and not any(rule.action == "edit" for rule in rules):
        raise UsageError(f"{stage.label} edits, but has no rule with the action 'edit' to say so in the ledger")
    if isinstance(stage, Corpus) and not stage.revisits and {rule.action for rule in rules} != {"drop"}:
        raise UsageError(
            f"{stage.label} sees all rows and does not revisit them, so it needs rules, each with the action 'drop': "
            "no other is carried out"
        )
    for column in stage.writes:
        at = kind.schema.get_field_index(column.name)
        if column.name in ("record_id", *kind.texts):
            raise UsageError(f"{stage.label} may not write {column.name!r}; a stage changes text by edits = True")
        if at >= 0 and kind.schema.field(at).type != column.type:
            raise UsageError(
                f"{stage.label} writes {column.name!r} as {column.type}; it is {kind.schema.field(at).type}"
            )


def follow(stages: Iterable[Stage], have: pa.Schema) -> pa.Schema:
    """Follow the columns through `stages`; return the last schema."""
    for stage in stages:
        if missing := set(stage.reads.names) - set(have.names):
            raise ColumnMissing(stage.label, missing, have.names)
        for wanted in stage.reads:
            found = have.field(wanted.name).type
            if not (pa.types.is_null(wanted.type) or found.equals(wanted.type)):
                raise UsageError(f"{stage.label} reads {wanted.name!r} as {wanted.type}; here it is {found}")
        have = overlay(have, stage.writes)
    return have


def overlay(have: pa.Schema, writes: pa.Schema) -> pa.Schema:
    """`have` with the fields of `writes` added, or put in the place of those of the same name."""
    for column in writes:
        at = have.get_field_index(column.name)
        have = have.append(column) if at < 0 else have.set(at, column)
    return have
