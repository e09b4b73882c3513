"""`tamis synth`: grow rows of rows with a language model, and pass them through the gate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tamis.cli.ended import say_end, say_spent
from tamis.cli.means import asks_models, means_of

if TYPE_CHECKING:
    from tamis.bench import Means
    from tamis.curate.synthesis.stage import Synth
    from tamis.recipes.recipe import Recipe

METHODS = ("backtranslate", "evolve", "instruct", "preference", "rephrase")

PARAMS = (
    *("model", "base_url", "judge", "price", "n", "limit", "per_seed", "temperature", "max_tokens", "seed"),
    *("template", "terms"),
)
"""Parameters of a method that have an option of their own; `--set` has the others."""


@click.command("synth")
@click.argument("method", type=click.Choice(METHODS))
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder to write the run to.")
@click.option("--model", required=True, metavar="NAME", help="Who writes: NAME, openai:URL#NAME or hf:PATH.")
@click.option("--base-url", metavar="URL", help="Where it is, as http://127.0.0.1:8080/v1; else OPENAI_BASE_URL.")
@click.option("--judge", metavar="NAME", help="Who scores and compares.  [default: the model itself]")
@click.option("--price", metavar="IN,OUT", help="Money for a million tokens; else the price table.")
@click.option("--n", type=click.IntRange(0), help="Stop when so many rows were made that pass the method's own rules.")
@click.option("--limit", type=click.IntRange(0), metavar="SEEDS", help="Use the first so many seeds.")
@click.option("--per-seed", type=click.IntRange(1), help="How often each seed is used.")
@click.option("--temperature", type=click.FloatRange(0), help="Of what is written; judgements are asked for at 0.")
@click.option("--max-tokens", type=click.IntRange(1), help="Tokens of one answer.")
@click.option("--seed", type=int, help="Seed of what is drawn.")
@click.option("--template", metavar="PATH", help="Prompts of your own: a file or a folder.")
@click.option("--terms", metavar="TEXT", help="Terms of the model's provider, for the record of every row.")
@click.option("--gate", metavar="none|RECIPE", help="Another gate: none, or the stages of a recipe.")
@click.option("--against", multiple=True, metavar="EVALSET", help="Evaluation set no row may hold; may be given again.")
@asks_models
@click.option(
    "--set", "changes", multiple=True, metavar="[STAGE.]PARAM=VALUE", help="Change the recipe; may be given again."
)
@click.option("--workers", type=click.IntRange(1), help="Threads or processes of the gate.")
@click.option("--dry-run", is_flag=True, help="Show five prompts and what all may cost; send and write nothing.")
@click.option("--resume", is_flag=True, help="Go on with a run that was interrupted, or whose budget was spent.")
@click.option("--json", "as_json", is_flag=True, help="Print run.json, or the estimate, as one object.")
@click.option("--quiet", is_flag=True, help="Print errors only.")
def command(
    method: str,
    sources: tuple[str, ...],
    output: Path,
    gate: str | None,
    against: tuple[str, ...],
    changes: tuple[str, ...],
    workers: int | None,
    dry_run: bool,
    resume: bool,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> int:
    """Make rows of the rows of SOURCE with a language model, and sieve them as collected data is.

    METHOD is backtranslate, evolve, instruct, preference or rephrase. The recipe that this writes, in OUTPUT, has the method
    and behind it the gate: refusals, language, private data, duplicates and, with --against, evaluation sets. Every answer is
    kept the moment it lands and is never bought twice: not by a resume, and not by another run.

    Exit codes: 1 where the budget is spent (--resume goes on) or a contract said no, 2 where the call is wrong, 3 where nobody
    answers, an answer is not in the cache (--replay), or the run cannot be right.

    \b
    Example:
        tamis synth backtranslate docs.jsonl -o runs/pairs --model smollm2 --base-url http://127.0.0.1:8080/v1
    """
    from tamis.cli.memory import give_back
    from tamis.cli.show import Progressbar
    from tamis.models import BudgetSpent
    from tamis.recipes.run import run
    from tamis.recipes.synth import data_of, synth_recipe, with_changes

    give_back()
    seeds = [data_of(source) for source in sources]
    means = means_of(given)
    params = {name: given[name] for name in PARAMS if given[name] is not None}
    recipe = synth_recipe(method, params, sources=seeds, against=against, gate=gate)
    recipe = with_changes(recipe, [_spelled(change, method) for change in changes])
    if dry_run:
        _rehearse(recipe, seeds, means, output, as_json)
        return 0
    means = _trusting(means, recipe)
    if not (means.replay or (resume and (output / "run.json").exists())):
        _see_that_it_can_begin(recipe, means)
    with Progressbar(quiet or as_json) as progress:
        try:
            done = run(recipe, seeds, output, workers=workers, resume=resume, means=means, on_progress=progress)
        except BudgetSpent as spent:
            return say_spent(spent)
    return say_end(done, as_json, quiet)


def _spelled(change: str, method: str) -> str:
    """`generations=3` is meant for the method."""
    return change if "." in change.partition("=")[0] else f"synth.{method}.{change}"


def _trusting(means: Means, recipe: Recipe) -> Means:
    """`means` with the hosts of the method, which stand on the command line; those of a gate do not."""
    from tamis.models import trusting
    from tamis.recipes.synth import synth_stages

    method = synth_stages(recipe)[0]
    return trusting(means, method.specs, method.base_url)


def _see_that_it_can_begin(recipe: Recipe, means: Means) -> None:
    """Raises before anything is written where nobody answers, or no price is known that a budget wants."""
    from tamis.models import reach
    from tamis.recipes.priced import see_priced
    from tamis.recipes.synth import synth_stages

    see_priced(recipe, means)
    for stage in synth_stages(recipe):
        for spec in dict.fromkeys(stage.specs):
            reach(spec, stage.base_url, means)


def _rehearse(recipe: Recipe, sources: list[str], means: Means, output: Path, as_json: bool) -> None:
    from tamis.cli.show import print_json
    from tamis.recipes.rehearse import rehearse
    from tamis.recipes.synth import synth_stages
    from tamis.report.visible import visible

    stage: Synth = synth_stages(recipe)[0]
    found = rehearse(recipe, stage, sources, means, output)
    facts = {
        "seeds": found.seeds,
        "requests": found.requests,
        "cached_first_prompts": found.cached,
        "tokens_in": found.tokens_in,
        "tokens_out": found.tokens_out,
        "money": None if found.money is None else f"{found.money:f}",
    }
    if as_json:
        shown = [
            {"record_id": seed.record_id.hex(), "messages": list(r.messages), "params": dict(r.params)}
            for seed, r in found.prompts
        ]
        print_json({**facts, "prompts": shown})
        return
    for k, (seed, request) in enumerate(found.prompts, 1):
        click.echo(f"--- prompt {k}, of {visible(seed.id or seed.record_id.hex())}")
        for message in request.messages:
            click.echo(f"[{message['role']}] {visible(message['content'])}")
    of = f"of {found.seeds:,} " * (found.asked < found.seeds)
    there = f" ({found.cached:,} of {found.first:,} first prompts are answered already)" if found.cached else ""
    click.echo(
        f"--- {found.asked:,} {of}seeds, at most {found.requests:,} requests{there}, about {found.tokens_in:,} tokens in and at "
        f"most {found.tokens_out:,} out, cost {facts['money'] or 'unknown: say --price IN,OUT'}"
    )
    if stage.n is not None:
        click.echo(f"it stops when {stage.n:,} rows are made, which may take far less")
