"""Tasks for Label Studio, and what comes back from it: its JSON and its JSON_MIN.

labelstudio.json  [{"data": {"task": "003", "export": "9c1e…", "prompt": "…", "first": "…", "second": "…"}}]
labelstudio.xml   the labelling interface
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from tamis.data.writer import write_bytes, write_json
from tamis.judge.review.form import Form

NOTE = "note"


def write(folder: Path, form: Form, rows: list[dict[str, Any]]) -> None:
    """Write both files."""
    write_json(folder / "labelstudio.json", [{"data": row} for row in rows])
    write_bytes(folder / "labelstudio.xml", interface(form, any(row["reference"] for row in rows)).encode())


def interface(form: Form, reference: bool = False) -> str:
    """The labelling interface, as XML; texts are shown as texts."""
    fields = ("first", "second") if form.kind == "pair" else ("answer",)
    shown = [f'  <Header value={quoteattr(form.question)}/>\n  <Text name="prompt" value="$prompt"/>']
    shown += [f"  <Header value={quoteattr(line)}/>" for line in form.guide]
    if reference:
        shown.append('  <Header value="A right answer"/>\n  <Text name="reference" value="$reference"/>')
    shown += [
        f'  <Header value="{field.capitalize()}"/>\n  <Text name="{field}" value="${field}"/>' for field in fields
    ]
    if form.kind == "pair":
        shown.append(_choices("label", "prompt", form.labels))
    for c in form.criteria:
        shown.append(f"  <Header value={quoteattr(f'{c.name}: {c.says}'.rstrip(': '))}/>")
        shown.append(_choices(c.name, "answer", [str(k) for k in range(c.low, c.high + 1)]))
    shown.append(f'  <TextArea name="{NOTE}" toName="prompt" placeholder="A note, if there is one"/>')
    return "<View>\n" + "\n".join(shown) + "\n</View>\n"


def _choices(name: str, to: str, values: Any) -> str:
    own = "".join(f"<Choice value={quoteattr(v)}/>" for v in values)
    return f'  <Choices name={quoteattr(name)} toName="{to}" choice="single" required="true" showInLine="true">{own}</Choices>'


def is_one(row: Any) -> bool:
    """Is `row` a task of an export of Label Studio?"""
    return isinstance(row, dict) and (
        (isinstance(row.get("data"), dict) and "annotations" in row) or "annotator" in row or "annotation_id" in row
    )


def votes(row: dict[str, Any], form: Form) -> Iterator[dict[str, Any]]:
    """The labels in a task, as lines of ours; a cancelled annotation is none."""
    if "annotations" not in row:
        given = {name: _first(row.get(name)) for name in _names(form)}
        yield _line(row, row.get("annotator"), given, _first(row.get(NOTE)), row.get("updated_at"), form)
        return
    if not isinstance(row["annotations"], list):
        yield {"task": row["data"].get("task")}  # told as a line that names no rater
        return
    for one in row["annotations"]:
        if not isinstance(one, dict) or one.get("was_cancelled"):
            continue
        given, note = {}, None
        for result in one["result"] if isinstance(one.get("result"), list) else []:
            value = result.get("value") if isinstance(result, dict) else None
            said = _first(value)
            if isinstance(result, dict) and result.get("from_name") == NOTE:
                note = said
            elif isinstance(result, dict) and result.get("from_name") in _names(form):
                given[result["from_name"]] = said
        by = one.get("completed_by")
        rater = by.get("email") or by.get("id") if isinstance(by, dict) else by
        yield _line(row["data"], rater, given, note, one.get("updated_at"), form)


def _names(form: Form) -> list[str]:
    return ["label"] if form.kind == "pair" else [c.name for c in form.criteria]


def _first(value: Any) -> Any:
    """The one choice, number or text in what Label Studio makes of it."""
    if isinstance(value, dict):
        value = value.get("choices", value.get("rating", value.get("text")))
    if isinstance(value, list):
        return value[0] if len(value) == 1 else value or None
    return value


def _line(data: dict[str, Any], rater: Any, given: dict[str, Any], note: Any, at: Any, form: Form) -> dict[str, Any]:
    if isinstance(note, list):  # a text area takes several texts, one after another
        note = "\n".join(map(str, note))
    line = {"task": data.get("task"), "export": data.get("export"), "rater": rater, "note": note, "at": at}
    if form.kind == "pair":
        return {**line, "label": given.get("label")}
    return {
        **line,
        "scores": {k: int(v) if str(v).lstrip("-").isdigit() else v for k, v in given.items() if v is not None},
    }
