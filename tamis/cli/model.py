"""`tamis model`: which models were trained on which snapshots, and which are approved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

STORE = click.option(
    "--store", type=click.Path(path_type=Path), help="Folder of the store; else TAMIS_STORE, else the nearest."
)

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group("model")
def command() -> None:
    """Register models with what they were trained on, so that `trace` and `erase` can name them.

    \b
    Example:
        tamis model add docs-lora --trained-on docs@1.0.0
    """


@command.command("add")
@click.argument("name")
@click.option(
    "--trained-on", "trained_on", multiple=True, required=True, help="Snapshot, #split after it for one split."
)
@click.option(
    "--path", type=click.Path(path_type=Path), help="Its folder or file, as an adapter; the files are hashed."
)
@click.option("--note", help="Anything worth keeping.")
@click.option("--replace", is_flag=True, help="Register it anew under a name that is taken.")
@STORE
@JSON
def add(
    name: str,
    trained_on: tuple[str, ...],
    path: Path | None,
    note: str | None,
    replace: bool,
    store: Path | None,
    as_json: bool,
) -> None:
    """Register the model NAME.

    \b
    Example:
        tamis model add docs-lora --trained-on docs@1.0.0#train --path adapters/docs-lora
    """
    from tamis.cli.show import print_json
    from tamis.snapshot.models import add_model
    from tamis.snapshot.place import opened

    _, place = opened(None if store else trained_on[0].partition("#")[0], store)
    facts = add_model(place, name, trained_on, path, note=note, replace=replace)
    print_json(facts) if as_json else _print(facts)


@command.command("list")
@STORE
@JSON
def list_models(store: Path | None, as_json: bool) -> None:
    """Name the models of a store.

    \b
    Example:
        tamis model list
    """
    from tamis.cli.show import print_json
    from tamis.snapshot.place import opened

    _, place = opened(None, store)
    if as_json:
        print_json({"models": place.models()})
        return
    for facts in place.models():
        _print(facts)
    if not place.models():
        click.echo(
            f"the store at {place.root} knows no model; register one with: tamis model add NAME --trained-on SNAPSHOT"
        )


@command.command("promote")
@click.argument("name")
@click.argument("run", type=click.Path(path_type=Path))
@STORE
@JSON
def promote(name: str, run: Path, store: Path | None, as_json: bool) -> None:
    """Approve the model NAME by the report in RUN, which `tamis eval run` wrote. Exit code 1: the report does not speak for it.

    It does where every gate passed, every item was asked, and the files that answered are those that were registered.

    \b
    Example:
        tamis model promote docs-lora runs/docs
    """
    from tamis.cli.show import print_json
    from tamis.recipes.promoting import promote as approve
    from tamis.snapshot.place import opened

    facts = approve(opened(None, store)[1], name, run)
    print_json(facts) if as_json else _print(facts)


@command.command("demote")
@click.argument("name")
@click.option("--why", required=True, help="What was found.")
@STORE
@JSON
def demote(name: str, why: str, store: Path | None, as_json: bool) -> None:
    """Take the approval of the model NAME back.

    \b
    Example:
        tamis model demote docs-lora --why 'it invents citations'
    """
    from tamis.cli.show import print_json
    from tamis.recipes.promoting import demote as withdraw
    from tamis.snapshot.place import opened

    facts = withdraw(opened(None, store)[1], name, why)
    print_json(facts) if as_json else _print(facts)


@command.command("show")
@click.argument("name")
@STORE
def show(name: str, store: Path | None) -> None:
    """Print all that is known of the model NAME, as JSON.

    \b
    Example:
        tamis model show docs-lora
    """
    from tamis.cli.show import print_json
    from tamis.snapshot.models import model
    from tamis.snapshot.place import opened

    print_json(model(opened(None, store)[1], name))


def _print(facts: dict[str, Any]) -> None:
    of = ", ".join(t["ref"] + (f"#{t['split']}" if "split" in t else "") for t in facts["trained_on"])
    files = f"; {len(facts['files'])} files, {facts['digest'][:19]}…" if "files" in facts else ""
    stage = f"; {facts['stage']}" if "stage" in facts else ""
    if facts.get("evaluated"):
        stage += f" by {facts['evaluated']['suite']}, {facts['evaluated']['gates']} gates passed"
    click.echo(f"{facts['name']}: trained on {of}{files}{stage}")
