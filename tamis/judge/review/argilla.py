"""Tasks for Argilla 2, and what comes back from it.

argilla.records.json   for `dataset.records.from_json`; `dataset.records.to_json` gives it back with responses
argilla.settings.json  for `rg.Settings.from_json`
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tamis.data.writer import write_json
from tamis.judge.review.form import Form

NOTE = "note"


def write(folder: Path, form: Form, rows: list[dict[str, Any]]) -> None:
    """Write both files."""
    fields = [name for name in rows[0] if name not in ("task", "export") and any(row[name] for row in rows)]
    # Argilla takes no empty field that is required, and the first must be.
    shown = [{name: row[name] or "(empty)" for name in fields} for row in rows]
    empty: dict[str, Any] = {"suggestions": {}, "responses": {}, "vectors": {}}
    write_json(
        folder / "argilla.records.json",
        [
            {"id": row["task"], "fields": own, "metadata": {"task": row["task"], "export": row["export"]}, **empty}
            for row, own in zip(rows, shown, strict=True)
        ],
    )
    write_json(
        folder / "argilla.settings.json",
        {
            "guidelines": "\n\n".join([form.question, *form.guide]),
            "questions": [*_questions(form), _question(NOTE, "A note", {"type": "text", "use_markdown": False}, False)],
            "fields": [
                {
                    "name": name,
                    "title": name.capitalize(),
                    "required": True,
                    "settings": {"type": "text", "use_markdown": False},
                }
                for name in fields
            ],
            "vectors": [],
            "metadata": [],
            "allow_extra_metadata": True,
        },
    )


def _questions(form: Form) -> Iterator[dict[str, Any]]:
    if form.kind == "pair":
        options = [{"value": label, "text": label, "description": None} for label in form.labels]
        yield _question("label", form.question, {"type": "label_selection", "options": options})
    for c in form.criteria:
        # Ratings of Argilla begin at 0; labels may be any.
        options = [{"value": str(k), "text": str(k), "description": None} for k in range(c.low, c.high + 1)]
        yield _question(c.name, c.says or c.name, {"type": "label_selection", "options": options})


def _question(name: str, title: str, settings: dict[str, Any], required: bool = True) -> dict[str, Any]:
    return {"name": name, "title": title, "description": None, "required": required, "settings": settings}


def is_one(row: Any) -> bool:
    """Is `row` a record of Argilla?"""
    return isinstance(row, dict) and isinstance(row.get("fields"), dict) and "responses" in row


def votes(row: dict[str, Any], form: Form) -> Iterator[dict[str, Any]]:
    """The responses to a record, as lines of ours: one for each user."""
    own = defaultdict[str, dict[str, Any]](dict)
    for name, responses in row["responses"].items() if isinstance(row["responses"], dict) else []:
        for one in responses if isinstance(responses, list) else []:
            if isinstance(one, dict):
                own[str(one.get("user_id") or "")][name] = one.get("value")
    meta = row.get("metadata") if isinstance(row.get("metadata"), dict) else {}
    for rater, given in own.items():
        line = {
            "task": row.get("id"),
            "export": (meta or {}).get("export"),
            "rater": rater,
            "note": given.pop(NOTE, None),
        }
        if form.kind == "pair":
            yield {**line, "label": given.get("label")}
        else:
            yield {**line, "scores": {k: int(v) if str(v).lstrip("-").isdigit() else v for k, v in given.items()}}
