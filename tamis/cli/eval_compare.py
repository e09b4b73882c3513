"""`tamis eval compare` and `ladder`: models beside each other."""

from __future__ import annotations

from pathlib import Path

import click

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.command("compare")
@click.argument("first", metavar="A", type=click.Path(path_type=Path))
@click.argument("second", metavar="B", type=click.Path(path_type=Path))
@click.option(
    "--confidence",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.95,
    show_default=True,
    help="Of the intervals.",
)
@JSON
def compare(first: Path, second: Path, confidence: float, as_json: bool) -> None:
    """Say how much more the model of run B scores than that of run A, item by item, and how sure that is.

    Both are of one evaluation snapshot. p-values are adjusted over the tasks (Holm).

    \b
    Example:
        tamis eval compare runs/base runs/docs
    """
    from tamis.cli.show import print_json
    from tamis.evaluate.markdown import comparison
    from tamis.recipes.evaluating import side_by_side

    found = side_by_side(first, second, confidence)
    print_json(found) if as_json else click.echo(comparison(found).rstrip())


@click.command("ladder")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@JSON
def ladder(runs: tuple[Path, ...], as_json: bool) -> None:
    """Set runs beside each other: what each scores, how long it takes, what it costs.

    The first one is what the others are held against. They may be of several snapshots, as one without and one with examples:
    differences are told where the items are the same.

    \b
    Example:
        tamis eval ladder runs/base runs/few-shot runs/adapter
    """
    from tamis.cli.show import print_json
    from tamis.evaluate.ladder import rungs, table

    found = rungs(runs)
    print_json(found) if as_json else click.echo(table(found).rstrip())
