"""How much of what came in did not stay: of a run as a whole, or of the source that lost most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tamis.contracts.result import Found


def attrition(flow: Mapping[str, Any] | None, by: str) -> Found:
    """Percent of the records of a run that were dropped or set aside.

    flow  `rows` {in, kept, …} and `sources` [{source, in, kept, …}], as run.json has them; None: the data is no run's
    by    `run`, or `source`: the worst of them
    """
    if flow is None:
        says = "not checked: only the data of a run can say what was taken out; check the run's folder"
        return Found(None, says=says, checked=False)
    if by == "run":
        rows = flow["rows"]
        lost = _lost(rows)
        return Found(None, value=lost, says=f"{lost:.4g} percent of {rows['in']:,} records did not stay")
    sources = [s for s in flow.get("sources", ()) if s["in"]]
    if not sources:
        return Found(None, says="not checked: the sources are not known here", checked=False)
    worst = max(sources, key=lambda s: (_lost(s), s["source"]))
    lost = _lost(worst)
    return Found(
        None, value=lost, says=f"{worst['source']}: {lost:.4g} percent of {worst['in']:,} records did not stay"
    )


def _lost(rows: Mapping[str, Any]) -> float:
    return 100 * (rows["in"] - rows["kept"]) / rows["in"] if rows["in"] else 0.0
