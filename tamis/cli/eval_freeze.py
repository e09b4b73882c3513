"""`tamis eval freeze`: a suite under one id."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("freeze")
@click.argument("suite", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder of the snapshot; new.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def freeze(suite: Path, output: Path, as_json: bool) -> None:
    """Freeze SUITE (YAML): items, prompts as they are sent, templates, scoring code and settings under one id.

    \b
    Example:
        tamis eval freeze suite.yaml -o evals/docs
    """
    from tamis.cli.lean import lean

    lean()
    from tamis.cli.show import print_json
    from tamis.evaluate.freeze import freeze as freeze_suite

    frozen = freeze_suite(suite, output)
    if as_json:
        print_json({"id": frozen.id, "name": frozen.name, "path": str(output), "items": frozen.items})
        return
    tasks = ", ".join(f"{name} {count:,}" for name, count in frozen.items.items())
    count = sum(frozen.items.values())
    click.echo(f"{frozen.name}: {count:,} item{'s' * (count != 1)} frozen at {output} ({tasks})")
    click.echo(frozen.id)
