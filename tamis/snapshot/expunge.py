"""A run without some of its records: what it kept, set aside, measured and decided of them goes; the rest stays as it was.

Its books still balance: `in = kept + dropped + quarantined + erased`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.data.parquet import open_file, plain, read_table
from tamis.data.writer import write_bytes, write_json, write_parquet
from tamis.errors import TamisError
from tamis.runs import Run, seal
from tamis.runs.manifest import MANIFEST, files, sha256
from tamis.snapshot import prune
from tamis.snapshot.graph import Reached
from tamis.snapshot.journal import Step, link
from tamis.snapshot.unname import applied, unnamed

Report = Callable[[Run, Path], object]
"""Writes the report of a run into a folder: it is made a floor above."""

REPORT = "report.html"


@dataclass
class Expunged:
    """What was taken out of a run.

    counts    records by the fate they had
    verdicts  decisions about them
    manifest  sha256 of its manifest, before and after
    """

    path: Path
    counts: dict[str, int]
    verdicts: int
    before: str
    after: str
    steps: tuple[Step, ...]


@dataclass
class _Staged:
    """A copy of a run in which files are replaced."""

    run: Run
    folder: Path
    written: dict[str, dict[str, Any]] = field(default_factory=dict)

    def put(self, name: str, tables: Iterator[pa.Table], schema: pa.Schema) -> None:
        """`name` anew."""
        made = write_parquet(self.folder / name, tables, schema)
        self.written[name] = {"rows": made.rows, "bytes": made.bytes, "sha256": made.sha256}

    def data(self, name: str, content: bytes) -> None:
        """`name` anew, where it is no table."""
        made = write_bytes(self.folder / name, content)
        self.written[name] = {"bytes": made.bytes, "sha256": made.sha256}


def expunge(
    run: Run, folder: Path, gone: Reached, receipt: str, report: Report | None = None, values: Collection[str] = ()
) -> Expunged | None:
    """Write `run` without `gone` to `folder`; the steps put it in its place. None where it has nothing of them.

    report  writes its report anew; None: it has none then, for the old one shows rows
    values  what was asked for: a source of which no record is left loses its name, where that holds one
    """
    fates = run.fates()
    at = gone.holds(fates.column("record_id"))
    decided = pa.concat_tables([run.verdicts(["record_id", "peer_id"])]) if run.parts("verdicts") else None
    lost_to = decided is not None and bool(gone.holds(decided.column("peer_id")).any())
    if not at.any() and not lost_to:
        return None
    _copy(run.path, folder)
    staged = _Staged(run, folder)
    verdicts = _tables(staged, gone, at)
    counts = Counter(np.array(fates.column("fate").cast(pa.string()).to_pylist(), object)[at].tolist())
    counts.pop(prune.ERASED, None)
    _contract(staged)
    _facts(staged, counts, receipt, values)
    (folder / REPORT).unlink(missing_ok=True)
    if report is not None:
        report(Run(folder), folder)
    before = sha256(run.path / MANIFEST)
    seal(folder, {name: str(facts["sha256"]) for name, facts in staged.written.items()})
    return Expunged(
        run.path, dict(counts), verdicts, before, sha256(folder / MANIFEST), tuple(_steps(run.path, folder))
    )


def _copy(run: Path, folder: Path) -> None:
    """Every file under another name of it. A file is replaced there, never written into."""
    for path in files(run):
        target = folder / path.relative_to(run)
        target.parent.mkdir(parents=True, exist_ok=True)
        link(path, target)


def _tables(staged: _Staged, gone: Reached, at: np.ndarray) -> int:
    """Every table anew that has something of `gone`; how many decisions went."""
    run, decided = staged.run, 0
    for path in sorted(run.path.rglob("*.parquet")):
        name = path.relative_to(run.path).as_posix()
        kind, schema = name.partition("/")[0], pq.read_schema(plain(path))
        if kind == "verdicts":
            table = read_table(path)
            left = prune.verdicts(table, gone)
            decided += len(table) - len(left)
            if left is not table:
                staged.put(name, _groups(path, left), schema)
        elif name == "fates.parquet":
            staged.put(name, iter([prune.fates(read_table(path), at)]), schema)
        elif kind == "edges":
            staged.put(name, iter([prune.edges(read_table(path), at)]), schema)
        elif kind not in ("scores",):
            _by_record(staged, name, path, schema, gone)
    _scores(staged, at)
    return decided


def _by_record(staged: _Staged, name: str, path: Path, schema: pa.Schema, gone: Reached) -> None:
    """A table whose rows name records: data, quarantine, lineage, and what a stage left by record."""
    keys = [key for key in ("record_id", "child", "parent") if key in schema.names]
    with open_file(path) as file:
        if not any(gone.holds(column).any() for key in keys for column in file.read(columns=[key]).columns):
            return
        groups = (file.read_row_group(k) for k in range(file.num_row_groups))
        staged.put(name, (prune.rows(table, gone, *keys) for table in groups), schema)


def _scores(staged: _Staged, at: np.ndarray) -> None:
    """The parts hold all records of the input, one after the other."""
    start = 0
    for path in staged.run.parts("scores"):
        rows = pq.read_metadata(plain(path)).num_rows
        here, start = at[start : start + rows], start + rows
        if here.any():
            left = prune.scores(read_table(path), here)
            staged.put(path.relative_to(staged.run.path).as_posix(), _groups(path, left), pq.read_schema(plain(path)))


def _groups(path: Path, table: pa.Table) -> Iterator[pa.Table]:
    """`table` in row groups no larger than the first of the file at `path`."""
    meta = pq.read_metadata(plain(path))
    size = max(1, meta.row_group(0).num_rows if meta.num_row_groups else 1)
    return (table.slice(start, size) for start in range(0, max(1, len(table)), size))


def _contract(staged: _Staged) -> None:
    """The contract held against what is left."""
    path = staged.folder / "contract.odcs.yaml"
    if path.is_file():
        told, _ = promised(sorted((staged.folder / "data").glob("*.parquet")), path)
        staged.data("contract.result.json", told)


def promised(parts: list[Path], contract: Path) -> tuple[bytes, str]:
    """contract.result.json for `parts`, and whether the contract is kept: passed, failed or unchecked."""
    from tamis.contracts import check, load

    try:
        result = check(parts, load(contract))
    except TamisError as wrong:
        # An erasure is not put off by a contract: that it could not be checked is on file.
        return json.dumps({"unchecked": str(wrong)}).encode() + b"\n", "unchecked"
    return result.to_json().encode(), "passed" if result.passed else "failed"


def _facts(staged: _Staged, counts: Counter[str], receipt: str, values: Collection[str]) -> None:
    """run.json: digests of what was written, fewer rows, and why."""
    facts = json.loads((staged.folder / "run.json").read_bytes())
    facts = applied(facts, unnamed(facts, values, _sources(staged.folder)))
    facts["files"] = [{**f, **staged.written.get(f["path"], {})} for f in facts["files"]]
    for fate, n in counts.items():
        facts["rows"][fate] -= n
    facts["rows"]["erased"] = facts["rows"].get("erased", 0) + counts.total()
    facts["erasures"] = [*facts.get("erasures", []), receipt]
    made = write_json(staged.folder / "run.json", facts)
    staged.written["run.json"] = {"bytes": made.bytes, "sha256": made.sha256}


def _sources(folder: Path) -> set[str]:
    """Sources of the records that are left."""
    parts = [*(folder / "data").glob("*.parquet"), *(folder / "quarantine").glob("*.parquet")]
    return {name for part in parts for name in pc.unique(read_table(part, columns=["source"]).column(0)).to_pylist()}


def _steps(run: Path, folder: Path) -> Iterator[Step]:
    """What was written anew, moved over what was there; what is no more, removed."""
    new = {p.relative_to(folder).as_posix(): p for p in [*files(folder), folder / MANIFEST]}
    for name, path in sorted(new.items()):
        if not ((run / name).is_file() and path.samefile(run / name)):
            yield Step("move", path, run / name)
    for path in sorted(files(run)):
        if path.relative_to(run).as_posix() not in new:
            yield Step("remove", path)
