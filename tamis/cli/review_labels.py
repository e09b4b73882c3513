"""`tamis review import`, `adjudicate` and `gate`: what people said, and when it may enter a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from tamis.cli.number import Number
from tamis.cli.show import say

if TYPE_CHECKING:
    from tamis.judge.review.incoming import Came
    from tamis.judge.review.key import Key

FILE = click.Path(path_type=Path, dir_okay=False)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
KEY = click.option("--key", type=FILE, required=True, help="The key that was written with the export.")
RENAME = click.option(
    "--rename", multiple=True, metavar="ID=NAME", help="A rater's name, or FILE:ID=NAME; may be given again."
)
APART = click.option(
    "--apart", type=click.IntRange(0), default=1, show_default=True, help="Points by which scores may differ."
)
GOLD = click.option(
    "--min-gold", type=Number(0, 1), help="Leave out raters who answered less of the hidden gold right."
)


@click.command("import")
@click.argument("labels", nargs=-1, required=True, type=FILE, metavar="LABELS...")
@KEY
@click.option("-o", "--output", type=FILE, required=True, help="Where judgments of people go: .jsonl or .parquet.")
@click.option("-c", "--contract", "contract_path", type=FILE, help="Hold the labels against this contract, too.")
@RENAME
@GOLD
@JSON
def import_command(
    labels: tuple[Path, ...],
    key: Path,
    output: Path,
    contract_path: Path | None,
    rename: tuple[str, ...],
    min_gold: float | None,
    as_json: bool,
) -> int:
    """Check LABELS (of `review serve`, Label Studio or Argilla) and write them as judgments, with the models they are of.

    \b
    Example:
        tamis review import review/labels.jsonl --key review.key.json -o people.jsonl
    """
    from tamis.cli.show import print_json
    from tamis.contracts import check, load
    from tamis.judge.review.incoming import frame
    from tamis.judge.review.joined import judgments, write_rows
    from tamis.judge.review.raters import raters

    held, came = _read(labels, key, rename)
    people = raters(came, held)
    out = _left_out(people, min_gold)
    rows = judgments(came.votes, held, out)
    result = check(frame(came.votes, held.form), load(contract_path)) if contract_path else None
    kept = result is None or result.passed
    if kept:
        write_rows(output, rows)
    facts = {
        "rows": len(rows),
        "raters": [p.facts() for p in people],
        "left_out": out,
        "changed": came.changed,
        "repeated": came.repeated,
        "unfinished": came.unfinished,
        "contract": None if result is None else {"passed": result.passed, "broken": [o.message for o in result.broken]},
    }
    if as_json:
        print_json({**facts, "problems": came.problems})
        return 0 if kept else 1
    _say_raters(people, out)
    for n, what in (
        (came.changed, "changed by their rater"),
        (came.repeated, "there before"),
        (came.unfinished, "unfinished"),
    ):
        if n:
            say(f"{n:,} answers {what}")
    for broken in () if result is None else result.broken:
        say(f"contract: {broken.message}", err=True)
    say(f"{len(rows):,} judgments: {output}" if kept else "the contract is not kept: nothing was written")
    say_problems(came.problems)
    return 0 if kept else 1


@click.command("adjudicate")
@click.argument("labels", nargs=-1, required=True, type=FILE, metavar="LABELS...")
@KEY
@click.option("-o", "--output", type=FILE, help="Write what raters differ on, for `tamis review serve --conflicts`.")
@click.option("--decisions", type=FILE, help="What was decided; --decide adds to it.")
@click.option(
    "--decide", multiple=True, metavar="TASK=LABEL", help="As 003=first, or 003=correct:4,clear:5; may be given again."
)
@click.option("--by", help="Who decides.")
@click.option("--because", default="", help="Why.")
@RENAME
@APART
@JSON
def adjudicate_command(
    labels: tuple[Path, ...],
    key: Path,
    output: Path | None,
    decisions: Path | None,
    decide: tuple[str, ...],
    by: str | None,
    because: str,
    rename: tuple[str, ...],
    apart: int,
    as_json: bool,
) -> int:
    """List the tasks of LABELS that raters differ on, and take decisions; models stay unnamed, and nothing is overwritten.

    \b
    Example:
        tamis review adjudicate review/labels.jsonl --key review.key.json --decisions d.jsonl --decide 003=first --by cleo
    """
    from tamis.cli.show import print_json
    from tamis.errors import UsageError
    from tamis.judge.review.conflicts import conflicts, history, write_conflicts
    from tamis.judge.review.decide import record

    if decide and (decisions is None or not by):
        raise UsageError("a decision needs --by, who took it, and --decisions, the file it goes to")
    held, came = _read(labels, key, rename)
    found = conflicts(came, held, apart)
    if decide and decisions is not None and by is not None:
        record(decisions, decide, by, because, held, [c.task for c in found])
    paths = [*labels, *([decisions] if decisions is not None and decisions.exists() else [])]
    held, came = _read(paths, key, rename)
    found, before = conflicts(came, held, apart), history(paths, held)
    if output is not None:
        write_conflicts(output, [c for c in found if c.decision is None])
    open_ones = sum(c.decision is None for c in found)
    if as_json:
        listed = [{**c.facts(), "history": before.get(c.task, [])} for c in found]
        print_json({"conflicts": listed, "open": open_ones, "problems": came.problems})
        return 0
    for c in found:
        said = ", ".join(f"{v.rater} {_answer(v)}{f' ({v.note})' if v.note else ''}" for v in c.votes)
        word = ""
        if c.decision is not None:
            earlier = [f"{one['by']} {one['answer']}" for one in before.get(c.task, [])[:-1]]
            word = f"; decided: {_answer(c.decision)} by {c.decision.rater}" + (
                f", before: {', '.join(earlier)}" if earlier else ""
            )
        say(f"{c.task}: {said}{word}")
    say(f"{len(found):,} tasks that raters differ on, {open_ones:,} of them open")
    say_problems(came.problems)
    return 0


@click.command("gate")
@click.argument("labels", nargs=-1, required=True, type=FILE, metavar="LABELS...")
@KEY
@click.option(
    "-o", "--output", type=FILE, required=True, help="Where one judgment of each item goes: .jsonl or .parquet."
)
@click.option("--min-alpha", type=Number(max=1), help="Least Krippendorff's alpha.")
@click.option(
    "--min-ac1", type=Number(max=1), help="Least AC1 of Gwet (AC2 of scores): for labels of which one is very common."
)
@click.option(
    "--bound", type=click.Choice(["value", "lower"]), default="value", show_default=True, help="What must not be less."
)
@click.option(
    "--min-raters", type=click.IntRange(1), default=2, show_default=True, help="Of an item that nobody decided."
)
@click.option("--majority", is_flag=True, help="What more than half say of a pair settles it.")
@click.option(
    "--draws", type=click.IntRange(0), default=1000, show_default=True, help="Draws of items behind an interval."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the draws.")
@RENAME
@APART
@GOLD
@JSON
def gate_command(
    labels: tuple[Path, ...],
    key: Path,
    output: Path,
    min_alpha: float | None,
    min_ac1: float | None,
    bound: Literal["value", "lower"],
    min_raters: int,
    majority: bool,
    draws: int,
    seed: int,
    rename: tuple[str, ...],
    apart: int,
    min_gold: float | None,
    as_json: bool,
) -> int:
    """Write one label an item from LABELS and decisions, if raters agree far enough; else exit 1, and write nothing.

    \b
    Example:
        tamis review gate review/labels.jsonl decisions.jsonl --key review.key.json --min-alpha 0.667 -o settled.jsonl
    """
    from tamis.cli.show import print_json
    from tamis.errors import UsageError
    from tamis.judge.review.joined import write_rows
    from tamis.judge.review.raters import raters
    from tamis.judge.review.settle import agreement, falls_short, settle

    if min_alpha is None and min_ac1 is None:
        raise UsageError("a gate needs a least agreement: --min-alpha 0.667, or --min-ac1 0.7")
    held, came = _read(labels, key, rename)
    people = raters(came, held)
    out = _left_out(people, min_gold)
    agreed = agreement(came, held, out, draws, seed)
    short = any(falls_short(a.alpha, min_alpha, bound) or falls_short(a.ac, min_ac1, bound) for a in agreed)
    done = settle(came, held, min_raters, majority, apart, out)
    if not short:
        write_rows(output, done.rows)
    if as_json:
        counts = {"rows": 0 if short else len(done.rows), "how": done.how, "open": done.open, "few_raters": done.few}
        print_json(
            {
                "passed": not short,
                "agreement": [a.facts() for a in agreed],
                **counts,
                "left_out": out,
                "problems": came.problems,
            }
        )
        return 1 if short else 0
    _say_raters(people, out)
    for a in agreed:
        head = f"{a.criterion}: " if a.criterion else ""
        say(f"{head}alpha {_estimate(a.alpha)}; {'AC2' if a.criterion else 'AC1'} {_estimate(a.ac)}")
    how = ", ".join(f"{n:,} {name}" for name, n in sorted(done.how.items())) or "none"
    say(f"items settled: {how}; {done.open:,} open, {done.few:,} with fewer than {min_raters} raters")
    wanted = " and ".join(
        f"{name} {least:g}" for name, least in (("alpha", min_alpha), ("AC1", min_ac1)) if least is not None
    )
    told = [own for a in agreed for own, least in ((a.alpha, min_alpha), (a.ac, min_ac1)) if least is not None]
    missed = "is less" if all(own.value is not None for own in told) else "is less, or cannot be told"
    what = "" if bound == "value" else ", lower ends,"
    say(
        f"agreement must be {wanted}{what} and {missed}: nothing was written"
        if short
        else f"agreement is at least {wanted}{what.rstrip(',')}: {len(done.rows):,} judgments in {output}"
    )
    say_problems(came.problems)
    return 1 if short else 0


def _read(labels: Sequence[Path], key: Path, rename: tuple[str, ...]) -> tuple[Key, Came]:
    from tamis.errors import UsageError
    from tamis.judge.review.incoming import read_votes
    from tamis.judge.review.key import open_key

    if wrong := [pair for pair in rename if "=" not in pair]:
        raise UsageError(f"--rename is {wrong[0]!r}; it is ID=NAME")
    held = open_key(key)
    names = {one.rpartition("=")[0]: one.rpartition("=")[2] for one in rename}
    return held, read_votes(labels, held, names)


def _left_out(people: Sequence[Any], min_gold: float | None) -> list[str]:
    """Raters who answered less than `min_gold` of the gold right; who met none is not left out."""
    if min_gold is None:
        return []
    return [p.rater for p in people if p.gold.value is not None and p.gold.value < min_gold]


def _say_raters(people: Sequence[Any], out: Sequence[str]) -> None:
    for p in people:
        first = "" if p.first is None else f", the first answer {_estimate(p.first)}"
        left = "; left out" if p.rater in out else ""
        say(f"{p.rater}: {p.labels:,} labels, gold {_estimate(p.gold)}, repeats {_estimate(p.repeats)}{first}{left}")


def _answer(vote: Any) -> str:
    return vote.label or ", ".join(f"{name} {points:g}" for name, points in vote.scores.items())


def _estimate(e: Any) -> str:
    if e.value is None:
        return f"none ({e.note})"
    return f"{e.value:.3f}" + ("" if e.low is None else f" ({e.low:.3f} to {e.high:.3f})")


def say_problems(problems: Sequence[str]) -> None:
    """The first lines that do not count, on standard error."""
    for problem in problems[:10]:
        say(problem, err=True)
    if len(problems) > 10:
        say(f"… and {len(problems) - 10:,} more that do not count; --json names them", err=True)
