"""The page of two versions side by side: which records differ and why, and what else does."""

from __future__ import annotations

from tamis.report.changes import both, changes, checks, licence_rows, sources, taken
from tamis.report.sheet import STYLES
from tamis.report.templates import render
from tamis.report.wording import plural
from tamis.snapshot.diff import Difference


def comparison_page(found: Difference) -> str:
    """The page about `found`. Equal differences give equal pages."""
    known, changed = both(found.a, found.b), changes(found)
    return render(
        "comparison.html.j2",
        STYLES,
        a=found.a,
        b=found.b,
        c=changed,
        headline=_headline(found, changed.differ),
        promises=known["promises"],
        checks=checks(*known["promises"]),
        tables=(
            ("sources", "What each source has", "Source", *sources(found.a, found.b)),
            ("licences", "What is under which licence", "Licence", *licence_rows(*known["licences"])),
            ("rules", "What each rule took", "Rule", *taken(found.a, found.b)),
        ),
    )


def _headline(found: Difference, differ: int) -> str:
    if not differ:
        erased = ", but for those that were erased" if found.erased else ""
        return f"{found.b.ref} has the same records as {found.a.ref}{erased}."
    counts = found.counts
    stayed = sum(found.b.splits.values()) - counts["added"] - counts["changed"]
    return (
        f"{plural(counts['added'], 'record')} added, {counts['removed']:,} removed, {counts['changed']:,} changed; "
        f"{stayed:,} are as they were."
    )
