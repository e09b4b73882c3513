"""A recipe carried out on a sample in a process of its own, whose start, memory and CPU are those of a run.

The process is `python -m tamis.cli.tried SPEC.json`. SPEC says recipe, changes, files, folder, workers, partition size, memory, the
share of memory of a task of an exchange, and for how many bytes of input it is done as if. What it took goes to FOLDER.json: CPU
seconds and memory of all processes by phase, and run.json.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from tamis.errors import RunError, UsageError

START, FINISHING = "start", "finishing"
"""Phases before anything is read, and after all is written."""

OFTEN = 0.005
"""Seconds between two looks at the memory: phases of a trial are short, and a peak that was missed is missed in the plan."""


class Trial(NamedTuple):
    """What a sample took.

    share   of the whole input, 0-1, by bytes
    phases  CPU seconds of each phase of the run, in order; first that before anything was read
    held    bytes of memory of all processes at the largest in each phase
    steps   of each phase: CPU seconds so far whenever a task was done
    facts   run.json
    disk    bytes of the run's folder when it was done
    alike   by step: how many groups of records of which one stayed had each size
    """

    share: float
    phases: dict[str, float]
    held: dict[str, int]
    steps: dict[str, list[float]]
    facts: dict[str, Any]
    disk: int
    alike: dict[int, dict[int, int]]

    @property
    def cpu(self) -> float:
        """CPU seconds of all phases."""
        return sum(self.phases.values())


def attempt(spec: Mapping[str, Any], share: float) -> Trial:
    """Carry a trial out. Raises UsageError or RunError with what the process said."""
    folder = Path(spec["folder"])
    asked = folder.with_name(f"{folder.name}.spec.json")
    asked.write_text(json.dumps(dict(spec)))
    command = [sys.executable, "-m", "tamis.cli.tried", str(asked)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ["nothing"]
        error = UsageError if done.returncode == UsageError.exit_code else RunError
        raise error(f"the recipe could not be carried out on a sample: {said[0].removeprefix('tamis: ')}")
    found = json.loads(folder.with_name(f"{folder.name}.json").read_bytes())
    shutil.rmtree(folder)
    return Trial(share=share, **{**found, "alike": _numbers(found["alike"])})


def carry_out(spec: Mapping[str, Any]) -> None:
    """What the process does."""
    # Imported here: whoever plans does not run.
    from tamis.recipes.recipe import Attrition, load
    from tamis.recipes.run import run
    from tamis.recipes.spending import Watch

    watch = Watch(OFTEN)
    now, before = START, 0.0
    spent: dict[str, float] = {}
    held: dict[str, int] = {}
    steps: dict[str, list[float]] = {}

    def close(following: str = "") -> None:
        nonlocal now, before
        cpu = watch.cpu() - watch.looking
        spent[now] = round(spent.get(now, 0.0) + max(0.0, cpu - before), 4)
        held[now] = max(held.get(now, 0), watch.afresh())
        now, before = following, cpu

    def tell(progress: Any) -> None:
        if progress.done == 0:
            close(progress.what)
        elif progress.what == "writing" and progress.done == progress.total:
            close(FINISHING)
        else:
            steps.setdefault(now, []).append(round(watch.cpu() - watch.looking - before, 4))

    # What a sample loses says little of what the whole would: no budget of attrition stops a trial.
    recipe = replace(load(Path(spec["recipe"])).set(spec["changes"]), attrition=Attrition())
    done = run(
        recipe,
        spec["files"],
        spec["folder"],
        workers=spec["workers"],
        partition_size=spec["partition_size"],
        memory=spec["memory"],
        share=spec["share"],
        as_if=spec["as_if"],
        on_progress=tell,
    )
    close()
    disk = sum(file.stat().st_size for file in done.path.rglob("*") if file.is_file())
    found = {
        "phases": spent,
        "held": held,
        "steps": steps,
        "facts": done.facts,
        "disk": disk,
        "alike": _alike(done.path),
    }
    Path(f"{spec['folder']}.json").write_text(json.dumps(found))


def _numbers(found: dict[str, dict[str, int]]) -> dict[int, dict[int, int]]:
    """JSON has no numbers for keys."""
    return {int(step): {int(size): count for size, count in sizes.items()} for step, sizes in found.items()}


def _alike(run: Path) -> dict[int, dict[int, int]]:
    """By step: groups by size, of which all but one record lost to that one."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    found: dict[int, dict[int, int]] = {}
    files = sorted((run / "verdicts").glob("*.parquet"))
    if not files:
        return found
    told = pq.ParquetDataset(files).read(columns=["step", "action", "peer_id"])
    lost = told.filter(pc.and_(pc.equal(told["action"].cast("string"), "drop"), pc.is_valid(told["peer_id"])))
    each = lost.group_by(["step", "peer_id"]).aggregate([([], "count_all")])
    for step, size in zip(each.column("step").to_pylist(), each.column("count_all").to_pylist(), strict=True):
        of = found.setdefault(step, {})
        of[size + 1] = of.get(size + 1, 0) + 1
    return found
