"""`tamis judge pairwise`, `score` and `panel`: judges that are models, asked about answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tamis.cli.ended import say_spent
from tamis.cli.judged import biased, rated
from tamis.cli.means import asks_models, means_of
from tamis.cli.number import Number
from tamis.cli.show import say

if TYPE_CHECKING:
    from tamis.bench import Means
    from tamis.judge.plan import Plan

F = TypeVar("F", bound=Callable[..., Any])

ASKING = ("base_url", "price", "temperature", "max_tokens", "seed", "structured")

_WHAT: tuple[Callable[[Any], Any], ...] = (
    click.argument("answers", nargs=-1, required=True, metavar="ANSWERS..."),
    click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder to write to."),
)

_HOW: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--items", type=click.Path(path_type=Path), help="Questions by item_id, for files that have the answers alone."
    ),
    click.option("--repeats", type=click.IntRange(1), default=1, show_default=True, help="Ask the same so often."),
    click.option("--limit", type=click.IntRange(1), metavar="ITEMS", help="Judge the first so many items."),
    click.option(
        "--probe", type=click.IntRange(0), default=0, metavar="ITEMS", help="Put known attacks beside so many answers."
    ),
    click.option("--base-url", metavar="URL", help="Where the judge is; else OPENAI_BASE_URL."),
    click.option("--price", metavar="IN,OUT", help="Money for a million tokens; else the price table."),
    click.option("--temperature", type=Number(0), help="Of verdicts.  [default: 0]"),
    click.option("--max-tokens", type=click.IntRange(1), help="Tokens of one answer.  [default: 1024]"),
    click.option("--seed", type=int, help="Sent along; one more for each repeat.  [default: 0]"),
    click.option(
        "--structured",
        type=click.Choice(["auto", "schema", "text"]),
        help="Hold the judge to a JSON schema: where its endpoint can (auto, the default), always or never.",
    ),
)

_END: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--draws", type=click.IntRange(0, 100_000), default=1000, show_default=True, help="Draws behind intervals."
    ),
    click.option("--dry-run", is_flag=True, help="Show two prompts and what all may cost; send nothing."),
    click.option("--resume", is_flag=True, help="Go on with a run that was interrupted, or whose budget was spent."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
    click.option("--quiet", is_flag=True, help="Print errors only."),
)

JUDGE = click.option("--judge", required=True, metavar="NAME", help="Who judges: NAME, openai:URL#NAME or hf:PATH.")
BASELINE = click.option("--baseline", metavar="MODEL", help="Pairs with this model alone; else all pairs.")
ONE_ORDER = click.option("--one-order", is_flag=True, help="Each pair in one order, drawn; else in both.")


def _rubric(default: str) -> Callable[[F], F]:
    return click.option("--rubric", default=default, show_default=True, metavar="NAME|FILE", help="What to look at.")


def _asks(*own: Callable[[F], F]) -> Callable[[F], F]:
    """The options of a command, `own` among them."""

    def put(command: F) -> F:
        for option in reversed(_END):
            command = option(command)
        command = asks_models(command)
        for option in reversed((*_WHAT, *own, *_HOW)):
            command = option(command)
        return command

    return put


@click.command("pairwise")
@_asks(JUDGE, _rubric("pairwise"), BASELINE, ONE_ORDER)
def pairwise(answers: tuple[str, ...], judge: str, **given: Any) -> int:
    """Compare the answers of models in pairs, each in both orders.

    ANSWERS are JSON Lines, a JSON list or Parquet: one file for each model, or a table with a column model.

    \b
    Example:
        tamis judge pairwise small.jsonl base.jsonl -o judged --judge gpt-x --base-url http://127.0.0.1:8080/v1
    """
    return _judge("pairwise", answers, (judge,), {}, given)


@click.command("score")
@_asks(JUDGE, _rubric("helpfulness"))
def score(answers: tuple[str, ...], judge: str, **given: Any) -> int:
    """Score answers one by one, as a whole or by aspects.

    \b
    Example:
        tamis judge score answers.jsonl -o scored --judge gpt-x --rubric aspects
    """
    return _judge("score", answers, (judge,), {}, given)


@click.command("panel")
@_asks(
    click.option("--judge", "judges", multiple=True, required=True, metavar="NAME", help="A judge; give two or more."),
    click.option("--weight", multiple=True, metavar="NAME=NUMBER", help="Weight of a judge; else 1."),
    _rubric("pairwise"),
    BASELINE,
    ONE_ORDER,
)
def panel(answers: tuple[str, ...], judges: tuple[str, ...], weight: tuple[str, ...], **given: Any) -> int:
    """Have several judges judge the same, and tell what most say and where they differ.

    \b
    Example:
        tamis judge panel answers.jsonl -o judged --judge gpt-x --judge openai:http://127.0.0.1:8080/v1#smollm2
    """
    from tamis.errors import UsageError

    if len(judges) < 2:
        raise UsageError(f"a panel has two judges or more; here is {judges[0]} alone")
    return _judge(None, answers, judges, _weights(weight), given)


def _weights(given: Sequence[str]) -> dict[str, float]:
    from tamis.errors import UsageError

    found = {}
    for pair in given:
        name, _, number = pair.rpartition("=")
        try:
            found[name] = float(number)
        except ValueError:
            raise UsageError(f"--weight is {pair!r}; it is NAME=NUMBER") from None
    return found


def _judge(
    form: str | None,
    answers: tuple[str, ...],
    judges: tuple[str, ...],
    weights: dict[str, float],
    given: dict[str, Any],
) -> int:
    from tamis.cli.lean import lean

    lean()
    from tamis.cli.show import Progressbar, print_json
    from tamis.errors import UsageError
    from tamis.judge.clerk import Asking
    from tamis.judge.folder import is_whole
    from tamis.judge.plan import Plan
    from tamis.judge.shelf import find_rubric
    from tamis.models import BudgetSpent, reach, trusting
    from tamis.recipes.judging import judge

    means = means_of(given)
    asking = Asking(**{name: given[name] for name in ASKING if given[name] is not None})
    own = find_rubric(given["rubric"])
    if form is not None and own.form != form:
        raise UsageError(f"{own.label} is of the form {own.form}; tamis judge {own.form} takes it")
    plan = Plan(
        answers,
        given["rubric"],
        judges,
        asking,
        given["items"],
        given.get("baseline"),
        not given.get("one_order"),
        given["repeats"],
        given["limit"],
        weights,
        given["probe"],
    )
    out: Path = given["output"]
    if given["dry_run"]:
        _rehearse(plan, means, out, given["as_json"])
        return 0
    if not (means.replay or (given["resume"] and is_whole(out))):
        for spec in judges:
            reach(spec, asking.base_url, trusting(means, judges, asking.base_url))
    with Progressbar(given["quiet"] or given["as_json"]) as progress:
        try:
            found = judge(plan, out, means, given["resume"], progress, given["draws"])
        except BudgetSpent as spent:
            return say_spent(spent)
    if given["as_json"]:
        print_json(found)
    elif not given["quiet"]:
        _tell(found, out)
    return _code(found)


def _code(found: dict[str, Any]) -> int:
    """3 where no judge said anything that could be read."""
    counts = found["judgments"]
    if counts["ok"] + counts["settled"]:
        return 0
    click.echo("tamis: no judge said anything that could be read; judgments.parquet has what they said", err=True)
    return 3


def _tell(found: dict[str, Any], out: Path) -> None:
    counts = found["judgments"]
    parts = ", ".join(f"{counts[name]:,} {name}" for name in counts if name != "in" and counts[name])
    say(f"{counts['in']:,} judgments by {found['rubric']['name']}: {parts}")
    if found["failures"]:
        say("without a verdict: " + ", ".join(f"{why} {n:,}" for why, n in found["failures"].items()))
    cost = "not known" if found["cost"] is None else found["cost"]
    spent = found["varies"]["spending"].values()
    bought, cached = (sum(s[name] for s in spent) for name in ("answered", "cached"))
    probed = ", those included that find out what the endpoint can do" * (bought + cached > found["requests"])
    say(f"{found['requests']:,} requests, {bought:,} bought now and {cached:,} had before{probed}; cost of all {cost}")
    if found["board"]:
        rated(found["board"])
    biased(found)
    if own := found["panel"]:
        say(f"the judges differ on {own['split']:,} of {own['by_several']:,}")
    for one in (found["probe"] or {}).get("attacks", []):
        rate = one["rate"]["value"]
        told = one["rate"]["note"] if rate is None else f"had its way in {100 * rate:.1f} percent of {one['n']:,}"
        say(f"attack {one['attack']}: {told} ({one['judge']})")
    for line in [*found["notes"], *found["problems"][:5]]:
        say(line, err=True)
    say(f"report: {out / 'report.html'}")


def _rehearse(plan: Plan, means: Means, out: Path, as_json: bool) -> None:
    from tamis.cli.show import print_json
    from tamis.judge.rehearsal import rehearse
    from tamis.report.visible import visible

    found = rehearse(plan, means, out)
    money = None if found.money is None else f"{found.money:f}"
    facts = {**found._asdict(), "money": money}
    facts.pop("first")
    if as_json:
        print_json(
            {**facts, "prompts": [{"messages": list(r.messages), "params": dict(r.params)} for r in found.first]}
        )
        return
    for k, request in enumerate(found.first, 1):
        say(f"--- prompt {k}")
        for message in request.messages:
            click.echo(f"[{message['role']}] {visible(message['content'])}")
    say(
        f"--- {found.judgments:,} judgments, {found.settled:,} of them without a judge; {found.cached:,} answers are there "
        f"already; for the rest about {found.tokens_in:,} tokens in and at most {found.tokens_out:,} out, cost "
        f"{money or 'unknown: say --price IN,OUT'}"
    )
