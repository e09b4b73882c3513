"""From a run's folder to all that a report says: a pure function, the same for HTML, Markdown and JSON."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from tamis.report.aside import first_rows
from tamis.report.erased import FATES, Gone, erased
from tamis.report.examples import Key, examples
from tamis.report.facts import Aside, Example, Reason, RuleFacts, SourceFacts, StepFacts, Summary
from tamis.report.measures import Alone, Measured, measured
from tamis.report.texts import Texts
from tamis.report.yields import yields
from tamis.runs import Run

MOST_SOURCES = 30
MOST_FILES = 200
"""Rows of a table; what is beyond is told as one row."""

T = TypeVar("T")


def gather(run: Run) -> Summary:
    """Everything a report says of `run`. A part of the run that cannot be read is told in `notes`, never raised."""
    facts = run.facts
    notes: list[str] = []
    texts = _try(notes, "texts", lambda: Texts(run))
    numbers = _try(notes, "scores", lambda: measured(run)) or Measured({}, {})
    shown = _try(notes, "verdicts", lambda: examples(run, texts) if texts else {}) or {}
    aside = _try(notes, "quarantine", lambda: first_rows(run)) or {}
    made = _try(notes, "what was made", lambda: yields(run)) or ()
    gone = _try(notes, "what was erased", lambda: erased(run)) or {}
    environment = _try(notes, "env.json", lambda: json.loads((run.path / "env.json").read_bytes())) or {}
    steps = tuple(_step(step, numbers, shown) for step in facts["steps"])
    # Steps tell of the run as it was made: of all that were set aside, those among them that were erased since.
    aside_once = sum(s["rows"]["quarantined"] for s in facts["steps"])
    return Summary(
        name=facts["name"],
        kind=facts["kind"],
        tamis=facts["tamis"],
        rows=facts["rows"],
        shapes=facts["shapes"],
        warnings=tuple(facts["warnings"]),
        contract=facts.get("contract"),
        digests={"recipe": facts["recipe"]["sha256"], "data": _data_digest(facts["files"])},
        steps=steps,
        sources=_sources(facts["sources"], gone if facts["rows"].get("erased") else None),
        lengths=texts.lengths() if texts else None,
        aside=tuple(
            Aside(
                s.step,
                s.stage,
                r.rule,
                r.anchor,
                r.rows,
                r.rows / max(1, aside_once),
                aside.get((s.step, r.rule), ()),
            )
            for s in steps
            for r in s.reasons
            if r.fate == "quarantined"
        ),
        inputs=tuple(facts["inputs"][:MOST_FILES]),
        files=tuple(facts["files"][:MOST_FILES]),
        versions=facts["versions"],
        environment=environment,
        varies=facts["varies"],
        notes=tuple(notes),
        made=made,
    )


def _try(notes: list[str], what: str, read: Callable[[], T]) -> T | None:
    """What `read` gives; where it fails, None and a note.

    Whatever it raises: the report is the last thing a run writes, and hours of work must not be lost to a drawing.
    """
    try:
        return read()
    except Exception as wrong:
        notes.append(f"{what} could not be read for this report: {type(wrong).__name__}: {wrong}")
        return None


def _data_digest(files: list[dict[str, Any]]) -> str:
    """sha256 of the lines of the manifest about data/."""
    lines = [f"{f['sha256']}  {f['path']}\n" for f in files if str(f["path"]).startswith("data/")]
    return hashlib.sha256("".join(sorted(lines, key=lambda line: line[66:])).encode()).hexdigest()


def step_facts(step: dict[str, Any]) -> StepFacts:
    """A step as run.json alone tells it: without what was measured, and without examples."""
    return _step(step, Measured({}, {}), {})


def _step(step: dict[str, Any], numbers: Measured, shown: dict[Key, tuple[Example, ...]]) -> StepFacts:
    k, reasons = step["step"], _reasons(step)
    return StepFacts(
        step=k,
        stage=step["stage"],
        anchor=f"step-{k}",
        params=step["params"],
        rows=step["rows"],
        edited=sum(r["rows"] for r in step["reasons"] if r["fate"] == "edited"),
        reasons=reasons,
        rules=_rules(step, reasons, numbers.alone, shown),
        measures=numbers.measures.get(k, ()),
        facts=step.get("facts", {}),
    )


def _reasons(step: dict[str, Any]) -> tuple[Reason, ...]:
    """Reasons with their records, most frequent first; an edit by several rules counts for each of them."""
    found: Counter[tuple[str, str]] = Counter()
    for reason in step["reasons"]:
        for rule in reason["rule"].split("+"):
            found[reason["fate"], rule] += reason["rows"]
    k, rows_in = step["step"], step["rows"]["in"]
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Reason(rule, _anchor(k, rule), fate, n, _share(n, rows_in)) for (fate, rule), n in ordered)


def _rules(
    step: dict[str, Any], reasons: tuple[Reason, ...], alone: dict[Key, Alone], shown: dict[Key, tuple[Example, ...]]
) -> tuple[RuleFacts, ...]:
    """Every rule of a step in the order in which it is asked, then what decided without being a rule of the stage."""
    by_rule: dict[str, tuple[str, int]] = {}
    for reason in reasons:
        by_rule[reason.rule] = (reason.fate, by_rule.get(reason.rule, ("", 0))[1] + reason.rows)
    told = {r["id"]: r for r in step["rules"]}
    return tuple(
        RuleFacts(
            id=rule,
            anchor=_anchor(step["step"], rule),
            fate=by_rule.get(rule, (_FATE_OF.get(told.get(rule, {}).get("action", ""), "edited"), 0))[0],
            says=told.get(rule, {}).get("says", ""),
            stays=_stays(told.get(rule, {})),
            threshold=told.get(rule, {}).get("threshold"),
            rows=by_rule.get(rule, ("", 0))[1],
            share=_share(by_rule.get(rule, ("", 0))[1], step["rows"]["in"]),
            beyond=alone[step["step"], rule].beyond if (step["step"], rule) in alone else None,
            measured=alone[step["step"], rule].measured if (step["step"], rule) in alone else None,
            examples=shown.get((step["step"], rule), ()),
        )
        for rule in [*told, *(r for r in by_rule if r not in told)]
    )


_FATE_OF = {"drop": "dropped", "quarantine": "quarantined", "review": "flagged"}

_SIGN = {">=": "≥", "<=": "≤", ">": ">", "<": "<", "==": "="}


def _stays(rule: dict[str, Any]) -> str:
    """The condition under which a record stays, as a formula."""
    if rule.get("keep") is None or rule.get("threshold") is None:
        return ""
    value = f"{rule.get('column')} / {rule['per']}" if rule.get("per") else str(rule.get("column"))
    return f"{value} {_SIGN[rule['keep']]} {rule['threshold']:,.6g}"


def _anchor(step: int, rule: str) -> str:
    """A name for links; it holds nothing that HTML or a URL would read differently."""
    return f"step-{step}-" + "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "_" for c in rule)


def _sources(sources: list[dict[str, Any]], gone: Gone | None) -> tuple[SourceFacts, ...]:
    """The largest sources, then the others as one. gone: None where no record was erased."""
    if gone is not None:
        sources = [_without(s, {fate: of.get(s["source"], 0) for fate, of in gone.items()}) for s in sources]
    ordered = sorted(sources, key=lambda s: (-s["in"], s["source"]))
    found = [_source(s["source"], [s]) for s in ordered[:MOST_SOURCES]]
    rest = ordered[MOST_SOURCES:]
    return tuple([*found, _source("", rest)] if rest else found)


def _source(name: str, of: list[dict[str, Any]]) -> SourceFacts:
    rows = {what: sum(s[what] for s in of) for what in ("in", *FATES, "erased") if what in of[0]}
    there = rows["in"] + sum(s.get("derived", 0) for s in of)
    return SourceFacts(name, rows, 1 - _share(rows["kept"], there) if there else 0.0, len(of))


def _without(source: dict[str, Any], gone: dict[str, int]) -> dict[str, Any]:
    """The tally of a source with the records that were erased counted as that, and not by the fate they had."""
    return {**source, **{fate: source[fate] - n for fate, n in gone.items()}, "erased": sum(gone.values())}


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
