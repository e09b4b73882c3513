"""`tamis review`: what people are asked, and the page they answer on; what came back is review_labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from tamis.cli.number import Number
from tamis.cli.review_labels import adjudicate_command, gate_command, import_command, say_problems

if TYPE_CHECKING:
    from tamis.judge.review.form import Form

FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("review")
def command() -> None:
    """Ask people, blind; check what they said; let it into a dataset when they agree.

    \b
    Example:
        tamis review export answers.jsonl --judgments judgments.jsonl -o review
    """


@command.command("export")
@click.argument("answers", nargs=-1, required=True, type=FILE, metavar="ANSWERS...")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder for raters; the key lies beside it."
)
@click.option("--items", type=FILE, help="Questions, for files that have the answers alone.")
@click.option(
    "--judgments", multiple=True, type=FILE, help="What judges said: ask where they disagree first; may be given again."
)
@click.option("--rubric", help="Name or file of the rubric that judges were given: people are asked the same.")
@click.option(
    "--kind", type=click.Choice(["pair", "score"]), help="Two answers side by side (default), or one by itself."
)
@click.option("--question", help="What is asked.")
@click.option("--criterion", "criteria", multiple=True, metavar="NAME=1..5", help="Of scores; may be given again.")
@click.option("--ties/--no-ties", default=True, show_default=True, help="May two answers be as good?")
@click.option("--baseline", help="Only pairs with this model.")
@click.option(
    "--order", type=click.Choice(["hard", "random"]), default="hard", show_default=True, help="What comes first."
)
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Tasks, beside gold and repeats.")
@click.option("--gold", type=FILE, help="Tasks with known answers, to hide among the others.")
@click.option(
    "--repeats",
    type=Number(0, 1),
    default=0.1,
    show_default=True,
    help="Share of tasks asked twice, sides swapped.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of sides and order.")
@click.option(
    "--format",
    "formats",
    type=click.Choice(["labelstudio", "argilla"]),
    multiple=True,
    help="For another tool, too; may be given again.",
)
@click.option("--mask", is_flag=True, help="Put [model] where a text names a model.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def export_command(
    answers: tuple[Path, ...],
    output: Path,
    items: Path | None,
    judgments: tuple[Path, ...],
    rubric: str | None,
    kind: Literal["pair", "score"] | None,
    question: str | None,
    criteria: tuple[str, ...],
    ties: bool,
    baseline: str | None,
    order: str,
    limit: int,
    gold: Path | None,
    repeats: float,
    seed: int,
    formats: tuple[str, ...],
    mask: bool,
    as_json: bool,
) -> int:
    """Write tasks for raters, blind, from the ANSWERS of models; what they are stands in a key beside them.

    \b
    Example:
        tamis review export small.jsonl base.jsonl --judgments judgments.jsonl -o review
    """
    from tamis.cli.show import print_json
    from tamis.judge.reading import read_judgments
    from tamis.judge.review.answers import answers as read
    from tamis.judge.review.draw import draw
    from tamis.judge.review.export import export
    from tamis.judge.review.gold import read_gold
    from tamis.judge.review.pick import pick

    judged = read_judgments(judgments) if judgments else None
    if (
        judged is not None
        and kind is None
        and rubric is None
        and judged.rows["model_b"].null_count() == judged.rows.height
    ):
        kind = "score"
    asked = _form(rubric, kind, question, criteria, ties)
    texts = read(answers, items)
    found = pick(texts, asked.kind, None if judged is None else judged.rows, baseline, order == "hard", seed)
    known = read_gold(gold, asked, texts) if gold else []
    tasks = draw(found.picks[:limit], texts, known, repeats, seed)
    models = sorted({model for own in texts.texts.values() for model in own})
    how = {"seed": seed, "order": order if judged is not None else "random", "could": len(found.picks)}
    made = export(tasks, asked, output, formats, models, mask, **how)
    kinds = {
        "tasks": len(tasks),
        "gold": len(known),
        "repeats": sum(one.entry.repeats is not None for one in tasks),
        "could": len(found.picks),
        "without_answer": found.without,
        "equal": found.equal,
    }
    problems = [*texts.problems, *(judged.problems if judged is not None else [])]
    if as_json:
        paths = {"folder": str(made.folder), "key": str(made.key_path), "export": made.key.export}
        print_json({**paths, **kinds, "naming": made.named, "masked": mask, "problems": problems})
        return 0
    click.echo(
        f"{kinds['tasks']:,} tasks, {kinds['gold']:,} of them gold and {kinds['repeats']:,} repeats: {made.folder}"
    )
    click.echo(
        f"{min(limit, len(found.picks)):,} of {len(found.picks):,} there were to ask; key, not for raters: {made.key_path}"
    )
    if found.equal or found.without:
        click.echo(
            f"not asked: {found.equal:,} pairs of equal answers, {found.without:,} judged without an answer here",
            err=True,
        )
    given = set() if judged is None else set(judged.rows["rubric_sha256"].drop_nulls())
    if given and asked.rubric_sha256 not in given:
        click.echo(
            "judges were given another rubric (--rubric): people's labels will not stand beside theirs", err=True
        )
    if made.named:
        done = "masked" if mask else "raters can tell; --mask puts [model] there"
        click.echo(f"tasks with a text that names a model: {len(made.named):,}; {done}", err=True)
    say_problems(problems)
    return 0


@command.command("serve")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--rater", "raters", multiple=True, required=True, help="Who rates; may be given again, each gets an address."
)
@click.option("-o", "--output", type=FILE, help="Where answers go; else labels.jsonl in FOLDER.")
@click.option("--conflicts", type=FILE, help="Ask these alone, to decide: as `tamis review adjudicate` writes them.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0: any that is free.")
def serve_command(folder: Path, raters: tuple[str, ...], output: Path | None, conflicts: Path | None, port: int) -> int:
    """Serve the export in FOLDER to browsers on this machine; every answer is on disk before the page says so.

    \b
    Example:
        tamis review serve review --rater ann --rater bob
    """
    import asyncio

    from tamis.judge.review.room import Room
    from tamis.judge.review.serve import serve

    own = output or folder / ("decisions.jsonl" if conflicts else "labels.jsonl")
    room = Room(folder, own, raters, conflicts)
    say_problems(room.problems)

    def ready(at: int) -> None:
        click.echo(f"{len(room.tasks):,} tasks; answers go to {own}")
        for rater in room.raters:
            done = sum(v.is_whole(room.form) for v in room.votes[rater].values())
            click.echo(f"{rater}, {done:,} answered: http://127.0.0.1:{at}/enter?token={room.token(rater)}")
        click.echo("an address lets in whoever has it; Ctrl-C ends this, and it goes on where it stopped")

    try:
        asyncio.run(serve(room, port, ready))
    except KeyboardInterrupt:
        answered = sum(v.is_whole(room.form) for votes in room.votes.values() for v in votes.values())
        click.echo(f"ended; {answered:,} answers in {own}")
    finally:
        room.log.close()
    return 0


def _form(
    rubric: str | None,
    kind: Literal["pair", "score"] | None,
    question: str | None,
    criteria: tuple[str, ...],
    ties: bool,
) -> Form:
    from tamis.errors import UsageError
    from tamis.judge.review.form import criterion, form, of_rubric
    from tamis.judge.shelf import find_rubric

    if rubric is None:
        return form(kind or ("score" if criteria else "pair"), question, [criterion(c) for c in criteria], ties)
    if criteria or not ties:
        raise UsageError(
            "a rubric says itself what its criteria are, and whether there are ties; leave one of them out"
        )
    made = of_rubric(find_rubric(rubric), question)
    if kind not in (None, made.kind):
        raise UsageError(f"rubric {rubric!r} is of the kind {made.kind}, and --kind is {kind}; leave one of them out")
    return made


command.add_command(import_command)
command.add_command(adjudicate_command)
command.add_command(gate_command)
