"""What stages that ask a judge share: parameters, the walk over the seeds, the tables of what became of them.

A judged row is a row made of the one that was judged: the same texts, an id of its own, an edge of the kind judge. So what a
judge said is stored with the rows, and a run is carried out again, replayed and explained without asking anyone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, ClassVar, Literal

import pyarrow as pa

from tamis.bench import Bench
from tamis.errors import UsageError
from tamis.judge.case import Case, prompt_digests
from tamis.judge.clerk import Asking, Clerk, Outcome, Structured
from tamis.judge.rubric import Rubric
from tamis.judge.shelf import find_rubric
from tamis.models import each
from tamis.schemas import ENVELOPE, JUDGMENT, LINEAGE, OUTCOME, REQUEST, kind
from tamis.schemas.derived import Status
from tamis.schemas.ids import derived_id
from tamis.stage import Derive, Made, Rule

JUDGED = pa.list_(
    pa.struct(
        [
            *(JUDGMENT.field(n).remove_metadata() for n in ("judge", "rubric", "rubric_sha256", "aspect", "order")),
            *(JUDGMENT.field(n).remove_metadata() for n in ("verdict", "probability_a", "score", "reasons", "failure")),
            *(
                JUDGMENT.field(n).remove_metadata()
                for n in ("request", "returned", "tokens_in", "tokens_out", "cost", "settled")
            ),
        ]
    )
)
"""What a judge said of a row: the column `judgments`, an entry for each time it was asked, and for each aspect."""

TOGETHER = 256
"""Seeds whose rows go out together."""

Unparsed = Literal["quarantine", "drop", "keep"]


@dataclass
class Told:
    """What became of one seed, or of several together, and the row it made.

    parents  records it was made of; the first has the envelope
    columns  those of its kind
    """

    seed: Mapping[str, Any]
    status: Status = "ok"
    rule: str | None = None
    evidence: dict[str, Any] = field(default_factory=dict)
    columns: Mapping[str, Any] | None = None
    scores: Mapping[str, float | None] = field(default_factory=dict)
    parents: tuple[bytes, ...] = ()
    outcomes: Sequence[Outcome] = ()


@dataclass(frozen=True)
class AsksJudge(Derive):
    """A stage whose rows are judged by a model, under a rubric."""

    judge: str = ""
    rubric: str = ""
    base_url: str | None = None
    price: str | None = None
    temperature: float = 0.0
    max_tokens: int = 1024
    seed: int | None = 0
    structured: Structured = "auto"
    unparsed: Unparsed = "quarantine"

    writes = pa.schema([pa.field("judgments", JUDGED)])
    decided_by = frozenset({"unparsed"})
    form: ClassVar[str] = "score"

    def __post_init__(self) -> None:
        if not self.judge:
            raise UsageError(
                f"{self.label} wants a judge: the name of a model at base_url, openai:URL#NAME, or hf:PATH"
            )
        self.asking  # noqa: B018 - raises where a parameter cannot be right

    @property
    def asking(self) -> Asking:
        """How the judge is asked."""
        return Asking(
            self.base_url,
            self.price,
            self.temperature,
            self.max_tokens,
            self.seed,
            self.structured,
        )

    @property
    def files(self) -> tuple[str, ...]:
        """The rubric, where it is a file of the user's."""
        return (self.rubric,) if self.rubric.endswith((".yaml", ".yml")) else ()

    @property
    def stands_on(self) -> dict[str, str]:
        """The digests of rubric and prompts: a new version of tamis may bring others."""
        return {"rubric": self.own.sha256, **{f"prompt {k}": v for k, v in prompt_digests().items()}}

    @property
    def own(self) -> Rubric:
        """The rubric. Raises UsageError where there is none, or none of this form."""
        found = find_rubric(self.rubric, self.base)
        if found.form != self.form:
            raise UsageError(f"{self.label}: {found.label} is of the form {found.form}; {self.form} was wanted")
        return found

    @property
    def rules(self) -> tuple[Rule, ...]:
        """A row without a verdict is set aside, unless one says otherwise."""
        if self.unparsed == "keep":
            return ()
        return (Rule("unparsed", self.unparsed, "unparsed", "<=", 0, says="Answers of the judge without a verdict"),)

    def derive(self, seeds: Iterator[pa.RecordBatch], bench: Bench) -> Iterator[Made]:
        """What the judge says of every seed, in their order."""
        own = self.own
        with Clerk([self.judge], self.asking, bench.responses, bench.means) as clerk:
            try:
                clerk.settle()
                bench.note("structured", "schema" if clerk.judges[0].schema else "text")
                yield from self._parts(self.walk(seeds, clerk, own), clerk, bench)
            finally:
                bench.varies("spending", clerk.spending())
                bench.pay(clerk.progress()["money"])

    def walk(self, seeds: Iterator[pa.RecordBatch], clerk: Clerk, own: Rubric) -> Iterator[Told]:
        """What became of each seed, in order."""
        raise NotImplementedError

    def judged(
        self,
        units: Iterable[Any],
        cases: Callable[[Any], list[Case]],
        clerk: Clerk,
        own: Rubric,
    ) -> Iterator[tuple[Any, list[Outcome]]]:
        """Each of `units` with what the judge said of its `cases`."""
        judge = clerk.judges[0]

        async def one(unit: Any) -> tuple[Any, list[Outcome]]:
            asked = cases(unit)
            with clerk.budget.task(len(asked)):
                return unit, [await clerk.judged(case, judge, own) for case in asked]

        return each(units, one, clerk.means.concurrency)

    def _parts(self, told: Iterator[Told], clerk: Clerk, bench: Bench) -> Iterator[Made]:
        done = failures = 0
        while some := list(islice(told, TOGETHER)):
            done += len(some)
            failures += sum(one.status == "failed" for one in some)
            bench.tell({"done": done, "failures": failures, **clerk.progress()})
            yield self._made(some)

    def _made(self, told: list[Told]) -> Made:
        rows = [one for one in told if one.columns is not None]
        ids = [derived_id(self.name, one.parents, 0) for one in rows]
        edges = sorted({(child, parent) for child, one in zip(ids, rows, strict=True) for parent in one.parents})
        outcomes = [
            {
                "record_id": one.seed["record_id"],
                "status": one.status,
                "rule": one.rule,
                "value": None,
                "evidence": json.dumps(one.evidence, ensure_ascii=False, sort_keys=True) if one.evidence else None,
            }
            for one in told
        ]
        requests = [_request(one, outcome) for one in told for outcome in one.outcomes]
        lineage = [{"child": c, "parent": p, "kind": "judge", "snapshot": None} for c, p in edges]
        return Made(
            self._rows(rows, ids),
            pa.Table.from_pylist(lineage, LINEAGE),
            pa.RecordBatch.from_pylist(outcomes, OUTCOME),
            pa.Table.from_pylist([r for r in requests if r], REQUEST),
        )

    def _rows(self, rows: list[Told], ids: list[bytes]) -> pa.RecordBatch:
        if not rows:
            return pa.RecordBatch.from_pylist([], schema=pa.schema([*ENVELOPE, *self.writes, *self.scores]))
        own = kind(self.makes(str(rows[0].seed["kind"]))).fields
        schema = pa.schema([*ENVELOPE, *own, *self.writes, *self.scores])
        columns: dict[str, list[Any]] = {n: [one.seed.get(n) for one in rows] for n in ENVELOPE.names}
        columns |= {"record_id": ids, "judgments": [_entries(one.outcomes) for one in rows]}
        columns |= {f.name: [(one.columns or {})[f.name] for one in rows] for f in own}
        columns |= {f.name: [one.scores.get(f.name) for one in rows] for f in self.scores}
        return pa.record_batch([pa.array(columns[f.name], f.type) for f in schema], schema=schema)


def rows_of(batches: Iterable[pa.RecordBatch]) -> Iterator[dict[str, Any]]:
    """Rows of `batches` as Python has them, each with its kind."""
    from tamis.schemas import kind_of

    for batch in batches:
        own = kind_of(batch.schema)
        names = [n for n in ENVELOPE.names if n in batch.schema.names]
        for row in batch.select([*names, *(f.name for f in own.fields)]).to_pylist():
            yield {**row, "kind": own.name}


def ended(told: Told, outcomes: Sequence[Outcome]) -> bool:
    """Note how a seed ended that nobody judged to the end; True: it did end so."""
    told.outcomes = outcomes
    for status in ("failed", "skipped"):
        if lost := [o for o in outcomes if o.status == status]:
            told.status, told.rule = (
                ("failed", lost[0].rows[0]["failure"]) if status == "failed" else ("skipped", "budget")
            )
            return True
    return False


def said(message: Mapping[str, Any] | None) -> str:
    """What a message says."""
    return str((message or {}).get("content") or "")


def _entries(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    names = [f.name for f in JUDGED.value_type]
    return [{name: row.get(name) for name in names} for outcome in outcomes for row in outcome.rows]


def _request(told: Told, outcome: Outcome) -> dict[str, Any] | None:
    """A REQUEST row; None: none was made."""
    if outcome.key is None:
        return None
    paid = outcome.rows[0]
    return {
        "record_id": told.seed["record_id"],
        "step": 0,
        "purpose": "verdict" if outcome.case.second is not None else "score",
        "key": outcome.key,
        "outcome": outcome.why,
        "attempts": outcome.attempts,
        **{name: paid.get(name) for name in ("tokens_in", "tokens_out", "cost")},
        "model": outcome.reply.model if outcome.reply else outcome.judge,
    }
