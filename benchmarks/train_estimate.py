"""What `tamis train … --dry-run` says a run takes, beside what it took: memory and time, five settings, one thread.

    python benchmarks/train_estimate.py        some ten minutes

Each run is asked what it takes, then trained, each in a process of its own. Time is CPU time, of the steps and evaluations that
the estimate means, so that what else the machine does is in neither; memory is the high-water mark of the process that trains.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import train_peer
from measure import save, table

from tamis.recipes.training import rehearse, train
from tamis.train import Job, Settings

sys.path.append(str(Path(__file__).parents[1] / "tests"))

SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "tiny, sft": ("tiny", {"max_steps": 40, "batch_size": 4}),
    "tiny, sft, 32 rows at once": ("tiny", {"max_steps": 20, "batch_size": 32, "max_length": 256}),
    "SmolLM2, sft, 128 tokens at most": ("smol", {"batch_size": 4, "max_length": 128}),
    "SmolLM2, sft, 512 tokens at most": ("smol", {"batch_size": 2, "max_length": 512}),
    "SmolLM2, dpo": ("smol", {"method": "dpo", "batch_size": 2, "max_length": 512}),
}
STEADY: dict[str, Any] = {
    "threads": 1,
    "seed": 3,
    "max_steps": 4,
    "eval_every": 0,
    "checkpoint_every": 0,
    "most_cut": 1.0,
}


def one(folder: Path, base: str, how: dict[str, Any]) -> dict[str, Any]:
    """A run: what was said, and what was so."""
    settings = Settings(**{**STEADY, **how})
    job = Job(folder / f"store/{settings.method}/1.0.0", folder / base, folder / "adapter", settings, "chatml")
    said = rehearse(job)["estimate"]
    for k in range(100):
        place = folder / f"adapter-{k}"
        if not place.exists():
            break
    run = train(replace(job, output=place, register=False))["run"]
    told = {"memory": said["memory"], "cpu_seconds": said["cpu_seconds"]}
    took = {"memory": run["peak_bytes"], "cpu_seconds": run["cpu_seconds"]}
    off = {f"{k}_ratio": round(told[k] / took[k], 3) for k in told}
    return {"said": told, "took": took, **off, "parts": {k: said[k] for k in ("weights", "optimizer", "activations")}}


def main() -> None:
    """Write results/train_estimate.json."""
    from smol import write_smol
    from storing import frozen
    from tiny import write_tiny

    given = argparse.ArgumentParser()
    given.add_argument("--smol", type=Path, help="where tests/smol.py has put the model already")
    asked = given.parse_args()
    with tempfile.TemporaryDirectory(prefix="tamis-") as scratch:
        folder = Path(scratch)
        (folder / "smol").symlink_to(asked.smol.resolve()) if asked.smol else write_smol(folder / "smol")
        write_tiny(folder / "tiny")
        for method in ("sft", "dpo"):
            train_peer.STEPS[method] = 50
            frozen(folder, method, train_peer.rows(method))
        found = {}
        for name, (base, how) in SETTINGS.items():
            found[name] = one(folder, base, how)
            print(name, found[name], file=sys.stderr)
            save(__file__, found)
    print(
        table(
            ("", "MB said", "MB taken", "ratio", "CPU s said", "CPU s taken", "ratio"),
            [
                [
                    name,
                    *(f"{own[k]['memory'] / 1e6:,.0f}" for k in ("said", "took")),
                    f"{own['memory_ratio']:.2f}",
                    *(f"{own[k]['cpu_seconds']:.1f}" for k in ("said", "took")),
                    f"{own['cpu_seconds_ratio']:.2f}",
                ]
                for name, own in found.items()
            ],
        )
    )


if __name__ == "__main__":
    main()
