"""`tamis eval run`: a frozen evaluation asked of a model."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tamis.recipes.rating import Rater


@click.command("run")
@click.argument("snapshot", type=click.Path(path_type=Path))
@click.option(
    "--model", required=True, metavar="SPEC", help="hf:PATH, hf:PATH+ADAPTER, openai:URL#NAME or replay:FILE."
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder to write to; new.")
@click.option("--id", "wanted", help="Demand that the snapshot is this one, sha256:….")
@click.option("--task", "only", multiple=True, help="This task alone; may be given again.")
@click.option("--limit", type=click.IntRange(1), metavar="ITEMS", help="The first so many items of each task.")
@click.option("--baseline", type=click.Path(path_type=Path), help="Run of another model on it, to be held against.")
@click.option("--gates", type=click.Path(path_type=Path), help="Gates (YAML) beside those of the suite.")
@click.option("--train", metavar="SNAPSHOT[#SPLIT]", help="What it was trained on: items are looked for in there.")
@click.option("--contamination", type=click.Path(path_type=Path), help="Items that stand in training data (Parquet).")
@click.option("--judge", metavar="SPEC", help="Who says what is refused or harmful: openai:URL#NAME or hf:PATH.")
@click.option("--allow-code", is_flag=True, help="Run the suite's own scorers, and programs that the model writes.")
@click.option(
    "--device", default="auto", show_default=True, help="Of hf: cpu, cuda, cuda:1, …; auto: cuda where it is."
)
@click.option(
    "--wall-limit", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="Of hf: for all answers."
)
@click.option(
    "--concurrency", type=click.IntRange(1), default=16, show_default=True, help="Of openai: requests at once."
)
@click.option("--key-env", default="OPENAI_API_KEY", show_default=True, help="Of openai: variable with the key.")
@click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), default=120.0, help="Of openai: seconds for one try."
)
@click.option(
    "--responses",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Of openai: the cache of answers; else TAMIS_RESPONSES, else responses.sqlite here.",
)
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    help="Folder of the store, for --train; else TAMIS_STORE, else the nearest.",
)
@click.option("--resume", is_flag=True, help="Go on with a run that was stopped: what was answered is kept.")
@click.option("--json", "as_json", is_flag=True, help="Print report.json.")
@click.option("--quiet", is_flag=True, help="Print errors only.")
def run(
    snapshot: Path,
    model: str,
    output: Path,
    wanted: str | None,
    only: tuple[str, ...],
    limit: int | None,
    baseline: Path | None,
    gates: Path | None,
    train: str | None,
    contamination: Path | None,
    judge: str | None,
    allow_code: bool,
    device: str,
    wall_limit: float | None,
    concurrency: int,
    key_env: str,
    timeout: float,
    responses: Path | None,
    store: Path | None,
    resume: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Verify SNAPSHOT, ask the model, and write answers, scores and a report. Exit code 1: a gate failed, or it is not whole.

    \b
    Example:
        tamis eval run evals/docs --model hf:models/base+adapters/docs -o runs/docs
        tamis eval run evals/docs --model openai:http://127.0.0.1:8080/v1#smollm2 -o runs/small
    """
    from tamis.cli.lean import lean

    lean()
    from tamis.bench import responses_at
    from tamis.cli.show import Count, print_json
    from tamis.errors import RunError
    from tamis.evaluate.answer import repeats
    from tamis.evaluate.backends import backend
    from tamis.evaluate.frozen import open_eval
    from tamis.evaluate.kept import ANSWERS
    from tamis.evaluate.run import chosen, evaluate, taken, write
    from tamis.recipes.evaluating import beside, conclude, finished, tell

    with taken(output, resume):
        frozen = open_eval(snapshot, wanted)
        tasks = chosen(frozen, only, limit)
        held = beside(
            tasks, train=train, contamination=contamination, baseline=baseline, gates=gates, store=store, of=frozen
        )
        asking: dict[str, Any] = {"concurrency": concurrency, "key_env": key_env, "timeout": timeout}
        kept = responses_at(responses, Path())
        who = backend(model, device=device, wall_limit=wall_limit, responses=kept, **asking)
        total = sum(len(task.items) * repeats(task) for task in tasks)
        given: dict[str, Any] = {"limit": limit, "only": only, "allow_code": allow_code, "keep": output / ANSWERS}
        found = None
        # Killed after its last file was written, or asked for again: nobody is asked, and the report is made anew.
        before = None
        if resume and not model.startswith("replay:"):  # stored answers are known by their digest once they are read
            before = finished(output, frozen, who(frozen).model, only, limit)
        if before is not None:
            facts = tell(before, output, held)
        else:
            with _rater(judge, kept, asking) as rater, Count("answers", total, quiet or as_json, "") as told:
                found = evaluate(frozen, who, rater=rater, on_answer=told, **given)
            if resume:
                finished(output, frozen, found.model, only, limit)
            write(found, output)
            if rater is not None:
                rater.write(output)
            facts = conclude(found, output, held)
    if as_json:
        print_json(facts)
    elif not quiet:
        click.echo((output / "report.md").read_text("utf-8").rstrip())
        click.echo(f"\nreport: {output / 'report.html'}")
        if found is not None:
            _say_more(found.varies, output)
    problems = found.tables.problems if found is not None else []
    lost = [p for p in problems if p["problem"].startswith(("the scorer of", "the regular expression"))]
    if lost:
        raise RunError(
            f"{lost[0]['problem']} (task {lost[0]['task']}, item {lost[0]['item_id']!r}; {len(lost):,} in all, in "
            f"{output / 'run.json'}); such a score is nan. Mend the suite, freeze it anew, and score what was answered: "
            f"--model replay:{output / 'samples.parquet'}"
        )
    return 1 if facts["passed"] is False else 0


def _say_more(varies: dict[str, Any], output: Path) -> None:
    """What is no part of the report, for it is not of the model: answers to what was not asked, and why others came to nothing."""
    from tamis.cli.show import plain
    from tamis.report.wording import plural

    if other := sum(varies.get("answers_to_other_items", {}).values()):
        click.echo(
            f"{plural(other, 'answer')} to other items than those of this snapshot; {output / 'run.json'} says of which tasks"
        )
    if problems := varies["problems"]:
        first = problems[0]
        said = f"{first['task']}, item {first['item_id']!r}: {first['problem']}"
        click.echo(plain(f"why answers came to nothing, the first: {said:.300}; {output / 'run.json'} has more"))


def _rater(spec: str | None, responses: Path, asking: dict[str, Any]) -> AbstractContextManager[Rater | None]:
    if spec is None:
        return nullcontext()
    from tamis.bench import Means
    from tamis.recipes.rating import Rater

    return Rater(spec, responses, Means(**asking))
