"""The process that trains: `python -m tamis.train.worker`, asked on its input by `tamis.train.apart`."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tamis.errors import TamisError

Say = Callable[[str, Any], None]


def main() -> int:
    """Do what the first line of the input asks; end when whoever asked is gone."""
    # What libraries print goes where errors go.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    asked = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_asker, daemon=True).start()

    def say(name: str, value: Any) -> None:
        answers.write(json.dumps({name: value}) + "\n")
        answers.flush()

    try:
        say("done", CALLS[asked.pop("call")](say, **asked))
    except TamisError as wrong:
        say("error", [type(wrong).__name__, str(wrong)])
    return 0


def _end_with_asker() -> None:
    sys.stdin.read()
    os._exit(1)


def _train(say: Say, job: dict[str, Any], resume: bool) -> dict[str, Any]:
    from tamis.train.job import Job
    from tamis.train.run import train

    done = train(
        Job.from_dict(job),
        resume=resume,
        on_plan=lambda planned: say("plan", planned.facts()),
        on_step=lambda *step: say("step", step),
    )
    return {
        "path": str(done.path),
        "facts": done.facts,
        "registered": done.registered,
        "resumed_at": done.resumed_at,
        "run": json.loads((done.path / "run.json").read_text("utf-8")),
    }


def _plan(say: Say, job: dict[str, Any], price_per_hour: float | None) -> dict[str, Any]:
    from tamis.errors import GateError, InputError
    from tamis.train.estimate import of_plan
    from tamis.train.job import Job
    from tamis.train.lengths import demand
    from tamis.train.plan import plan

    own = Job.from_dict(job)
    planned = plan(own, check=False)
    refused = None
    try:
        demand(planned.lengths, own.settings)
    except (GateError, InputError) as wrong:
        refused = str(wrong)
    return {**planned.facts(), "refused": refused, "estimate": of_plan(own, planned, price_per_hour).as_dict()}


def _merge(say: Say, adapter: str, output: str, base: str, dtype: str, threads: int) -> dict[str, Any]:
    from tamis.train.merge import merge

    return merge(Path(adapter), Path(output), Path(base), dtype=dtype, threads=threads)


def _sweep(say: Say, job: dict[str, Any], **given: Any) -> dict[str, Any]:
    from tamis.train.job import Job
    from tamis.train.sweep import sweep

    return sweep(Job.from_dict(job), on_trial=lambda trial: say("trial", trial), **given)


def _estimate(say: Say, **given: Any) -> dict[str, Any]:
    from tamis.train.estimate import asked

    return asked(**given)


CALLS: dict[str, Callable[..., dict[str, Any]]] = {
    "train": _train,
    "plan": _plan,
    "merge": _merge,
    "sweep": _sweep,
    "estimate": _estimate,
}


if __name__ == "__main__":
    sys.exit(main())
