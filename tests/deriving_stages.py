"""Small deriving stages for tests; recipes name them by path, as a user's own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from tamis.bench import Bench
from tamis.schemas import KINDS, LINEAGE, OUTCOME, REQUEST
from tamis.schemas.ids import derived_id
from tamis.stage import Derive, Made, Rule

WORDS = pa.schema([pa.field("words", pa.int32())])
NUMBER = pa.schema([pa.field("number", pa.int32())])


def made(stage: Derive, kind: str, rows: list[dict], edges: list[tuple[bytes, bytes]], told: list[tuple]) -> Made:
    """Plain Python as what a stage makes."""
    wanted = pa.schema([*KINDS[kind].schema, *stage.writes, *stage.scores])
    lineage = [{"child": c, "parent": p, "kind": "chunk", "snapshot": None} for c, p in edges]
    outcomes = [dict(zip(OUTCOME.names, (*row, *[None] * 5), strict=False)) for row in told]
    return Made(
        pa.RecordBatch.from_pylist(rows, schema=wanted),
        pa.Table.from_pylist(lineage, schema=LINEAGE),
        pa.RecordBatch.from_pylist(outcomes, schema=OUTCOME),
    )


def fate(text: str) -> tuple[str, str | None, float | None, str | None]:
    """What becomes of a seed, by its text: that of one word is refused, and nothing can be made of those on receipts."""
    words = text.split(" ")
    if len(words) < 2:
        return ("rejected", "short", float(len(words)), None)
    if words[0] == "receipt":
        return ("failed", "timeout", None, json.dumps({"attempts": 3}))
    return ("skipped", None, None, None) if words[0] == "fine" else ("ok", None, None, None)


@dataclass(frozen=True)
class Halves(Derive):
    """Both halves of a text, of those with at least `least` words."""

    least: int = 0
    keep_seeds: bool = False
    break_on: str = ""

    name = "own.halves"
    decided_by = frozenset({"least"})
    writes = NUMBER
    scores = WORDS

    @property
    def rules(self) -> tuple[Rule, ...]:
        return (Rule("min_words", "drop", "words", ">=", self.least),)

    def derive(self, seeds: Iterator[pa.RecordBatch], bench: Bench) -> Iterator[Made]:
        done = 0
        for batch in seeds:
            rows, edges, told = [], [], []
            for seed in batch.to_pylist():
                if self.break_on and self.break_on in seed["text"]:
                    raise ValueError("cannot be halved")
                what = fate(seed["text"])
                told.append((seed["record_id"], *what))
                if what[0] == "ok":
                    words = seed["text"].split(" ")
                    half = len(words) // 2
                    for k, part in enumerate((words[:half], words[half:])):
                        i = derived_id(self.name, [seed["record_id"]], k)
                        own = {"record_id": i, "text": " ".join(part), "number": k, "words": len(part)}
                        rows.append({**{f: seed[f] for f in KINDS["document"].schema.names}, **own})
                        edges.append((i, seed["record_id"]))
            done += batch.num_rows
            bench.tell({"done": done})
            yield made(self, "document", rows, edges, told)
        bench.note("seeds", done)
        bench.varies("asked", done)


@dataclass(frozen=True)
class Flagged(Halves):
    """The same; short halves stay, and are marked."""

    name = "own.flagged"

    @property
    def rules(self) -> tuple[Rule, ...]:
        return (Rule("few_words", "flag", "words", ">=", 4),)


@dataclass(frozen=True)
class Misnamed(Halves):
    """The same, with a rule that is called as what is said of seeds."""

    name = "own.misnamed"

    @property
    def rules(self) -> tuple[Rule, ...]:
        return (Rule("rejected.short", "drop", "words", ">=", 4),)


@dataclass(frozen=True)
class Ask(Derive):
    """A question for each text, which is its answer."""

    name = "own.ask"
    writes = pa.schema([pa.field("method", pa.string())])
    takes = ("document", "chat")

    def makes(self, kind: str) -> str:
        return "chat"

    def derive(self, seeds: Iterator[pa.RecordBatch], bench: Bench) -> Iterator[Made]:
        for batch in seeds:
            rows, edges, asked = [], [], []
            for seed in batch.to_pylist():
                i = derived_id(self.name, [seed["record_id"]], 0)
                turns = [("user", "What?"), ("assistant", seed.get("text") or "")]
                messages = [{"role": role, "content": content, "extra": None} for role, content in turns]
                keep = {f: seed[f] for f in ("source", "license", "meta")}
                rows.append({"record_id": i, "messages": messages, "method": "ask", **keep})
                edges.append((i, seed["record_id"]))
                asked.append(
                    {"record_id": seed["record_id"], "step": 0, "purpose": "ask", "key": bytes(32), "outcome": "ok"}
                )
            told = [(i, "ok") for i in batch.column("record_id").to_pylist()]
            found = made(self, "chat", rows, edges, told)
            yield found._replace(requests=pa.Table.from_pylist(asked, schema=REQUEST))


@dataclass(frozen=True)
class Wrong(Ask):
    """What no deriving stage may do; `how` says which."""

    how: str = "twice"

    name = "own.wrong"

    def derive(self, seeds: Iterator[pa.RecordBatch], bench: Bench) -> Iterator[Made]:
        for found in super().derive(seeds, bench):
            if self.how == "silent":
                yield found._replace(outcomes=found.outcomes.slice(1))
            elif self.how == "twice":
                rows = pa.Table.from_batches([found.rows, found.rows.slice(0, 1)]).combine_chunks().to_batches()[0]
                yield found._replace(rows=rows)
            elif self.how == "orphan":
                yield found._replace(lineage=found.lineage.slice(1))
            elif self.how == "columns":
                yield found._replace(rows=found.rows.drop_columns(["method"]))
            elif self.how == "null":
                at = found.rows.schema.get_field_index("messages")
                nulls = pa.nulls(found.rows.num_rows, found.rows.schema.field(at).type)
                columns = [nulls if k == at else c for k, c in enumerate(found.rows.columns)]
                yield found._replace(rows=pa.record_batch(columns, names=found.rows.schema.names))
            elif self.how == "exit":
                os._exit(9)
