"""The report as Markdown, for a pull request or a data card, and as one JSON object."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from tamis.report.facts import Histogram, StepFacts, Summary
from tamis.report.gather import gather
from tamis.report.sentences import headline, sources_line
from tamis.report.told import fact, in_words, meaning
from tamis.report.visible import visible
from tamis.report.wording import beside, figure, percent, setting, size
from tamis.report.yields import Asked, Yield, link_line, own_line, seeds_line
from tamis.runs import Run

FATES = {
    "kept": "kept",
    "dropped": "dropped",
    "quarantined": "set aside",
    "edited": "edited",
    "flagged": "flagged",
    "used": "used, stay",
}


def as_json(run: Run) -> dict[str, Any]:
    """Everything the report says, as JSON can hold it. All but `varies` is the same on every rerun."""
    return asdict(gather(run))


def markdown(run: Run) -> str:
    """The report as GitHub-flavoured Markdown. Names and texts of the data cannot break out of their places."""
    return "\n".join(_lines(gather(run))) + "\n"


def _lines(s: Summary) -> Iterator[str]:
    yield f"# {_text(s.name)}"
    yield f"\n{_text(headline(s))}\n"
    made = f" + {s.rows['derived']:,} derived" if s.rows.get("derived") else ""
    yield (
        "{in:,} in".format_map(s.rows)
        + made
        + " = {kept:,} kept + {dropped:,} dropped + {quarantined:,} set aside".format_map(s.rows)
        + (f" + {s.rows['erased']:,} erased\n" if s.rows.get("erased") else "\n")
    )
    if s.contract:
        kept = "kept" if s.contract["passed"] else "broken; " + "; ".join(s.contract["broken"])
        yield f"Contract {_text(s.contract['id'])}: {_text(kept)}\n"
    yield from (f"- **{_text(w)}**" for w in s.warnings + s.notes)
    yield "\n## Where the records went\n"
    head = ["Step", "Stage", "In", "Go on", "Dropped", "Set aside", "Edited"]
    rows = [_flow(step) for step in s.steps]
    if made:
        head.insert(3, "Derived")
        rows = [[*row[:3], f"{step.rows['derived']:,}", *row[3:]] for row, step in zip(rows, s.steps, strict=True)]
    yield from _table(head, "rl" + "r" * (len(head) - 2), rows)
    for one in s.made:
        yield from _made(one)
    yield f"\n## What each source lost\n\n{_text(sources_line(s))}\n"
    columns = ["In", "Kept", "Dropped", "Set aside", *(["Erased"] if s.rows.get("erased") else []), "Lost"]
    yield from _table(["Source", *columns], "l" + "r" * len(columns), _sources(s))
    for step in s.steps:
        if step.rules or step.facts:
            yield from _step(step)
    if s.lengths:
        yield "\n## How long the kept texts are\n"
        yield from _table(["", *_QUANTILES], "lrrrrr", [["characters of a record", *_quantiles(s.lengths)]])
    if s.aside:
        yield "\n## Set aside\n"
        first = [[a.rule, f"{a.rows:,}", r.where, r.message] for a in s.aside for r in a.first[:1]]
        yield from _table(["Rule", "Records", "The first", "Why"], "lrll", first)
    yield "\n## Files and versions\n"
    yield from _table(
        ["File", "Size", "sha256"],
        "lrl",
        ([f.get("path", f.get("file")), size(f["bytes"]), f["sha256"]] for f in s.inputs + s.files),
    )
    yield f"\nRecipe: `{s.digests['recipe']}`. Data: `{s.digests['data']}`, by:\n"
    yield "    grep ' data/' MANIFEST.sha256 | sha256sum\n"
    yield "Versions: " + _text(", ".join(f"{k} {v}" for k, v in s.versions.items())) + ".\n"
    yield "Varies: " + _text(", ".join(f"{k} {v}" for k, v in s.varies.items() if k != "inputs")) + "."


def _made(made: Yield) -> Iterator[str]:
    yield f"\n## Made by {_text(made.stage)}\n"
    gone = [["its own rules", own_line(made), f"{made.passed:,}"]]
    gone += [[left.stage, f"{left.gone:,}" if left.gone else "nothing", f"{left.left:,}"] for left in made.gate]
    rows = [["seeds", seeds_line(made), f"{made.seeds:,}"], ["rows made", "", f"{made.made:,}"], *gone]
    yield from _table(["", "What became of them, or what was taken", "Left"], "llr", rows)
    if made.asked:
        yield ""
        yield from _table(
            ["Asked for", "Of", "Requests", "Different", "Failed", "Tokens in", "Out", "Cost"],
            "llrrlrrr",
            map(_asked, made.asked),
        )
    if made.chain:
        yield "\nOne row, and what it was made of:\n"
        yield from _table(["Record", "Where from"], "ll", ([link.record_id, link_line(link)] for link in made.chain))


def _asked(asked: Asked) -> list[str]:
    failed = ", ".join(f"{reason} {n:,}" for reason, n in asked.failed)
    counts = (f"{n:,}" for n in (asked.requests, asked.different))
    return [asked.purpose, asked.model, *counts, failed, f"{asked.tokens_in:,}", f"{asked.tokens_out:,}", asked.cost]


def _flow(step: StepFacts) -> list[str]:
    r = step.rows
    return [
        str(step.step),
        step.stage,
        *(f"{n:,}" for n in (r["in"], r["kept"], r["dropped"], r["quarantined"], step.edited)),
    ]


def _sources(s: Summary) -> Iterator[list[str]]:
    for row in s.sources:
        name = row.source if row.sources == 1 else f"{row.sources:,} other sources"
        yield [name, *(f"{n:,}" for n in row.rows.values()), percent(row.lost)]


_QUANTILES = ["Min", "5%", "Median", "95%", "Max"]


def _quantiles(histogram: Histogram) -> list[str]:
    return [figure(q) for q in histogram.quantiles]


def _step(step: StepFacts) -> Iterator[str]:
    yield f"\n## {step.step}. {_text(step.stage)}\n"
    if step.params:
        yield "Settings: " + _text(", ".join(f"{k}={setting(v)}" for k, v in step.params.items())) + "\n"
    measured = {limit.rule: m.histogram for m in step.measures for limit in m.limits}
    rules = (
        [
            r.id,
            r.stays or r.says,
            f"{r.rows:,} {FATES[r.fate]}",
            percent(r.share),
            "" if r.beyond is None else f"{r.beyond:,}",
        ]
        + (_quantiles(measured[r.id])[1:4] if r.id in measured else [""] * 3)
        for r in step.rules
    )
    yield from _table(["Rule", "Stays where", "Records", "Share", "Alone", *_QUANTILES[1:4]], "llrrrrrr", rules)
    if step.facts:
        yield ""
        told = ([in_words(name), fact(value), meaning(name)] for name, value in step.facts.items())
        yield from _table(["How it went", "", "That is"], "lrl", told)
    shown = [
        [r.id, beside(e.value, r.threshold) if r.stays else "", e.id or e.origin, e.record_id, e.text or ""]
        for r in step.rules
        for e in r.examples[:1]
    ]
    if shown and step.step:
        yield ""
        yield from _table(["For example", "Value", "Record", "record_id", "Text"], "lrlll", shown)


def _table(head: Sequence[str], sides: str, rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """A table; `sides` says l or r for each column."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "|".join({"l": " --- ", "r": " ---: "}[side] for side in sides) + "|"
    for row in rows:
        yield "| " + " | ".join(_text(str(cell)) for cell in row) + " |"


def _text(text: str) -> str:
    """`text` on one line, with nothing in it that Markdown or HTML would read."""
    flat = " ".join(str(visible(text)).split())
    return re.sub(r"([\\`*_{}\[\]<>|#~&$])", r"\\\1", flat)
