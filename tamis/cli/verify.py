"""`tamis verify`: is a run or a snapshot whole, byte for byte?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tamis.data.storage.address import Remote
    from tamis.recipes.rescan import Rescan
    from tamis.snapshot.verify import Verified

MOST = 20
"""Findings that are listed."""


@click.command("verify")
@click.argument("target", metavar="RUN|SNAPSHOT")
@click.option(
    "--no-pii", is_flag=True, help="Of a run: demand that a second scan finds no private data in what was kept."
)
@click.option(
    "--level",
    type=click.Choice(["manifest", "files", "leaves", "rerun"]),
    help="Of a snapshot: how far to look; leaves unless said otherwise.",
)
@click.option("--id", "wanted", help="Of a snapshot: demand that it is this one, sha256:….")
@click.option(
    "--key", type=click.Path(path_type=Path), help="Of a snapshot: demand that this public key (PEM) signed it."
)
@click.option("-i", "--input", "inputs", multiple=True, help="With --level rerun: where the input lies now.")
@click.option(
    "--store", type=click.Path(path_type=Path), help="Folder of the store; else TAMIS_STORE, else the nearest."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    target: str,
    no_pii: bool,
    level: str | None,
    wanted: str | None,
    key: Path | None,
    inputs: tuple[str, ...],
    store: Path | None,
    as_json: bool,
) -> int:
    """Check a run, a snapshot (its folder, NAME, NAME@VERSION or sha256:ID), or an evaluation. Exit code 1 names what is wrong.

    Of a run: every file against its manifest, and the balance of its books; of judgments, an adapter or a merged model: every
    file against its manifest. Of a snapshot, by level: snapshot.json, manifest
    and signature; every file; every record against its leaf and the root; the recipe carried out again and compared. Of an
    evaluation snapshot: every file, and every prompt, rendered anew.

    \b
    Example:
        tamis verify runs/first --no-pii
        tamis verify snapshots/docs/1.0.0 --level files --key key.pub
    """
    from tamis.cli.lean import lean
    from tamis.data.storage.address import Remote, located
    from tamis.errors import UsageError

    if level != "rerun" and not no_pii:  # these may run stages of the user's
        lean()
    place = located(target)
    if isinstance(place, Path) and (place / "eval.json").is_file():
        given = [n for n, v in (("--no-pii", no_pii), ("--level", level), ("--key", key), ("-i", inputs)) if v]
        if given:
            raise UsageError(f"{given[0]} is not for evaluations, and {target} is one")
        return _verify_eval(Path(target), wanted, as_json)
    folder = _snapshot_far(place) if isinstance(place, Remote) else _snapshot(target, store)
    own = [name for name, given in (("--level", level), ("--id", wanted), ("--key", key), ("-i", inputs)) if given]
    if folder is not None:
        if no_pii:
            raise UsageError("--no-pii looks at a run, and this is a snapshot; verify the run it was frozen from")
        shown = folder if folder.is_dir() else located(folder)
        return _verify_snapshot(folder, str(shown), level or "leaves", wanted, key, inputs, as_json)
    if own:
        raise UsageError(f"{own[0]} is for snapshots, and {target} is none")
    return _verify_run(place, no_pii, as_json)


def _snapshot_far(place: Remote) -> Path | None:
    """`place`, where it is a snapshot; as a path, which it is taken from again."""
    from tamis.data.storage import stored

    return Path(str(place)) if stored(place / "snapshot.json") else None


def _snapshot(target: str, store: Path | None) -> Path | None:
    """The folder, where `target` means a snapshot."""
    from tamis.runs.manifest import MANIFEST
    from tamis.snapshot.store import find_store, is_ref, store_at
    from tamis.snapshot.verify import is_snapshot

    path = Path(target)
    if (above := find_store(path)) is not None:
        above.recover()
    if is_snapshot(path):
        return path
    if any((path / name).exists() for name in ("run.json", "fates.parquet", MANIFEST)) or not is_ref(target):
        return None
    if path.exists() and store is None and above is None:
        return None
    place = store_at(store)
    folder = place.resolve(target)
    return Path(str(place.named(folder)))


def _verify_snapshot(
    folder: Path, shown: str, level: str, wanted: str | None, key: Path | None, inputs: tuple[str, ...], as_json: bool
) -> int:
    from tamis.cli.memory import give_back
    from tamis.cli.show import Count, print_json
    from tamis.snapshot.verify import verify

    give_back()
    with Count("verifying", None, as_json) as count:
        found = verify(folder, level, id=wanted, key=key, on_progress=count)  # type: ignore[arg-type]
    if level == "rerun" and found.whole:
        from tamis.recipes.rerun import rerun

        rerun(found, inputs)
    if as_json:
        print_json({**found.as_dict(), "snapshot": shown})
    else:
        _tell_snapshot(found, shown)
    return 0 if found.whole else 1


def _tell_snapshot(found: Verified, shown: str) -> None:
    from tamis.cli.show import plain

    for finding in found.findings[:MOST]:
        click.echo(plain(f"{finding.file}: {finding.problem}"), err=True)
    if len(found.findings) > MOST:
        click.echo(f"… and {len(found.findings) - MOST:,} more; --json has all", err=True)
    if found.findings:
        count = len(found.findings)
        click.echo(f"{shown} is not what was frozen: {count:,} finding{'s' * (count > 1)}", err=True)
        return
    records = {"manifest": "", "files": ""}.get(found.level, f", {found.records:,} records under one root")
    how = {"manifest": "as listed (not read)"}.get(found.level, "as written")
    click.echo(f"{shown} is whole: {found.files} files {how}{records}")
    click.echo(found.id or "")
    for note in found.notes:
        click.echo(f"note: {plain(note)}")


def _verify_eval(folder: Path, wanted: str | None, as_json: bool) -> int:
    from tamis.cli.show import print_json
    from tamis.evaluate.frozen import check

    found = check(folder, wanted)
    if as_json:
        print_json(found.as_dict())
    elif found.findings:
        _tell_snapshot(found, str(folder))
    else:
        click.echo(f"{folder} is whole: {found.files} files as written, {found.records:,} prompts as rendered")
        click.echo(found.id or "")
    return 0 if found.whole else 1


def _verify_run(run: Path | Remote, no_pii: bool, as_json: bool) -> int:
    from tamis.cli.show import plain, print_json
    from tamis.errors import UsageError
    from tamis.runs.integrity import hold

    findings, files, books = hold(run)
    scan = None
    if no_pii and not findings:
        if not books:
            raise UsageError(f"--no-pii looks at what a run kept, and {run} is no run; verify it without")
        from tamis.recipes.rescan import rescan

        scan = rescan(run)
    if as_json:
        told = {"pii": scan.as_dict()} if scan else {}
        print_json({"run": str(run), "whole": not findings, "findings": [f._asdict() for f in findings], **told})
    elif findings:
        for finding in findings:
            click.echo(plain(f"{finding.file}: {finding.problem}"), err=True)
        click.echo(f"{run} is not as it was written: {len(findings)} finding{'s' * (len(findings) > 1)}", err=True)
    else:
        balance = "and the books balance" if books else "none missing, none added; it keeps no books"
        click.echo(f"{run} is whole: {files} files as written, {balance}")
    if scan and not as_json:
        _tell(run, scan)
    return 1 if findings or (scan and scan.found) else 0


def _tell(run: Path | Remote, scan: Rescan) -> None:
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
