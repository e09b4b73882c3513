"""What commands that carry out a run say when it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tamis.runs import Run


def say_end(done: Run, as_json: bool, quiet: bool) -> int:
    """Print what became of `done`, and on standard error why, where it did not end well. Returns the exit code."""
    from tamis.cli.show import print_json, print_run
    from tamis.runs.ending import outcome

    if as_json:
        print_json(done.facts)
    elif not quiet:
        print_run(done)
    code, why = outcome(done)
    if why:
        click.echo(f"tamis: {why}", err=True)
    return code
