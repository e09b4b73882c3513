"""`tamis model`: which models were trained on which snapshots."""

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
    click.echo(f"{facts['name']}: trained on {of}{files}")
