"""A check as JUnit XML, for the test page of a CI server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from tamis.contracts.result import Outcome, Result

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(result: Result) -> str:
    """One test case a rule."""
    counts = {
        "tests": str(len(result.outcomes)),
        "failures": str(sum(o.stops for o in result.outcomes)),
        "errors": "0",
        "skipped": str(sum(o.status != "passed" and not o.stops for o in result.outcomes)),
    }
    root = ET.Element("testsuites", counts)
    suite = ET.SubElement(root, "testsuite", {"name": _text(f"{result.contract} {result.version}"), **counts})
    for outcome in result.outcomes:
        _case(suite, result.table, outcome)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(suite: ET.Element, table: str, outcome: Outcome) -> None:
    classname = f"{table}.{outcome.field}" if outcome.field else table
    case = ET.SubElement(suite, "testcase", {"classname": _text(classname), "name": _text(outcome.id)})
    if outcome.status == "passed":
        return
    tag = "failure" if outcome.stops else "skipped"
    detail = ET.SubElement(case, tag, {"message": _text(outcome.message)})
    if outcome.stops:
        detail.set("type", outcome.kind)
    shown = [f"{e.who}{f' ({e.value})' if e.value else ''}" for e in outcome.examples]
    detail.text = _text("\n".join([f"contract line {outcome.line}, action {outcome.action}", *shown]))


def _text(text: str) -> str:
    """XML has no way to write control characters."""
    return _NOT_XML.sub("\ufffd", text)
