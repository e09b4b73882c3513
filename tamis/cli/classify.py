"""`tamis classify`: train a classifier from two samples, and show one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tamis.errors import InputError


@click.group("classify")
def command() -> None:
    """Train a classifier from two samples of rows, for the stage classify@1.

    \b
    Example:
        tamis classify train --positive good.jsonl --negative crawl.jsonl -o quality.model
    """


@command.command("train")
@click.option(
    "--positive", multiple=True, required=True, metavar="DATA", help="Rows it should find; may be given again."
)
@click.option(
    "--negative", multiple=True, required=True, metavar="DATA", help="Rows it should not; may be given again."
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="File to write.")
@click.option("--on", multiple=True, metavar="FIELD", help="Field of text; may be given again.  [default: all]")
@click.option("--held-out", type=float, default=0.2, show_default=True, help="Share of each sample it is measured by.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed holds out other rows.")
@click.option("--bits", type=int, default=18, show_default=True, help="2**bits weights of either sort.")
@click.option("--max-rows", type=int, default=50_000, show_default=True, help="Of each sample, at most.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--quiet", is_flag=True, help="Print nothing.")
def train_command(
    positive: tuple[str, ...],
    negative: tuple[str, ...],
    output: Path,
    on: tuple[str, ...],
    held_out: float,
    seed: int,
    bits: int,
    max_rows: int,
    as_json: bool,
    quiet: bool,
) -> int:
    """Train a classifier that tells rows of one sample from rows of another, and say how good it is on rows held out.

    \b
    Example:
        tamis classify train --positive good.jsonl --negative crawl.jsonl -o quality.model
    """
    from tamis.curate.classify import train
    from tamis.curate.classify.model import check_place

    check_place(output)
    found = train(positive, negative, on=on or None, held_out=held_out, seed=seed, bits=bits, max_rows=max_rows)
    digest = found.write(output)
    _show(output, digest, found.card, as_json, quiet)
    return 0


@command.command("show")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(model: Path, as_json: bool) -> int:
    """Show what a classifier was trained on and how good it was.

    \b
    Example:
        tamis classify show quality.model
    """
    from tamis.curate.classify.model import read

    found = read(model)
    _show(model, found.digest, found.card, as_json, False)
    return 0


def _show(path: Path, digest: str, card: dict[str, Any], as_json: bool, quiet: bool) -> None:
    if as_json:
        from tamis.cli.show import print_json

        print_json({"model": str(path), "sha256": digest, **card})
    elif not quiet:
        try:
            lines = _lines(path, digest, card)
        except (KeyError, TypeError, ValueError, AttributeError) as missing:
            raise InputError(
                f"{path} does not say how it was trained ({missing}); --json shows what it does say"
            ) from None
        click.echo("\n".join(lines))


def _lines(path: Path, digest: str, card: dict[str, Any]) -> list[str]:
    good, samples = card["held_out"], card["samples"]
    low, high = good["auc_interval"]
    kinds = [s["kind"] for s in samples.values()]
    lines = [
        f"{path}  sha256 {digest[:16]}",
        *(
            f"{name}: {s['read']:,} rows, {s['used']:,} different texts used"
            + (f", {s['unreadable']:,} could not be read" if s["unreadable"] else "")
            for name, s in samples.items()
        ),
        *([_in_both(card["in_both"])] if card["in_both"] else []),
        *([_two_kinds(*kinds)] if len(set(kinds)) > 1 else []),
        f"trained on {card['trained_on']:,} texts, held out {good['rows']:,}: "
        f"AUC {good['auc']:.4f} ({low:.4f} to {high:.4f})",
        f"Brier score {good['brier']:.4f} (saying the share: {good['brier_of_share']:.4f}), "
        f"chances are off by {good['calibration_error']:.4f} on average",
        "",
        "chance       rows   mean  share of positive",
        *(
            f"{b['from']:.1f}–{b['to']:.1f}  {b['rows']:>8,}  {b['chance']:.3f}  {b['share']:.3f}"
            for b in good["reliability"]
        ),
        "",
        "threshold  positive kept  negative kept",
        *(f"{k['threshold']:>9}  {k['positive']:>13.1%}  {k['negative']:>13.1%}" for k in good["kept"]),
    ]
    return lines


def _two_kinds(positive: str, negative: str) -> str:
    return f"the rows of one are of the kind {positive}, of the other {negative}: it may have learnt the form alone"


def _in_both(count: int) -> str:
    are = ("is", "was") if count == 1 else ("are", "were")
    return f"{count:,} text{'s' * (count > 1)} {are[0]} in both samples and {are[1]} left out"
