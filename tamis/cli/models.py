"""`tamis models`: what an endpoint can do, and what the cache of answers holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tamis.models.probing import Capabilities
    from tamis.models.responses import Total

RESPONSES = click.option(
    "--responses",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The cache of answers; else TAMIS_RESPONSES, else responses.sqlite here.",
)

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group("models")
def command() -> None:
    """Ask what an endpoint can do; show and prune the answers that were bought.

    \b
    Example:
        tamis models probe smollm2 --base-url http://127.0.0.1:8080/v1
    """


@command.command("probe")
@click.argument("model")
@click.option("--base-url", help="Where it is, as http://127.0.0.1:8080/v1; else OPENAI_BASE_URL.")
@click.option(
    "--key-env", default="OPENAI_API_KEY", show_default=True, help="Variable of the environment with the key."
)
@click.option("--timeout", type=click.FloatRange(0, min_open=True), default=120.0, help="Seconds for one try.")
@click.option("--again", is_flag=True, help="Ask anew where it was probed before.")
@RESPONSES
@JSON
def probe(
    model: str,
    base_url: str | None,
    key_env: str,
    timeout: float,
    again: bool,
    responses: Path | None,
    as_json: bool,
) -> None:
    """Find out what MODEL can do: does it honour a seed, a schema, n; does it give logprobs; how much does it read?

    \b
    Example:
        tamis models probe smollm2 --base-url http://127.0.0.1:8080/v1
    """
    from tamis.bench import responses_at
    from tamis.cli.show import print_json
    from tamis.models import open_model
    from tamis.models import probe as look

    kept = responses_at(responses, Path())
    with open_model(model, base_url=base_url, key_env=key_env, responses=kept, timeout=timeout) as found:
        can, price = look(found, again), found.price
        facts = {"model": found.name, "endpoint": found.endpoint, "can": can._asdict(), "sent": found.spending.sent}
    facts["price"] = None if price is None else {k: str(v) for k, v in price._asdict().items()}
    if as_json:
        print_json(facts)
        return
    click.echo(f"{facts['model']} at {facts['endpoint']}, {facts['sent']} requests sent")
    for name, said in _lines(can):
        click.echo(f"  {name:<12} {said}")
    told = (
        f"{price.into} in, {price.out} out, {price.currency} for a million tokens ({price.table})"
        if price
        else "unknown"
    )
    click.echo(f"  {'price':<12} {told}")


@command.command("cache")
@RESPONSES
@JSON
def cache(responses: Path | None, as_json: bool) -> None:
    """Show how many answers of which model are kept, and what they cost.

    \b
    Example:
        tamis models cache
    """
    from tamis.bench import responses_at
    from tamis.cli.show import print_json
    from tamis.models.responses import Responses

    kept = Responses(responses_at(responses, Path()), make=False)
    totals = kept.totals()
    kept.close()
    if as_json:
        print_json({"path": str(kept.path), "models": [t._asdict() | {"cost": str(t.cost)} for t in totals]})
        return
    for total in totals:
        click.echo(f"{total.model} at {total.endpoint}: {_told(total)}")
    if not totals:
        click.echo("nothing is kept")


@command.command("prune")
@click.option("--days", type=click.FloatRange(0), help="Answers older than so many days.")
@click.option("--model", help="Answers of this model, as it was asked for.")
@click.option("--holding", help="Answers that hold this text, in the question or the answer.")
@click.option("--all", "every", is_flag=True, help="Every answer.")
@RESPONSES
@JSON
def prune(
    days: float | None, model: str | None, holding: str | None, every: bool, responses: Path | None, as_json: bool
) -> None:
    """Forget answers and failures: those that all of the options given mean. What they said is overwritten in the file.

    \b
    Example:
        tamis models prune --days 90
    """
    from tamis.bench import responses_at
    from tamis.cli.show import print_json
    from tamis.errors import UsageError
    from tamis.models.responses import Responses

    if every == any(given is not None for given in (days, model, holding)):
        raise UsageError("which answers? give --days, --model or --holding, or --all alone")
    kept = Responses(responses_at(responses, Path()), make=False)
    before = None if days is None else datetime.now(UTC) - timedelta(days=days)
    gone = kept.prune(before=before, model=model, holding=holding)
    kept.close()
    print_json({"path": str(kept.path), "pruned": gone}) if as_json else click.echo(f"{gone:,} forgotten")


def _lines(can: Capabilities) -> list[tuple[str, str]]:
    words: dict[Any, str] = {True: "yes", False: "no", None: "unknown"}
    seen = [(name.replace("_", " "), words[getattr(can, name)]) for name in ("seed", "logprobs", "json_schema", "n")]
    context = "unknown" if can.context is None else f"{can.context:,} tokens"
    return [*seen, ("context", context), ("answers as", can.model or "unknown")]


def _told(total: Total) -> str:
    from tamis.report.wording import cost

    failures = f" and {total.failures:,} failures" if total.failures else ""
    return (
        f"{total.answers:,} answers{failures}, {total.tokens_in:,} tokens in and {total.tokens_out:,} out, "
        f"cost {cost(total.cost, total.unknown)}, {total.first[:10]} to {total.last[:10]}"
    )
