"""What commands that carry out a run say when it is done, or when its budget is."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tamis.models import BudgetSpent
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


def say_spent(spent: BudgetSpent) -> int:
    """Say what was spent, and the command that goes on from here. Returns the exit code."""
    words = [word for word in sys.argv[1:] if word != "--resume"]
    click.echo(f"tamis: {spent}. To go on: tamis {shlex.join(words)} --resume", err=True)
    return spent.exit_code
