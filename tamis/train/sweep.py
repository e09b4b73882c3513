"""A small search: which rank, alpha and learning rate give the least loss on the rows held out.

Seeded trials of Optuna's TPE (Bergstra et al. 2011), each ended early where half of those before did better at the same
step. The search is for settings: train with the best of them by `tamis train`.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tamis.data.disk import disk_errors
from tamis.data.writer import write_bytes
from tamis.errors import OutputError, RunError, UsageError
from tamis.extras import extra
from tamis.models.weights import identity
from tamis.snapshot.jcs import canonical_json
from tamis.train.adapter import versions
from tamis.train.job import Job
from tamis.train.plan import plan
from tamis.train.regime import EVALUATIONS
from tamis.train.trainer import fit
from tamis.train.watch import Pruned

RANKS = (4, 8, 16, 32, 64)
SCALES = (1, 2, 4)
"""Alpha as a multiple of the rank."""

RATES = {"sft": (2e-5, 2e-3), "dpo": (1e-6, 1e-4)}

OnTrial = Callable[[dict[str, Any]], Any]


def sweep(
    job: Job, trials: int = 8, *, ranks: tuple[int, ...] = RANKS, on_trial: OnTrial | None = None
) -> dict[str, Any]:
    """Try `trials` settings on the rows of `job`; write sweep.json into its output folder, and return it.

    Trial 0 is what the regime of the data says. Equal jobs give equal sweeps. Raises UsageError where nothing is held out,
    RunError where no trial ended with a number.
    """
    with extra("train-sweep"):
        import optuna
    if job.output.exists():
        raise OutputError(f"{job.output} is there already; choose another place with -o")
    planned = plan(job)
    if not planned.validation.num_rows:
        raise UsageError(
            "a search wants rows to compare on, and none is held out; give more rows, or --validation SPLIT"
        )
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        direction="minimize",
        sampler=optuna.samplers.TPESampler(seed=job.settings.seed, n_startup_trials=max(2, trials // 2)),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=2),
    )
    own = planned.settings
    low, high = RATES[own.method]
    study.enqueue_trial(
        {"rank": min(ranks, key=lambda r: abs(r - (own.rank or 8))), "scale": 2, "rate": own.learning_rate}
    )
    steps = own.max_steps or 1
    every = max(1, steps // EVALUATIONS) if job.settings.eval_every is None else own.eval_every
    done: list[dict[str, Any]] = []
    work = job.work

    def one(trial: Any) -> float:
        rank = trial.suggest_categorical("rank", list(ranks))
        scale = trial.suggest_categorical("scale", list(SCALES))
        rate = trial.suggest_float(
            "rate", min(low, own.learning_rate or low), max(high, own.learning_rate or high), log=True
        )
        tried = replace(
            own, rank=rank, alpha=rank * scale, learning_rate=rate, checkpoint_every=0, eval_every=every, patience=0
        )

        def prune(step: int, loss: float) -> None:
            trial.report(loss, step)
            if trial.should_prune():
                raise Pruned

        facts = {"rank": rank, "alpha": rank * scale, "learning_rate": rate}
        shutil.rmtree(work, ignore_errors=True)
        try:
            fitted = fit(job.base, planned.tokenizer, planned.train, planned.validation, tried, work, on_held_out=prune)
            facts |= {"state": "done", "held_out": fitted.after, "before": fitted.before}
        except Pruned:
            facts |= {"state": "ended early", "held_out": None}
        except RunError as wrong:
            facts |= {"state": "failed", "held_out": None, "why": str(wrong)}
        done.append(facts)
        if on_trial:
            on_trial({"trial": len(done), "of": trials, **facts})
        if facts["state"] == "ended early":
            raise optuna.TrialPruned
        return facts["held_out"] if facts["held_out"] is not None else math.inf

    try:
        study.optimize(one, n_trials=trials)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    whole = [t for t in done if t["held_out"] is not None]
    if not whole:
        raise RunError(
            f"none of {trials} trials ended with a loss; the last one: {done[-1].get('why', done[-1]['state'])}"
        )
    found = {
        "tamis_sweep": 1,
        **planned.facts(),
        "base": identity(job.base),
        "seed": job.settings.seed,
        "trials": done,
        "best": min(whole, key=lambda t: t["held_out"]),
        "versions": versions(),
    }
    _write(job.output, found)
    return found


def _write(output: Path, found: dict[str, Any]) -> None:
    with disk_errors(output):
        output.mkdir(parents=True)
    write_bytes(output / "sweep.json", canonical_json(found))
