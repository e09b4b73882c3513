"""`tamis eval`: frozen evaluations, their runs, and what the numbers say."""

from __future__ import annotations

import click

from tamis.cli.eval_compare import compare, ladder
from tamis.cli.eval_freeze import freeze
from tamis.cli.eval_gate import gate
from tamis.cli.eval_import import import_task
from tamis.cli.eval_probe import probe
from tamis.cli.eval_report import report
from tamis.cli.eval_run import run


@click.group("eval")
def command() -> None:
    """Freeze what models are asked, run it, and hold the numbers against gates.

    \b
    Example:
        tamis eval freeze suite.yaml -o evals/docs
        tamis eval run evals/docs --model hf:models/base -o runs/docs
    """


for _one in (compare, freeze, gate, import_task, ladder, probe, report, run):
    command.add_command(_one)
