"""The report as one HTML file that needs nothing beside it: no script, no network, no font."""

from __future__ import annotations

from pathlib import Path

from tamis.data.writer import write_bytes
from tamis.report.draw import outlet, widest
from tamis.report.drawn import drawn
from tamis.report.facts import Summary
from tamis.report.gather import gather
from tamis.report.sentences import headline, sources_line
from tamis.report.templates import render
from tamis.runs import Run


def write(run: Run, out: Path) -> None:
    """Write `out`/report.html about `run`. Never raises but for a disk that will not take it."""
    page = drawn(lambda: html(gather(run)), "The run is whole, but its report", "run.json")
    write_bytes(out / "report.html", page)


def html(summary: Summary) -> str:
    """The page. Equal summaries give equal pages."""
    return render(
        "page.html.j2",
        ("page.css",),
        s=summary,
        headline=headline(summary),
        sources_line=sources_line(summary),
        outlet=outlet(summary.steps),
        widest=widest(summary.steps),
    )
