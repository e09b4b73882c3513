"""The report as one HTML file that needs nothing beside it: no script, no network, no font."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from tamis.data.writer import write_bytes
from tamis.report.draw import outlet, widest
from tamis.report.facts import Summary
from tamis.report.gather import gather
from tamis.report.sentences import headline, sources_line
from tamis.report.templates import render
from tamis.report.visible import visible
from tamis.runs import Run


def write(run: Run, out: Path) -> None:
    """Write `out`/report.html about `run`. Never raises but for a disk that will not take it."""
    try:
        page = html(gather(run))
    except Exception as wrong:
        # The last thing a run writes: hours of work must not be lost to a drawing.
        page = _apology(wrong)
    write_bytes(out / "report.html", page.encode("utf-8", "backslashreplace"))


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


def _apology(wrong: Exception) -> str:
    """What stands in for a page that could not be made."""
    why = Markup.escape(visible(f"{type(wrong).__name__}: {wrong}"))
    return (
        f"<!doctype html>\n<title>No report</title>\n<p>The run is whole, but its report could not be drawn ({why}). "
        "This is a fault of tamis: please report it with run.json.</p>\n"
    )
