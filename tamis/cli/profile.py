"""`tamis profile`: look before you curate."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

SHOWN = 10
"""Sources and licences listed."""


@click.command("profile")
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FOLDER", help="Keep the run and its report.")
@click.option("--workers", type=click.IntRange(1), help="Threads or processes.  [default: one for every processor]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
def command(data: tuple[str, ...], output: Path | None, workers: int | None, as_json: bool, quiet: bool) -> int:
    """Look at DATA (files, folders, globs or -) before you curate it: nothing in it is changed.

    Says what kind of rows it holds, from where, how long and under which licences, what cannot be read, what is there
    twice, and how many records each quality rule would drop. While it runs, FOLDER, or a temporary one, takes a
    compressed copy.

    \b
    Example:
        tamis profile data/*.jsonl -o runs/look
    """
    from tamis.cli.show import Progressbar, print_json
    from tamis.recipes.profile import profile

    with tempfile.TemporaryDirectory(prefix="tamis-") as scratch, Progressbar(quiet or as_json) as progress:
        found = profile(list(data), output or Path(scratch) / "profile", workers, progress)
    if as_json:
        print_json(found.as_dict())
    else:
        _show(found)
        if output:
            click.echo(f"\nreport: {output / 'report.html'}")
    return 0


def _show(p: Any) -> None:
    from tamis.report.wording import count, figure, percent, plural, size

    rows = p.rows
    shapes = f", read from {', '.join(p.shapes)}" if p.shapes else ""
    click.echo(f"{plural(rows['in'], 'record')} in {plural(p.files, 'file')} ({size(p.bytes)}): {p.kind}{shapes}")
    if p.lengths:
        low, some, middle, most, high = (figure(v) for v in p.lengths)
        click.echo(f"characters: median {middle}, 5–95% {some}–{most}, from {low} to {high}")
    share = percent(rows["duplicates"] / rows["readable"]) if rows["readable"] else "0%"
    click.echo(f"exact duplicates: {count(rows['duplicates'])} ({share})")
    for warning in p.warnings:
        click.echo(f"warning: {warning}")
    _table(
        ("unreadable, by reason", "records", "share"), ((c.name, count(c.rows), percent(c.share)) for c in p.unreadable)
    )
    _table(("source", "records", "share"), _top(p.sources))
    _table(("licence, of what is no duplicate", "records", "share"), _top(p.licences))
    rules = []
    for family in p.families:
        rules.append((family.name, "", count(family.rows), percent(family.share)))
        rules += [("  " + r.name, r.says, count(r.rows), percent(r.share)) for r in family.rules if r.rows]
    _table(("would drop", "stays where", "records", "share"), rules)
    if p.measured:
        click.echo(f"\nall four keep {count(p.passes)} of {count(p.measured)} ({percent(p.passes / p.measured)})")


def _top(counts: Sequence[Any]) -> Iterable[tuple[str, str, str]]:
    """The most frequent, then the others as one row."""
    from tamis.report.wording import clip, count, percent, plural

    for c in counts[:SHOWN]:
        yield clip(c.name, 60) or "none declared", count(c.rows), percent(c.share)
    if rest := counts[SHOWN:]:
        yield plural(len(rest), "other"), count(sum(c.rows for c in rest)), percent(sum(c.share for c in rest))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table, where there is anything to show: numbers to the right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tamis.report.visible import visible

    table = Table(*head, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in table.columns[-2:]:
        column.justify = "right"
    for row in rows:
        # Text: what stands in square brackets is no markup.
        table.add_row(*(Text(visible(cell).replace("\n", " ")) for cell in row))
    if table.row_count:
        click.echo()
        Console().print(table)
