"""What is made of seeds, and the table it becomes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa

from tamis.curate.synthesis.seed import Seed
from tamis.schemas import ENVELOPE, LINEAGE, OUTCOME, REQUEST, kind
from tamis.schemas.derived import MONEY, Status
from tamis.schemas.ids import derived_id
from tamis.stage import Made

SYNTHESIS = pa.struct(
    [
        pa.field("method", pa.string()),  # synth.evolve@1
        pa.field("operation", pa.string()),  # what of the method: deepen, easy, aspects
        pa.field("generation", pa.int16()),  # from 1, where a method goes on from what it made
        pa.field("template", pa.string()),  # name and version of the prompt that made the row's text
        pa.field("template_sha256", pa.string()),
        pa.field("prompt_sha256", pa.string()),  # of the messages as they were sent
        pa.field("model", pa.string()),  # as it was asked for
        pa.field("returned", pa.string()),  # as the endpoint called it
        pa.field("params", pa.string()),  # JSON: temperature, max_tokens, and what was cut off the seed
        pa.field("seed", pa.int64()),
        pa.field("requests", pa.list_(pa.string())),  # keys of all that was asked for this row, in hex
        pa.field("tokens_in", pa.int64()),
        pa.field("tokens_out", pa.int64()),
        pa.field("cost", MONEY),  # null: not known
        pa.field("score", pa.float32()),
        pa.field("terms", pa.string()),  # terms of the model's provider, as declared
    ]
)
"""Where a row comes from: the column `synthesis`, beside the edges of its lineage."""


class Asked(NamedTuple):
    """One request: what for, its key (32 bytes), ok or why not, what it took, and what it was."""

    purpose: str
    key: bytes
    outcome: str
    attempts: int
    tokens_in: int | None
    tokens_out: int | None
    cost: Decimal | None
    model: str
    requested: str
    template: str
    template_sha256: str
    prompt_sha256: str
    params: Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One row made.

    columns  those of its kind
    parents  records it was made of, at least one
    place    tells it from others made of the same parents
    made_by  the request that made its text
    asked    all that was asked for it, `made_by` with it
    scores   by the names of the stage's `scores`
    """

    columns: Mapping[str, Any]
    parents: tuple[bytes, ...]
    place: int
    made_by: Asked
    asked: Sequence[Asked]
    scores: Mapping[str, float | None]
    operation: str | None = None
    generation: int | None = None
    score: float | None = None
    edge: str = "synth"


@dataclass
class Grown:
    """What became of one seed."""

    seed: Seed
    status: Status = "ok"
    rule: str | None = None
    value: float | None = None
    evidence: dict[str, Any] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    shared: bool = False
    """Made of several seeds: `seed` stands for all of them, and their outcomes are told elsewhere."""


class Stamp(NamedTuple):
    """What all rows of a stage share."""

    name: str
    label: str
    makes: str
    scores: pa.Schema
    seed: int | None
    terms: str | None


def row_id(stamp: Stamp, row: Row) -> bytes:
    """Its record_id."""
    return derived_id(stamp.name, row.parents, row.place)


def made_of(grown: Iterable[Grown], stamp: Stamp) -> Made:
    """Rows, edges, outcomes and requests of some seeds, in their order."""
    grown = list(grown)
    pairs = [(row_id(stamp, row), one.seed, row) for one in grown for row in one.rows]
    edges = sorted({(child, parent, row.edge) for child, _, row in pairs for parent in row.parents})
    lineage = [{"child": child, "parent": parent, "kind": edge, "snapshot": None} for child, parent, edge in edges]
    outcomes = [
        {
            "record_id": one.seed.record_id,
            "status": one.status,
            "rule": one.rule,
            "value": one.value,
            "evidence": json.dumps(one.evidence, ensure_ascii=False, sort_keys=True) if one.evidence else None,
        }
        for one in grown
        if not one.shared
    ]
    requests = [
        {
            **{n: getattr(a, n) for n in REQUEST.names if hasattr(a, n)},
            "record_id": None if one.shared else one.seed.record_id,
            "step": 0,
        }
        for one in grown
        for a in one.asked
    ]
    return Made(
        _rows(pairs, stamp),
        pa.Table.from_pylist(lineage, LINEAGE),
        pa.RecordBatch.from_pylist(outcomes, OUTCOME),
        pa.Table.from_pylist(requests, REQUEST),
    )


def _rows(pairs: Sequence[tuple[bytes, Seed, Row]], stamp: Stamp) -> pa.RecordBatch:
    own = kind(stamp.makes).fields
    schema = pa.schema([*ENVELOPE, *own, pa.field("synthesis", SYNTHESIS), *stamp.scores])
    columns: dict[str, list[Any]] = {
        "record_id": [record for record, _, _ in pairs],
        "id": [f"{seed.id}#{stamp.name}-{row.place}" if seed.id else None for _, seed, row in pairs],
        "source": [f"{stamp.name}/{seed.source}" for _, seed, _ in pairs],
        "url": [seed.url for _, seed, _ in pairs],
        "license": [seed.license for _, seed, _ in pairs],
        "collected_at": [None] * len(pairs),
        "meta": [seed.meta for _, seed, _ in pairs],
        "synthesis": [_synthesis(row, stamp) for _, _, row in pairs],
    }
    for f in own:
        columns[f.name] = [row.columns[f.name] for _, _, row in pairs]
    for f in stamp.scores:
        columns[f.name] = [row.scores.get(f.name) for _, _, row in pairs]
    return pa.record_batch([pa.array(columns[f.name], f.type) for f in schema], schema=schema)


def _synthesis(row: Row, stamp: Stamp) -> dict[str, Any]:
    by = row.made_by
    return {
        "method": stamp.label,
        "operation": row.operation,
        "generation": row.generation,
        "template": by.template,
        "template_sha256": by.template_sha256,
        "prompt_sha256": by.prompt_sha256,
        "model": by.requested,
        "returned": by.model,
        "params": json.dumps(by.params, ensure_ascii=False, sort_keys=True),
        "seed": stamp.seed,
        "requests": [a.key.hex() for a in row.asked],
        "tokens_in": _sum(a.tokens_in for a in row.asked),
        "tokens_out": _sum(a.tokens_out for a in row.asked),
        "cost": _sum(a.cost for a in row.asked),
        "score": row.score,
        "terms": stamp.terms,
    }


def _sum(numbers: Iterable[Any]) -> Any:
    """Their sum; None where one of them is not known."""
    found = list(numbers)
    return None if any(n is None for n in found) else sum(found)
