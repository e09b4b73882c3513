"""What a dataset holds, before anything is decided: nothing is dropped for its quality, and everything is measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.curate.exact import Exact
from tamis.curate.quality import C4, TEXT, FineWeb, Gopher, Repetition
from tamis.recipes.recipe import Recipe
from tamis.recipes.run import run
from tamis.report.groups import Groups
from tamis.report.measures import MOST_GROUPS
from tamis.runs import Run
from tamis.schemas._field import field
from tamis.stage import Rule, Stage, decisions, first_broken

FAMILIES: tuple[Stage, ...] = (Gopher(), Repetition(), C4(), FineWeb())

CHARS = field("chars", pa.uint32(), "Code points.")


@dataclass(frozen=True)
class Look(Stage):
    """Measure what the quality stages measure, show their default thresholds, and let every record go on."""

    name = "look"
    features = (TEXT,)
    scores = pa.unify_schemas([pa.schema([CHARS]), *(family.scores for family in FAMILIES)])

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules of every family, named after it."""
        return tuple(rule._replace(id=f"{family.name}.{rule.id}") for family in FAMILIES for rule in family.rules)

    def decide(self, scores: pa.RecordBatch) -> pa.RecordBatch:
        """Nothing."""
        return decisions(np.empty(0, np.uint32), [])


RECIPE = Recipe(
    name="profile",
    stages=(Look(), Exact()),
    named=("look@1", "exact@1"),
    text="# tamis profile: what the quality stages measure of every record, then exact duplicates\n",
)


@dataclass(frozen=True)
class Count:
    """How often something is there. `share` is 0–1."""

    name: str
    rows: int
    share: float
    says: str = ""


@dataclass(frozen=True)
class Family:
    """A quality stage: records it would drop with its defaults, and those that each of its rules would drop alone."""

    name: str
    rows: int
    share: float
    rules: tuple[Count, ...]


@dataclass(frozen=True)
class Profile:
    """What a dataset holds.

    rows        in, readable, unreadable, duplicates (beyond the first of each), of those readable
    lengths     characters of a record: min, 5 %, median, 95 %, max; None where there is none
    licences    of the records that are no duplicates, most frequent first; "" is none declared
    measured    records the families were asked about: up to 2 million in evenly spaced row groups
    passes      of these, records that every family would keep
    """

    kind: str
    shapes: dict[str, int]
    files: int
    bytes: int
    rows: dict[str, int]
    unreadable: tuple[Count, ...]
    lengths: tuple[float, ...] | None
    sources: tuple[Count, ...]
    licences: tuple[Count, ...]
    measured: int
    passes: int
    families: tuple[Family, ...]
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


def profile(
    input: Any, folder: Path, workers: int | None = None, on_progress: Callable[[Any], None] | None = None
) -> Profile:
    """Look at `input` (what `tamis.run` takes). The run behind it, with its report, is left in `folder`."""
    return tell(run(RECIPE, input, folder, workers=workers, on_progress=on_progress))


def tell(done: Run) -> Profile:
    """The profile that a run of RECIPE comes to."""
    facts = done.facts
    rows_in, aside, dropped = (facts["rows"][what] for what in ("in", "quarantined", "dropped"))
    readable = rows_in - aside
    families, measured, passes, lengths = _quality(done)
    sources = Counter({s["source"]: s["in"] for s in facts["sources"]})
    unreadable = [r for r in facts["steps"][0]["reasons"] if r["fate"] == "quarantined"]
    return Profile(
        kind=facts["kind"],
        shapes=facts["shapes"],
        files=len(facts["inputs"]),
        bytes=sum(f["bytes"] for f in facts["inputs"]),
        rows={"in": rows_in, "readable": readable, "unreadable": aside, "duplicates": dropped},
        unreadable=tuple(Count(r["rule"], r["rows"], _share(r["rows"], rows_in)) for r in unreadable),
        lengths=lengths,
        sources=_counts(sources, rows_in),
        licences=_counts(_licences(done), readable - dropped),
        measured=measured,
        passes=passes,
        families=families,
        warnings=tuple(facts["warnings"]),
    )


def _quality(done: Run) -> tuple[tuple[Family, ...], int, int, tuple[float, ...] | None]:
    """What the families would do, over how many records, how many all would keep, and the lengths."""
    groups = Groups(done.parts("scores"), MOST_GROUPS)
    names = [name for name in groups.schema.names if name.startswith("1.")]
    gone = dict.fromkeys((family.name for family in FAMILIES), 0)
    alone: Counter[tuple[str, str]] = Counter()
    chars, measured, passes = [], 0, 0
    for table in groups.read(names):
        whole = table.rename_columns([name[2:] for name in names]).combine_chunks().to_batches()
        for scores in (batch.filter(batch.column("chars").is_valid()) for batch in whole):
            broken = np.zeros(scores.num_rows, bool)
            for family in FAMILIES:
                rows = first_broken(family.rules, scores).column("row").to_numpy()
                broken[rows] = True
                gone[family.name] += len(rows)
                for rule in family.rules:
                    alone[family.name, rule.id] += first_broken((rule,), scores).num_rows
            chars.append(scores.column("chars").to_numpy())
            measured, passes = measured + len(broken), passes + int(np.count_nonzero(~broken))
    families = tuple(
        Family(
            family.name,
            gone[family.name],
            _share(gone[family.name], measured),
            tuple(_rule(rule, alone[family.name, rule.id], measured) for rule in family.rules),
        )
        for family in FAMILIES
    )
    every = np.sort(np.concatenate(chars)) if chars else np.empty(0)
    lengths = tuple(float(every[round(q * (len(every) - 1))]) for q in (0, 0.05, 0.5, 0.95, 1)) if len(every) else None
    return families, measured, passes, lengths


def _rule(rule: Rule, rows: int, measured: int) -> Count:
    value = f"{rule.column} / {rule.per}" if rule.per else rule.column
    return Count(rule.id, rows, _share(rows, measured), f"{value} {rule.keep} {rule.threshold:,.6g}")


def _licences(done: Run) -> Counter[str]:
    found: Counter[str] = Counter()
    for part in done.parts("data"):
        for batch in pq.ParquetFile(part).iter_batches(1 << 16, columns=["license"]):
            counted = batch.column(0).value_counts().to_pylist()
            found.update({entry["values"] or "": entry["counts"] for entry in counted})
    return found


def _counts(found: Counter[str], whole: int) -> tuple[Count, ...]:
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Count(name, rows, _share(rows, whole)) for name, rows in ordered)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
