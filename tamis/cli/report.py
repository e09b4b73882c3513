"""`tamis report`: what a run did, again, as HTML, Markdown or JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click


@click.command("report")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(["html", "md", "json"]), help="What to write.  [default: by FILE, else html]"
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Where to write it."
)
def command(run: Path, form: str | None, output: Path | None) -> int:
    """Write the report of RUN again, from its files alone.

    Without -o, Markdown and JSON are printed, and of HTML the path of the page that the run already holds. That page is
    in the run's manifest and is never written over.

    \b
    Example:
        tamis report runs/first --format md
    """
    from tamis.data.writer import write_bytes
    from tamis.errors import UsageError
    from tamis.runs import open_run, read_whole

    found = open_run(run)
    form = form or _form(output)
    page = run / "report.html"
    if output is None and form == "html" and page.is_file():
        click.echo(page)
        return 0
    if output is None and form == "html":
        raise UsageError(f"{page} is missing: write it elsewhere with -o FILE; `tamis verify {run}` says what else is")
    if output is not None and output.resolve().is_relative_to(run.resolve()):
        raise UsageError(f"{output} lies in the run, whose manifest names every file; name a place outside of {run}")
    with read_whole(run):
        text = _render(form, found)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_bytes(output, text.encode())
        click.echo(output, err=True)
    return 0


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
