"""`tamis profile`: look before you curate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click


@click.command("profile")
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FOLDER", help="Write report.html and profile.json."
)
@click.option(
    "--sample", type=click.IntRange(1), metavar="N", help="Records whose texts are looked at closely.  [default: 5000]"
)
@click.option("--model", metavar="NAME", help="Embedding model on this machine to find topics by.  [default: none]")
@click.option("--raw", is_flag=True, help="Show texts as they are: private data stays in them.")
@click.option("--workers", type=click.IntRange(1), help="Threads or processes.  [default: one for every processor]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
def command(
    data: tuple[str, ...],
    output: Path | None,
    sample: int | None,
    model: str | None,
    raw: bool,
    workers: int | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Look at DATA (files, folders, globs or -) before you curate it: nothing in it is changed.

    Says what kind of rows it holds, from where, how long, in which languages and under which licences, what cannot be read,
    what is there twice or almost, how much private data and profanity there is, what quality rules would drop, what it is
    about, and shows its oddest rows and some to read. With -o, as one page that needs nothing beside it. Where a file is
    damaged, all that is of what could be read of it, and the exit code is 3.

    \b
    Example:
        tamis profile data/*.jsonl -o looks/data
    """
    from tamis.cli.profile_show import show
    from tamis.cli.show import Progressbar, print_json
    from tamis.recipes.profile import profile
    from tamis.report.profile import write

    given = {} if sample is None else {"sample": sample}
    with _place(output), Progressbar(quiet or as_json) as progress:
        # What is needed on the way lies where there is room for the output, and is gone at the end.
        found = profile(list(data), output, workers, progress, model=model, raw=raw, **given)
        if output is not None:
            write(found, output)
    if as_json:
        print_json(found.as_dict())
    else:
        show(found)
        if output:
            click.echo(f"\nreport: {output / 'report.html'}")
    if found.damaged:
        click.echo("tamis: the input is damaged, and this is of a part of it; the first warnings say where", err=True)
    return 3 if found.damaged else 0


@contextmanager
def _place(output: Path | None) -> Iterator[None]:
    """The folder `output`, made; gone again where nothing came of it. Raises UsageError where something is there."""
    from tamis.data.disk import disk_errors
    from tamis.errors import UsageError

    if output is None:
        yield
        return
    with disk_errors(output):
        there = output.exists()
        if there and not (output.is_dir() and not any(output.iterdir())):
            raise UsageError(f"{output} is there already; name another folder with -o, or remove it")
        output.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        if not there and not any(output.iterdir()):
            output.rmdir()
