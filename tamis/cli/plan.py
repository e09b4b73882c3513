"""`tamis plan`: what a recipe would take, and what it took."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from tamis.cli.number import Number
from tamis.cli.sizes import ByteSize

NAMES = {
    "rows": "rows in",
    "kept": "rows kept",
    "tasks": "tasks",
    "cpu_seconds": "CPU",
    "peak_bytes": "peak memory",
    "exchanged_bytes": "exchanged",
    "output_bytes": "output",
    "disk_bytes": "disk at its fullest",
}


@click.command("plan")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option(
    "-i", "--input", "inputs", multiple=True, metavar="PATH", help="File, folder or glob; may be given again."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to save the plan to, as JSON.")
@click.option("--compare", "plan", type=click.Path(path_type=Path), help="A saved plan to hold the run RECIPE against.")
@click.option("--workers", type=click.IntRange(1), help="Threads or processes.  [default: one for every processor]")
@click.option("--memory", type=ByteSize(), metavar="SIZE", help="The budget of the run, as for `tamis run`.")
@click.option("--partition-size", type=click.IntRange(1), metavar="BYTES", help="As for `tamis run`.")
@click.option("--set", "changes", multiple=True, metavar="STAGE.PARAM=VALUE", help="Change the recipe.")
@click.option("--sample", type=ByteSize(), help="Try it with so much, at least.  [default: an eighth, 64MiB to 512MiB]")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed, another sample.")
@click.option("--scale", type=ByteSize(), metavar="SIZE", help="Plan for so much data like these, as 1TB.")
@click.option("--price-cpu-hour", "cpu_hour", type=Number(0), metavar="MONEY", help="Of one processor.")
@click.option("--price-gb-month", "gb_month", type=Number(0), metavar="MONEY", help="Of storage.")
@click.option("--price-gb-transfer", "gb_transfer", type=Number(0), metavar="MONEY", help="Of data moved.")
@click.option("--days", type=Number(0), default=30, show_default=True, help="That what is written is kept.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--quiet", is_flag=True, help="No word of progress.")
def command(recipe: Path, plan: Path | None, as_json: bool, output: Path | None, **given: Any) -> int:
    """Estimate what RECIPE would take on data: rows, tasks, CPU, memory, disk and money, by trying it on a sample.

    With --compare PLAN, RECIPE is the folder of a run: what was planned stands beside what it took.

    \b
    Example:
        tamis plan recipe.yaml -i data/ -o plan.json --price-cpu-hour 0.04
        tamis plan --compare plan.json runs/first
    """
    from tamis.cli.lean import lean
    from tamis.cli.show import print_json

    lean()
    if plan is not None:
        _see_alone()
        found = _compared(plan, recipe)
        if as_json:
            print_json([one._asdict() for one in found])
        else:
            for text in _compared_lines(found):
                click.echo(text)
        return 0
    if output is not None:
        _make_room(output)
    told = _estimated(recipe, **given)
    if output is not None:
        from tamis.data.writer import write_json

        write_json(output, told)
    if as_json:
        print_json(told)
        return 0
    for text in _lines(told):
        click.echo(text)
    return 0


def _see_alone() -> None:
    """Raises UsageError where something is given that a comparison would not look at."""
    from tamis.errors import UsageError

    own = ("recipe", "plan", "as_json", "quiet")
    now = click.get_current_context()
    given = [
        param.opts[-1]
        for param in now.command.params
        if param.name not in own
        and now.get_parameter_source(param.name or "") is click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        raise UsageError(
            f"--compare holds a saved plan against a run, and estimates nothing: {', '.join(given)} cannot go with it; leave out "
            "one or the other"
        )


def _make_room(output: Path) -> None:
    """See that a plan can stand at `output`, before minutes are spent on it. An earlier plan makes way, and no other file.

    Raises UsageError, and OutputError where its folder cannot be made.
    """
    from tamis.data.disk import disk_errors
    from tamis.errors import UsageError
    from tamis.recipes.planning.compare import load_plan

    if output.is_dir():
        raise UsageError(f"{output} is a folder; name a file in it with -o, as {output / 'plan.json'}")
    with disk_errors(output):
        output.parent.mkdir(parents=True, exist_ok=True)
    if not output.exists():
        return
    try:
        if not output.is_file():
            raise UsageError("a pipe or a device")
        load_plan(output)
    except UsageError:
        raise UsageError(
            f"{output} is there already and is no plan, so it is not written over; name another file with -o"
        ) from None


def _estimated(
    recipe: Path,
    inputs: tuple[str, ...],
    changes: tuple[str, ...],
    quiet: bool,
    cpu_hour: float | None,
    gb_month: float | None,
    gb_transfer: float | None,
    days: float,
    **sizes: Any,
) -> dict[str, Any]:
    from tamis.recipes.planning import Asked, Prices, estimate

    asked = Asked(recipe, list(inputs) or None, changes, prices=Prices(cpu_hour, gb_month, gb_transfer, days), **sizes)
    return estimate(asked, (lambda _: None) if quiet else (lambda says: click.echo(says, err=True)))


def _compared(plan: Path, run: Path) -> Any:
    from tamis.recipes.planning.compare import compare, load_plan
    from tamis.runs import open_run

    return compare(load_plan(plan), open_run(run))


def _lines(told: dict[str, Any]) -> list[str]:
    from tamis.report.wording import plural, size

    source, sample = told["input"], told["sample"]
    scaled = (
        f", scaled to {size(told['planned_for_bytes'])}"
        if told["planned_for_bytes"] != source["unpacked_bytes"]
        else ""
    )
    lines = [
        f"{told['recipe']}: {plural(source['files'], 'file')}, {size(source['bytes'])}{scaled}",
        f"tried on {size(sample['bytes'])}, {sample['rows']:,} rows ({sample['share']:.1%}), "
        f"for {plural(told['workers'], 'worker')}",
        "",
        f"{'':<20} {'took' if sample['share'] == 1 else 'estimate':>12}   range",
    ]
    for name, found in told["estimates"].items():
        value, least, most = (_figure(name, found[k]) for k in ("estimate", "least", "most"))
        lines.append(f"{NAMES[name]:<20} {value:>12}   {least} to {most}")
    lines.append(f"of the CPU, {told['fixed_cpu_seconds']:g} s are start-up, whatever the size")
    if told["compiling_cpu_seconds"]:
        lines.append(f"compiling kernels took {told['compiling_cpu_seconds']:g} s, once for this machine")
    if money := told["money"]:
        parts = money["estimate"]
        lines.append(
            f"money: {_money(parts['total'])} ({_money(money['least']['total'])} to {_money(money['most']['total'])}): "
            f"CPU {_money(parts['cpu'])}, storage {_money(parts['storage'])}, transfer {_money(parts['transfer'])}"
        )
    return [*lines, *(f"note: {note}" for note in told["notes"])]


def _compared_lines(found: Any) -> list[str]:
    lines = [f"{'':<20} {'planned':>12} {'actual':>12} {'actual/plan':>11}   range"]
    for one in found:
        actual = "not known" if one.actual is None else _figure(one.name, one.actual)
        by = "" if one.by is None else f"{one.by:.2f}"
        least, most = _figure(one.name, one.least), _figure(one.name, one.most)
        outside = "" if one.within is not False else ", outside"
        planned = _figure(one.name, one.estimate)
        lines.append(
            f"{NAMES.get(one.name, one.name):<20} {planned:>12} {actual:>12} {by:>11}   {least} to {most}{outside}"
        )
    return lines


def _money(value: float) -> str:
    """Two places, and more where these would say that something is for nothing: two digits of it."""
    places = 2 if value == 0 or value >= 0.1 else 1 - math.floor(math.log10(value))
    return f"{value:,.{places}f}"


def _figure(name: str, value: float) -> str:
    from tamis.report.wording import size

    if name == "cpu_seconds":
        return f"{value:,.1f} s" if value < 3600 else f"{value / 3600:,.2f} h"
    return size(round(value)) if name.endswith("bytes") else f"{value:,.0f}"
