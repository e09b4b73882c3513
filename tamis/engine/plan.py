"""A recipe's stages as segments: fused row-wise stages, each run ended by a stage that must see all rows or makes new ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from tamis.engine.isolate import blamed
from tamis.errors import ColumnMissing, UsageError
from tamis.schemas import Kind, kind_of
from tamis.schemas import kind as kind_called
from tamis.schemas.derived import of_seed
from tamis.stage import Corpus, Derive, Stage

STEPS = 255
"""Stages of a recipe: the ledger has one byte for the step."""


@dataclass(frozen=True)
class Segment:
    """One pass over the rows. `steps` pairs each row-wise stage with its place in the recipe, from 1.

    `revisit` is the corpus stage of the segment before, where it goes over the rows again: it comes first. A segment ends
    with a corpus stage, a deriving stage or neither.
    """

    number: int
    steps: tuple[tuple[int, Stage], ...]
    corpus: tuple[int, Corpus] | None
    revisit: tuple[int, Corpus] | None = None
    derive: tuple[int, Derive] | None = None

    @property
    def stages(self) -> tuple[tuple[int, Stage], ...]:
        """Row-wise stages and, last, the corpus or deriving stage."""
        last = self.corpus or self.derive
        return (*self.steps, last) if last else self.steps

    @property
    def passed(self) -> tuple[tuple[int, Stage], ...]:
        """Every stage that measures and decides in this pass."""
        return (self.revisit, *self.steps) if self.revisit else self.steps

    def wants_processes(self, size: int) -> bool:
        """Whether a stage in it wants processes of its own for an input of `size` bytes."""
        return any(stage.holds_gil and size >= stage.processes_from for _, stage in self.stages)


class Shape(NamedTuple):
    """What rows are: their kind, and all their columns."""

    kind: Kind
    schema: pa.Schema


@dataclass(frozen=True)
class Plan:
    """What is to be done to rows of `kind`, in passes. `made` is what the data are at the end, `schema` their columns."""

    kind: Kind
    segments: tuple[Segment, ...]
    schema: pa.Schema
    made: Kind

    @property
    def steps(self) -> tuple[tuple[int, Stage], ...]:
        """Every stage with its place, in order."""
        return tuple(step for segment in self.segments for step in segment.stages)

    @property
    def hidden(self) -> int:
        """The last step that hides the text it was given; 0: none does."""
        return max((step for step, stage in self.steps if stage.hides), default=0)

    @property
    def derives(self) -> tuple[tuple[Segment, int, Derive], ...]:
        """The deriving stages, each with its segment and place."""
        return tuple((segment, *segment.derive) for segment in self.segments if segment.derive)

    def before(self, number: int) -> Shape:
        """The rows as segment `number` takes them up."""
        shape = Shape(self.kind, self.kind.schema)
        for segment in self.segments[:number]:
            shape = self.after(segment.number, shape)
            if segment.derive:
                shape = derived(shape, segment.derive[1])
        return shape

    def after(self, number: int, before: Shape | None = None) -> Shape:
        """The rows at the end of the pass of segment `number`: what a deriving stage takes, where it ends with one."""
        shape = before or self.before(number)
        schema = shape.schema
        for _, stage in self.segments[number].passed:
            schema = overlay(schema, stage.writes)
        return shape._replace(schema=schema)

    @property
    def aside(self) -> pa.Schema:
        """Columns of quarantine/: those of the data, then those that only seeds have."""
        whole = self.schema
        for segment, _, _ in self.derives:
            names = set(whole.names)
            whole = pa.schema([*whole, *(f for f in self.after(segment.number).schema if f.name not in names)])
        return whole


def plan(stages: Sequence[Stage], kind: Kind) -> Plan:
    """Cut `stages` into segments. Raises ColumnMissing or UsageError where a stage cannot have what it reads."""
    if len(stages) > STEPS:
        raise UsageError(f"there are {len(stages)} stages; {STEPS} at most are taken: cut the recipe in two")
    shape = Shape(kind, kind.schema)
    for stage in stages:
        _sound(stage, shape.kind)
        shape = _through(stage, shape)
    segments: list[Segment] = []
    run: list[tuple[int, Stage]] = []
    for step, stage in enumerate(stages, 1):
        if isinstance(stage, Corpus):
            segments.append(Segment(len(segments), tuple(run), (step, stage), _again(segments)))
            run = []
        elif isinstance(stage, Derive):
            segments.append(Segment(len(segments), tuple(run), None, _again(segments), (step, stage)))
            run = []
        else:
            run.append((step, stage))
    # After a deriving stage there is always one more pass: it takes what was made up among the rows.
    if run or not segments or _again(segments) or segments[-1].derive:
        segments.append(Segment(len(segments), tuple(run), None, _again(segments)))
    planned = Plan(kind, tuple(segments), shape.schema, shape.kind)
    _one_type(planned)
    return planned


def _one_type(plan: Plan) -> None:
    """Raise UsageError where seeds and what is made of them have a column of one name and two types: quarantine/ has both."""
    known = plan.aside
    for segment, step, stage in plan.derives:
        for column in plan.after(segment.number).schema:
            if not known.field(column.name).type.equals(column.type):
                raise UsageError(
                    f"{column.name!r} is {column.type} before step {step} ({stage.label}) and {known.field(column.name).type} "
                    "after it; let the stage that writes it give it another name"
                )


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
    if isinstance(stage, Derive):
        kind = _takes(stage, kind)
    for column in stage.writes:
        at = kind.schema.get_field_index(column.name)
        if column.name in ("record_id", *kind.texts):
            raise UsageError(f"{stage.label} may not write {column.name!r}; a stage changes text by edits = True")
        if at >= 0 and kind.schema.field(at).type != column.type:
            raise UsageError(
                f"{stage.label} writes {column.name!r} as {column.type}; it is {kind.schema.field(at).type}"
            )


def _takes(stage: Derive, kind: Kind) -> Kind:
    """Kind of what `stage` makes of rows of `kind`. Raises UsageError where it cannot take those, or says what cannot be."""
    if kind.name not in stage.takes:
        raise UsageError(f"{stage.label} takes rows of kind {' or '.join(stage.takes)}; here they are {kind.name}")
    with blamed(stage, "makes"):
        made = kind_called(stage.makes(kind.name))
    if stage.keeps_seeds and made != kind:
        raise UsageError(
            f"{stage.label} makes {made.name} rows of {kind.name} rows, and a dataset has one kind: it cannot keep its seeds"
        )
    if stage.edits or stage.features:
        raise UsageError(f"{stage.label} makes rows; it can neither edit those it is given nor name features")
    if any(rule.action == "edit" for rule in stage.rules):
        raise UsageError(
            f"{stage.label} has a rule with the action 'edit'; of the rows it makes, it can let go or flag some"
        )
    if told := [rule.id for rule in stage.rules if of_seed(rule.id)]:
        raise UsageError(f"{stage.label} has a rule {told[0]!r}, which is what is said of seeds; give it another name")
    if both := {*stage.scores.names} & {*made.schema.names, *stage.writes.names}:
        raise UsageError(f"{stage.label}: {both.pop()!r} is one of its scores and a column of the rows it makes")
    return made


def derived(shape: Shape, stage: Derive) -> Shape:
    """The rows after `stage`, which takes rows of `shape`: what it makes and, where it keeps them, its seeds."""
    made = _takes(stage, shape.kind)
    if not stage.keeps_seeds:
        return Shape(made, overlay(made.schema, stage.writes))
    # Seeds have nothing in the columns of what is made, nor that in the columns that stages before wrote.
    own = {f.name for f in made.schema}
    schema = overlay(shape.schema, stage.writes)
    return Shape(made, pa.schema([f if f.name in own else f.with_nullable(True) for f in schema]))


def _through(stage: Stage, shape: Shape) -> Shape:
    have = shape.schema
    if missing := set(stage.reads.names) - set(have.names):
        raise ColumnMissing(stage.label, missing, have.names)
    for wanted in stage.reads:
        found = have.field(wanted.name).type
        if not (pa.types.is_null(wanted.type) or found.equals(wanted.type)):
            raise UsageError(f"{stage.label} reads {wanted.name!r} as {wanted.type}; here it is {found}")
    if isinstance(stage, Derive):
        return derived(shape, stage)
    return shape._replace(schema=overlay(have, stage.writes))


def follow(stages: Iterable[Stage], have: pa.Schema) -> pa.Schema:
    """Follow the columns through `stages`; return the last schema."""
    shape: Shape | None = None
    for stage in stages:
        shape = _through(stage, shape or Shape(kind_of(have), have))
    return shape.schema if shape else have


def overlay(have: pa.Schema, writes: pa.Schema) -> pa.Schema:
    """`have` with the fields of `writes` added, or put in the place of those of the same name."""
    for column in writes:
        at = have.get_field_index(column.name)
        have = have.append(column) if at < 0 else have.set(at, column)
    return have
