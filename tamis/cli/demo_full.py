"""`tamis demo --full`: step by step, on a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tamis.recipes.walk import Course


def walked(own: Course, output: Path, resume: bool) -> int:
    """Walk `own`, with a line for what each step came to. Exit code 1: the gate did not let the adapter through."""
    from tamis.cli.show import plain
    from tamis.recipes.walk import walk

    def hear(what: str, number: int, of: int, step: dict[str, Any]) -> None:
        place = f"[{number}/{of}]"
        if what == "begins":
            click.echo(plain(f"{place} {step['title']}: {step['typed']}"))
        elif what == "goes on":
            click.echo(plain(f"      … {step['seconds']:.0f} s: {step['says']}"), err=True)
        elif what == "had":
            click.echo(plain(f"{place} {step['title']}: as it was left, every byte: {step['says']}"))
        else:
            spent = f"{step['seconds']:.0f} s, {step['cpu_seconds']:.0f} of a processor"
            click.echo(plain(f"      {step['says']} ({spent})"))

    done = walk(own, output, resume, hear)
    seconds = sum(step["seconds"] for step in done.steps)
    cpu = sum(step["cpu_seconds"] for step in done.steps)
    click.echo(f"{len(done.steps)} steps in {seconds / 60:.1f} min ({cpu / 60:.1f} of a processor)")
    click.echo(f"report: {output / 'index.html'}")
    return 0 if done.passed else 1
