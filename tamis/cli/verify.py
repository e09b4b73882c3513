"""`tamis verify`: is a run whole, byte for byte?"""

from __future__ import annotations

from pathlib import Path

import click


@click.command("verify")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(run: Path, as_json: bool) -> int:
    """Check every file of RUN against its manifest, and the balance of its books. Exit code 1 names what is wrong.

    \b
    Example:
        tamis verify runs/first
    """
    from tamis.cli.show import print_json
    from tamis.runs import verify
    from tamis.runs.manifest import files

    findings = verify(run)
    if as_json:
        print_json({"run": str(run), "whole": not findings, "findings": [f._asdict() for f in findings]})
    elif findings:
        for finding in findings:
            click.echo(f"{finding.file}: {finding.problem}", err=True)
        click.echo(f"{run} is not as it was written: {len(findings)} finding{'s' * (len(findings) > 1)}", err=True)
    else:
        click.echo(f"{run} is whole: {len(files(run))} files as written, and the books balance")
    return 1 if findings else 0
