"""What two versions differ in: records and the reasons, sources, licences, promises, and what each rule took."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from tamis.report.origins import Licence, Licences, by_source, licences, totals
from tamis.report.promises import Promise, Promises, promises
from tamis.snapshot import Snapshot
from tamis.snapshot.diff import Difference

MOST_WHY = 200_000
"""Records that differ whose reasons are looked up: a row of the ledger for each."""

MOST = 40
"""Rows of a table; what is beyond is counted."""


@dataclass(frozen=True)
class Why:
    """How many records differ for one reason; `rule` is the stage and rule that decided, "" where none did."""

    change: str
    reason: str
    rule: str
    records: int


@dataclass(frozen=True)
class Pair:
    """Something with its number before and after; None: it was not there."""

    name: str
    before: int | None
    after: int | None

    @property
    def by(self) -> int:
        """How much more there is after."""
        return (self.after or 0) - (self.before or 0)


@dataclass(frozen=True)
class Changes:
    """What differs from one version to another.

    counts  records added, removed and changed        erased  of those before, how many were erased since
    why     reasons, the most frequent first of each change; None: too many records differ to look each up
    facts   what else snapshot.json says otherwise: name, before, after, in words
    """

    before: str
    after: str
    rows: tuple[int, int]
    counts: dict[str, int]
    erased: int
    why: tuple[Why, ...] | None
    more_why: int
    facts: tuple[tuple[str, str, str], ...]

    @property
    def differ(self) -> int:
        """Records that differ."""
        return sum(self.counts.values())


def changes(found: Difference) -> Changes:
    """What `found` comes to."""
    few = sum(found.counts.values()) <= MOST_WHY
    why = [Why(r["change"], r["reason"], _rule(r), r["records"]) for r in found.reasons()] if few else None
    return Changes(
        before=found.a.ref,
        after=found.b.ref,
        rows=(sum(found.a.splits.values()), sum(found.b.splits.values())),
        counts=found.counts,
        erased=found.erased,
        why=None if why is None else tuple(why[:MOST]),
        more_why=0 if why is None else len(why[MOST:]),
        facts=tuple((name, _said(before), _said(after)) for name, (before, after) in found.facts.items()),
    )


def sources(a: Snapshot, b: Snapshot) -> tuple[tuple[Pair, ...], int]:
    """Records of each source before and after, the largest difference first, and how many sources are left out."""
    was, now = (totals(by_source(s)) for s in (a, b))
    joined = now.rename_columns(["source", "after"]).join(
        was.rename_columns(["source", "before"]), "source", join_type="full outer"
    )
    by = pc.subtract(pc.fill_null(joined["after"], 0), pc.fill_null(joined["before"], 0))
    joined = joined.append_column("by", pc.abs(by))
    order = [("by", "descending"), ("after", "descending"), ("source", "ascending")]
    first = joined.sort_by(order).slice(0, MOST).to_pylist()
    return tuple(Pair(row["source"], row["before"], row["after"]) for row in first), max(0, len(joined) - MOST)


def licence_rows(a: Licences | None, b: Licences | None) -> tuple[tuple[Pair, ...], int]:
    """Records of each licence before and after, as `sources`."""
    was, now = ({_called(g): g.rows for g in found.groups} if found else {} for found in (a, b))
    return _pairs(was, now)


def taken(a: Snapshot, b: Snapshot) -> tuple[tuple[Pair, ...], int]:
    """Records that each rule decided about in the run of each version, as `sources`."""
    return _pairs(_taken(a), _taken(b))


def checks(a: Promises | None, b: Promises | None) -> tuple[tuple[str, Promise | None, Promise | None], ...]:
    """Checks that came out otherwise, or are in one contract alone: id, before, after."""
    was, now = ({check.id: check for check in found.checks} if found else {} for found in (a, b))
    ids = dict.fromkeys([*now, *was])
    return tuple((id, was.get(id), now.get(id)) for id in ids if _outcome(was.get(id)) != _outcome(now.get(id)))


def both(a: Snapshot, b: Snapshot) -> dict[str, Any]:
    """Promises and licences of both versions, read once."""
    return {"promises": (promises(a), promises(b)), "licences": (licences(a), licences(b))}


def _outcome(check: Promise | None) -> tuple[Any, ...] | None:
    return None if check is None else (check.result, check.value)


def _taken(snapshot: Snapshot) -> dict[str, int]:
    run = json.loads(snapshot.evidence("run.json") or b"{}")
    found: Counter[str] = Counter()
    for step in run.get("steps", []):
        for reason in step["reasons"]:
            found[f"{step['stage']} {reason['rule']} ({reason['fate']})"] += reason["rows"]
    return dict(found)


def _pairs(was: Mapping[str, int], now: Mapping[str, int]) -> tuple[tuple[Pair, ...], int]:
    every: Iterable[str] = dict.fromkeys([*now, *was])
    found = [Pair(name, was.get(name), now.get(name)) for name in every]
    found.sort(key=lambda pair: (-abs(pair.by), -(pair.after or 0), pair.name))
    return tuple(found[:MOST]), len(found[MOST:])


def _called(group: Licence) -> str:
    own = group.declared or "none declared"
    return f"{own}, made of {', '.join(n or 'none known' for n in group.inherited)}" if group.inherited else own


def _rule(row: Mapping[str, Any]) -> str:
    return f"{row['stage']} {row['rule']}" if row["stage"] else ""


def _said(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, dict):
        told = (f"{name} {_short(inner)}" for name, inner in value.items())
        return ", ".join(told) or "none"
    return _short(value)


def _short(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    text = str(value)
    return f"{text[:12]}…" if len(text) == 64 and set(text) <= set("0123456789abcdef") else text
