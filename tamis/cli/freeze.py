"""`tamis freeze`: make a run a snapshot that anyone can check."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click


@click.command("freeze")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder of the snapshot; new.")
@click.option("--name", help="What it is called; else what the folder says: …/NAME or …/NAME/1.2.0.")
@click.option("--version", help="Its version; else what the folder says, else one minor version after the parent's.")
@click.option("--parent", help="The version before it; else what the name stands for now in the store.")
@click.option("-c", "--contract", type=click.Path(path_type=Path), help="Contract to hold the data against.")
@click.option("--lineage", help="What records were made of: a Parquet or JSON Lines file, or meta.NAME.")
@click.option("--derived-from", multiple=True, help="Snapshot that holds parents named by --lineage; may be repeated.")
@click.option("--sign", type=click.Path(path_type=Path), help="Sign it with this private ed25519 key (PEM).")
@click.option(
    "--licenses",
    type=click.Choice(["strict"]),
    help="strict: not where licences of records and their ancestors conflict.",
)
@click.option("--store", type=click.Path(path_type=Path), help="Folder of the store; else the one that OUTPUT lies in.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--quiet", is_flag=True, help="Print nothing; the exit code says it.")
def command(
    run: Path,
    output: Path,
    name: str | None,
    version: str | None,
    parent: str | None,
    contract: Path | None,
    lineage: str | None,
    derived_from: tuple[str, ...],
    sign: Path | None,
    licenses: Literal["strict"] | None,
    store: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Freeze RUN as a snapshot: data, ledger and evidence under one id, with documents that other tools read.

    The run must be whole, and its data must keep the contract. Exit code 1 says what does not hold.

    \b
    Example:
        tamis freeze runs/docs -o snapshots/docs/1.0.0
        tamis freeze runs/docs -o snapshots/docs/1.1.0 --sign key.pem
    """
    from tamis.cli.lean import lean

    lean()
    from tamis.cli.memory import give_back
    from tamis.cli.show import Count, print_json
    from tamis.data.storage.address import located
    from tamis.report.sheet import snapshot_page
    from tamis.snapshot import freeze

    give_back()

    with Count("freezing", None, quiet or as_json) as count:
        frozen = freeze(
            run,
            output,
            name=name,
            version=version,
            parent=parent,
            contract=contract,
            lineage=lineage,
            derived_from=derived_from,
            sign=sign,
            licenses=licenses,
            store=store,
            page=snapshot_page,
            on_progress=count,
        )
    rows = sum(frozen.splits.values())
    if as_json:
        print_json(
            {
                "id": frozen.id,
                "name": frozen.name,
                "version": frozen.version,
                "path": str(located(output)),
                "root": frozen.root.hex(),
                "rows": rows,
                "splits": frozen.splits,
                "parents": frozen.facts["parents"],
            }
        )
    elif not quiet:
        click.echo(f"{frozen.ref}: {rows:,} record{'s' * (rows != 1)} frozen at {located(output)}")
        click.echo(frozen.id)
    return 0
