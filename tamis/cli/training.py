"""What commands that train have in common: their options, and how plans and adapters look on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tamis.train import Job, Settings

Option = Callable[[Any], Any]

STARTED: tuple[Option, ...] = (
    click.argument("snapshot"),
    click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder to write; new."),
    click.option("--base", required=True, type=click.Path(path_type=Path), help="Folder of the model to train on."),
    click.option(
        "--eval", "evals", multiple=True, metavar="SET", help="Evaluation snapshot, suite or file; repeatable."
    ),
    click.option(
        "--overlap",
        type=click.Choice(["refuse", "drop"]),
        default="refuse",
        show_default=True,
        help="Where rows hold items of --eval: train nothing, or not on those rows.",
    ),
    click.option("--template", metavar="chatml|FILE", help="Chat template (Jinja); else that of the base."),
    click.option("--name", help="What it is called in the store; else the name of OUTPUT."),
    click.option("--store", type=click.Path(path_type=Path), help="Folder of the store; else that of SNAPSHOT."),
    click.option("--no-register", is_flag=True, help="Do not name it in the store."),
    click.option("--replace", is_flag=True, help="Register it under a name that is taken."),
)

SETTINGS: tuple[Option, ...] = (
    click.option("--rank", type=click.IntRange(1), help="Of LoRA."),
    click.option("--alpha", type=click.IntRange(1), help="Scale of what it adds.  [default: twice the rank]"),
    click.option("--dropout", type=click.FloatRange(0, 0.9), help="Of what it reads."),
    click.option("--rslora", is_flag=True, help="Scale by the root of the rank (Kalajdzievski 2023)."),
    click.option("--dora", is_flag=True, help="Direction and size apart (Liu et al. 2024)."),
    click.option("--target", "targets", multiple=True, help="Module to train, as q_proj.  [default: all linear ones]"),
    click.option("--quantize", is_flag=True, help="The base in 4 bits (QLoRA, nf4); wants CUDA."),
    click.option("--learning-rate", type=click.FloatRange(0, min_open=True), help="At its highest."),
    click.option("--schedule", type=click.Choice(["constant", "linear", "cosine"]), help="Of the learning rate."),
    click.option("--warmup", type=click.FloatRange(0, 1), help="Share of steps until it is highest.  [default: 0.1]"),
    click.option("--weight-decay", type=click.FloatRange(0), help="Of AdamW.  [default: 0]"),
    click.option("--epochs", type=click.FloatRange(0, min_open=True), help="Passes over the rows."),
    click.option("--max-steps", type=click.IntRange(1), help="Stop after so many, whatever --epochs says."),
    click.option("--batch-size", type=click.IntRange(1), help="Rows at once.  [default: 4]"),
    click.option("--accumulate", type=click.IntRange(1), help="So many of those a step.  [default: 1]"),
    click.option(
        "--max-length", type=click.IntRange(8), help="Tokens of a row.  [default: 1024, or what the base reads]"
    ),
    click.option(
        "--overlong",
        type=click.Choice(["drop", "truncate", "split"]),
        help="What becomes of longer rows; split: documents alone.  [default: drop]",
    ),
    click.option("--most-cut", type=click.FloatRange(0, 1), help="Share of rows that may be.  [default: 0.05]"),
    click.option("--validation", metavar="auto|none|SPLIT", help="Rows to compare on.  [default: auto]"),
    click.option("--patience", type=click.IntRange(0), help="Evaluations without gain before the end.  [default: 3]"),
    click.option("--eval-every", type=click.IntRange(0), metavar="STEPS", help="Look at those rows; 0: never."),
    click.option("--checkpoint-every", type=click.IntRange(0), metavar="STEPS", help="Save; 0: never."),
    click.option("--checkpointing", is_flag=True, help="Compute activations twice: less memory, a third slower."),
    click.option(
        "--precision",
        type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
        help="To compute in; auto: float32 on a processor, else what the device does.  [default: auto]",
    ),
    click.option("--seed", type=click.IntRange(0), help="Equal ones give equal bytes.  [default: 0]"),
    click.option("--threads", type=click.IntRange(1), help="As do equal numbers of them.  [default: all processors]"),
    click.option(
        "--tracker",
        "trackers",
        multiple=True,
        type=click.Choice(["tensorboard", "mlflow", "wandb"]),
        help="Tell it as well; offline unless its own variables say otherwise.",
    ),
)

_OURS = ("targets", "trackers")


def settings_of(method: Any, given: dict[str, Any]) -> Settings:
    """The settings that a command line asks for."""
    from dataclasses import fields

    from tamis.train.settings import Settings

    names = {f.name for f in fields(Settings)} - {"method"}
    asked = {k: v for k, v in given.items() if k in names and v is not None and not (k in _OURS and not v)}
    asked.setdefault(
        "threads", len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return Settings(method=method, **asked)


def job_of(method: Any, given: dict[str, Any]) -> Job:
    """The job that a command line asks for."""
    from tamis.snapshot import open_snapshot
    from tamis.train import Job

    return Job(
        snapshot=open_snapshot(given["snapshot"], given["store"]).path,
        base=given["base"],
        output=given["output"],
        settings=settings_of(method, given),
        template=given["template"],
        name=given["name"],
        store=given["store"],
        register=not given["no_register"],
        replace=given["replace"],
    )


@contextmanager
def told(silent: bool) -> Iterator[Callable[[str, Any], None]]:
    """What hears from the process that trains: the plan as lines, steps as a bar, or a line every ten seconds."""
    from tamis.cli.show import Count

    with (count := Count("training", None, silent)):

        def hear(name: str, value: Any) -> None:
            if silent:
                return
            if name == "plan":
                for line in plan_lines(value):
                    click.echo(line)
            elif name == "step":
                step, of, loss = value
                if sys.stderr.isatty():
                    count.total = of
                    count(step)
                elif step == of or step % max(1, of // 10) == 0:
                    click.echo(f"step {step:,} of {of:,}: loss {loss:.4f}", err=True)

        yield hear


def plan_lines(plan: dict[str, Any]) -> Iterator[str]:
    """Rows, tokens and settings."""
    data, lengths, held, how = plan["data"], plan["lengths"], plan["validation"], plan["settings"]
    yield f"{data['ref']} #{data['split']}: {lengths['rows']:,} rows, {lengths['tokens']:,} tokens ({plan['regime']})"
    parts = [f"{lengths[n]:,} {n}" for n in ("kept", "split", "truncated", "dropped", "untaught") if lengths[n]]
    sizes = f"half have up to {lengths['median']:,}, the longest {lengths['longest']:,}"
    yield f"  {', '.join(parts)} where {lengths['max_length']:,} tokens fit; {sizes}"
    if data["excluded"]:
        yield f"  {data['excluded']:,} left out: they hold evaluation items"
    if held["rows"]:
        leaked = f", {held['leaked']:,} left out: training rows give them away" if held["leaked"] else ""
        short = f", {held['cut']:,} cut by their length" if held["cut"] else ""
        yield f"  {held['rows']:,} rows to compare on ({held['from']}){leaked}{short}"
    yield (
        f"LoRA rank {how['rank']}, alpha {how['alpha']}, dropout {how['dropout']:g}; learning rate {how['learning_rate']:g} "
        f"{how['schedule']}; {how['max_steps']:,} steps of {how['batch_size'] * how['accumulate']} rows"
    )


def print_plan(plan: dict[str, Any]) -> None:
    """`--dry-run`."""
    for line in plan_lines(plan):
        click.echo(line)
    print_estimate(plan["estimate"], plan["settings"])
    if plan["refused"]:
        click.echo(f"would be refused: {plan['refused']}")


def print_estimate(found: dict[str, Any], how: dict[str, Any]) -> None:
    """Memory, time and cost."""
    from tamis.report.wording import size

    each = f"weights {size(found['weights'])}, optimizer {size(found['optimizer'])}, activations {size(found['activations'])}"
    click.echo(f"{found['parameters']:,} parameters, {found['trained']:,} trained")
    click.echo(f"{found['tokens']:,} tokens in {found['steps']:,} steps")
    click.echo(f"memory: about {size(found['memory'])} ({each})")
    if found["seconds"] is not None:
        seconds = found["seconds"]
        long = (
            f"{seconds:.0f} s"
            if seconds < 120
            else f"{seconds / 60:.0f} min"
            if seconds < 7200
            else f"{seconds / 3600:.1f} h"
        )
        cost = "" if found["cost"] is None else f", cost {found['cost']:g}"
        taken = f", by {found['steps_taken']} steps taken here" if found["steps_taken"] else ""
        click.echo(f"time: about {long} with {how['threads']} thread{'s' * (how['threads'] > 1)}{taken}{cost}")


def print_trained(done: dict[str, Any]) -> None:
    """What came out."""
    facts = done["facts"]
    training = facts["training"]
    if training["before"] is not None:
        click.echo(
            f"held out: {training['before']:.4f} before, {training['after']:.4f} after (step {training['best']:,})"
        )
    digest = facts["files"]["adapter_model.safetensors"]
    named = f", registered as {done['registered']}" if done["registered"] else ""
    click.echo(f"{done['path']}: {digest[:19]}…{named}")
