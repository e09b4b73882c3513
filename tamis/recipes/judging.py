"""A sitting of judges from files to a sealed folder: judged, rated, held against bias, and drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tamis.bench import Means
from tamis.data.writer import write_bytes
from tamis.errors import InputError
from tamis.judge.bias import findings
from tamis.judge.folder import taken
from tamis.judge.leaderboard import board
from tamis.judge.plan import Plan
from tamis.judge.played import games
from tamis.judge.shown import examples
from tamis.judge.sitting import Progress, Sat, sit
from tamis.report.judging import page
from tamis.runs.manifest import seal


def judge(
    plan: Plan,
    out: Path,
    means: Means | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
    draws: int = 1000,
) -> dict[str, Any]:
    """Judge, write judgments, report and manifest to `out`, and return what run.json says with the board and the bias beside it."""
    with taken(out):
        sat = sit(plan, out, means, resume, on_progress)
        told = tell(sat, draws)
        drawn = page(sat.facts, told["board"], told["findings"], examples(sat.judgments, sat.answers))
        write_bytes(out / "report.html", drawn)
        seal(out, {})
    return {**sat.facts, **told}


def tell(sat: Sat, draws: int = 1000) -> dict[str, Any]:
    """What the judgments say of models, as `tamis judge rate` and `bias` print it; board is None where they say nothing."""
    against = sat.facts["asked"]["baseline"]
    try:
        rated = board(sat.judgments, against, draws=draws, scale=sat.rubric.scale and sat.rubric.scale[:2])
    except InputError:
        return {"board": None, "findings": []}
    if "models" not in rated:
        return {"board": rated, "findings": []}
    found = findings(games(sat.judgments).rows)
    facts = [{"judge": f.judge, "name": f.name, **f.estimate.facts(), "fair": f.fair, "says": f.says} for f in found]
    return {"board": rated, "findings": facts}
