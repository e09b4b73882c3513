"""What tests of bad input look at: what became of a run, checked, and the command line in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

GOOD = b'{"id":"good","text":"a good row"}'

RECIPE = "name: t\nstages: [clean@1: {}, exact@1: {}]\n"


class Ran(NamedTuple):
    """What became of a run. `rules`: records set aside, by rule; `facts`: run.json, empty where there is none."""

    code: int
    said: str
    folder: Path
    facts: dict[str, Any]
    rules: dict[str, int]


def outcome(code: int, said: str, folder: Path) -> Ran:
    """The run in `folder`, checked: no traceback, and the books balance."""
    assert "Traceback" not in said
    path = folder / "run.json"
    facts: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
    rules = Counter[str]()
    for step in facts.get("steps", ()):
        rules.update({r["rule"]: r["rows"] for r in step["reasons"] if r["fate"] == "quarantined"})
    if facts:
        rows = facts["rows"]
        assert rows["in"] == rows["kept"] + rows["dropped"] + rows["quarantined"]
    return Ran(code, said, folder, facts, dict(rules))


def process(*args: object, **options: Any) -> subprocess.Popen[str]:
    """The command line in a process of its own."""
    command = [sys.executable, "-m", "tamis", *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


def rows(count: int) -> bytes:
    """So many short documents, as JSON Lines."""
    return b"".join(b'{"id":"r%d","text":"row number %d"}\n' % (k, k) for k in range(count))
