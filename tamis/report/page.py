"""The report as one HTML file that needs nothing beside it."""

from __future__ import annotations

from html import escape
from pathlib import Path

from tamis.data.writer import write_bytes
from tamis.runs import Run


def write(run: Run, out: Path) -> None:
    """Write `out`/report.html."""
    rows = "".join(
        f"<tr><td>{s['step']}<td>{escape(s['stage'])}<td>{s['rows']['in']}<td>{s['rows']['kept']}" for s in run.steps
    )
    page = f"<!doctype html><meta charset=utf-8><title>{escape(run.facts['name'])}</title><table>{rows}</table>\n"
    write_bytes(out / "report.html", page.encode())
