"""A model that says what a script has it say, and what a deriving stage makes with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from tamis.bench import Bench, Means
from tamis.models import Failed, Reply, Request, Usage
from tamis.models.request import canonical, request_key
from tamis.schemas import KINDS
from tamis.stage import Derive


@dataclass
class Scripted:
    """`says(prompt, request)` is the answer to the last message; an exception is raised, a pair has its finish, too."""

    says: Callable[[str, Request], Any]
    name: str = "m"
    endpoint: str = "here"
    asked: list[Request] = field(default_factory=list)

    async def ask(self, request: Request) -> Reply:
        self.asked.append(request)
        said = self.says(request.messages[-1]["content"], request)
        if isinstance(said, Exception):
            raise said
        text, finish = said if isinstance(said, tuple) else (said, "stop")
        text = text if isinstance(text, str) else json.dumps(text)
        key = request_key(canonical(self.name, request), self.endpoint, request.sample)
        return Reply(text, finish, f"{self.name}-1", Usage(10, 5), None, key, False, 1)


@dataclass
class Grew:
    """All that a stage made: rows, those of them that its rules let stay, lineage, outcomes, requests."""

    rows: list[dict[str, Any]]
    kept: list[dict[str, Any]]
    lineage: list[dict[str, Any]]
    outcomes: list[dict[str, Any]]
    requests: list[dict[str, Any]]
    notes: dict[str, Any]

    @property
    def broken(self) -> dict[bytes, str]:
        return {row["record_id"]: row["broke"] for row in self.rows if row["broke"]}

    @property
    def statuses(self) -> list[tuple[str, str | None]]:
        return [(one["status"], one["rule"]) for one in self.outcomes]


def grew(
    stage: Derive, seeds: list[dict[str, Any]], tmp_path: Path, kind: str = "document", batch: int = 3, **means: Any
) -> Grew:
    """What `stage` makes of `seeds`, by `means`."""
    table = seeds_table(seeds, kind)
    given = Bench(tmp_path / "scratch", tmp_path / "responses.sqlite", Means(**means))
    parts = list(stage.derive(iter(table.to_batches(batch)), given))
    rows, kept = [], []
    for part in parts:
        told = stage.decide(part.rows.select(stage.scores.names))
        broke = dict(zip(told.column("row").to_pylist(), told.column("rule").to_pylist(), strict=True))
        listed = [{**row, "broke": broke.get(k)} for k, row in enumerate(part.rows.to_pylist())]
        rows += listed
        kept += [row for row in listed if not row["broke"]]
    return Grew(
        rows,
        kept,
        [edge for part in parts for edge in part.lineage.to_pylist()],
        [one for part in parts for one in part.outcomes.to_pylist()],
        [one for part in parts for one in (part.requests.to_pylist() if part.requests else [])],
        given.notes,
    )


def seeds_table(seeds: list[dict[str, Any]], kind: str) -> pa.Table:
    """Rows of `kind`; what a seed does not say of the envelope is made up."""
    return pa.Table.from_pylist(
        [
            {"record_id": record(k), "id": f"s{k}", "source": "src", "license": "MIT", "meta": '{"k":1}', **seed}
            for k, seed in enumerate(seeds)
        ],
        KINDS[kind].schema,
    )


def record(k: int) -> bytes:
    return hashlib.sha256(b"%d" % k).digest()[:16]


def chat(*said: str) -> dict[str, Any]:
    """A conversation that the user begins."""
    roles = ("user", "assistant") * len(said)
    return {"messages": [{"role": r, "content": text, "extra": None} for r, text in zip(roles, said, strict=False)]}


def inner(prompt: str) -> Iterator[str]:
    """The texts between fences, in order."""
    import re

    return (m[2] for m in re.finditer(r"<([a-z]+-[0-9a-f]{24})>\n(.*?)\n</\1>", prompt, re.S))


def failed(reason: Any = "timeout") -> Failed:
    return Failed(reason, "no answer", 6)
