"""`tamis demo`: the whole walk on bundled real data."""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import which

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
def command(output: Path) -> int:
    """Sieve the bundled example, account for every record, and check the result.

    \b
    Example:
        tamis demo -o out/demo
    """
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
