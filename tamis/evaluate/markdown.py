"""A report as Markdown, for a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_MARKUP = re.compile(r"[\\|`*_\[\]<>#~&]")

_REFERS = re.compile(r"(?<![A-Za-z0-9_]@)(?<=@)(?=\w)|(?<=#)(?=\d)|(?<=GH-)(?=\d)|(?<=:)(?=//)|(?<=www)(?=\.)", re.I)
"""Where a name, a number or an address would become a reference to somebody or something, whatever is escaped before it."""

_JOINER = "\u2060"
"""Takes no room, and no reference goes through it."""

STATES = {"passed": "passed", "failed": "**failed**", "underpowered": "**too few items**"}


def markdown(facts: Mapping[str, Any]) -> str:
    """The page: what passed, the scores, what contamination does to them, the gates."""
    head = {None: "Evaluated", True: "Passed", False: "Failed"}[facts["passed"]]
    lines = [
        f"## {head}: {plain(facts['model']['name'])} on {plain(facts['suite']['name'])} {plain(facts['suite']['version'])}",
        "",
    ]
    lines += [f"- {plain(w)}" for w in facts["warnings"]] + ([""] if facts["warnings"] else [])
    lines += [*_scores(facts), ""]
    if facts["gates"]:
        lines += [*_gates(facts["gates"]), ""]
    if any(task["contamination"] for task in facts["tasks"]):
        lines += [*_contamination(facts["tasks"]), ""]
    for task in facts["tasks"]:
        if task.get("lengths"):
            lines += [*_lengths(task), ""]
    judge = facts.get("judge")
    judged = f", judged by {plain(judge['name'])}" if judge else ""
    lines.append(f"Evaluation snapshot `{facts['snapshot']}`" + judged + _trained(facts["training"]))
    return "\n".join(lines) + "\n"


def comparison(found: Mapping[str, Any]) -> str:
    """Two models beside each other, as `tamis eval compare` finds them."""
    a, b = plain(found["first"]["name"]), plain(found["second"]["name"])
    lines = [f"## {b} against {a} on {plain(found['suite'])}", ""]
    head = ("Task", "Metric", a, b, "Difference", "p (Holm)", "Won, lost, same", "Least shown")
    rows = [
        (
            plain(t["task"]),
            metric(t["metric"]),
            estimate(t["first"]),
            estimate(t["second"]),
            estimate(t["difference"], sign=True),
            chance(t["p_holm"]),
            f"{t['won']:,}, {t['lost']:,}, {t['same']:,}",
            number(t["detectable"]),
        )
        for t in found["tasks"]
    ]
    return "\n".join([*lines, *table(head, rows, "--rrrrrr"), ""])


def estimate(e: Mapping[str, Any] | None, sign: bool = False) -> str:
    """`0.412 (0.386 to 0.439)`"""
    if e is None or e["value"] is None:
        return "—" if e is None or not e.get("note") else f"— ({plain(e['note'])})"
    ends = "" if e["low"] is None else f" ({number(e['low'], sign)} to {number(e['high'], sign)})"
    return number(e["value"], sign) + ends


def number(value: float | None, sign: bool = False) -> str:
    """Three digits after the point, one where it is 10 or more."""
    if value is None:
        return "—"
    return f"{value:{'+' if sign else ''}.{3 if abs(value) < 10 else 1}f}"


def metric(name: str) -> str:
    """The name of a metric; a scorer of one's own may call it anything."""
    return name if re.fullmatch(r"[\w@]+", name) else plain(name)


def chance(p: float | None) -> str:
    """A p-value."""
    return "—" if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def plain(text: Any) -> str:
    """A text that no table, link, tag, image, or name of somebody who is told can come out of."""
    said = _printed(text)
    return _MARKUP.sub(r"\\\g<0>", _REFERS.sub(_JOINER, said))


def code(text: Any) -> str:
    """A text as code: as it stands, but for backticks."""
    return f"`{_printed(text).replace('`', chr(39))}`"


def _printed(text: Any) -> str:
    return "".join(c if c.isprintable() else "�" for c in " ".join(str(text).split()))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], ends: str) -> list[str]:
    """Lines of a table; `ends` has r for a column of numbers."""
    rule = "|".join("---:" if end == "r" else "---" for end in ends)
    return [f"| {' | '.join(head)} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in rows)]


def _scores(facts: Mapping[str, Any]) -> list[str]:
    against = facts["baseline"] is not None
    head = ["Task", "Items", "Metric", "Score", *(("Against the baseline", "p (Holm)") if against else ())]
    rows = []
    for task in facts["tasks"]:
        own = next(n for n in task["numbers"] if n["metric"] == task["primary"])
        row = [plain(task["name"]), f"{task['counts']['items']:,}", metric(own["metric"]), estimate(own)]
        held = task["baseline"]
        rows.append([*row, *((estimate(held["difference"], sign=True), chance(held["p_holm"])) if held else ())])
    if facts["overall"]:
        rows.append(["mean of tasks", "", "", estimate(facts["overall"]), *(("", "") if against else ())])
    return table(head, rows, "-r-r" + "rr" * against)


def _gates(gates: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        (
            STATES[g["state"]],
            g["gate"],
            plain(g["task"] or "all"),
            f"{g['limit']:g}" if isinstance(g["limit"], float) else plain(str(g["limit"])[:19]),
            number(g["detectable"]),
            plain(g["says"]),
        )
        for g in gates
    ]
    return table(("", "Gate", "Task", "Limit", "Least shown", "Found"), rows, "---rr-")


def _contamination(tasks: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = []
    for task in tasks:
        c = task["contamination"]
        if c:
            share = "—" if c["share"] is None else f"{100 * c['share']:.1f}%"
            unseen = c["items"]["too_short"] + c["items"]["unknown"]
            share += f" ({unseen:,} of {sum(c['items'].values()):,} could not be looked for)" if unseen else ""
            own = next(n for n in task["numbers"] if n["metric"] == task["primary"])
            scores = estimate(own), estimate(c["clean"]), estimate(c["dirty"]), estimate(c["gain"], sign=True)
            rows.append([plain(task["name"]), share, *scores])
    return table(("Task", "Contaminated", "All", "Clean", "Contaminated items", "Estimated gain"), rows, "-rrrrr")


UNITS = {"told": "Length", "tokens": "Tokens of the prompt", "characters": "Characters of the prompt"}


def span(own: Mapping[str, Any]) -> str:
    """The lengths of a part of a curve: `2,048 to 4,095`."""
    return f"{own['from']:,}" + ("" if own["to"] == own["from"] else f" to {own['to']:,}")


def _lengths(task: Mapping[str, Any]) -> list[str]:
    found = task["lengths"]
    rows = [(span(b), f"{b['rows']:,}", estimate(b)) for b in found["bins"]]
    rows.append(("longest less shortest", "", estimate(found["change"], sign=True)))
    return table((f"{UNITS[found['unit']]}, {plain(task['name'])}", "Items", metric(task["primary"])), rows, "-rr")


def _trained(training: Mapping[str, Any] | None) -> str:
    return "." if training is None else f", trained on {code(training.get('ref') or training['snapshot'])}."
