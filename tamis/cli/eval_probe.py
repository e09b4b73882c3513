"""`tamis eval probe`: signs that a model knows an evaluation by heart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
MODEL = "hf:PATH or hf:PATH+ADAPTER, on this machine."


@click.group("probe")
def probe() -> None:
    """Look for signs that a model knows an evaluation by heart, where nobody can look into what it was trained on.

    None is a proof: `tamis eval run --train` looks into the data itself, where it is at hand.

    \b
    Example:
        tamis eval probe perturb evals/docs --how noise -o evals/docs-noise
    """


@probe.command("perturb")
@click.argument("snapshot", type=click.Path(path_type=Path))
@click.option(
    "--how",
    type=click.Choice(["choices", "noise", "aside"]),
    default="noise",
    show_default=True,
    help="Choices in another order; letters swapped in some words; a sentence before that has nothing to do with it.",
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder of the suite; new.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another one changes them otherwise.")
@JSON
def perturb(snapshot: Path, how: Any, output: Path, seed: int, as_json: bool) -> None:
    """Write a suite with the items of SNAPSHOT in other words and the same answers; freeze it, run it, see the gap.

    \b
    Example:
        tamis eval probe perturb evals/docs --how noise -o suites/docs-noise
        tamis eval freeze suites/docs-noise/suite.yaml -o evals/docs-noise
    """
    from tamis.cli.show import print_json
    from tamis.evaluate.frozen import open_eval
    from tamis.evaluate.probes.perturb import perturbed

    found = perturbed(open_eval(snapshot), how, output, seed)
    if as_json:
        print_json({"suite": str(output / "suite.yaml"), "items": found})
        return
    click.echo(f"{output / 'suite.yaml'}: {', '.join(f'{name} {count:,}' for name, count in found.items())}")


@probe.command("gap")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("perturbed", type=click.Path(path_type=Path))
@JSON
def gap(run: Path, perturbed: Path, as_json: bool) -> None:
    """Say what a model loses from RUN to PERTURBED, its run of the same items in other words, with intervals.

    \b
    Example:
        tamis eval probe gap runs/docs runs/docs-noise
    """
    from tamis.cli.show import plain, print_json
    from tamis.evaluate.markdown import estimate
    from tamis.recipes.probing import gap as find

    found = find(run, perturbed)
    if as_json:
        print_json(found)
        return
    for task in found["tasks"]:
        click.echo(plain(f"{task['task']}: {estimate(task['difference'], sign=True)}; {task['says']}"))
        if more := task.get("dirty_less_clean"):
            click.echo(plain(f"{task['task']}, contaminated items less clean ones: {estimate(more, sign=True)}"))


@probe.command("min-k")
@click.argument("snapshot", type=click.Path(path_type=Path))
@click.option("--model", required=True, metavar="SPEC", help=MODEL)
@click.option(
    "--control", multiple=True, required=True, type=click.Path(path_type=Path), help="Texts that it cannot have seen."
)
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.2,
    show_default=True,
    help="Of a text's tokens, the least likely ones that count.",
)
@JSON
def min_k(snapshot: Path, model: str, control: tuple[Path, ...], share: float, as_json: bool) -> None:
    """Say whether the items of SNAPSHOT surprise a model less than texts of the same kind that it cannot have seen (Min-K%++).

    \b
    Example:
        tamis eval probe min-k evals/docs --model hf:models/base --control written-since.jsonl
    """
    from tamis.cli.show import plain, print_json
    from tamis.evaluate.markdown import estimate
    from tamis.recipes.probing import min_k as find

    found = find(snapshot, model, control, share)
    if as_json:
        print_json(found)
        return
    for task in found["tasks"]:
        sizes = f"{task['items']:,} items, {task['control']:,} texts of the control"
        click.echo(plain(f"{task['task']}: AUROC {estimate(task['auroc'])}, {sizes}; {task['says']}"))


@probe.command("canary")
@click.argument("text")
@click.argument("train", nargs=-1, metavar="[TRAIN]...")
@click.option("--model", metavar="SPEC", help=f"Also ask whether it prefers the canary to texts like it: {MODEL}")
@JSON
def canary(text: str, train: tuple[str, ...], model: str | None, as_json: bool) -> int:
    """Look for the canary TEXT in training data (files, folders, globs), and in a model. Exit code 1: it is in the data.

    \b
    Example:
        tamis eval probe canary 'tamis canary 4f3c1c0e-5d0b-4d52-9c3e' train.jsonl --model hf:models/base
    """
    from tamis.cli.show import plain, print_json
    from tamis.errors import UsageError
    from tamis.recipes.probing import canary as find

    if not train and model is None:
        raise UsageError("where is it to be looked for? name training data, or a --model")
    found = find(text, train, model)
    if as_json:
        print_json(found)
    else:
        if train:
            names = f": {', '.join(found['names'])}" if found["names"] else ""
            click.echo(plain(f"{found['holding']:,} of {found['records']:,} records hold it{names}"))
        if model is not None:
            own = found["model"]
            click.echo(f"rank {own['rank']} of {own['of']}, exposure {own['exposure']:.2f} bits; {own['says']}")
    return 1 if found["holding"] else 0
