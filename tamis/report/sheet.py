"""The page of a snapshot: what it promises, what it was made of, what its licences permit, and what changed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tamis.report import kin as kinship
from tamis.report.changes import Changes, changes
from tamis.report.draw import outlet, widest
from tamis.report.drawn import drawn
from tamis.report.facts import StepFacts
from tamis.report.gather import step_facts
from tamis.report.kin import Kin, kin
from tamis.report.origins import Licences, Origin, by_source, licences, origins
from tamis.report.promises import Promises, promises
from tamis.report.templates import render
from tamis.report.wording import percent, plural
from tamis.snapshot import Snapshot, Store
from tamis.snapshot.diff import diff

STYLES = ("page.css", "sheet.css")


@dataclass(frozen=True)
class Sheet:
    """Everything the page says. `rows` are those of the run (in, kept, …), and of the snapshot by split."""

    id: str
    name: str
    version: str
    ref: str
    kind: str
    created: str
    root: str
    splits: dict[str, int]
    books: dict[str, int]
    promises: Promises | None
    steps: tuple[StepFacts, ...]
    sources: tuple[Origin, ...]
    licences: Licences | None
    kin: Kin
    changes: Changes | None
    parents: tuple[str, ...]
    facts: dict[str, Any]
    documents: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Records in all splits."""
        return sum(self.splits.values())


def snapshot_page(snapshot: Snapshot, store: Store | None = None) -> bytes:
    """The page about `snapshot`. Never raises: the last thing a freeze writes must not undo it.

    store  where versions before and after it, what was made of it and models are looked up; None: nowhere
    """
    return drawn(lambda: render_sheet(sheet(snapshot, store)), "The snapshot is whole, but its report", "snapshot.json")


def sheet(snapshot: Snapshot, store: Store | None = None) -> Sheet:
    """All that the page says of `snapshot`."""
    facts, notes = snapshot.facts, []
    run = json.loads(snapshot.evidence("run.json") or b"{}")
    sources = origins(by_source(snapshot))
    parents = tuple(str(id) for id in facts.get("parents", []))
    changed = None
    if parents and store is not None:
        entry = store.entry(parents[0])
        if entry is not None and entry.state == "withdrawn":
            notes.append(
                f"Records were erased from the version before, {entry.name}@{entry.version}: its data is gone."
            )
        elif entry is None or entry.state != "live":
            notes.append("The version before is not in this store any more: what changed since cannot be told.")
        else:
            changed = changes(diff(Snapshot(entry.path), snapshot))
    return Sheet(
        id=snapshot.id,
        name=snapshot.name,
        version=snapshot.version,
        ref=snapshot.ref,
        kind=snapshot.kind,
        created=str(facts["created"]),
        root=snapshot.root.hex(),
        splits=snapshot.splits,
        books={name: int(n) for name, n in (facts.get("conservation") or {}).items()},
        promises=promises(snapshot),
        steps=tuple(step_facts(step) for step in run.get("steps", [])),
        sources=sources,
        licences=licences(snapshot),
        kin=kin(snapshot, sources, store),
        changes=changed,
        parents=parents,
        facts=facts,
        documents=tuple(sorted(p.name for p in snapshot.path.iterdir() if p.is_file() and p.name not in _OWN)),
        notes=tuple(notes),
    )


_OWN = frozenset({"snapshot.json", "MANIFEST.sha256", "leaves.parquet", "lineage.parquet", "report.html"})


def render_sheet(found: Sheet) -> str:
    """The page. Equal sheets give equal pages."""
    return render(
        "snapshot.html.j2",
        STYLES,
        s=found,
        headline=headline(found),
        warnings=warnings(found),
        wide=kinship.wide(found.kin),
        narrow=kinship.narrow(found.kin),
        told=kinship.facts(found.kin),
        outlet=outlet(found.steps),
        widest=widest(found.steps),
    )


def headline(found: Sheet) -> str:
    """What it is, in a sentence or two."""
    splits = f" in {len(found.splits)} splits" if len(found.splits) > 1 else ""
    sources = sum(s.sources for s in found.sources)
    of = f" from {plural(sources, 'source')}" if sources else ""
    parts = [f"{plural(found.rows, 'record')}{splits}{of}."]
    if found.promises is None:
        parts.append("No contract says what it promises.")
    else:
        kept = "keep" if found.promises.passed else "break"
        parts.append(f"They {kept} a contract of {plural(len(found.promises.checks), 'check')}.")
    if found.licences and found.rows:
        free = sum(g.rows for g in found.licences.groups if g.permits["use"] == "any")
        parts.append(f"{percent(free / max(1, sum(g.rows for g in found.licences.groups)))} permit any use.")
    if found.changes:
        c = found.changes.counts
        said = ", ".join(f"{n:,} {name}" for name, n in c.items()) if found.changes.differ else "no record differs"
        parts.append(f"Since {found.changes.before}: {said}.")
    return " ".join(parts)


def warnings(found: Sheet) -> tuple[str, ...]:
    """What is to be read first."""
    told = list(found.notes)
    if found.promises is None:
        told.append("It has no contract: nothing was promised, and nothing was checked.")
    elif not found.promises.passed:
        told.append(f"It breaks its contract, {found.promises.id} {found.promises.version}.")
    else:
        warned = [check for check in found.promises.checks if check.result not in ("passed", "skipped")]
        told += [f"{check.id}: {check.found}" for check in warned[:5]]
    if found.licences:
        told += [
            f"{plural(c['rows'], 'record')} under licences that do not go together: {c['says']}"
            for c in found.licences.conflicts[:5]
        ]
    if erased := found.facts.get("tombstones"):
        told.append(f"{plural(int(erased), 'record')} were erased from it: their places in the tree are tombstones.")
    return tuple(told)
