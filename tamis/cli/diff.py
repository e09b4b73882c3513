"""`tamis diff`: what a version has that another had not, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tamis.snapshot.diff import Difference


@click.command("diff")
@click.argument("a")
@click.argument("b")
@click.option("--why", is_flag=True, help="Join every record to the decision that added, removed or changed it.")
@click.option("--show", type=click.IntRange(0), default=0, help="With --why: name so many records for each reason.")
@click.option(
    "--store", type=click.Path(path_type=Path), help="Folder of the store; else TAMIS_STORE, else the nearest."
)
@click.option("--html", "page", type=click.Path(path_type=Path, dir_okay=False), help="Write a page about it here.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; with --why it has every record.")
def command(a: str, b: str, why: bool, show: int, store: Path | None, page: Path | None, as_json: bool) -> int:
    """Compare the snapshots A and B (folders, NAME, NAME@VERSION or sha256:ID), record by record.

    Exit code 0, whether they differ or not.

    \b
    Example:
        tamis diff docs@1.0.0 docs@1.1.0 --why
        tamis diff docs@1.0.0 docs@1.1.0 --html changes.html
    """
    from tamis.cli.lean import lean

    lean()
    from tamis.cli.show import print_json
    from tamis.data.writer import write_bytes
    from tamis.report.comparison import comparison_page
    from tamis.snapshot.diff import diff

    found = diff(a, b, store)
    if page is not None:
        write_bytes(page, comparison_page(found).encode("utf-8", "backslashreplace"))
    if as_json:
        told: dict[str, Any] = {"reasons": found.reasons(), "records": _records(found)} if why else {}
        print_json({**found.as_dict(), **told})
        return 0
    _print(found)
    if why:
        _print_why(found, show)
    return 0


def _records(found: Difference) -> list[dict[str, Any]]:
    return [
        {k: v.hex() if isinstance(v, bytes) else v for k, v in row.items() if v is not None}
        for row in found.why().to_pylist()
    ]


def _print(found: Difference) -> None:
    from tamis.cli.show import plain

    counts = found.counts
    ends = plain(f"{found.a.ref} to {found.b.ref}")
    if found.same:
        click.echo(f"{ends}: the same records" + (" but for those that were erased" if found.erased else ""))
    else:
        click.echo(f"{ends}: " + ", ".join(f"{count:,} {name}" for name, count in counts.items()))
    if found.erased:
        were = "record was" if found.erased == 1 else "records were"
        click.echo(f"{found.erased:,} {were} erased from {found.a.ref} since; which, nobody can tell")
    for name, (before, after) in found.facts.items():
        click.echo(plain(f"{name}: {_said(name, before)} to {_said(name, after)}"))


def _said(name: str, value: Any) -> str:
    if value is None:
        return "none"
    if name == "recipe":
        return str(value)[:12]
    if name == "inputs":
        return ", ".join(f"{file} {sha[:12]}" for file, sha in value.items())
    if isinstance(value, dict):
        return ", ".join(f"{key} {n:,}" if isinstance(n, int) else f"{key} ({n})" for key, n in value.items())
    return str(value)


def _print_why(found: Difference, show: int) -> None:
    from tamis.cli.show import plain

    table = found.why().to_pylist() if show else []
    for line in found.reasons():
        by = f" by {line['stage']} {line['rule']}" if line["stage"] else ""
        click.echo(plain(f"{line['records']:>8,} {line['change']}: {line['reason']}{by}"))
        keys = ("change", "reason", "stage", "rule")
        alike = [row for row in table if all(row[k] == line[k] for k in keys)]
        for row in alike[:show]:
            click.echo(plain(f"         {row['record_id'].hex()}{_measured(row)}"))


def _measured(row: dict[str, Any]) -> str:
    if row["columns"]:
        return f"  {row['columns']}"
    if row["peer_id"]:
        return f"  lost to {row['peer_id'].hex()}"
    if row["value"] is not None and row["threshold"] is not None:
        return f"  {row['value']:g}, wanted {row['comparator']} {row['threshold']:g}"
    return ""
