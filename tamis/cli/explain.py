"""`tamis explain`: what became of a record, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

SHOWN, LONG = 24, 160
"""Passages of two texts that are printed, and characters of each; all of all are in --json."""

SIGN = {"shared": "=", "only_here": "-", "only_there": "+"}

TOLD = {"shared", "total", "same_words", "via", "via_jaccard"}
"""Evidence of a record that lost to another, which the words of the step tell already."""


@click.command("explain")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("record")
@click.option(
    "-i",
    "--input",
    "inputs",
    multiple=True,
    help="Where the input lies, if it was moved, or an earlier corpus it was held against; may be given again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(run: Path, record: str, inputs: tuple[str, ...], as_json: bool) -> int:
    """Tell the whole life of RECORD in RUN: what each step measured, decided and changed.

    RECORD is a record_id, the row's own id, or file:line of a line that was set aside. A record that was dropped is read
    again from the input; one that lost to another is shown beside it: what both share (=), and what only this one (-) or
    only the other (+) has.

    \b
    Example:
        tamis explain runs/first doc-17
    """
    from tamis.cli.lean import lean_for

    lean_for(run)
    from tamis.cli.show import print_json
    from tamis.recipes.retold import explain
    from tamis.report.visible import visible
    from tamis.runs import read_whole

    with read_whole(run):
        life = explain(run, record, inputs)
    if as_json:
        print_json(life.as_dict())
        return 0
    own = f", id {life.id!r}" if life.id is not None else ""
    source = f", source {life.source!r}" if life.source else ""
    click.echo(f"record {life.record_id}{own}{source}: {life.fate}")
    click.echo(f"from {life.origin}")
    for stop in life.stops:
        click.echo(f"{stop.step:>3}  {stop.stage:<22} {stop.words}")
        for name, value in _evidence(stop):
            click.echo(f"       {name}: {visible(value)}")
        for check in stop.checks:
            click.echo(f"       {_check(check)}")
        for line in _beside(stop.beside):
            click.echo(f"       {line}")
    if life.text is None:
        click.echo(f"no text: {life.text_from}")
    elif life.text:
        click.echo("text:" if life.text_from.endswith("/") else f"text, from {life.text_from}:")
        # As it lies there, and no sign in it steers the terminal: a model may have written it, or anyone.
        click.echo("\n".join("    " + visible(line) for line in life.text.split("\n")))
    return 0


def _evidence(stop: Any) -> list[tuple[str, Any]]:
    """What the decision was made on, where it was no number: the licence, for one."""
    found = (stop.verdict or {}).get("evidence") or {}
    told = TOLD if stop.beside else set()
    return [item for item in (json.loads(found) if isinstance(found, str) else found).items() if item[0] not in told]


def _check(check: Any) -> str:
    mark = "·" if check.stays else "✗"
    return f"{mark} {check.rule:<28} {check.value:>10,.4g}  {check.comparator} {check.threshold:,.6g}"


def _beside(beside: Any) -> Iterator[str]:
    """The texts of two records, a passage a line; none where they are the same."""
    if beside is None or beside.passages == ():
        return
    yield beside.says
    for passage in (beside.passages or ())[:SHOWN]:
        words = f"{passage.words:,} word{'' if passage.words == 1 else 's'}"
        yield f"{SIGN[passage.kind]} {words}: {_short(passage.here or passage.there)}"
    if more := len((beside.passages or ())[SHOWN:]):
        yield f"… and {more:,} more passage{'' if more == 1 else 's'}; --json has them all, whole"


def _short(text: str) -> str:
    """`text` on one line, its middle left out where it is long."""
    from tamis.report.visible import visible

    half = LONG // 2
    if len(text) > 4 * LONG:
        text = text[: 2 * half] + " … " + text[-2 * half :]
    line = " ".join(str(visible(text)).split())
    return line if len(line) <= LONG else f"{line[:half].rstrip()} … {line[-half:].lstrip()}"
