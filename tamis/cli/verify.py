"""`tamis verify`: is a run whole, byte for byte?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tamis.recipes.rescan import Rescan

MOST = 20
"""Findings that are listed."""


@click.command("verify")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--no-pii", is_flag=True, help="Demand that a second scan finds no private data in what was kept.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(run: Path, no_pii: bool, as_json: bool) -> int:
    """Check every file of RUN against its manifest, and the balance of its books. Exit code 1 names what is wrong.

    \b
    Example:
        tamis verify runs/first
        tamis verify runs/first --no-pii
    """
    from tamis.cli.show import print_json
    from tamis.runs import verify
    from tamis.runs.manifest import files

    findings = verify(run)
    scan = None
    if no_pii and not findings:
        from tamis.recipes.rescan import rescan

        scan = rescan(run)
    if as_json:
        told = {"pii": scan.as_dict()} if scan else {}
        print_json({"run": str(run), "whole": not findings, "findings": [f._asdict() for f in findings], **told})
    elif findings:
        for finding in findings:
            click.echo(f"{finding.file}: {finding.problem}", err=True)
        click.echo(f"{run} is not as it was written: {len(findings)} finding{'s' * (len(findings) > 1)}", err=True)
    else:
        click.echo(f"{run} is whole: {len(files(run))} files as written, and the books balance")
    if scan and not as_json:
        _tell(run, scan)
    return 1 if findings or (scan and scan.found) else 0


def _tell(run: Path, scan: Rescan) -> None:
    for left in scan.found[:MOST]:
        click.echo(str(left), err=True)
    if len(scan.found) > MOST:
        click.echo(f"… and {len(scan.found) - MOST:,} more; --json has all", err=True)
    what = f"{scan.records:,} records, looked at again with {scan.stage}"
    if scan.found:
        click.echo(f"{run} holds private data: {len(scan.found):,} findings in {what}", err=True)
    else:
        click.echo(f"nothing found in {what}")
    for entity, count in scan.excused.items():
        click.echo(f"let pass: {count:,} {entity}, within marks or of ranges that are nobody's")
    for note in scan.notes:
        click.echo(f"note: {note}")
