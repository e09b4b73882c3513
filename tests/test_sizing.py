"""Pages whose tables are made by scripts: each is what the script makes of its results."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]


def benchmark(name: str) -> ModuleType:
    """A script of benchmarks/."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        spec = importlib.util.spec_from_file_location(name, ROOT / f"benchmarks/{name}.py")
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.pop(0)


def test_the_sizing_table_is_worked_out_from_the_measured_rates() -> None:
    facts = json.loads((ROOT / "benchmarks/results/sizing.json").read_bytes())
    assert benchmark("sizing").table(facts) in (ROOT / "docs/sizing.md").read_text("utf-8")


def test_the_rates_of_the_sizing_table_are_those_of_the_plans_runs() -> None:
    results = ROOT / "benchmarks/results"
    sizing, found = benchmark("sizing"), json.loads((results / "plan_actual.json").read_bytes())["found"]
    facts = json.loads((results / "sizing.json").read_bytes())
    assert facts["rates"] == {name: sizing.rate(found[name]) for name in sizing.RECIPES if name in found}


def test_the_table_of_plans_is_that_of_one_run_of_the_script() -> None:
    facts = json.loads((ROOT / "benchmarks/results/plan_actual.json").read_bytes())
    assert benchmark("plan_actual").table(facts["found"]) in (ROOT / "benchmarks/README.md").read_text("utf-8")
