"""The near-duplicate job of the engine benchmark by tamis, up to who goes, in a process of its own.

    python engines_ours.py STAGE INPUT OUT WORKERS [ENGINE]

STAGE is one of engines_stage.py. The run stops where the data would be written: what was resolved is in OUT/removed.npy, and
OUT/phases.json says the CPU seconds of this process up to the end of each phase. `tamis run` on the same recipe is the whole.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

RECIPE = "name: near\ninput: {{kind: document, source: bench}}\nstages:\n  - {place}:{stage}: {{}}\n"
RESOLVED = 1
"""The step whose records go."""


class Stop(Exception):
    """As far as it was to go."""


def recipe(stage: str, folder: Path) -> Path:
    """A recipe of the stage alone, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    own = Path(__file__).with_name("engines_stage.py")
    path = folder / f"{stage}.yaml"
    path.write_text(RECIPE.format(place=own, stage=stage))
    return path


def main(stage: str, source: str, out: str, workers: str, engine: Any = "local") -> None:
    """Run up to the books."""
    from tamis.cli.lean import lean
    from tamis.cli.memory import give_back, one_pool

    one_pool()
    give_back()
    lean()
    from tamis.recipes.run import run

    place = Path(out)
    phases: list[tuple[str, float]] = []

    def tell(progress: Any) -> None:
        if progress.done == 0:
            phases.append((progress.what, time.process_time()))
            if progress.what == "balancing the books":
                raise Stop

    with suppress(Stop):
        run(recipe(stage, place), source, place / "run", workers=int(workers), engine=engine, on_progress=tell)
    from tamis.engine.work import Work

    work = Work(place / "run/.work")
    group = f"step{RESOLVED}-resolved"
    count = len(list((work.root / group).glob("*.json")))
    found = [work.table(group, k, "resolved").column("ordinal").to_numpy() for k in range(count)]
    np.save(place / "removed.npy", np.sort(np.concatenate([np.zeros(0, np.uint64), *found])))
    told = {"start": phases[0][1], **{a[0]: b[1] - a[1] for a, b in pairwise(phases)}}
    (place / "phases.json").write_text(json.dumps({name: round(spent, 3) for name, spent in told.items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
