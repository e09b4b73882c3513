"""What a run comes to, in a sentence or two."""

from __future__ import annotations

from tamis.report.facts import Summary
from tamis.report.wording import clip, percent, plural
from tamis.schemas.derived import USED


def headline(summary: Summary) -> str:
    """How many came, stayed and went, and what took the most."""
    rows = summary.rows
    if not rows["in"]:
        return "There were no records to read."
    made = rows.get("derived", 0)
    kept = f"{rows['kept']:,} kept ({percent(rows['kept'] / (rows['in'] + made))})."
    parts = [f"{plural(rows['in'], 'record')} in, " + (f"{made:,} derived, " if made else "") + kept]
    stay = ("edited", "flagged", "used")
    gone = [
        (r.rows, step.stage, r)
        for step in summary.steps
        for r in step.reasons
        if r.fate not in stay and not (r.rule == USED and step.rows.get("derived"))
    ]
    if gone:
        most, stage, reason = max(gone, key=lambda found: found[0])
        parts.append(f"{reason.rule} of {stage} took {'the most' if len(gone) > 1 else 'them'}: {most:,}.")
    if rows.get("erased"):
        parts.append(f"{plural(rows['erased'], 'record')} erased since.")
    edited = sum(step.edited for step in summary.steps)
    if edited:
        parts.append(f"Texts were edited {edited:,} times." if edited > 1 else "One text was edited.")
    return " ".join(parts)


def sources_line(summary: Summary) -> str:
    """Which source lost the largest share."""
    named = [s for s in summary.sources if s.sources == 1 and s.rows["in"]]
    if not named:
        return "No source had records."
    whole = 1 - summary.rows["kept"] / max(1, summary.rows["in"] + summary.rows.get("derived", 0))
    # A source of a few records says little by its share.
    large = [s for s in named if s.rows["in"] >= 0.01 * summary.rows["in"]] or named
    worst = max(large, key=lambda s: s.lost)
    if len(named) == 1:
        # What was derived is listed by a source of its own, though it was not read from there.
        there = "One source was read" if summary.rows.get("derived") else "There is one source"
        return f"{there}; it lost {percent(worst.lost)} of its records.{_unplaced(summary)}"
    most = f"“{clip(worst.source)}” lost the largest share: {percent(worst.lost)} of {worst.rows['in']:,}"
    return f"{percent(whole)} of all records went. {most}.{_unplaced(summary)}"


def _unplaced(summary: Summary) -> str:
    """Records that were erased, and nobody knows any more from which source."""
    n = summary.rows.get("erased", 0) - sum(s.rows.get("erased", 0) for s in summary.sources)
    those = "the record that was erased" if n == 1 else f"{n:,} of the records that were erased"
    return f" Nobody knows the source of {those}: the table counts {'it' if n == 1 else 'them'} as before." if n else ""
