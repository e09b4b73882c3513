"""`tamis judge`: have models judged, and what judgments say of models, of raters, and of the judge."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tamis.cli.judged import agreed, biased, rated
from tamis.cli.judging import pairwise, panel, score
from tamis.cli.number import Number
from tamis.cli.show import say

if TYPE_CHECKING:
    import polars as pl

DRAWS = click.option(
    "--draws", type=click.IntRange(0, 100_000), default=1000, show_default=True, help="Draws of items."
)
SEED = click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Another one draws others.")
CONFIDENCE = click.option(
    "--confidence",
    type=Number(0, 1, min_open=True, max_open=True),
    default=0.95,
    show_default=True,
    help="Of the intervals.",
)
ANSWERS = click.option(
    "--answers",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Answers, as they were judged; may be given again.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group("judge")
def command() -> None:
    """Have answers judged by models, rate models from judgments, and measure how far judges are to be trusted.

    \b
    Example:
        tamis judge rate judgments.jsonl --baseline base
    """


for _one in (pairwise, score, panel):
    command.add_command(_one)


@command.command("rate")
@click.argument("judgments", nargs=-1, required=True, metavar="JUDGMENTS...")
@click.option("--baseline", help="Win rates against this model alone.")
@click.option(
    "--rule",
    type=click.Choice(["averaged", "conservative"]),
    default="averaged",
    show_default=True,
    help="What both orders of a pair make: the mean, or a win where both say so and else a tie.",
)
@click.option(
    "--ties",
    type=click.Choice(["davidson", "rao-kupper", "half"]),
    default="davidson",
    show_default=True,
    help="How the Bradley-Terry fit takes them.",
)
@click.option("--control-length", is_flag=True, help="AlpacaEval's win rate beside the raw one; needs tamis[judge].")
@click.option("--difficulty", type=click.Path(path_type=Path), help="For it: rows of item_id, difficulty.")
@click.option(
    "--scale", metavar="LOW,HIGH", help="Least and most points, where there are scores: intervals stay there."
)
@click.option("--gamed", type=click.Path(path_type=Path), help="For it: rows of item_id, share, length.")
@ANSWERS
@DRAWS
@SEED
@CONFIDENCE
@JSON
def rate(
    judgments: tuple[str, ...],
    baseline: str | None,
    rule: Any,
    ties: Any,
    control_length: bool,
    difficulty: Path | None,
    gamed: Path | None,
    scale: str | None,
    answers: tuple[Path, ...],
    draws: int,
    seed: int,
    confidence: float,
    as_json: bool,
) -> None:
    """Rate the models of JUDGMENTS (folders that `tamis judge` wrote, or JSON Lines or Parquet with columns as theirs).

    \b
    Example:
        tamis judge rate judgments.jsonl --baseline base --control-length
    """
    from tamis.cli.lean import lean
    from tamis.judge.leaderboard import board
    from tamis.judge.reading import read_judgments, read_table

    lean()
    read = read_judgments(judgments)
    found = board(
        read.rows,
        baseline,
        rule,
        ties,
        _answers(answers),
        read_table([difficulty], ("item_id", "difficulty")) if difficulty else None,
        read_table([gamed], ("item_id", "share", "length")) if gamed else None,
        control_length,
        draws,
        seed,
        confidence,
        _ends(scale) or _ends_beside(judgments),
    )
    _tell(found, read.problems, as_json, rated)


@command.command("agree")
@click.argument("labels", nargs=-1, required=True, metavar="LABELS...")
@click.option(
    "--level",
    type=click.Choice(["nominal", "ordinal", "interval"]),
    default="nominal",
    show_default=True,
    help="What labels are: names, a scale, or numbers whose distances count.",
)
@click.option("--scale", help="All labels there may be, in order, as a,tie,b; else those found.")
@click.option(
    "--people", multiple=True, help="A rater that is a person; may be given again. The others are held against them."
)
@click.option("--slice", "slices", multiple=True, help="Alpha for each value of this column; may be given again.")
@click.option("--item", default="item", show_default=True, help="Column of the item.")
@click.option("--rater", default="rater", show_default=True, help="Column of the rater.")
@click.option("--label", default="label", show_default=True, help="Column of the label.")
@click.option("--min-alpha", type=Number(max=1), help="Exit 1 where alpha, or else its lower end, is below.")
@DRAWS
@SEED
@CONFIDENCE
@JSON
def agree(
    labels: tuple[str, ...],
    level: Any,
    scale: str | None,
    people: tuple[str, ...],
    slices: tuple[str, ...],
    item: str,
    rater: str,
    label: str,
    min_alpha: float | None,
    draws: int,
    seed: int,
    confidence: float,
    as_json: bool,
) -> int:
    """Tell how far the raters of LABELS agree (rows of item, rater, label; or judgments).

    \b
    Example:
        tamis judge agree labels.jsonl --people ann --people bob
    """
    from tamis.cli.lean import lean

    lean()
    from tamis.errors import UsageError
    from tamis.judge.accord import agreements
    from tamis.judge.reading import read_labels

    read = read_labels(labels, item, rater, label)
    if missing := [name for name in slices if name not in read.rows.columns]:
        raise UsageError(f"no column {missing[0]!r} to slice by; there are {', '.join(read.rows.columns)}")
    raters = read.rows["rater"].unique().sort().to_list()
    if strangers := [name for name in people if name not in raters]:
        raise UsageError(f"nobody called {strangers[0]!r} gave a label; there are {', '.join(raters[:20])}")
    found = agreements(read.rows, level, _scale(scale, read.rows), people, slices, draws, seed, confidence)
    alpha = found["alpha"]["value"]
    too_low = min_alpha is not None and (alpha is None or alpha < min_alpha)
    found |= {} if min_alpha is None else {"min_alpha": min_alpha, "passed": not too_low}
    _tell(found, read.problems, as_json, agreed)
    return 1 if too_low else 0


@command.command("bias")
@click.argument("judgments", nargs=-1, required=True, metavar="JUDGMENTS...")
@click.option("--family", multiple=True, metavar="MODEL=FAMILY", help="Of a model or judge; may be given again.")
@ANSWERS
@CONFIDENCE
@JSON
def bias(
    judgments: tuple[str, ...], family: tuple[str, ...], answers: tuple[Path, ...], confidence: float, as_json: bool
) -> None:
    """Tell what the judges of JUDGMENTS prefer: the first place, length, markdown, their own family.

    \b
    Example:
        tamis judge bias judgments.jsonl --answers answers.jsonl
    """
    import polars as pl

    from tamis.errors import UsageError
    from tamis.judge.bias import findings
    from tamis.judge.played import games
    from tamis.judge.reading import read_judgments
    from tamis.judge.style import looks

    if wrong := [pair for pair in family if "=" not in pair]:
        raise UsageError(f"--family is {wrong[0]!r}; it is MODEL=FAMILY")
    read = read_judgments(judgments)
    texts = _answers(answers)
    seen = None
    if texts is not None:
        seen = pl.concat([texts.select("item_id", "model"), looks(texts["answer"])], how="horizontal")
    own = games(read.rows)
    found = findings(own.rows, seen, dict(pair.split("=", 1) for pair in family), confidence)
    facts = [{"judge": f.judge, "name": f.name, **f.estimate.facts(), "fair": f.fair, "says": f.says} for f in found]
    told = {"judgments": read.rows.height, "unparsed": own.unparsed, "findings": facts}
    if not facts:
        settled = own.rows.height and f"; {own.rows.height:,} were settled without a judge"
        told["note"] = (
            f"none of {read.rows.height:,} judgments is a judge's verdict on a pair: nothing to tell of bias; "
            f"{own.unparsed:,} are unparsed{settled or ''}"
        )
    _tell(told, read.problems, as_json, biased)


def _answers(paths: tuple[Path, ...]) -> pl.DataFrame | None:
    import polars as pl

    from tamis.judge.answers import read_texts

    if not paths:
        return None
    rows = pl.DataFrame(list(read_texts(paths)), dict.fromkeys(("item_id", "model", "answer"), pl.String), orient="row")
    return rows.unique(["item_id", "model"], keep="first", maintain_order=True)


def _ends(scale: str | None) -> tuple[float, float] | None:
    from tamis.errors import UsageError

    if scale is None:
        return None
    try:
        low, high = map(float, scale.split(","))
    except ValueError:
        low = high = 0.0
    if not low < high < inf:
        raise UsageError(f"--scale is {scale!r}; least and most points were wanted, as in 1,5")
    return low, high


def _ends_beside(judgments: Iterable[str]) -> tuple[float, float] | None:
    """Least and most points by the rubric that `tamis judge` left beside `judgments`; None where they have none, or several."""
    from tamis.judge.reading import judgments_at
    from tamis.judge.shelf import find_rubric

    beside = [judgments_at(path).parent / "rubric.yaml" for path in judgments]
    if not all(path.is_file() for path in beside):
        return None
    ends = {own.scale[:2] for own in map(find_rubric, beside) if own.scale}
    return ends.pop() if len(ends) == 1 else None


def _scale(given: str | None, rows: pl.DataFrame) -> list[Any] | None:
    from tamis.errors import UsageError

    if given is None:
        return None
    if not rows["label"].dtype.is_numeric():
        return given.split(",")
    try:
        return [float(label) for label in given.split(",")]
    except ValueError:
        raise UsageError(f"--scale is {given!r}, but the labels are numbers") from None


def _tell(found: dict[str, Any], problems: list[str], as_json: bool, show: Any) -> None:
    from tamis.cli.show import print_json

    if as_json:
        print_json({**found, "problems": problems})
        return
    show(found)
    for problem in problems[:5]:
        say(problem, err=True)
    if len(problems) > 5:
        say(f"… and {len(problems) - 5:,} more rows that could not be used; --json names them", err=True)
