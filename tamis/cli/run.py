"""`tamis run`: carry a recipe out on data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from tamis.cli.ended import say_end
from tamis.cli.means import asks_models, means_of
from tamis.cli.sizes import ByteSize

DATA = (".jsonl", ".ndjson", ".parquet", ".gz", ".zst", ".csv")


def no_data(_: click.Context, __: click.Parameter, recipe: Path) -> Path:
    """`recipe`, unless its name says that it is data."""
    if recipe.suffix.lower() in DATA:
        raise click.BadParameter(f"{recipe} looks like data, which goes after -i; the recipe comes first")
    return recipe


def may_name_code(recipe: Path) -> bool:
    """Whether stages of the user's own may be among those of `recipe`: they may want what a lean command does without."""
    try:
        text = recipe.read_bytes()
    except OSError:
        return False
    return b".py" in text or b"\\" in text


@click.command("run")
@click.argument("recipe", type=click.Path(path_type=Path), callback=no_data)
@click.option(
    "-i",
    "--input",
    "inputs",
    multiple=True,
    metavar="PATH",
    help="File, folder, glob, s3:// or gs:// URI, or - for standard input; may be given again.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Folder, s3:// or gs:// URI to write the run to; it must not exist.  [required]",
)
@click.option(
    "--engine",
    type=click.Choice(["inline", "local", "ray"]),
    default="local",
    show_default=True,
    help="Who does the work; ray without --address starts a cluster of its own.",
)
@click.option("--address", metavar="HOST:PORT", help="The Ray cluster to work on, or auto for the one of this machine.")
@click.option("--workers", type=click.IntRange(1), help="Threads or processes.  [default: one for every processor]")
@click.option("--resume", is_flag=True, help="Go on with a run that was interrupted.")
@click.option(
    "--set", "changes", multiple=True, metavar="STAGE.PARAM=VALUE", help="Change the recipe; may be given again."
)
@click.option(
    "--partition-size",
    type=click.IntRange(1),
    metavar="BYTES",
    help="Input a task takes; changes no byte of the output.",
)
@click.option(
    "--memory",
    type=ByteSize(),
    metavar="SIZE",
    help="Stay within so much memory, as 1GB or 800MB, however large the corpus; changes no byte of the output.",
)
@asks_models
@click.option("--dry-run", is_flag=True, help="Check recipe and input, show the plan, move no row.")
@click.option("--json", "as_json", is_flag=True, help="Print run.json instead of the summary.")
@click.option("--quiet", is_flag=True, help="Print errors only.")
def command(
    recipe: Path,
    inputs: tuple[str, ...],
    output: Path | None,
    engine: str,
    address: str | None,
    workers: int | None,
    resume: bool,
    changes: tuple[str, ...],
    partition_size: int | None,
    memory: int | None,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> int:
    """Carry RECIPE out on data and account for every record.

    RECIPE is a YAML file, or the name of a shipped recipe (`tamis recipes list`). Data is JSON Lines (plain, .gz or .zst) or
    Parquet; without -i it is what the recipe names.

    Lines that cannot be read go to quarantine/ with file, line and byte offset, and the exit code stays 0. It is 3 where
    input was damaged or nothing could be read, 1 where a gate or contract said no, 2 where the call or the recipe is wrong.

    \b
    Example:
        tamis run recipe.yaml -i data/ -o runs/first
    """
    from tamis.cli.lean import lean
    from tamis.cli.memory import give_back

    if not may_name_code(recipe):
        lean()
    from tamis.cli.show import Progressbar, plan_lines
    from tamis.recipes.job import prepare
    from tamis.recipes.recipe import load
    from tamis.recipes.run import run, task_bytes

    give_back()
    options: dict[str, Any] = {"engine": engine, "workers": workers, "address": address, "memory": memory}
    if dry_run:
        wanted = load(recipe).set(changes)
        partition = task_bytes(wanted, **options, partition_size=partition_size, begun=output if resume else None)
        for line in plan_lines(wanted, list(inputs) or None, partition, prepare):
            click.echo(line)
        return 0
    options |= {"resume": resume, "set": changes}
    if engine == "ray" and not (address or quiet or as_json) and os.environ.get("RAY_ADDRESS"):
        click.echo(
            "RAY_ADDRESS is not followed: this run has a cluster of its own; --address auto joins that one", err=True
        )
    options["means"] = means_of(given)
    with Progressbar(quiet or as_json) as progress:
        done = run(recipe, list(inputs) or None, output, partition_size=partition_size, on_progress=progress, **options)
    return say_end(done, as_json, quiet)
