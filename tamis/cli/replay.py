"""`tamis replay`: what other thresholds would change."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("replay")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--set", "changes", multiple=True, required=True, metavar="STAGE.PARAM=VALUE", help="A change; may be given again."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with every record.")
@click.option("--show", type=click.IntRange(0), default=10, show_default=True, help="Records to name.")
def command(run: Path, changes: tuple[str, ...], as_json: bool, show: int) -> int:
    """Tell which records of RUN would come back or go under other settings, from what the run measured.

    Every threshold and licence list can be asked about; a setting that changes texts, or what is compared, needs a run.

    \b
    Example:
        tamis replay runs/first --set quality.gopher.min_words=30
    """
    from tamis.cli.lean import lean_for

    lean_for(run)
    from tamis.cli.show import print_json
    from tamis.recipes.replay import replay
    from tamis.runs import read_whole

    with read_whole(run):
        found = replay(run, changes)
    if as_json:
        print_json(found.as_dict())
        return 0
    click.echo(f"with {', '.join(found.changes)}:")
    for step in found.steps:
        if step["before"] or step["after"]:
            click.echo(f"{step['step']:>3}  {step['stage']:<22} lets go {step['after']:,} (it was {step['before']:,})")
    before, after = found.rows["before"]["kept"], found.rows["after"]["kept"]
    click.echo(f"kept: {after:,} (it was {before:,}); {found.back.num_rows:,} come back, {found.gone.num_rows:,} go")
    if len(found.unknown):
        click.echo(
            f"{len(found.unknown):,} of the kept were not measured by later steps: only a run can tell about them"
        )
    if found.unsure:
        click.echo(f"what {', '.join(found.unsure)} would decide about others may depend on those")
    for word, table in (("back", found.back), ("gone", found.gone)):
        for row in table.slice(0, show).to_pylist():
            click.echo(f"  {word}  {row['record_id'].hex()}  {row['stage']} {row['rule']}")
        if table.num_rows > show:
            click.echo(f"  … and {table.num_rows - show:,} more; --json names them all")
    return 0
