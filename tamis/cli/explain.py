"""`tamis explain`: what became of a record, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click


@click.command("explain")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("record")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(run: Path, record: str, as_json: bool) -> int:
    """Tell the whole life of RECORD in RUN: what each step measured, decided and changed.

    RECORD is a record_id, the row's own id, or file:line of a line that was set aside.

    \b
    Example:
        tamis explain runs/first doc-17
    """
    from tamis.cli.show import print_json
    from tamis.runs import explain, open_run, read_whole

    with read_whole(run):
        life = explain(open_run(run), record)
    if as_json:
        print_json(life.as_dict())
        return 0
    own = f", id {life.id!r}" if life.id is not None else ""
    source = f", source {life.source!r}" if life.source else ""
    click.echo(f"record {life.record_id}{own}{source}: {life.fate}")
    click.echo(f"from {life.origin}")
    for passage in life.passages:
        click.echo(f"{passage.step:>3}  {passage.stage:<22} {passage.words}")
        for name, value in _evidence(passage):
            click.echo(f"       {name}: {value}")
        for check in passage.checks:
            click.echo(f"       {_check(check)}")
    if life.text:
        click.echo("text:")
        click.echo("\n".join("    " + line for line in life.text.splitlines()))
    return 0


def _evidence(passage: Any) -> list[tuple[str, Any]]:
    """What the decision was made on, where it was no number: the licence, for one."""
    found = (passage.verdict or {}).get("evidence")
    return list(json.loads(found).items()) if isinstance(found, str) else list((found or {}).items())


def _check(check: Any) -> str:
    mark = "·" if check.stays else "✗"
    return f"{mark} {check.rule:<28} {check.value:>10,.4g}  {check.comparator} {check.threshold:,.6g}"
