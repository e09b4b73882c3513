"""How a finished run ended: well, or in a way that whoever called it should know."""

from __future__ import annotations

import json

from tamis.ledger import POISON
from tamis.runs.folder import Run
from tamis.schemas.derived import of_seed


def outcome(run: Run) -> tuple[int, str | None]:
    """Exit code of a finished run and, where it is not 0, why.

    3: input was damaged, nothing of it could be read, a stage failed on every record, or no row was made as nobody answered;
    1: the contract is broken.
    """
    facts = run.facts
    if facts["damage"]:
        return 3, f"input was damaged, what could be read of it was: {'; '.join(facts['damage'])}"
    unread = facts["steps"][0]["rows"]["quarantined"]
    if unread and unread == facts["rows"]["in"]:
        first = next(iter(run.quarantine(["message"]).column("message").to_pylist()), None)
        return (
            3,
            f"none of the {unread:,} records could be read; the first: {first}. `tamis run --help` names what is read",
        )
    for step in facts["steps"][1:]:
        failed = sum(r["rows"] for r in step["reasons"] if r["rule"] == POISON)
        if failed and failed == step["rows"]["in"]:
            aside = run.quarantine(["step", "message"]).to_pylist()
            first = next((row["message"] for row in aside if row["step"] == step["step"]), None)
            return 3, f"{step['stage']} failed on every record it was given ({failed:,}); the first: {first}"
        without = sum(r["rows"] for r in step["reasons"] if unanswered(r["rule"]))
        if without and not step["rows"]["derived"]:
            aside = run.quarantine(["step", "rule", "message"]).to_pylist()
            first = next(row["message"] for row in aside if row["step"] == step["step"] and unanswered(row["rule"]))
            told = json.loads(first).get("message", first) if first else "no reason was given"
            return 3, f"{step['stage']} made no row: no answer came for {without:,} of its seeds; the first: {told}"
    if (facts["contract"] or {}).get("passed") is False:
        return 1, f"the data breaks its contract: {'; '.join(facts['contract']['broken'])}"
    return 0, None


def unanswered(rule: str) -> bool:
    """Whether a seed that went by `rule` is one for which no answer came."""
    told = of_seed(rule)
    return told is not None and told[0] == "failed"
