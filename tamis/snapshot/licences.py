"""What licences of a record and of all it was made of come to, and where they do not go together.

A record's own licence is what was declared of it; beside it stand those of its ancestors: a summary of a text that may not
be sold may not be sold either, whatever its own row says. A way to find what to look at, and no legal advice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tamis.errors import GateError
from tamis.licenses import Permissions, choices, permissions, permissions_of_all, standing_conflict
from tamis.licenses.permissions import TRAINING, USES, together

EXAMPLES = 5
"""Records that a conflict names."""

RULES = {
    "no_derivatives": "made of a record whose licence lets nobody pass changed versions on",
    "use": "declares more uses than what it was made of permits",
    "attribution": "declares a licence without attribution, and was made of records that ask for it",
    "share_alike": "was made of records that all built with them must come under, and declares another licence",
    "incompatible": "no licence satisfies all that it is made of",
    "training": "was made of records whose licence shuts AI training out, and declares one that does not",
    "unknown_ancestor": "was made of records whose licence nobody knows",
    "text": "its text names a licence that permits less than the one declared",
}
"""Conflicts, by name."""


class Group(NamedTuple):
    """Records with the same licence of their own and the same ones behind them; None: none is declared, or known."""

    declared: str | None
    inherited: tuple[str | None, ...]
    """in order of name; empty where they were made of nothing"""

    @property
    def permits(self) -> Permissions:
        """What its own licence and all behind it permit at once; its own is left out where it has none and others do."""
        own = [] if self.declared is None and self.inherited else [self.declared]
        return permissions_of_all([*own, *self.inherited])


@dataclass
class Conflict:
    """Records that break one of RULES in one way: how many, and the ids of some."""

    rule: str
    says: str
    rows: int = 0
    records: list[str] = field(default_factory=list)


@dataclass
class Licences:
    """Licences of all records of a snapshot: how many there are of each group, and what does not go together."""

    groups: dict[Group, int] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """snapshots that hold parents and could not be read"""
    erased: list[str] = field(default_factory=list)
    """snapshots that some were made of as a whole, and that records were erased from"""

    @property
    def notes(self) -> list[str]:
        """What no record is wrong about by itself, and whoever passes all of them on as one should know."""
        families = frozenset(f for group in self.groups for f in group.permits.share_alike)
        rows: dict[str, int] = {}
        for group, count in self.groups.items():
            rows[group.permits.use] = rows.get(group.permits.use, 0) + count
        found = [
            f"{rows[use]:,} of {sum(rows.values()):,} records permit {use} use only"
            for use in ("restricted", "noncommercial", "research")
            if use in rows
        ]
        if rows.get("unknown"):
            found.append(f"of {rows['unknown']:,} records nobody knows what they permit: missing does not mean free")
        if len(families) > 1 and not together(families):
            names = ", ".join(sorted(families))
            found.append(
                f"records under {names} can lie side by side, but not be made one work: no licence is open to all"
            )
        found += [f"parents in {id} could not be looked up: no such snapshot here" for id in self.missing]
        return found + [
            f"records were erased from {id}, which all of it was made of: the licences of those are not known any more"
            for id in dict.fromkeys(self.erased)
        ]

    def facts(self) -> dict[str, Any]:
        """As JSON can hold it; most records first."""
        return {
            "evidence": {
                "declared": sum(n for g, n in self.groups.items() if g.declared is not None),
                "inferred": sum(n for g, n in self.groups.items() if g.declared is None and g.inherited),
                "none": sum(n for g, n in self.groups.items() if g.declared is None and not g.inherited),
            },
            "groups": [
                {"rows": n, "declared": g.declared, "inherited": list(g.inherited), "permits": g.permits.facts()}
                for g, n in sorted(self.groups.items(), key=lambda item: (-item[1], str(item[0])))
            ],
            "conflicts": [vars(conflict) for conflict in self.conflicts],
            "notes": self.notes,
        }


def demand(found: Licences) -> None:
    """Raises GateError where licences do not go together."""
    if found.conflicts:
        first = found.conflicts[0]
        more = f"; and {len(found.conflicts) - 1} more conflicts" if found.conflicts[1:] else ""
        raise GateError(
            f"licences do not go together, and --licenses strict wants them to: {first.rows:,} records, as "
            f"{first.records[0] if first.records else '?'}: {RULES[first.rule]} ({first.says}){more}; "
            "freeze without it, and `tamis licenses` names all"
        )


def broken(group: Group) -> list[tuple[str, str]]:
    """Rules that records of `group` break, each with what is wrong."""
    known = [name for name in group.inherited if permissions(name).use != "unknown"]
    below = permissions_of_all(known)
    made = f"made of {', '.join(n for n in group.inherited if n)}"
    found = []
    if reason := standing_conflict(group.permits):
        found.append(("incompatible", reason))
    if len(known) < len(group.inherited):
        found.append(("unknown_ancestor", "a record it was made of has no licence that is known"))
    if not below.derivatives:
        found.append(("no_derivatives", made))
    if group.declared is None or not known:
        return found
    # Where a choice was declared, the way that contradicts least of what it was made of is meant.
    wrong = min((_contradicts(own, below) for own in choices(group.declared)), key=len)
    return found + [(rule, f"declared {group.declared}, {made}{why}") for rule, why in wrong]


def _contradicts(own: Permissions, below: Permissions) -> list[tuple[str, str]]:
    """Rules that a record under `own` breaks that was made of records under `below`, and why."""
    found = []
    if USES.index(own.use) < USES.index(below.use):
        found.append(("use", f": {below.use} use only"))
    if below.attribution and not own.attribution:
        found.append(("attribution", ""))
    if below.share_alike and (common := together(below.share_alike)) and not own.share_alike & common:
        found.append(("share_alike", f": it must be under {' or '.join(sorted(common))}"))
    if below.ai_training == "no" and own.ai_training != "no":
        found.append(("training", ""))
    return found


def permits_less(found: str, declared: str | None) -> bool:
    """Whether a licence that a text names permits less than the one declared of it."""
    named, own = permissions(found), permissions(declared)
    if own.use == "unknown" or named.use == "unknown":
        return False
    narrower = (
        USES.index(named.use) > USES.index(own.use),
        own.derivatives and not named.derivatives,
        bool(named.share_alike - own.share_alike),
        TRAINING.index(named.ai_training) > TRAINING.index(own.ai_training),
    )
    return any(narrower)


def judged(
    groups: Iterable[tuple[Group, int, list[str]]], missing: Sequence[str], erased: Sequence[str] = ()
) -> Licences:
    """Groups, their numbers of records and some of their ids, with what is wrong with them."""
    found = Licences(missing=list(missing), erased=list(erased))
    wrong: dict[tuple[str, str], Conflict] = {}
    for group, rows, records in groups:
        found.groups[group] = found.groups.get(group, 0) + rows
        for rule, says in broken(group):
            conflict = wrong.setdefault((rule, says), Conflict(rule, says))
            conflict.rows += rows
            conflict.records = (conflict.records + records)[:EXAMPLES]
    order = list(RULES)
    found.conflicts = sorted(wrong.values(), key=lambda c: (order.index(c.rule), -c.rows, c.says))
    return found
