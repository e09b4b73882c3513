"""`tamis trace`: what was made of some records, and what they were made of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tamis.snapshot.trace import Ancestor, Holding, Trace


@click.command("trace")
@click.argument("snapshot", required=False)
@click.option("--record", "records", multiple=True, help="A record: its record_id, or the row's own id.")
@click.option("--source", "sources", multiple=True, help="All records of a source.")
@click.option("--license", "licences", multiple=True, help="All records under a licence; * stands for any letters.")
@click.option("--subject", "subjects", multiple=True, help="All records that match field=value or field~value.")
@click.option("--down", is_flag=True, help="Only what was made of them: snapshots and models that hold it.")
@click.option("--up", is_flag=True, help="Only what they were made of: ancestors, sources, licences.")
@click.option(
    "--store", type=click.Path(path_type=Path), help="Folder of the store; else TAMIS_STORE, else the nearest."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    snapshot: str | None,
    records: tuple[str, ...],
    sources: tuple[str, ...],
    licences: tuple[str, ...],
    subjects: tuple[str, ...],
    down: bool,
    up: bool,
    store: Path | None,
    as_json: bool,
) -> int:
    """Follow records through all snapshots and models of a store.

    The records are looked for in SNAPSHOT (a folder, NAME, NAME@VERSION or sha256:ID); without one, in every snapshot of
    the store. What was made of them is looked for in all, whichever it is. A --record is followed both ways, anything else
    down, unless --up or --down says otherwise. Each option may be given again: a record that any of them means is meant.

    \b
    Example:
        tamis trace --license 'CC-BY-NC-*'
        tamis trace docs@1.0.0 --record doc-17 --up
    """
    from tamis.cli.lean import lean

    lean()
    from tamis.cli.show import print_json
    from tamis.snapshot import select
    from tamis.snapshot.place import opened
    from tamis.snapshot.trace import trace

    within, place = opened(snapshot, store)
    matches = [
        *map(select.record, records),
        *map(select.source, sources),
        *map(select.licence, licences),
        *map(select.match, subjects),
    ]
    both = not (down or up) and bool(records)
    found = trace(place, matches, within=within, down=down or both or not up, up=up or both)
    if as_json:
        print_json(found.as_dict())
    else:
        _print(found)
    return 0


def _print(found: Trace) -> None:
    from tamis.report.wording import plural

    click.echo(f"{found.what}: {plural(found.meant, 'record')}, followed over {plural(found.edges, 'edge')}")
    if found.holdings is not None:
        click.echo("held by:" if found.holdings else "no snapshot here holds it, or anything made of it")
        for holding in found.holdings:
            click.echo(f"  {holding.ref:<24} {_held(holding)}")
        for model in found.models or ():
            click.echo(f"  model {model.name:<18} trained on {', '.join(model.snapshots)}")
    if found.ancestors is None:
        return
    click.echo("made of:")
    for ancestor in found.ancestors:
        click.echo(f"  {'  ' * ancestor.distance}{_told(ancestor)}")
    counts = found.ancestry or {}
    if more := counts["records"] - len(found.ancestors):
        click.echo(f"  … and {more:,} more")
    for what in ("sources", "licences"):
        click.echo(f"{what}: {', '.join(f'{name} {n:,}' for name, n in counts[what].items()) or 'not known'}")
    if counts["not_held"]:
        click.echo(f"{plural(counts['not_held'], 'record')} of them no snapshot of this store holds")


def _held(holding: Holding) -> str:
    if holding.as_a_whole:
        return "made of one of these as a whole; which of its records were is not known"
    parts = [f"{holding.meant:,} meant"] * bool(holding.meant) + [f"{holding.derived:,} made of them"] * bool(
        holding.derived
    )
    splits = ", ".join(f"{name} {n:,}" for name, n in holding.splits.items())
    return f"{' + '.join(parts)} ({splits})"


def _told(ancestor: Ancestor) -> str:
    own = f" {ancestor.id!r}" if ancestor.id is not None else ""
    if not ancestor.held_in:
        return f"{ancestor.record_id}: no snapshot here holds it"
    where = f", {ancestor.file} row {ancestor.row:,}" if ancestor.file and ancestor.row else ""
    licence = ancestor.license or "no licence"
    return f"{ancestor.record_id}{own}, source {ancestor.source}, {licence}{where}; in {', '.join(ancestor.held_in)}"
