"""`tamis recipes`: list, show and check recipes."""

from __future__ import annotations

from pathlib import Path

import click


@click.group("recipes")
def command() -> None:
    """List the shipped recipes and stages, show one, or check your own."""


@command.command("list")
def list_recipes() -> None:
    """Name the shipped recipes and every stage a recipe may use.

    \b
    Example:
        tamis recipes list
    """
    from tamis.recipes.catalog import STAGES, stage_class
    from tamis.recipes.shipped import shipped

    click.echo("recipes: tamis run NAME -i DATA -o RUN")
    for name, path in shipped().items():
        says = path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
        click.echo(f"  {name:<22} {says}")
    click.echo("stages: tamis recipes show NAME")
    for name in STAGES:
        says = (stage_class(name).__doc__ or "").strip().partition("\n")[0]
        click.echo(f"  {name:<22} {says}")


@command.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Print a shipped recipe, or a stage with its parameters and rules.

    \b
    Example:
        tamis recipes show quality.gopher@1
    """
    from tamis.recipes.catalog import bare
    from tamis.recipes.shipped import shipped

    if name in shipped():
        click.echo(shipped()[name].read_text(encoding="utf-8"), nl=False)
        return
    stage = bare(name)
    click.echo(stage.label)
    click.echo((stage.__doc__ or "").strip())
    for param, value in stage.params.items():
        click.echo(f"  {param} = {value!r}")
    for rule in stage.rules:
        wanted = (
            f"stays if {rule.column}{' / ' + rule.per if rule.per else ''} {rule.keep} {rule.threshold}"
            if rule.keep and rule.column
            else ""
        )
        click.echo(f"  rule {rule.id}: {rule.action}. {wanted} {rule.says}".rstrip())


@command.command("check")
@click.argument("recipe", type=click.Path(path_type=Path))
def check(recipe: Path) -> None:
    """Check a recipe without data: every key, stage, parameter and column.

    \b
    Example:
        tamis recipes check recipe.yaml
    """
    from tamis.engine.plan import plan
    from tamis.recipes.recipe import load
    from tamis.report.wording import plural
    from tamis.schemas import kind

    loaded = load(recipe)
    plan(loaded.stages, kind(loaded.input.kind or "document"))
    stages = plural(len(loaded.stages), "stage")
    click.echo(
        f"{recipe} is a recipe of {stages}: {', '.join(s.label for s in loaded.stages) or 'rows are read and written'}"
    )
