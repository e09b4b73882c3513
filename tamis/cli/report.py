"""`tamis report`: what a run did, what a snapshot is, or what two differ in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tamis.data.storage.address import Remote


@click.command("report")
@click.argument("of", metavar="RUN|SNAPSHOT")
@click.argument("other", required=False, metavar="[SNAPSHOT]")
@click.option(
    "--format", "form", type=click.Choice(["html", "md", "json"]), help="What to write.  [default: by FILE, else html]"
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Where to write it."
)
@click.option(
    "--store", type=click.Path(path_type=Path), help="Of snapshots by name; else TAMIS_STORE, else the nearest."
)
def command(of: str, other: str | None, form: str | None, output: Path | None, store: Path | None) -> int:
    """Write the report of RUN again, from its files alone; or that of SNAPSHOT, or of two compared, as HTML.

    Without -o, Markdown and JSON are printed, and of HTML the path of the page that the run already holds. That page is
    in the run's manifest and is never written over.

    \b
    Example:
        tamis report runs/first --format md
        tamis report docs@1.0.0 docs@1.1.0 -o changes.html
    """
    from tamis.cli.lean import lean

    lean()
    from tamis.data.storage.address import located
    from tamis.data.writer import write_bytes
    from tamis.errors import UsageError
    from tamis.runs import open_run, read_whole

    run = located(of)
    if other is not None or _is_snapshot(run):
        return _snapshot(of, other, form, output, store)
    found = open_run(run)
    form = form or _form(output)
    page = found.path / "report.html"
    if output is None and form == "html" and page.is_file():
        click.echo(page)
        return 0
    if output is None and form == "html":
        raise UsageError(f"{page} is missing: write it elsewhere with -o FILE; `tamis verify {run}` says what else is")
    if output is not None and output.resolve().is_relative_to(found.path.resolve()):
        raise UsageError(f"{output} lies in the run, whose manifest names every file; name a place outside of {run}")
    with read_whole(run):
        text = _render(form, found)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_bytes(output, text.encode())
        click.echo(output, err=True)
    return 0


def _snapshot(of: str, other: str | None, form: str | None, output: Path | None, store: Path | None) -> int:
    """The page of a snapshot as its store knows it now, or of two compared."""
    from tamis.data.writer import write_bytes
    from tamis.errors import UsageError
    from tamis.report.comparison import comparison_page
    from tamis.report.sheet import snapshot_page
    from tamis.snapshot import open_snapshot
    from tamis.snapshot.diff import diff
    from tamis.snapshot.store import find_store

    found = open_snapshot(of, store)
    if (form or _form(output)) != "html":
        raise UsageError(
            "of snapshots there are pages in HTML; `tamis diff A B --json` and the documents beside them hold the rest"
        )
    if output is None and other is None and (found.path / "report.html").is_file():
        click.echo(found.path / "report.html")
        return 0
    if output is None:
        raise UsageError("where should the page go? name a file with -o page.html")
    if output.resolve().is_relative_to(found.path.resolve()):
        raise UsageError(
            f"{output} lies in the snapshot, whose manifest names every file; name a place outside of {found.path}"
        )
    if other is None:
        page = snapshot_page(found, find_store(found.path))
    else:
        page = comparison_page(diff(found, open_snapshot(other, store))).encode("utf-8", "backslashreplace")
    write_bytes(output, page)
    click.echo(output, err=True)
    return 0


def _is_snapshot(place: Path | Remote) -> bool:
    """Whether `place` is no run but a snapshot, by its folder or its name."""
    from tamis.data.storage import stored

    if not isinstance(place, Path):
        return stored(place / "snapshot.json") is not None
    return (place / "snapshot.json").is_file() or not place.exists()


def _form(output: Path | None) -> str:
    """What the name of the file asks for."""
    from tamis.errors import UsageError

    suffix = output.suffix.lower().lstrip(".") if output else ""
    forms = {"": "html", "html": "html", "htm": "html", "json": "json", "md": "md", "markdown": "md"}
    if suffix not in forms:
        raise UsageError(f"{output}: there is no report as .{suffix}; name it .html, .md or .json, or give --format")
    return forms[suffix]


def _render(form: str, run: Any) -> str:
    from tamis import report

    if form == "json":
        return json.dumps(report.as_json(run), ensure_ascii=False, indent=2) + "\n"
    return report.markdown(run) if form == "md" else report.html(report.gather(run))
