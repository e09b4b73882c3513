"""A profile on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from tamis.report.profile import Profile
from tamis.report.profile.facts import Count
from tamis.report.profile.words import accuracy, density, interval, share, top
from tamis.report.wording import clip, count, figure, percent, plural, size

SHOWN = 10
"""Sources, licences and languages listed."""


def show(p: Profile) -> None:
    """Everything but texts."""
    rows = p.rows
    shapes = f", read from {', '.join(p.shapes)}" if p.shapes else ""
    click.echo(f"{plural(rows['in'], 'record')} in {plural(p.files, 'file')} ({size(p.bytes)}): {p.kind}{shapes}")
    if p.lengths:
        low, some, middle, most, high = (figure(v) for v in p.lengths)
        click.echo(f"characters: median {middle}, 5–95% {some}–{most}, from {low} to {high}")
    twice = percent(rows["duplicates"] / rows["readable"]) if rows["readable"] else "0%"
    click.echo(f"exact duplicates: {count(rows['duplicates'])} ({twice})")
    near = f"{count(p.near.rows)} ({share(p.near.share)} of the rest)"
    if p.near.share.low is not None:
        near = f"{share(p.near.share)} of the rest ({interval(p.near.share)}), by {plural(p.near.of, 'record')} drawn together"
    click.echo(f"near-duplicates: {near}")
    click.echo(f"with listed words (profanity): {count(p.profanity.hit.rows)} ({percent(p.profanity.hit.share)})")
    for warning in p.warnings:
        click.echo(f"warning: {warning}")
    _table(("unreadable, by reason", "records", "share"), _rows(p.unreadable))
    _table(("source", "records", "share"), _rows(p.sources))
    _table(("licence", "records", "share"), _rows(p.licences))
    if p.languages:
        _table(("language", "records", "share"), _rows(p.languages.counts))
    _table(("would drop", "stays where", "records", "share"), _rules(p))
    if p.measured:
        click.echo(f"\nall four keep {count(p.passes)} of {count(p.measured)} ({percent(p.passes / p.measured)})")
    if p.private or p.topics:
        click.echo(f"\nin {accuracy(p)}{'' if p.sample.is_all else '; ranges hold the true figure 95 times in 100'}:")
    _table(("private data", "in a million words", "records with any"), _private(p))
    _table(("topic", "words that set it apart", "share"), _topics(p))
    for one in p.missing:
        click.echo(f"\n{one.section}: {one.why}")


def _rows(counts: Sequence[Count]) -> Iterable[tuple[str, str, str]]:
    """The most frequent, then the others as one row."""
    for c in top(counts, SHOWN):
        yield clip(c.name, 60) or "none declared", count(c.rows), percent(c.share)


def _rules(p: Profile) -> Iterable[tuple[str, str, str, str]]:
    for family in p.families:
        yield family.name, "", count(family.rows), percent(family.share)
        for rule in family.rules:
            if rule.rows:
                yield "  " + rule.name, rule.says, count(rule.rows), percent(rule.share)


def _private(p: Profile) -> Iterable[tuple[str, str, str]]:
    if p.private:
        for e in p.private.entities:
            rate, records = interval(e.per_million, 1), interval(e.records)
            yield (
                e.name,
                f"{density(e.per_million)}{f' ({rate})' if rate else ''}",
                f"{share(e.records)}{f' ({records})' if records else ''}",
            )


def _topics(p: Profile) -> Iterable[tuple[str, str, str]]:
    if p.topics:
        for t in p.topics.topics:
            yield str(t.number), clip(", ".join(t.terms), 60), share(t.share)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table, where there is anything to show: numbers to the right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tamis.report.visible import visible

    table = Table(*head, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in table.columns[-2:] if head[0] != "topic" else table.columns[-1:]:
        column.justify = "right"
    for row in rows:
        # Text: what stands in square brackets is no markup.
        table.add_row(*(Text(visible(cell).replace("\n", " ")) for cell in row))
    if table.row_count:
        click.echo()
        Console().print(table)
