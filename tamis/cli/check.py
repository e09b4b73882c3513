"""`tamis check`: hold data against a contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tamis.contracts import Outcome, Result


@click.command("check")
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option(
    "-c", "--contract", required=True, type=click.Path(path_type=Path), help="Contract to hold it against (ODCS)."
)
@click.option("--table", help="Table of the contract, where it has several.")
@click.option("--show", type=click.IntRange(0), default=5, show_default=True, help="Rows to name for each broken rule.")
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Also write JUnit XML to this file.")
@click.option(
    "--openlineage",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write an OpenLineage event with the assertions to this file.",
)
@click.option(
    "--reference",
    "references",
    multiple=True,
    metavar="TABLE=PATH",
    help="Where the rows of another table of the contract lie; may be repeated.",
)
@click.option(
    "--sql-seconds",
    type=click.FloatRange(0, min_open=True),
    default=60,
    show_default=True,
    help="A query may take this.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--all", "every", is_flag=True, help="Print the rules that are kept, too.")
@click.option("--quiet", is_flag=True, help="Print nothing; the exit code says it.")
def command(
    data: tuple[str, ...],
    contract: Path,
    table: str | None,
    show: int,
    junit: Path | None,
    openlineage: Path | None,
    references: tuple[str, ...],
    sql_seconds: float,
    as_json: bool,
    every: bool,
    quiet: bool,
) -> int:
    """Check DATA (Parquet, JSON Lines, folders, globs, a run) against a contract.

    Exit code 0: every rule is kept. 1: a rule is broken whose action is fail or quarantine. 2: the contract or the data
    cannot be read.

    \b
    Example:
        tamis check corpus.jsonl -c contract.odcs.yaml --junit results.xml
    """
    from tamis.cli.show import print_json
    from tamis.contracts import check, load

    given = dict(_named(reference) for reference in references)
    result = check(list(data), load(contract), table, show, references=given, sql_seconds=sql_seconds)
    if junit:
        _write(junit, result.to_junit(), "--junit")
    if openlineage:
        from tamis.contracts.openlineage import event

        _write(openlineage, json.dumps(event(result), ensure_ascii=False) + "\n", "--openlineage")
    if as_json:
        print_json(result.plain())
    elif not quiet:
        _print(result, every)
    return 0 if result.passed else 1


def _named(reference: str) -> tuple[str, str]:
    name, equals, path = reference.partition("=")
    if not (equals and name and path):
        raise click.UsageError(f"--reference {reference!r}: wanted TABLE=PATH, as authors=authors.parquet")
    return name, path


def _write(path: Path, text: str, option: str) -> None:
    from tamis.data.disk import disk_errors
    from tamis.errors import OutputError

    with disk_errors(path):
        try:
            path.write_bytes(text.encode("utf-8", "backslashreplace"))  # a file's name may be no Unicode
        except (FileNotFoundError, IsADirectoryError) as refused:
            raise OutputError(f"cannot write {path}: {refused.strerror}; give {option} a file in a folder") from None


def _print(result: Result, every: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tamis.cli.show import plain

    console = Console(highlight=False)
    listed = result.outcomes if every else (*result.broken, *result.reviews)
    if listed:
        grid = Table(box=None, pad_edge=False, show_header=True, header_style="bold")
        for title in ("result", "rule", "finding"):
            grid.add_column(title, no_wrap=title != "finding", overflow="fold")
        for outcome in listed:
            word, style = _word(outcome)
            grid.add_row(Text(word, style), Text(plain(outcome.id)), Text(plain(_finding(outcome))))
        console.print(grid)
    if result.undeclared:
        console.print(Text(plain(f"not in the contract: {', '.join(result.undeclared)}"), "dim"))
    console.print(Text(plain(_summary(result)), "green" if result.passed else "red"), soft_wrap=True)


def _word(outcome: Outcome) -> tuple[str, str]:
    if outcome.status == "passed":
        return "kept", "green"
    if outcome.status in ("unchecked", "review"):
        return outcome.status, "yellow"
    return (outcome.action, "yellow") if outcome.action == "warn" else (outcome.action, "red")


def _finding(outcome: Outcome) -> str:
    rest = [example.who + (f" ({example.value})" if example.value else "") for example in outcome.examples[1:]]
    return outcome.message + (f"; then {', '.join(rest)}" if rest else "")


def _summary(result: Result) -> str:
    of = f"{result.contract} {result.version}, table {result.table}: {result.rows:,} row{'s' * (result.rows != 1)}"
    broken = [o for o in result.outcomes if o.stops]
    warned = len(result.broken) - len(broken)
    asked = len(result.outcomes) - len(result.reviews)
    verdict = f"{asked - len(result.broken)} of {asked} rules kept" + (f", {warned} only warn" if warned else "")
    verdict += f", {len(result.reviews)} for a person to look at" if result.reviews else ""
    if result.passed:
        return f"{of}, {verdict}: the contract is kept"
    return f"{of}, {verdict}, {len(broken)} broken: the contract is not kept"
