"""How much there is to learn from decides how: few tokens are soon learnt by heart, many want room.

tiny   < 50 000 tokens   small rank, dropout, several passes
mid                      rank 16, two passes
large  > 5 million       rank 32, no dropout, one pass

LoRA wants about ten times the learning rate of full fine-tuning, whatever its rank (Schulman et al. 2025, "LoRA Without
Regret"); DPO a tenth of that or less. Each can be set otherwise.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal, NamedTuple

from tamis.train.settings import Schedule, Settings

Regime = Literal["tiny", "mid", "large"]

TINY, LARGE = 50_000, 5_000_000

EVALUATIONS = 10
"""Evaluations of a run, where there is something held out."""


class Defaults(NamedTuple):
    """What a regime says; `dpo_rate` is the learning rate of DPO."""

    rank: int
    dropout: float
    learning_rate: float
    dpo_rate: float
    schedule: Schedule
    epochs: float


DEFAULTS: dict[Regime, Defaults] = {
    "tiny": Defaults(8, 0.05, 2e-4, 1e-5, "linear", 3.0),
    "mid": Defaults(16, 0.05, 2e-4, 2e-5, "cosine", 2.0),
    "large": Defaults(32, 0.0, 2e-4, 5e-6, "cosine", 1.0),
}


def regime_of(tokens: int) -> Regime:
    """The regime of data of so many tokens."""
    return "tiny" if tokens < TINY else "large" if tokens > LARGE else "mid"


def settled(settings: Settings, tokens: int, rows: int, held_out: int) -> Settings:
    """`settings` with nothing left open. tokens, rows: of what is trained on, once; held_out: rows to evaluate on."""
    own = DEFAULTS[regime_of(tokens)]
    rank = settings.rank or own.rank
    epochs = own.epochs if settings.epochs is None else settings.epochs
    steps = settings.max_steps or max(1, math.ceil(epochs * steps_of_epoch(settings, rows)))
    every = settings.eval_every
    if every is None:
        every = max(1, steps // EVALUATIONS)
    every = every if held_out else 0
    saved = settings.checkpoint_every
    if saved is None:
        # The best of those that were evaluated is kept, and can be no other than one that was saved.
        saved = every or max(1, steps // EVALUATIONS)
    return replace(
        settings,
        rank=rank,
        alpha=settings.alpha or 2 * rank,
        dropout=own.dropout if settings.dropout is None else settings.dropout,
        learning_rate=settings.learning_rate
        if settings.learning_rate is not None
        else (own.learning_rate if settings.method == "sft" else own.dpo_rate),
        schedule=settings.schedule or own.schedule,
        epochs=epochs,
        max_steps=steps,
        eval_every=every,
        checkpoint_every=saved,
        patience=settings.patience if every else 0,
    )


def steps_of_epoch(settings: Settings, rows: int) -> int:
    """Steps of one pass over `rows`."""
    return math.ceil(rows / (settings.batch_size * settings.accumulate))
