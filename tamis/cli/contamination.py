"""`tamis contamination`: which evaluation items stand in training data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

EXCERPT = 100
"""Code points of an item shown."""


@click.command("contamination")
@click.argument("train", metavar="TRAIN")
@click.argument("evals", nargs=-1, required=True, metavar="EVAL...")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write contamination.parquet: a file or a folder."
)
@click.option(
    "--field", "fields", multiple=True, metavar="OURS=THEIRS", help="Field of EVAL: question=prompt. Repeatable."
)
@click.option("--train-field", "train_fields", multiple=True, metavar="OURS=THEIRS", help="Likewise, of TRAIN.")
@click.option("--fuzzy", is_flag=True, help="Find items in spite of small edits.")
@click.option("--min-run", type=float, default=0.8, show_default=True, help="Share of an item in one run.")
@click.option("--show", type=click.IntRange(0), default=1, show_default=True, help="Dirty items to show of each set.")
@click.option("--workers", type=click.IntRange(1), help="Threads.  [default: one for every processor]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    train: str,
    evals: tuple[str, ...],
    output: Path | None,
    fields: tuple[str, ...],
    train_fields: tuple[str, ...],
    fuzzy: bool,
    min_run: float,
    show: int,
    workers: int | None,
    as_json: bool,
) -> int:
    """Say which items of the evaluation sets EVAL stand in TRAIN (files, folders or globs), and where. Nothing is changed.

    TRAIN may be an evaluation set, too. Where TRAIN is damaged, what is said is of what could be read, and the exit code is 3;
    a damaged EVAL is refused.

    \b
    Example:
        tamis contamination train.jsonl gsm8k_test.jsonl svamp_test.jsonl -o contamination.parquet
    """
    from tamis.cli.lean import lean

    lean()
    import os

    from tamis.curate.decontam import Decontam, scan

    stage = Decontam(evals, _mapping("--field", fields), fuzzy=fuzzy, min_run=min_run, action="flag")
    found = scan([train], stage, workers or os.cpu_count() or 1, _mapping("--train-field", train_fields))
    if output:
        output = _write(output, found.table)
    if as_json:
        _print_json(found, output)
    else:
        _print(found, show, stage)
        if output:
            click.echo(f"written: {output}")
    if found.damage:
        click.echo(
            f"tamis: this is of a part of the training data: it is damaged, and what could be read of it was: "
            f"{'; '.join(found.damage)}. Items may stand in the rest: copy it again from where it is whole",
            err=True,
        )
    return 3 if found.damage else 0


def _mapping(option: str, pairs: Sequence[str]) -> dict[str, str | None] | None:
    for pair in pairs:
        if "=" not in pair:
            raise click.UsageError(f"{option} {pair!r}: OURS=THEIRS was wanted, as in question=prompt")
    return {pair.partition("=")[0]: pair.partition("=")[2] for pair in pairs} or None


def _write(output: Path, table: Any) -> Path:
    from tamis.data import write_parquet
    from tamis.data.disk import disk_errors

    place = output if output.suffix == ".parquet" and not output.is_dir() else output / "contamination.parquet"
    with disk_errors(place):
        place.parent.mkdir(parents=True, exist_ok=True)
    write_parquet(place, table.to_batches(), table.schema)
    return place


def _print_json(found: Any, output: Path | None) -> None:
    from tamis.cli.show import print_json
    from tamis.report.contamination import lines

    sets = {line.eval: {k: v for k, v in line._asdict().items() if k != "eval"} for line in lines(found.table)}
    for name, refused in found.refused_items.items():
        sets[name]["unreadable"] = refused
    records = {"read": found.records, "unreadable": found.refused, "touched": found.touched, "flagged": found.flagged}
    damage = {"damage": found.damage} if found.damage else {}
    print_json({"records": records, "evals": sets, "written": output and str(output), **damage})


def _print(found: Any, show: int, stage: Any) -> None:
    from tamis.data.unread import told
    from tamis.report.contamination import lines, worst
    from tamis.report.wording import count, percent, plural

    share = percent(found.touched / found.records) if found.records else "0%"
    also = f"; {count(found.flagged)} more have a short item whole, maybe by chance" if found.flagged else ""
    click.echo(
        f"{plural(found.records, 'record')}, {count(found.touched)} ({share}) with an evaluation item in them{also}"
    )
    listed = lines(found.table)
    width = max(10, *(len(line.eval) for line in listed))
    heads = ("items", "dirty", "share", "answer too", "too short", "clean")
    click.echo(f"\n{'evaluation':<{width}}" + "".join(f"  {head:>10}" for head in heads))
    for line in listed:
        cells = (line.items, line.dirty, percent(line.dirty / line.items), line.answers, line.too_short, line.clean)
        click.echo(f"{line.eval:<{width}}" + "".join(f"  {c if isinstance(c, str) else count(c):>10}" for c in cells))
    for name, refused in {"the training data": found.refused, **found.refused_items}.items():
        if refused:
            click.echo(f"{plural(refused, 'line')} of {name} could not be read")
    if found.unread_items:
        said = told(sum(found.refused_items.values()), found.unread_items)
        click.echo(f"nothing was held against what could not be read of the evaluation sets: {said}")
    for item in worst(found.table, show):
        click.echo(f"\n{_evidence(item, found.names)}\n  {_excerpt(item, stage)}")


def _evidence(item: dict[str, Any], names: dict[bytes, str]) -> str:
    """`gsm8k:17 in math:204, user text: 45 of 45 words in a row, the answer too`"""
    where = names.get(item["record_id"], item["record_id"].hex())
    said = f"{item['eval']}:{item['id']} in {where}"
    if item["rule"] == "url":
        return f"{said}: found on the same page"
    words = f"{item['longest']:,} of {item['words']:,} words of its {item['field']} in a row"
    if item["containment"] is not None:
        words += f", {item['containment']:.0%} of its n-grams"
    return f"{said}: {words}" + (", the answer close by" if item["answer"] else "")


def _excerpt(item: dict[str, Any], stage: Any) -> str:
    import pyarrow.compute as pc

    if item["rule"] == "url":
        return ""
    items = stage.index.items.table
    own = items.filter(pc.and_(pc.equal(items["eval"], item["eval"]), pc.equal(items["id"], item["id"])))
    text = (own.column(item["field"])[0].as_py() or "")[item["item_start"] : item["item_end"]]
    text = " ".join(text.split())
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"
