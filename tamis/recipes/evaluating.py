"""An evaluation from answers to a sealed report: held against training data, a baseline and gates, and drawn."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from tamis.data.parquet import UNREADABLE, one_line
from tamis.data.writer import write_bytes
from tamis.errors import GateError, InputError, OutputError, UsageError
from tamis.evaluate import report
from tamis.evaluate.compare import compared, same_snapshot
from tamis.evaluate.contamination import read_contamination
from tamis.evaluate.frozen import Frozen, FrozenTask
from tamis.evaluate.gates import Gates, load_gates, read_gates, written_out
from tamis.evaluate.junit import junit
from tamis.evaluate.kept import ANSWERS
from tamis.evaluate.markdown import markdown
from tamis.evaluate.report import Beside, splits_of
from tamis.evaluate.results import REPORT, Results, read_report, read_results, results_of
from tamis.evaluate.rows import read_table
from tamis.evaluate.run import Evaluated
from tamis.evaluate.shown import shown
from tamis.report.evaluation import page
from tamis.runs.manifest import sha256
from tamis.snapshot import open_snapshot
from tamis.snapshot.jcs import canonical_json
from tamis.snapshot.verify import verify

CONTAMINATION, BASELINE = "contamination.parquet", "baseline.parquet"


def beside(
    tasks: Sequence[FrozenTask] = (),
    *,
    train: str | None = None,
    contamination: Path | None = None,
    baseline: Path | None = None,
    gates: Path | None = None,
    store: Path | None = None,
    of: Frozen | None = None,
) -> Beside:
    """What a run is to be held against, read and checked before anything is asked.

    train          snapshot the model was trained on, #split behind it for one split: the items of `tasks` are looked for in it
    contamination  contamination.parquet that says which items it holds: then nothing is looked for
    of             the snapshot that is to be asked: what cannot be held against it is refused now, and not hours later
    """
    table, training = None, None
    other = None if baseline is None else read_results(baseline)
    asked = None if gates is None else load_gates(gates)
    if of is not None:
        _fit(of, other, asked)
    if train is not None:
        training, table = trained_on(train, tasks, store, look=contamination is None)
    if contamination is not None:
        table = _table(contamination)
        read_contamination(pl.DataFrame(table), str(contamination))
    return Beside(table, training, other, asked)


def _fit(frozen: Frozen, baseline: Results | None, gates: Gates | None) -> None:
    """Raises InputError for a baseline of another snapshot, UsageError for gates that ask for what is not there."""
    if baseline is not None and baseline.snapshot != frozen.id:
        same_snapshot(baseline, Results(frozen.id, frozen.facts, {}, baseline.samples, baseline.scores))
    metrics = {task.task.name: task.task.metrics for task in frozen.tasks}
    own = read_gates(frozen_gates(frozen), f"the gates of suite {frozen.name}")
    written_out([own, *([gates] if gates else [])], list(metrics), metrics)
    if baseline is None and any(gate.kind == "max_regression" for gate in gates or ()):
        raise UsageError("there is a gate max_regression, which wants a baseline; name its run with --baseline")


def frozen_gates(frozen: Frozen) -> dict[str, Any]:
    """The gates of a suite and of its tasks, as a file of gates has them."""
    gates = dict(frozen.gates)
    tasks = dict(gates.pop("tasks", None) or {})
    for task in frozen.tasks:
        if task.task.gates:
            there = tasks.get(task.task.name, [])
            tasks[task.task.name] = [*(there if isinstance(there, list) else [there]), dict(task.task.gates)]
    return {**gates, **({"tasks": tasks} if tasks else {})}


def conclude(found: Evaluated, output: Path, held: Beside, confidence: float = 0.95) -> dict[str, Any]:
    """Write the report of `found` to `output`: report.json, .md and .html, junit.xml. Return what report.json says."""
    return tell(results_from(found), output, held, confidence)


def tell(results: Results, output: Path, held: Beside, confidence: float = 0.95) -> dict[str, Any]:
    """`conclude`, of results however they came about."""
    facts = report.write(output, results, held, confidence)
    before = None if held.baseline is None else held.baseline.scores
    write_bytes(output / "report.html", page(facts, shown(results, splits_of(results, held.contamination), before)))
    return facts


def finished(
    output: Path, frozen: Frozen, model: Mapping[str, Any], only: Sequence[str], limit: int | None
) -> Results | None:
    """The results that lie in `output`, where the run there was finished; None: it was not.

    Raises OutputError where it is of another model, another snapshot, or another part of it.
    """
    if not (output / REPORT).is_file() or (output / ANSWERS).exists():
        return None
    found = read_results(output)
    asked = set(only) or {task.task.name for task in frozen.tasks}
    other = [
        what
        for what, same in (
            ("another evaluation snapshot", found.snapshot == frozen.id),
            ("another model", dict(found.model) == dict(model)),
            ("another part of the items", (found.limit, {task["name"] for task in found.tasks}) == (limit, asked)),
        )
        if not same
    ]
    if other:
        raise OutputError(f"{output} has a run of {other[0]}; name a new folder")
    return found


def results_from(found: Evaluated) -> Results:
    """What a run found, as a report takes it. The gates are those of the suite and of its tasks."""
    frozen, asked = found.frozen, tuple(task.task.name for task in found.tasks)
    whole = len(asked) == len(frozen.tasks)
    tables = found.tables
    return results_of(
        frozen.id,
        frozen.facts,
        found.model,
        tables.samples,
        tables.scores,
        found.limit,
        frozen_gates(frozen),
        None if whole else asked,
        found.judge,
    )


def again(run: Path, *, baseline: Path | None = None, gates: Path | None = None) -> tuple[Results, Beside]:
    """A finished run and what it was held against, to be held against other gates or another baseline."""
    facts = read_report(run)
    table = _made_of(run, facts, CONTAMINATION)
    held = None if baseline is None else read_results(baseline)
    return read_results(run), Beside(table, facts["training"], held, None if gates is None else load_gates(gates))


def _made_of(run: Path, facts: Mapping[str, Any], name: str) -> pa.Table | None:
    """A table that the report of a run was made of, too; None: of no such. Raises GateError where it is another now."""
    wanted, place = facts["files"].get(name), run / name
    if wanted is None:
        return None
    if not place.is_file():
        raise InputError(f"{place} is missing, and {run / REPORT} was made of it; name the folder of a whole run")
    if sha256(place) != wanted:
        raise GateError(f"{place} is not what {run / REPORT} was made of: its sha256 differs; run it again")
    return _table(place)


def judged(results: Results, held: Beside, confidence: float = 0.95) -> dict[str, Any]:
    """What report.json would say; nothing is written."""
    return report.report(results, held, confidence=confidence)


def written(run: Path, form: str) -> bytes:
    """The report of a finished run as markdown, html, junit or json, its tables held against their digests."""
    facts = read_report(run)
    results, held = again(run)
    if form == "json":
        return canonical_json(facts)
    if form == "markdown":
        return markdown(facts).encode("utf-8", "backslashreplace")
    if form == "junit":
        return junit(facts).encode("utf-8", "backslashreplace")
    before = _made_of(run, facts, BASELINE)
    return page(
        facts, shown(results, splits_of(results, held.contamination), None if before is None else pl.DataFrame(before))
    )


def side_by_side(first: Path, second: Path, confidence: float = 0.95) -> dict[str, Any]:
    """Two finished runs of one snapshot, on all items and on those that are clean, where the second knows."""
    a, b = read_results(first), read_results(second)
    _, held = again(second)
    splits = splits_of(b, held.contamination)
    keep = {name: own.clean for name, own in (splits or {}).items() if own.eval is not None}
    found: dict[str, Any] = report.rounded(compared(a, b, confidence, keep))
    return found


def trained_on(
    ref: str, tasks: Sequence[FrozenTask], store: Path | None = None, look: bool = True
) -> tuple[dict[str, Any], pa.Table | None]:
    """The training snapshot `ref`, verified, and CONTAMINATION rows of the items of `tasks` in it."""
    named, _, split = ref.partition("#")
    snapshot = open_snapshot(named, store)
    found = verify(snapshot.path)
    if not found.whole:
        first = found.findings[0]
        raise GateError(
            f"{snapshot.path} is not what was frozen: {first.file}: {first.problem}; `tamis verify` tells all"
        )
    if split and split not in snapshot.splits:
        raise InputError(f"{snapshot.ref} has no split {split!r}; it has {', '.join(snapshot.splits)}")
    facts = {"snapshot": snapshot.id, "ref": snapshot.ref, **({"split": split} if split else {})}
    parts = snapshot.parts(split or None)
    return facts, overlap(parts, tasks) if look else None


def overlap(train: Sequence[Path | str], tasks: Sequence[FrozenTask], threads: int | None = None) -> pa.Table:
    """CONTAMINATION rows: which items of `tasks` stand in the files `train`."""
    from tamis.curate.decontam import Decontam, scan  # its kernels: most evaluations look for nothing

    with tempfile.TemporaryDirectory(prefix="tamis-eval-") as folder:
        files = [_written(Path(folder), task) for task in tasks]
        stage = Decontam(tuple(map(str, files)), action="flag")
        return scan(list(train), stage, threads or os.cpu_count() or 1).table


def _written(folder: Path, task: FrozenTask) -> Path:
    """The items of a task as JSON Lines."""
    path = folder / f"{task.task.name}.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=True) + "\n" for row in asked(task)), "utf-8")
    return path


def asked(task: FrozenTask) -> list[dict[str, Any]]:
    """The items of a task as rows of id, question, and context, answer and url where there are such.

    Where an item has no question, its prompt is taken for it; of a perplexity, its text.
    """
    prompts = {request.item_id: request.prompt for request in task.requests}
    reads = task.task.type == "perplexity"
    rows = []
    for item in task.items:
        own = item.fields
        said = (own.get("text") or item.target) if reads else own.get("question")
        row = {"id": item.item_id, "question": said if isinstance(said, str) else prompts[item.item_id]}
        if item.passages:
            row["context"] = "\n\n".join(item.passages)
        if not reads:
            row["answer"] = item.shown
        if isinstance(own.get("url"), str):
            row["url"] = own["url"]
        rows.append(row)
    return rows


def _table(path: Path) -> pa.Table:
    try:
        return read_table(path.read_bytes())
    except UNREADABLE as wrong:
        raise InputError(f"{path} cannot be read: {one_line(wrong)}; contamination.parquet was wanted") from None
