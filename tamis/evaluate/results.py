"""What a run of an evaluation snapshot found: all that a report is made of.

RUN/samples.parquet   what the model said to each item           RUN/scores.parquet   what that scored
RUN/report.json       what it comes to, and the digests of both  RUN/run.json, RUN/timings.parquet   when, where, how long
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from tamis.data.parquet import UNREADABLE, one_line
from tamis.errors import GateError, InputError
from tamis.evaluate.rows import read_table
from tamis.schemas import SAMPLE, SCORE
from tamis.snapshot.jcs import canonical_json

REPORT = "report.json"

FORMAT = 1
"""Of report.json. A reader knows its own and those before."""

TABLES = ("samples", "scores")

SUITE = ("name", "version", "settings", "tasks")
"""What of eval.json a report repeats."""


@dataclass(frozen=True)
class Results:
    """The answers of one model to one evaluation snapshot, and their scores.

    snapshot  id of the evaluation snapshot, sha256:…
    suite     what eval.json says of it: name, version, settings, and of each task its name, type, items, metrics, primary
    model     name, and digests of what answers: nothing in it changes from run to run
    samples   rows of SAMPLE, those that failed too
    scores    rows of SCORE
    limit     items of each task that were asked, where it was not all of them
    gates     those frozen with the suite; under tasks, by name, those of each
    only      names of the tasks that were asked, where it was not all of them
    judge     who said what only a reader can tell: name, rubrics, and by task how many responses it said nothing readable of
    """

    snapshot: str
    suite: Mapping[str, Any]
    model: Mapping[str, Any]
    samples: pl.DataFrame
    scores: pl.DataFrame
    limit: int | None = None
    gates: Mapping[str, Any] = field(default_factory=dict)
    only: tuple[str, ...] | None = None
    judge: Mapping[str, Any] | None = None

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """The tasks that were asked, in the order of the suite."""
        return [task for task in self.suite["tasks"] if self.only is None or task["name"] in self.only]


def results_of(
    snapshot: str,
    suite: Mapping[str, Any],
    model: Mapping[str, Any],
    samples: pa.Table,
    scores: pa.Table,
    limit: int | None = None,
    gates: Mapping[str, Any] | None = None,
    only: tuple[str, ...] | None = None,
    judge: Mapping[str, Any] | None = None,
) -> Results:
    """Results of tables in any order. Raises InputError where an answer or a score stands twice."""
    told = {name: suite[name] for name in SUITE}
    own = _sorted(samples.select(SAMPLE.names).cast(SAMPLE), ("task", "item_id", "repeat"), "sample")
    scored = _sorted(scores.select(SCORE.names).cast(SCORE), ("task", "item_id", "repeat", "metric"), "score")
    return Results(snapshot, told, dict(model), own, scored, limit, dict(gates or {}), only, judge)


def read_results(folder: Path | str) -> Results:
    """The results in the folder of a run. Raises InputError where there are none, GateError where they were changed."""
    folder = Path(folder)
    facts, tables = read_report(folder), {}
    for name in TABLES:
        path = folder / f"{name}.parquet"
        try:
            data = path.read_bytes()
            if hashlib.sha256(data).hexdigest() != facts["files"].get(path.name):
                raise GateError(f"{path} is not what {folder / REPORT} was made of: its sha256 differs; run it again")
            tables[name] = read_table(data)
        except UNREADABLE as wrong:
            raise InputError(f"{path} cannot be read: {one_line(wrong)}; name the folder of a whole run") from None
    given = facts["given"]
    only = None if given["only"] is None else tuple(given["only"])
    return results_of(
        facts["snapshot"],
        facts["suite"],
        facts["model"],
        tables["samples"],
        tables["scores"],
        given["limit"],
        given["gates"],
        only,
        facts.get("judge"),
    )


_KINDS = {"files": dict, "given": dict, "suite": dict, "model": dict, "tasks": list, "gates": list, "snapshot": str}


def sealed(facts: Mapping[str, Any]) -> dict[str, Any]:
    """`facts` with the digest of all else under `sha256`: what is changed by hand afterwards is seen."""
    own = {name: value for name, value in facts.items() if name != "sha256"}
    return {**own, "sha256": hashlib.sha256(canonical_json(own)).hexdigest()}


def read_report(place: Path | str) -> dict[str, Any]:
    """report.json of a run: its folder, or the file itself. Raises InputError, GateError where it was changed."""
    path = Path(place)
    path = path / REPORT if path.is_dir() else path
    try:
        facts = json.loads(path.read_bytes())
        number = facts["tamis_report"]
        canonical_json(facts)
        if not isinstance(number, int) or any(not isinstance(facts[name], kind) for name, kind in _KINDS.items()):
            raise ValueError("it has other names or kinds")
    except OSError as gone:
        raise InputError(
            f"there is no report at {path} ({gone.strerror}); name a folder that `tamis eval run -o` wrote"
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"{path} is no report of `tamis eval run`") from None
    if number > FORMAT:
        raise InputError(
            f"{path} was written by a newer tamis (format {number}, this one reads {FORMAT}); update tamis"
        )
    if sealed(facts) != facts:
        raise GateError(f"{path} is not what `tamis eval run` wrote: it was changed since; run it again")
    return dict(facts)


def _sorted(table: pa.Table, by: tuple[str, ...], what: str) -> pl.DataFrame:
    found = pl.from_arrow(table)
    assert isinstance(found, pl.DataFrame)
    found = found.sort(by)
    twice = found.filter(pl.struct(by).is_duplicated())
    if twice.height:
        row = twice.row(0, named=True)
        raise InputError(
            f"item {row['item_id']!r} of task {row['task']!r} has two {what}s of repeat {row['repeat']}; one was wanted"
        )
    return found
