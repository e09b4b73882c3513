"""`tamis snapshots`: what a store holds, and which version a name stands for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

STORE = click.option(
    "--store", type=click.Path(path_type=Path), help="Folder of the store; else TAMIS_STORE, else the nearest."
)

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group("snapshots")
def command() -> None:
    """List the snapshots of a store, show one, or choose which version a name stands for.

    \b
    Example:
        tamis snapshots list
    """


@command.command("list")
@click.argument("name", required=False)
@STORE
@JSON
def listed(name: str | None, store: Path | None, as_json: bool) -> int:
    """List all snapshots, or the versions of NAME. A star marks the one that the name stands for.

    \b
    Example:
        tamis snapshots list docs
    """
    from tamis.cli.lean import lean

    lean()
    from tamis.cli.show import print_json
    from tamis.errors import InputError
    from tamis.snapshot import store_at

    place = store_at(store)
    place.recover()
    entries = [entry for entry in place.snapshots() if name in (None, entry.name)]
    if name is not None and not entries:
        known = ", ".join(sorted({entry.name for entry in place.snapshots()})) or "none"
        raise InputError(f"the store at {place.root} has no snapshot called {name!r}; it has {known}")
    current = {entry.name: place.current(entry.name) for entry in entries}
    if as_json:
        rows = [{**e._asdict(), "path": str(e.path), "current": current[e.name] == e.id} for e in entries]
        print_json({"store": str(place.root), "snapshots": rows})
        return 0
    width = max((len(f"{e.name}@{e.version}") for e in entries), default=0)
    for entry in entries:
        star = "*" if current[entry.name] == entry.id else " "
        state = "" if entry.state == "live" else f"  {entry.state}"
        ref = f"{entry.name}@{entry.version}"
        click.echo(f"{star} {ref:<{width}}  {entry.rows:>10,}  {entry.created[:10]}  {entry.id[:19]}{state}")
    return 0


@command.command("show")
@click.argument("snapshot")
@STORE
@JSON
def shown(snapshot: str, store: Path | None, as_json: bool) -> int:
    """Show what SNAPSHOT (a folder, NAME, NAME@VERSION or sha256:ID) says of itself. Nothing is verified.

    \b
    Example:
        tamis snapshots show docs@1.0.0
    """
    from tamis.cli.lean import lean

    lean()
    from tamis.cli.show import print_json
    from tamis.snapshot import open_snapshot
    from tamis.snapshot.withdraw import is_withdrawn, words

    found = open_snapshot(snapshot, store)
    if as_json:
        print_json({"id": found.id, "path": str(found.path), **found.facts})
        return 0
    for name, said in _lines(found.facts):
        click.echo(f"{name:<10}{said}")
    click.echo(f"{'id':<10}{found.id}")
    click.echo(f"{'lies at':<10}{found.path}")
    if is_withdrawn(found.path):
        click.echo(f"{'but':<10}{words(found.path)}")
    return 0


def _lines(facts: dict[str, Any]) -> list[tuple[str, str]]:
    contract, books = facts.get("contract"), facts["conservation"]
    flow = ["in", "derived", "kept", "dropped", "quarantined", *(["erased"] if books.get("erased") else [])]
    return [
        ("snapshot", f"{facts['name']}@{facts['version']}, frozen {facts['created']}"),
        ("records", ", ".join(f"{split} {rows:,}" for split, rows in facts["splits"].items()) + f", {facts['kind']}"),
        ("flow", ", ".join(f"{name} {books[name]:,}" for name in flow)),
        ("contract", f"{contract['id']} {contract['version']}: {contract['result']}" if contract else "none"),
        ("parents", ", ".join(facts["parents"]) or "none"),
        ("root", facts["content"]["root"]),
    ]


@command.command("use")
@click.argument("snapshot")
@STORE
@JSON
def used(snapshot: str, store: Path | None, as_json: bool) -> int:
    """Let a name stand for another of its versions: SNAPSHOT is NAME@VERSION or sha256:ID. This is how to roll back.

    \b
    Example:
        tamis snapshots use docs@1.0.0
    """
    from tamis.cli.lean import lean

    lean()
    from tamis.cli.show import print_json
    from tamis.snapshot import store_at
    from tamis.snapshot.rollback import use_version

    entry = use_version(store_at(store), snapshot)
    if as_json:
        print_json({"name": entry.name, "version": entry.version, "id": entry.id})
    else:
        click.echo(f"{entry.name} stands for {entry.version} now")
    return 0
