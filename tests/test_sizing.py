"""The sizing page: its table is what the measured rates come to."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_sizing_table_is_worked_out_from_the_measured_rates() -> None:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        spec = importlib.util.spec_from_file_location("sizing", ROOT / "benchmarks/sizing.py")
        assert spec and spec.loader
        sizing = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sizing)
    finally:
        sys.path.pop(0)
    facts = json.loads((ROOT / "benchmarks/results/sizing.json").read_bytes())
    assert sizing.table(facts) in (ROOT / "docs/sizing.md").read_text("utf-8")
