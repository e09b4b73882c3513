"""`tamis train`: adapters from snapshots, merged and proven, searched for, and what they would take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from tamis.cli.training import SETTINGS, STARTED, job_of, print_plan, print_trained, settings_of, told

F = TypeVar("F", bound=Callable[..., Any])

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
QUIET = click.option("--quiet", is_flag=True, help="Print errors only.")
DRY_RUN = click.option(
    "--dry-run", is_flag=True, help="Show rows, tokens, settings, memory, time and cost; train nothing."
)
PRICE = click.option(
    "--price-per-hour", type=click.FloatRange(0), metavar="MONEY", help="Of the machine, for the cost."
)
RESUME = click.option("--resume", is_flag=True, help="Go on with a run that was interrupted.")
BETA = click.option(
    "--beta", type=click.FloatRange(0), default=0.1, show_default=True, help="How dear it is to leave the base."
)


def _options(*options: Callable[[F], F]) -> Callable[[F], F]:
    def put(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return put


@click.group("train")
def command() -> None:
    """Train adapters (LoRA) on frozen snapshots, and know afterwards from what. Needs tamis[train].

    \b
    Example:
        tamis train sft snapshots/docs/1.0.0 -o adapters/docs-lora --base models/smollm2
    """


@command.command("sft")
@_options(*STARTED, *SETTINGS, DRY_RUN, PRICE, RESUME, JSON, QUIET)
def sft(**given: Any) -> int:
    """Teach what assistants say in SNAPSHOT, a folder or NAME@VERSION: chats, documents, or the chosen side of pairs.

    What is not set follows the data: its tokens are counted first.

    \b
    Example:
        tamis train sft snapshots/docs/1.0.0 -o adapters/docs-lora --base models/smollm2 --eval evals/gsm8k
        tamis train sft docs@1.0.0 -o adapters/docs-lora --base models/smollm2 --dry-run
    """
    return _train("sft", given)


@command.command("dpo")
@_options(*STARTED, *SETTINGS, BETA, DRY_RUN, PRICE, RESUME, JSON, QUIET)
def dpo(**given: Any) -> int:
    """Teach which of two answers is preferred, from the pairs in SNAPSHOT (Rafailov et al. 2023).

    \b
    Example:
        tamis train dpo snapshots/pairs/1.0.0 -o adapters/pairs-lora --base models/smollm2
    """
    return _train("dpo", given)


@command.command("merge")
@click.argument("adapter", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder of the model; new.")
@click.option("--base", required=True, type=click.Path(path_type=Path), help="Folder of the model it was trained on.")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "bfloat16", "float16"]),
    default="float32",
    show_default=True,
    help="Of the weights written.",
)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads.")
@JSON
def merge(adapter: Path, output: Path, base: Path, dtype: str, threads: int, as_json: bool) -> int:
    """Put ADAPTER into its base, and prove it: logits of the merge are those of base and adapter, and not the base's.

    \b
    Example:
        tamis train merge adapters/docs-lora -o models/docs --base models/smollm2
    """
    from tamis.cli.show import print_json
    from tamis.train.apart import apart
    from tamis.train.settings import Settings

    asked: dict[str, Any] = {"adapter": str(adapter), "output": str(output), "base": str(base), "dtype": dtype}
    found = apart("merge", Settings(threads=threads), None, **asked, threads=threads)
    if as_json:
        print_json({"path": str(output), **found})
        return 0
    logits = found["logits"]
    click.echo(f"{output}: {found['dtype']}, {len(found['files'])} files")
    click.echo(f"logits: {logits['written_from_adapter']:.2g} from base and adapter, at most")
    click.echo(f"        {logits['written_from_base']:.2g} from the base alone")
    return 0


@command.command("sweep")
@click.argument("method", type=click.Choice(["sft", "dpo"]))
@_options(*STARTED, *SETTINGS, BETA)
@click.option("--trials", type=click.IntRange(2, 1000), default=8, show_default=True, help="Settings to try.")
@click.option("--ranks", default="4,8,16,32,64", show_default=True, help="Ranks to try.")
@JSON
@QUIET
def sweep(method: Any, trials: int, ranks: str, **given: Any) -> int:
    """Search rank, alpha and learning rate for the least loss on rows held out. Needs tamis[train-sweep].

    \b
    Example:
        tamis train sweep sft snapshots/docs/1.0.0 -o sweeps/docs --base models/smollm2 --trials 12 --max-steps 60
    """
    from tamis.cli.show import print_json
    from tamis.errors import UsageError
    from tamis.recipes.training import checked
    from tamis.train.apart import apart

    try:
        tried = [int(r) for r in ranks.split(",")]
    except ValueError:
        raise UsageError(f"--ranks is {ranks!r}; name whole numbers with commas between, as 4,8,16") from None
    job = checked(job_of(method, given), given["evals"], given["overlap"])
    silent = given["quiet"] or given["as_json"]

    def say(_: str, trial: Any) -> None:
        if not silent:
            held = "" if trial["held_out"] is None else f", held out {trial['held_out']:.4f}"
            click.echo(
                f"trial {trial['trial']} of {trial['of']}: rank {trial['rank']}, alpha {trial['alpha']}, "
                f"learning rate {trial['learning_rate']:.3g}: {trial['state']}{held}"
            )

    found = apart("sweep", job.settings, say, job=job.as_dict(), trials=trials, ranks=tried)
    best = found["best"]
    if given["as_json"]:
        print_json({"path": str(given["output"]), **found})
    elif not given["quiet"]:
        rate = f"{best['learning_rate']:.6g}"
        click.echo(f"best: --rank {best['rank']} --alpha {best['alpha']} --learning-rate {rate}")
        click.echo(
            f"held out: {best['before']:.4f} before, {best['held_out']:.4f} after; written: {given['output']}/sweep.json"
        )
    return 0


@command.command("estimate")
@click.option("--base", required=True, type=click.Path(path_type=Path), help="Folder with the model's config.json.")
@click.option("--rows", required=True, type=click.IntRange(1), help="Rows to train on.")
@click.option("--tokens", required=True, type=click.IntRange(1), help="Tokens of all of them together.")
@click.option("--method", type=click.Choice(["sft", "dpo"]), default="sft", show_default=True, help="How.")
@click.option(
    "--tflops", type=click.FloatRange(0, min_open=True), help="Of a matrix product there; else measured here."
)
@_options(*SETTINGS)
@PRICE
@JSON
def estimate(
    base: Path,
    rows: int,
    tokens: int,
    method: Any,
    tflops: float | None,
    price_per_hour: float | None,
    as_json: bool,
    **given: Any,
) -> int:
    """Tell what training would take, of a model that need not be here: its config.json says how large it is.

    \b
    Example:
        tamis train estimate --base llama-8b --rows 20000 --tokens 9000000 --precision bfloat16 --tflops 400
    """
    from tamis.cli.show import print_json
    from tamis.cli.training import print_estimate
    from tamis.train.apart import apart

    own = settings_of(method, given)
    found = apart(
        "estimate",
        own,
        base=str(base),
        settings=own.as_dict(),
        rows=rows,
        tokens=tokens,
        precision="float32" if own.precision == "auto" else own.precision,
        flops=None if tflops is None else tflops * 1e12,
        price_per_hour=price_per_hour,
    )
    print_json(found) if as_json else print_estimate(found, found["settings"])
    return 0


def _train(method: Any, given: dict[str, Any]) -> int:
    from tamis.cli.show import print_json
    from tamis.recipes.training import rehearse, train

    job = job_of(method, given)
    how = {"overlap": given["overlap"]}
    if given["dry_run"]:
        planned = rehearse(job, given["evals"], price_per_hour=given["price_per_hour"], **how)
        print_json(planned) if given["as_json"] else print_plan(planned)
        return 1 if planned["refused"] else 0
    with told(given["quiet"] or given["as_json"]) as hear:
        done = train(job, given["evals"], resume=given["resume"], told=hear, **how)
    if given["as_json"]:
        print_json(done)
    elif not given["quiet"]:
        print_trained(done)
    return 0
