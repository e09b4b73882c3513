"""`tamis licenses`: what the records of a snapshot permit, and where licences do not go together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tamis.snapshot.licences import Licences


@click.command("licenses")
@click.argument("snapshot")
@click.option("--strict", is_flag=True, help="Exit code 1 where licences do not go together.")
@click.option("--detect", is_flag=True, help="Look into the texts, too, for licences that they name themselves.")
@click.option(
    "--records", type=click.Path(path_type=Path), help="Write what was found of each record to this file (Parquet)."
)
@click.option(
    "--store", type=click.Path(path_type=Path), help="Folder of the store; else TAMIS_STORE, else the nearest."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(snapshot: str, strict: bool, detect: bool, records: Path | None, store: Path | None, as_json: bool) -> int:
    """Tell what the records of SNAPSHOT permit, when what they were made of counts, and what contradicts it.

    SNAPSHOT is a folder, NAME, NAME@VERSION or sha256:ID. A record permits what its own licence and those of all its
    ancestors permit at once. This helps to find what to look at; it is no legal advice.

    \b
    Example:
        tamis licenses docs@1.0.0 --strict
        tamis licenses snapshots/docs/1.0.0 --detect --records licences.parquet
    """
    from tamis.cli.lean import lean

    lean()
    from tamis.cli.show import print_json
    from tamis.data.writer import write_parquet
    from tamis.errors import InputError
    from tamis.snapshot.evidence import RECORDS, named_in_texts
    from tamis.snapshot.evidence import records as each
    from tamis.snapshot.folder import open_snapshot
    from tamis.snapshot.inherited import finder, licences
    from tamis.snapshot.store import find_store, store_at
    from tamis.snapshot.withdraw import is_withdrawn, words

    held = open_snapshot(snapshot, store)
    if is_withdrawn(held.path):
        raise InputError(f"{held.ref} has no records any more: it was {words(held.path)}")
    find = finder(store_at(store) if store else find_store(held.path))
    found = licences(held, find)
    if detect:
        found.conflicts += named_in_texts(held)
    if records is not None:
        write_parquet(records, each(held, find, detect), RECORDS)
    if as_json:
        print_json({"snapshot": held.id, **found.facts()})
    else:
        _show(held.ref, found)
    return 1 if strict and found.conflicts else 0


def _show(ref: str, found: Licences) -> None:
    from tamis.snapshot.licences import RULES

    facts: dict[str, Any] = found.facts()
    groups = [_row(group) for group in facts["groups"][:MOST]]
    total = sum(found.groups.values())
    click.echo(f"{ref}: {total:,} record{'s' * (total != 1)}")
    for line in _table(("records", *PERMITS, "licence"), groups):
        click.echo(line)
    if len(facts["groups"]) > MOST:
        click.echo(f"and {len(facts['groups']) - MOST:,} more; --json has all")
    for conflict in found.conflicts:
        where = f", as {conflict.records[0]}" if conflict.records else ""
        rows = f"{conflict.rows:,} record{'s' * (conflict.rows != 1)}"
        click.echo(f"conflict: {rows}{where}: {RULES[conflict.rule]} ({conflict.says})")
    for note in found.notes:
        click.echo(f"note: {note}")
    if not found.conflicts:
        click.echo("no conflict")


def _row(group: dict[str, Any]) -> tuple[str, ...]:
    from tamis.cli.show import plain

    permits = group["permits"]
    inherited = ", ".join(name or "?" for name in group["inherited"])
    return (
        f"{group['rows']:,}",
        permits["use"],
        "yes" if permits["attribution"] else "no",
        ", ".join(permits["share_alike"]) or "no",
        "yes" if permits["derivatives"] else "no",
        permits["ai_training"],
        plain(group["declared"] or "none") + (f", made of {plain(inherited)}" if inherited else ""),
    )


def _table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """Lines of columns; the last may be of any length, for half a licence is another licence."""
    wide = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    wide[-1] = 0
    return [
        "  ".join(cell.rjust(wide[0]) if k == 0 else cell.ljust(wide[k]) for k, cell in enumerate(row))
        for row in (headings, *rows)
    ]


PERMITS = ("use", "attribution", "share-alike", "derivatives", "AI training")
"""What a licence permits, in the order of the table."""

MOST = 30
"""Groups that are shown."""
