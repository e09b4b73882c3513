"""`tamis eval`: frozen evaluations, their runs, and what the numbers say."""

from __future__ import annotations

import click

from tamis.cli.eval_freeze import freeze


@click.group("eval")
def command() -> None:
    """Freeze what models are asked, run it, and hold the numbers against gates.

    \b
    Example:
        tamis eval freeze suite.yaml -o evals/docs
    """


for _one in (freeze,):
    command.add_command(_one)
