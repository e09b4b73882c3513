"""A run as it goes: each step and evaluation told to whoever asked, a loss that is no number the end of it, a curve kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from tamis.errors import RunError
from tamis.train.settings import Settings

OnHeldOut = Callable[[int, float], Any]
"""Told after each evaluation: the step, the loss of the rows held out. May raise Pruned."""


class Pruned(Exception):
    """A trial that is not worth going on with."""


OnStep = Callable[[int, int, float | None], Any]
"""Told after each step: steps done, steps in all, the loss where there is one."""


_CURVE = {
    "loss": "loss",
    "eval_loss": "held_out",
    "grad_norm": "gradient",
    "learning_rate": "learning_rate",
    "rewards/margins": "margin",
    "rewards/accuracies": "preferred",
    "eval_rewards/margins": "held_out_margin",
    "eval_rewards/accuracies": "held_out_preferred",
}
"""Of what TRL logs at a step: what is kept, and what it is called."""


def watch(settings: Settings, on_step: OnStep | None, on_held_out: OnHeldOut | None) -> Any:
    """What a trainer calls back."""
    from transformers import TrainerCallback

    class Watch(TrainerCallback):
        """Looks at the loss of each step."""

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            for name in ("loss", "grad_norm", "eval_loss"):
                if name in logs and not math.isfinite(float(logs[name])):
                    if state.global_step == 0:
                        raise RunError(
                            f"before the first step: {name} is {float(logs[name])}; the base itself gives no number: look at its "
                            "weights, or at the rows held out"
                        )
                    raise RunError(
                        f"step {state.global_step} of {state.max_steps}: {name} is {float(logs[name])}, at a learning rate of "
                        f"{settings.learning_rate:g}; lower --learning-rate, or look at the rows of that step"
                    )
            if on_step and "loss" in logs:
                on_step(int(state.global_step), int(state.max_steps), float(logs["loss"]))
            if on_held_out and "eval_loss" in logs and state.global_step:
                on_held_out(int(state.global_step), float(logs["eval_loss"]))

    return Watch()


def curve(history: Sequence[dict[str, Any]]) -> list[dict[str, float]]:
    """What is kept of each log, one entry for a step and one for an evaluation of it."""
    found: dict[tuple[int, bool], dict[str, float]] = {}
    for log in history:
        kept = {ours: float(log[theirs]) for theirs, ours in _CURVE.items() if theirs in log}
        if "loss" in kept or "held_out" in kept:
            step = int(log["step"])
            found.setdefault((step, "held_out" in kept), {"step": step, **kept})
    return list(found.values())
