"""What a deriving stage made: what became of its seeds and of its rows, what was asked and paid for, and where one row is from.

synth.backtranslate@1   40 seeds -> 38 rows -> 21 pass its rules -> 18 kept
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.data.parquet import read_table
from tamis.report.examples import origins_of
from tamis.report.wording import cost
from tamis.runs import Run
from tamis.runs.made import MadeRows, Part
from tamis.schemas import REQUEST
from tamis.schemas.derived import of_seed

LONGEST = 8
"""Links of the chain that is shown from a row to what it was made of."""


@dataclass(frozen=True)
class Left:
    """Rows made that a later step took, and those that were left after it."""

    step: int
    stage: str
    gone: int
    left: int


@dataclass(frozen=True)
class Asked:
    """Requests of one purpose to one model. The same request sent for two seeds was bought once, and counts once in what follows.

    requests  as they stand in requests/, `different` ones among them
    failed    those without an answer, by reason
    cost      what the answers cost when they were bought, in words: of some or all of them that may not be known
    """

    purpose: str
    model: str
    requests: int
    different: int
    failed: tuple[tuple[str, int], ...]
    tokens_in: int
    tokens_out: int
    cost: str


@dataclass(frozen=True)
class Link:
    """A record on the way from a row to what it was made of. where: the file it was read from, or the stage that made it."""

    record_id: str
    kind: str
    where: str
    told: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Yield:
    """One deriving stage. `seeds` came in; `outcomes` says what became of them, `own` what its own rules said of its rows.

    `passed` of the rows `made` were left by those rules, and `kept` by the steps of the `gate`, too.
    """

    step: int
    stage: str
    seeds: int
    outcomes: tuple[tuple[str, int], ...]
    made: int
    own: tuple[tuple[str, int], ...]
    passed: int
    gate: tuple[Left, ...]
    kept: int
    asked: tuple[Asked, ...]
    chain: tuple[Link, ...]


def yields(run: Run) -> tuple[Yield, ...]:
    """Every deriving stage of `run`, in order; none where it has none."""
    if "derived" not in run.facts:
        return ()
    made = MadeRows(run)
    fates = read_table(run.path / "fates.parquet", columns=["fate", "step"])
    asked = pa.concat_tables([_NOTHING, *(read_table(p, columns=[*_COLUMNS]) for p in run.parts("requests"))])
    told = (
        step for step in run.steps if step["rows"].get("derived") or any(of_seed(r["rule"]) for r in step["reasons"])
    )
    return tuple(_yield(run, made, step, fates, asked) for step in told)


_COLUMNS = ("step", "purpose", "model", "key", "outcome", "tokens_in", "tokens_out", "cost")

_NOTHING = REQUEST.empty_table().select(_COLUMNS)


def seeds_line(made: Yield) -> str:
    """What became of the seeds, in words."""
    return ", ".join(f"{rule} {n:,}" for rule, n in made.outcomes) or "nothing"


def own_line(made: Yield) -> str:
    """What the method's own rules said of its rows, in words."""
    return ", ".join(f"{rule} {n:,}" for rule, n in made.own) or "nothing"


def link_line(link: Link) -> str:
    """A record of the chain, in words."""
    told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in link.told)
    return f"{link.where}" + (f" ({told})" if told else "")


def _yield(run: Run, made: MadeRows, step: dict[str, Any], fates: pa.Table, asked: pa.Table) -> Yield:
    number = step["step"]
    parts = [part for part in made.parts if part.step == number]
    gone = _gone(parts, fates)
    told = [(r["rule"], r["rows"]) for r in step["reasons"]]
    outcomes = tuple((rule, n) for rule, n in told if of_seed(rule))
    total = sum(part.rows for part in parts) - gone.pop(None, 0)  # rows that were erased since have no step
    left = passed = total - gone.get(number, 0)
    gate = []
    for later in run.steps[number + 1 :]:
        left -= gone.get(later["step"], 0)
        gate.append(Left(later["step"], later["stage"], gone.get(later["step"], 0), left))
    return Yield(
        number,
        step["stage"],
        step["rows"]["in"],
        outcomes,
        total,
        tuple(pair for pair in told if pair not in outcomes),
        passed,
        tuple(gate),
        left,
        tuple(_asked(asked.filter(pc.equal(asked.column("step"), number)))),
        tuple(_chain(run, made, parts, fates)),
    )


def _gone(parts: list[Part], fates: pa.Table) -> dict[int | None, int]:
    """Rows made at a step that are gone, by the step that took them; None: they were erased."""
    found: dict[int | None, int] = {}
    for part in parts:
        here = fates.slice(part.first, part.rows)
        steps = here.column("step").filter(pc.not_equal(here.column("fate").cast(pa.string()), "kept"))
        for pair in steps.value_counts().to_pylist():
            found[pair["values"]] = found.get(pair["values"], 0) + pair["counts"]
    return found


def _asked(requests: pa.Table) -> Iterator[Asked]:
    """By purpose and model, in the order in which they were first asked."""
    one = pc.binary_join_element_wise(
        requests.column("purpose"), requests.column("model"), "\0", null_handling="replace"
    )
    for name in pc.unique(one).to_pylist():
        mine = requests.filter(pc.equal(one, name))
        code = mine.column("key").combine_chunks().dictionary_encode().indices.to_numpy()
        first = mine.take(pa.array(np.sort(np.unique(code, return_index=True)[1])))
        fails = first.column("outcome").value_counts().to_pylist()
        purpose, _, model = name.partition("\0")
        yield Asked(
            purpose,
            model,
            len(mine),
            len(first),
            tuple(sorted((f["values"], f["counts"]) for f in fails if f["values"] != "ok")),
            pc.sum(first.column("tokens_in"), min_count=0).as_py(),
            pc.sum(first.column("tokens_out"), min_count=0).as_py(),
            cost(pc.sum(first.column("cost")).as_py() or Decimal(0), first.column("cost").null_count),
        )


def _chain(run: Run, made: MadeRows, parts: list[Part], fates: pa.Table) -> Iterator[Link]:
    """The first row made that was kept, what it was made of, and so on: of several parents the first."""
    place = next((part.first + k for part in parts if (k := _first_kept(part, fates)) is not None), None)
    if place is None or (found := made.row(place)) is None:
        return
    row = found[0]
    record, kind = row.column("record_id")[0].as_py(), ""
    stages = {step["step"]: step["stage"] for step in run.steps}
    for _ in range(LONGEST):
        step = made.born_of(record)
        if not step:
            yield Link(record.hex(), kind, origins_of(run, [record]).get(record, "kept beside what was made of it"))
            return
        yield Link(record.hex(), kind, f"{stages[step]}, step {step}", _told(made, record))
        parents = made.parents(record)
        if not parents:
            return
        record, kind = bytes.fromhex(parents[0].record_id), parents[0].kind


def _first_kept(part: Part, fates: pa.Table) -> int | None:
    here = fates.column("fate").slice(part.first, part.rows).cast(pa.string()).to_numpy(zero_copy_only=False)
    kept = np.flatnonzero(here == "kept")
    return int(kept[0]) if len(kept) else None


def _told(made: MadeRows, record: bytes) -> tuple[tuple[str, str], ...]:
    """What the row says of how it was made."""
    place = made.place_of(record)
    found = made.row(place) if place is not None else None
    if found is None or "synthesis" not in found[0].schema.names:
        return ()
    said = found[0].column("synthesis")[0].as_py() or {}
    names = (
        "method",
        "operation",
        "generation",
        "template",
        "model",
        "returned",
        "seed",
        "prompt_sha256",
        "score",
        "cost",
    )
    return tuple((name, str(said[name])) for name in names if said.get(name) is not None)
