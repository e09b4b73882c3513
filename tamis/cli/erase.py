"""`tamis erase`: some records, and all that was made of them, out of a store."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tamis.snapshot.closure import Plan
    from tamis.snapshot.erase import Erased


@click.command("erase")
@click.argument("snapshot", required=False)
@click.option("--match", "matches", multiple=True, help="Records that match field=value (is) or field~value (holds).")
@click.option("--record", "records", multiple=True, help="A record: its record_id, or the row's own id.")
@click.option("--alike", is_flag=True, help="Also duplicates: what a run dropped for one of them, or one of them for.")
@click.option("--all-records", is_flag=True, help="Allow that a snapshot is left without any record.")
@click.option("--dry-run", is_flag=True, help="Say what would go, change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--note", help="Goes into the receipt, as the number of a request.")
@click.option("--sign", type=click.Path(path_type=Path), help="Private ed25519 key (PEM) to sign the receipt with.")
@click.option(
    "--store", type=click.Path(path_type=Path), help="Folder of the store; else TAMIS_STORE, else the nearest."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    snapshot: str | None,
    matches: tuple[str, ...],
    records: tuple[str, ...],
    alike: bool,
    all_records: bool,
    dry_run: bool,
    yes: bool,
    note: str | None,
    sign: Path | None,
    store: Path | None,
    as_json: bool,
) -> int:
    """Erase records from every snapshot and run of the store that SNAPSHOT is in, with all that was made of them.

    SNAPSHOT (a folder, NAME, NAME@VERSION, sha256:ID, or the folder of a store) only says which store; records are looked
    for in all of it. Each version that holds one is written anew without; the old one keeps its root as tombstones. A
    receipt says what was done, searched, and what cannot be proved. Values are text, never patterns.

    Exit code 1: nothing is meant, a hold forbids it, a snapshot would be left empty, a value still stands somewhere, or
    a file could not be looked into.

    \b
    Example:
        tamis erase docs --match meta.email=alice@example.org --dry-run
    """
    from tamis.cli.lean import lean

    lean()
    from tamis.cli.show import print_json
    from tamis.report import write
    from tamis.report.sheet import snapshot_page
    from tamis.snapshot import select
    from tamis.snapshot.closure import plan
    from tamis.snapshot.erase import erase
    from tamis.snapshot.place import opened

    place = opened(snapshot, store)[1]
    meant = [*map(select.match, matches), *map(select.record, records)]
    if dry_run or not yes:
        found = plan(place, meant, alike=alike)
        if dry_run and as_json:
            print_json(found.as_dict())
        elif not as_json:
            _print_plan(found)
        if dry_run:
            return 1 if found.is_empty else 0
        if not found.is_empty:
            _ask()
    done = erase(
        place,
        meant,
        alike=alike,
        all_records=all_records,
        sign=sign,
        note=note,
        report=write,
        page=snapshot_page,
        forget=_forget,
        on_progress=None if as_json else lambda what: click.echo(what, err=True),
    )
    if as_json:
        print_json({"receipt": done.receipt, "path": str(done.path), "nonces": list(done.nonces)})
    else:
        _print(done)
    residual = done.receipt["residual"]
    return 1 if residual["found"] or residual["unread"] else 0


def _forget(cache: Path, keys: Sequence[bytes], texts: Sequence[str]) -> int:
    from tamis.models import Responses

    kept = Responses(cache, make=False)
    try:
        return kept.forget(keys, texts)
    finally:
        kept.close()


def _ask() -> None:
    if not sys.stdin.isatty():
        raise click.UsageError(
            "nothing was erased: this cannot be undone; say --yes, or --dry-run to see what would go"
        )
    click.confirm("Erase them? This cannot be undone.", abort=True, err=True)


def _print_plan(found: Plan) -> None:
    from tamis.report.wording import plural
    from tamis.snapshot.trace import words

    seeds = 0 if found.is_empty else found.reached.seeds  # a record id that is nowhere is meant all the same
    click.echo(f"{' or '.join(words(m) for m in found.matches)}: {plural(seeds, 'record')}")
    if made := 0 if found.is_empty else len(found.reached) - found.reached.seeds:
        click.echo(f"made of them: {plural(made, 'record')}")
    for holding in found.holdings:
        click.echo(f"  {holding.ref:<24} loses {plural(holding.records, 'record')} and is written anew")
    for ref in found.named:
        click.echo(f"  {ref:<24} names one in its ledger or lineage and is written anew")
    for path, records in found.runs.items():
        click.echo(f"  run {path}: {plural(records, 'record')}")
    for model in found.models:
        click.echo(f"  model {model.name} was trained on {', '.join(model.snapshots)}; it stays as it is")
    if found.alike:
        click.echo(f"alike: {plural(found.alike, 'record')} that a run held for duplicates; --alike takes them too")
    for what in (*found.unseen, *(f"the input of {path}: {why}" for path, why in found.unread.items())):
        click.echo(f"not searched: {what}")
    for ref in found.wholes:
        click.echo(f"not known: which records of {ref} were made of them")
    for held in found.held:
        click.echo(f"not allowed: {held}")
    if found.is_empty:
        click.echo("nothing is meant: no snapshot and no run has such a record")


def _print(done: Erased) -> None:
    from tamis.report.wording import plural

    receipt = done.receipt
    closure, residual = receipt["closure"], receipt["residual"]
    click.echo(
        f"erased {plural(closure['records'], 'record')}: {closure['meant']:,} meant, {closure['derived']:,} made of them"
    )
    for told in receipt["snapshots"]:
        click.echo(f"  {told['old']['ref']}: {_became(told)}")
    for run in receipt["runs"]:
        click.echo(
            f"  run {run['path']}: {', '.join(f'{n:,} {fate}' for fate, n in run['records'].items()) or 'named one'}"
        )
    if receipt["answers_removed"]:
        click.echo(f"  {plural(receipt['answers_removed'], 'answer')} of models")
    for model in receipt["models"]:
        click.echo(f"  model {model['name']} was trained on {', '.join(model['snapshots'])}; it stays as it is")
    click.echo(
        f"searched {plural(residual['files'], 'file')}: "
        + (
            "still there:"
            if residual["found"]
            else "not all could be looked into:"
            if residual["unread"]
            else "nothing left"
        )
    )
    assert done.residue is not None  # told from here: on file, the name of a file does without what was asked for
    for left in done.residue.found:
        click.echo(f"  {left.what} in {left.file}" + (f", column {left.column}" if left.column else ""))
    for file, why in done.residue.unread.items():
        click.echo(f"  could not look into {file}: {why}")
    for what in receipt["scanned"]["not_there"]:
        click.echo(f"not searched: {what}")
    click.echo("not proved:")
    for line in receipt["not_proved"]:
        click.echo(f"  {line}")
    for part, nonce in zip(receipt["request"], done.nonces, strict=True):
        click.echo(f"nonce of {part['field']}, told only here: {nonce}")
    click.echo(f"receipt: {done.path}")


def _became(told: dict[str, Any]) -> str:
    stones = f"{told['tombstones']:,} tombstone{'' if told['tombstones'] == 1 else 's'}"
    if told["new"] is None:
        return f"withdrawn before, now with {stones} more"
    kept = {"failed": "; its contract is not kept any more", "unchecked": "; its contract could not be checked"}
    return f"superseded by {told['new']['ref']}, {stones}{kept.get(told['new']['contract'] or '', '')}"
