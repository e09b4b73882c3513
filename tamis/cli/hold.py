"""`tamis hold`: what must not be erased."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tamis.snapshot.holds import Hold

STORE = click.option(
    "--store", type=click.Path(path_type=Path), help="Folder of the store; else TAMIS_STORE, else the nearest."
)

REASON = click.option("--reason", required=True, help="Why; it stays on file.")


@click.group("hold")
def command() -> None:
    """Keep records and snapshots from being erased, as long as a legal hold lasts.

    \b
    Example:
        tamis hold add docs@1.0.0 --reason 'case 12/2026'
    """


@command.command("add")
@click.argument("what")
@REASON
@STORE
def add(what: str, reason: str, store: Path | None) -> None:
    """Hold WHAT: a snapshot, a record_id, or the own id of rows.

    \b
    Example:
        tamis hold add docs@1.0.0 --reason 'case 12/2026'
    """
    from tamis.snapshot.holds import hold
    from tamis.snapshot.place import opened

    for made in hold(opened(None, store)[1], what, reason):
        click.echo(made.words)


@command.command("release")
@click.argument("what")
@REASON
@STORE
def release(what: str, reason: str, store: Path | None) -> None:
    """End the hold WHAT, or all on the snapshot or record WHAT. It stays on file.

    \b
    Example:
        tamis hold release docs@1.0.0 --reason 'case 12/2026 closed'
    """
    from tamis.snapshot.holds import release as end
    from tamis.snapshot.place import opened

    for done in end(opened(None, store)[1], what, reason):
        click.echo(f"released: {done.words}")


@command.command("list")
@click.option("--all", "every", is_flag=True, help="Those that were released, too.")
@STORE
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_holds(every: bool, store: Path | None, as_json: bool) -> None:
    """Name the holds in force.

    \b
    Example:
        tamis hold list
    """
    from tamis.cli.show import print_json
    from tamis.snapshot.holds import holds
    from tamis.snapshot.place import opened

    found = holds(opened(None, store)[1], all=every)
    if as_json:
        print_json({"holds": [vars(h) for h in found]})
        return
    for one in found:
        click.echo(_line(one))
    if not found:
        click.echo("nothing is held")


def _line(hold: Hold) -> str:
    ended = f", released {hold.released[:10]}: {hold.released_because}" if hold.released else ""
    return f"{hold.created[:10]}  {hold.words}{ended}"
