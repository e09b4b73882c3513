"""A report as JUnit XML, for the test page of a CI server: a test case a gate, and one a task."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

from tamis.evaluate.markdown import number

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(facts: Mapping[str, Any]) -> str:
    """No time is in it. A task without a number is an error, a gate that did not pass a failure."""
    root = ET.Element("testsuites")
    named = f"{facts['suite']['name']} {facts['model']['name']}"
    gates = ET.SubElement(root, "testsuite", {"name": _text(f"gates of {named}")})
    for gate in facts["gates"]:
        case = _case(gates, gate["task"] or "run", f"{gate['gate']} {_limit(gate['limit'])}{_on(gate)}")
        if gate["state"] != "passed":
            detail = ET.SubElement(case, "failure", {"message": _text(gate["says"]), "type": gate["state"]})
            detail.text = _text(_detail(gate))
    tasks = ET.SubElement(root, "testsuite", {"name": _text(f"tasks of {named}")})
    for task in facts["tasks"]:
        case = _case(tasks, task["type"], task["name"])
        for own in task["numbers"]:
            if own["value"] is None:
                ET.SubElement(case, "error", {"message": _text(f"{own['metric']}: {own.get('note', 'no number')}")})
        ET.SubElement(case, "system-out").text = _text(
            "\n".join(f"{n['metric']} {number(n['value'])}" for n in task["numbers"])
        )
    for suite in (gates, tasks):
        count = {"tests": len(suite), "failures": sum(case.find("failure") is not None for case in suite)}
        count["errors"] = sum(case.find("error") is not None for case in suite)
        for name, value in count.items():
            suite.set(name, str(value))
            root.set(name, str(int(root.get(name, "0")) + value))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(suite: ET.Element, classname: str, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", {"classname": _text(classname), "name": _text(name)})


def _detail(gate: Mapping[str, Any]) -> str:
    lines = [f"gate {gate['gate']}, limit {_limit(gate['limit'])}, found {gate['found']}"]
    found = gate.get("estimate")
    if found and found["low"] is not None:
        lines.append(
            f"interval {number(found['low'])} to {number(found['high'])}, {found['items']:,} independent items"
        )
    if gate["detectable"] is not None:
        lines.append(f"least effect that so many items show: {number(gate['detectable'])}")
    if gate["needed"] is not None:
        lines.append(f"items that would show it: about {gate['needed']:,}")
    return "\n".join(lines)


def _limit(limit: float | str) -> str:
    return limit if isinstance(limit, str) else f"{limit:g}"


def _on(gate: Mapping[str, Any]) -> str:
    metric = f" {gate['metric']}" if gate["metric"] else ""
    return metric + (" on clean items" if gate["on"] == "clean" else "")


def _text(text: Any) -> str:
    """XML has no way to write control characters."""
    return _NOT_XML.sub("\ufffd", str(text))
