"""`tamis audit`: what people make of what a rule dropped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from tamis.runs.audit import Audit
    from tamis.runs.audit.judge import Rate


@click.command("audit")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write a sample for raters here.")
@click.option("--per-rule", type=click.IntRange(1), default=50, show_default=True, help="Records drawn of every rule.")
@click.option("--kept", type=click.IntRange(0), help="Records drawn of those kept; else as many as of all rules.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another one draws others.")
@click.option("--rule", "rules", multiple=True, help="Draw from this rule or stage alone; may be given again.")
@click.option("--scrub", is_flag=True, help="Put marks in the place of private data; needs tamis[pii].")
@click.option(
    "-i", "--input", "inputs", multiple=True, help="Where the input lies, if it was moved; may be given again."
)
@click.option(
    "--labels", multiple=True, type=click.Path(path_type=Path), help="Labels that came back; may be given again."
)
@click.option("--key", type=click.Path(path_type=Path), help="Key of the sample; else the one beside the labels.")
@click.option("--max-false-drop", type=click.FloatRange(0, 1), help="Exit 1 where a rule is past it.")
@click.option("--max-false-keep", type=click.FloatRange(0, 1), help="Exit 1 where the records kept are past it.")
@click.option(
    "--bound",
    type=click.Choice(["upper", "rate", "lower"]),
    default="upper",
    show_default=True,
    help="What must not be past: upper passes what is shown to be good, lower all that is not shown to be bad.",
)
@click.option(
    "--confidence",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.95,
    show_default=True,
    help="Of the intervals.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    run: Path,
    output: Path | None,
    per_rule: int,
    kept: int | None,
    seed: int,
    rules: tuple[str, ...],
    scrub: bool,
    inputs: tuple[str, ...],
    labels: tuple[Path, ...],
    key: Path | None,
    max_false_drop: float | None,
    max_false_keep: float | None,
    bound: Literal["upper", "rate", "lower"],
    confidence: float,
    as_json: bool,
) -> int:
    """Draw a blind sample of what each rule of RUN dropped and of what was kept; or tell what people made of it.

    The sample has a task and a text a line, and nothing that says what became of it: that stands in the key beside it, which
    raters do not get. Their labels are lines as {"task": "017", "label": "keep", "rater": "ana"}; keep or drop.

    \b
    Example:
        tamis audit runs/docs -o sample.jsonl
        tamis audit runs/docs --labels labels.jsonl --max-false-drop 0.1
    """
    from tamis.cli.lean import lean

    lean()
    from tamis.errors import UsageError

    if (output is None) == (not labels):
        raise UsageError("name either where the sample goes (-o sample.jsonl) or the labels that came back (--labels)")
    if output is not None:
        return _draw(run, output, per_rule, kept, seed, rules, inputs, scrub, as_json)
    from tamis.cli.show import print_json
    from tamis.runs import open_run, read_whole
    from tamis.runs.audit import judge, open_key, read_labels
    from tamis.runs.audit.key import find_key

    with read_whole(run):
        found = open_run(run)
        held = open_key(key, found) if key is not None else find_key(labels[0], found)
        audit = judge(
            held,
            read_labels(labels, held.tasks),
            max_false_drop=max_false_drop,
            max_false_keep=max_false_keep,
            bound=bound,
            confidence=confidence,
        )
    if as_json:
        print_json(audit.as_dict())
    else:
        _print(audit, {"dropped": max_false_drop, "kept": max_false_keep}, bound, confidence)
    return 0 if audit.passed else 1


def _draw(
    run: Path,
    output: Path,
    per_rule: int,
    kept: int | None,
    seed: int,
    rules: tuple[str, ...],
    inputs: tuple[str, ...],
    scrub: bool,
    as_json: bool,
) -> int:
    from tamis.cli.show import print_json
    from tamis.recipes.audited import sample
    from tamis.runs import read_whole

    with read_whole(run):
        made = sample(run, output, per_rule=per_rule, kept=kept, seed=seed, rules=rules, input=inputs, scrub=scrub)
    key = made.key
    if as_json:
        strata = [{**s._asdict(), "fate": s.fate} for s in key.strata]
        left = [s._asdict() for s in made.left_out]
        paths = {"sample": str(made.path), "key": str(key.path), "seal": key.seal}
        print_json({**paths, "tasks": made.tasks, "as_read": made.as_read, "left_out": left, "strata": strata})
        return 0
    click.echo(f"{made.tasks:,} tasks of {len(key.strata) - 1} rules and of the records kept: {made.path}")
    click.echo(f"key, not for raters: {key.path}, sealed {key.seal}")
    if made.left_out:
        names = ", ".join(f"{s.stage} {s.rule}" for s in made.left_out)
        click.echo(f"not drawn from, as a text alone does not tell what it lost to (--rule draws): {names}", err=True)
    if made.as_read:
        click.echo(
            f"{made.as_read:,} texts stand as they came in: a step before their rule edits by what it knows of other records",
            err=True,
        )
    if not scrub:
        click.echo("the texts stand as they are, private data and all; --scrub puts marks in its place", err=True)
    return 0


def _print(audit: Audit, limits: dict[str, float | None], bound: str, confidence: float) -> None:
    sure = f"{100 * confidence:g}% interval"
    head = ("step", "rule", "records", "labelled", "wrong", "rate", sure, "")
    rules = [(str(r.stratum.step), f"{r.stratum.stage} {r.stratum.rule}", *_cells(r)) for r in audit.rules]
    rows = [head, *rules, ("", "kept", *_cells(audit.kept))]
    wide = [max(len(row[k]) for row in rows) for k in range(len(head))]
    for row in rows:
        cells = (
            cell.ljust(w) if k in (1, 7) else cell.rjust(w) for k, (cell, w) in enumerate(zip(row, wide, strict=True))
        )
        click.echo("  ".join(cells).rstrip())
    for line in _notes(audit):
        click.echo(line)
    what = {"upper": f"upper end of the {sure}", "rate": "rate", "lower": f"lower end of the {sure}"}[bound]
    for fate, name in (("dropped", "false-drop"), ("kept", "false-keep")):
        if limits[fate] is None:
            continue
        rates = audit.rules if fate == "dropped" else (audit.kept,)
        past = [rate for rate in rates if rate.past]
        said = ", ".join(f"{r.stratum.stage} {r.stratum.rule}".strip() or "kept" for r in past)
        verdict = f"past it: {said}" if past else "kept"
        click.echo(f"limit of {100 * (limits[fate] or 0):g}% for the {name} rate, by the {what}: {verdict}")


def _cells(rate: Rate) -> tuple[str, ...]:
    from tamis.report.wording import percent

    share = "" if rate.rate is None else percent(rate.rate)
    ends = f"{percent(rate.interval.low)} to {percent(rate.interval.high)}" if rate.labelled else "not known"
    mark = {None: "", True: "past the limit", False: ""}[rate.past]
    return f"{rate.stratum.population:,}", f"{rate.labelled} of {rate.drawn}", str(rate.wrong), share, ends, mark


def _notes(audit: Audit) -> list[str]:
    from tamis.report.wording import plural

    notes = [f"{plural(len(audit.raters), 'rater')}: {audit.says}"] if audit.says else []
    if audit.undecided:
        notes.append(
            f"{plural(audit.undecided, 'task')} undecided, raters being split evenly: left out; ask one more rater"
        )
    if audit.missing:
        notes.append(f"{plural(audit.missing, 'task')} without a label: the intervals are as wide as that makes them")
    if audit.repeated:
        notes.append(f"{plural(audit.repeated, 'label')} given twice, the same both times: counted once")
    return notes
