"""`tamis eval report`: the report of a finished run, written again."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("report")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["markdown", "html", "junit", "json"]),
    default="markdown",
    show_default=True,
    help="What to write.",
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="To this file, and not printed.")
def report(run: Path, form: str, output: Path | None) -> None:
    """Write what RUN came to again, from its tables, after they were held against the digests in report.json.

    \b
    Example:
        tamis eval report runs/docs --format html -o docs.html
    """
    from tamis.data.writer import write_bytes
    from tamis.recipes.evaluating import written

    data = written(run, form)
    if output is None:
        click.echo(data.decode("utf-8", "backslashreplace").rstrip("\n"))
    else:
        write_bytes(output, data)
