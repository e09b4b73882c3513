"""`tamis contract`: propose a contract, compare two, find the slips in one."""

from __future__ import annotations

from pathlib import Path

import click

_FILE = click.Path(path_type=Path)


@click.group("contract")
def command() -> None:
    """Propose a contract for data, compare two versions, look for slips.

    \b
    Example:
        tamis contract init corpus.jsonl -o corpus.odcs.yaml
    """


@command.command("init")
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option("-o", "--output", type=_FILE, help="File to write; it must not exist. Else the contract is printed.")
@click.option("--id", "name", help="Id of the contract; else the name of the data.")
@click.option("--table", help="Name of its table; else the name of the data.")
@click.option(
    "--private", multiple=True, metavar="COLUMN", help="Classify it, and write no value of it; may be repeated."
)
def init(
    data: tuple[str, ...], output: Path | None, name: str | None, table: str | None, private: tuple[str, ...]
) -> None:
    """Propose a contract (ODCS 3.1) that DATA keeps.

    Every row is read. What all rows have in common is promised, with room; what may be chance is a comment. Values of
    columns stand in it (lists, highest numbers): name those that must not be shown with --private.

    \b
    Example:
        tamis contract init corpus.jsonl --private email -o corpus.odcs.yaml
    """
    from tamis.contracts.propose import propose
    from tamis.data.disk import disk_errors
    from tamis.errors import OutputError

    stem = Path(data[0]).name.partition(".")[0] or "data"
    word = "".join(c if c.isalnum() or c in "_-" else "_" for c in stem)
    text = propose(list(data), name or word, table or word.replace("-", "_"), private)
    if output is None:
        click.echo(text, nl=False)
        return
    with disk_errors(output):
        try:
            with output.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            raise OutputError(f"{output} is there already; name another file, or remove it") from None
        except (FileNotFoundError, NotADirectoryError) as refused:
            raise OutputError(f"cannot write {output}: {refused.strerror}; name a file in a folder") from None


@command.command("diff")
@click.argument("old", type=_FILE)
@click.argument("new", type=_FILE)
@click.option(
    "--for",
    "whom",
    type=click.Choice(["both", "readers", "writers"]),
    default="both",
    show_default=True,
    help="Who must not be broken.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def diff(old: Path, new: Path, whom: str, as_json: bool) -> int:
    """What changed from contract OLD to NEW, and whom it breaks.

    A promise that is loosened breaks those who read the data, one that is tightened those who write it. Exit code 0:
    nothing breaks. 1: something does. 2: a contract cannot be read.

    \b
    Example:
        tamis contract diff corpus-1.odcs.yaml corpus-2.odcs.yaml --for readers
    """
    import json

    from tamis.cli.show import plain
    from tamis.contracts import load
    from tamis.contracts.changes import changes

    found = changes(load(old), load(new))
    breaking = [c for c in found if (c.breaks if whom == "both" else whom in c.breaks)]
    if as_json:
        said = {"breaking": len(breaking), "for": whom, "changes": [c.plain() for c in found]}
        click.echo(json.dumps(said, ensure_ascii=False, indent=2))
    else:
        for change in found:
            whose = f"breaks {' and '.join(change.breaks)}" if change.breaks else "harmless"
            click.echo(f"{whose:<26}{plain(f'{change.where}: {change.says}')}")
        click.echo(
            f"{len(found):,} change{'s' * (len(found) != 1)}, {len(breaking):,} breaking"
            if found
            else "the same promises"
        )
    return 1 if breaking else 0


@command.command("lint")
@click.argument("contract", type=_FILE)
def lint(contract: Path) -> None:
    """Read CONTRACT as `tamis check` would: exit code 2 and the place of the first slip, or what it promises.

    \b
    Example:
        tamis contract lint corpus.odcs.yaml
    """
    from tamis.cli.show import plain
    from tamis.contracts import load
    from tamis.contracts.keys import key_rules
    from tamis.contracts.model import Measure, Query
    from tamis.contracts.rules import compile_rows

    found = load(contract)
    for table in found.tables:
        rows, keys = len(compile_rows(table)), len(key_rules(table))
        counted = sum(m.metric == "rowCount" for m in table.metrics)
        others = sum(isinstance(rule, Query | Measure) for _, rule in table.all_rules())
        linked = len(table.relations) + len(table.services)
        name = plain(f"{found.id} {found.version}, table {table.name}")
        rules = len(table.properties) + rows + keys + counted + others + linked
        click.echo(f"{name}: {len(table.properties)} properties, {rules} rules")
