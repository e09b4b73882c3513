"""What the steps of a walk came to: a sentence each, and the facts of the page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tamis.errors import InputError
from tamis.evaluate.results import read_results
from tamis.judge.leaderboard import board
from tamis.judge.played import games, together
from tamis.judge.reading import read_judgments
from tamis.recipes.walk.course import AFTER, BEFORE
from tamis.report.wording import plural

TASK = "write"
"""Task of the suite whose answers are judged."""


def answers(run: Path, name: str) -> Iterator[dict[str, Any]]:
    """What a run of the evaluation wrote, as judges read it."""
    rows = read_results(run).samples.filter((pl.col("task") == TASK) & (pl.col("repeat") == 0))
    for row in rows.sort("item_id").iter_rows(named=True):
        asked = f"Go on with this documentation:\n{row['prompt']}"
        yield {"item_id": row["item_id"], "model": name, "prompt": asked, "answer": row["response"] or ""}


def tell(name: str, out: Path, done: dict[str, Any]) -> str:
    """What step `name` came to, in a sentence."""
    tells: dict[str, Callable[[], str]] = {
        "unpack": lambda: done["words"][1],
        "sieve": lambda: _books(out / "runs/docs"),
        "freeze": lambda: _frozen(out / "snapshots/docs/1.0.0"),
        "questions": lambda: _questions(out / "evals/docs"),
        "write": lambda: _books(out / "runs/pairs"),
        "freeze-pairs": lambda: _frozen(out / "snapshots/pairs/1.0.0"),
        "train": lambda: _trained(out / "adapters/docs-lora"),
        "before": lambda: _asked(out / "runs" / BEFORE),
        "after": lambda: _asked(out / "runs" / AFTER),
        "judge": lambda: _judged(out / "runs/judged"),
        "approve": lambda: (
            "passed: the adapter is approved" if done["exit"] == 0 else "not passed: the adapter is not approved"
        ),
    }
    return tells[name]()


def facts_of(out: Path) -> dict[str, Any]:
    """What the files of a walk say, for its page."""
    return {
        "docs": _read(out / "runs/docs/run.json"),
        "pairs": _read(out / "runs/pairs/run.json"),
        "snapshots": [_read(out / f"snapshots/{name}/1.0.0/snapshot.json") for name in ("docs", "pairs")],
        "trained": _read(out / "adapters/docs-lora/train.json"),
        "before": _read(out / "runs" / BEFORE / "report.json"),
        "after": _read(out / "runs" / AFTER / "report.json"),
        "judged": rated(out / "runs/judged"),
        "sitting": _read(out / "runs/judged/run.json"),
    }


def rated(run: Path) -> dict[str, Any] | None:
    """The board of a sitting; None where no verdict could be read.

    surest  the chance of whom the judge was surest of, both orders of a pair as one; None where it tells no chances
    """
    rows = read_judgments([str(run / "judgments.parquet")]).rows
    try:
        own = board(rows, BEFORE, draws=200)
    except InputError:
        return None
    surest = None
    if rows["probability_a"].count():
        shares = together(games(rows).rows, "averaged")["share"].to_numpy()
        surest = 0.5 + float(np.abs(shares - 0.5).max())
    return {**own, "surest": surest}


def number(task: dict[str, Any]) -> dict[str, Any]:
    """The primary number of a task of a report."""
    found: dict[str, Any] = next(n for n in task["numbers"] if n["metric"] == task["primary"])
    return found


def _books(run: Path) -> str:
    rows = _read(run / "run.json")["rows"]
    derived = f" and {rows['derived']:,} written" if rows["derived"] else ""
    return f"{rows['in']:,} read{derived} = {rows['kept']:,} kept, {rows['dropped']:,} dropped, {rows['quarantined']:,} set aside"


def _frozen(snapshot: Path) -> str:
    found = _read(snapshot / "snapshot.json")
    return f"{plural(found['content']['leaves'], 'record')} under {found['content']['root'][:16]}…"


def _questions(place: Path) -> str:
    names = sorted(path.stem for path in (place / "tasks").glob("*.json"))
    return f"{plural(len(names), 'task')}: {', '.join(names)}"


def _trained(adapter: Path) -> str:
    training = _read(adapter / "train.json")["training"]
    if training["before"] is None:
        return f"{plural(training['steps'], 'step')}"
    return f"{plural(training['steps'], 'step')}; held-out loss {training['before']:.3f} before, {training['after']:.3f} after"


def _asked(run: Path) -> str:
    tasks = _read(run / "report.json")["tasks"]
    return "; ".join(f"{t['name']} {t['primary']} {_figure(t)}" for t in tasks)


def _figure(task: dict[str, Any]) -> str:
    own = number(task)["value"]
    return "none" if own is None else f"{own:.3f}"


def _judged(run: Path) -> str:
    found = _read(run / "run.json")["judgments"]
    own = rated(run)
    rates = [m for m in (own or {}).get("models", []) if m["model"] == AFTER and m["win_rate"]]
    settled = found.get("settled", 0)
    said = f"{found['ok']:,} of {found['in'] - settled:,} verdicts read"
    said += f", {settled:,} needed no judge" if settled else ""
    if not rates:
        return said
    rate, counts = 100 * rates[0]["win_rate"]["value"], rates[0]["counts"]
    found = (
        f"of {plural(sum(counts.values()), 'pair')} the adapter won {counts['wins']:,} and lost {counts['losses']:,}"
    )
    mean = "" if own is None or own["surest"] is None else f"; the mean of its chances is {rate:.0f} percent"
    return f"{said}; {found}{mean}"


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found
