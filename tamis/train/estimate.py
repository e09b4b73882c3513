"""What a run takes before it is started: memory, time, money.

memory   weights + what is trained (weight, gradient, two moments of Adam: 16 bytes each) + what the largest batch keeps for the
         way back + scores over the vocabulary + the libraries
time     of some steps taken here (`tamis.train.pace`), where the model is here; else 4 operations a parameter and token (6 where
         activations are computed twice; DPO: 6 and 8, for it asks the reference as well), at the speed that a product of two
         matrices reaches, times EFFICIENCY
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tamis.train.job import Job
from tamis.train.pace import Pace, largest, pace_of, sizes
from tamis.train.plan import Plan
from tamis.train.regime import settled, steps_of_epoch
from tamis.train.settings import Settings
from tamis.train.shape import Shape, shape_of

EFFICIENCY = {"cpu": 0.7, "cuda": 0.4}
"""Share of the speed of one large matrix product that training reaches; what GPUs reach is not measured here, and said to be 0.3
to 0.5."""

HEAP = {"cpu": 1.75, "cuda": 1.0}
"""Memory held by what a batch keeps: batches differ in length, and what one gave back does not fit the next. Of SmolLM2 by SFT
and DPO 1.8 and 1.6 (benchmarks/results/train_peer.json); CUDA's allocator is not measured here."""

OVERHEAD = 620 * 10**6
"""Bytes of the libraries, once they have trained a model of no size."""

BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0, "nf4": 0.56}
"""A weight of the base; nf4 has a scale for 64 weights, itself in 8 bits."""


@dataclass(frozen=True)
class Estimate:
    """Bytes, seconds and money; None where it is not known.

    seconds      of training and of evaluations in between, once all is loaded
    cpu_seconds  of all threads together; None where no step was taken
    steps_taken  that the time is told by; 0: by operations
    """

    parameters: int
    trained: int
    steps: int
    tokens: int
    memory: int
    weights: int
    optimizer: int
    activations: int
    operations: float
    seconds: float | None
    cpu_seconds: float | None
    steps_taken: int
    cost: float | None

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


def estimate(
    shape: Shape,
    settings: Settings,
    *,
    tokens: int,
    at_once: int,
    precision: str = "float32",
    flops: float | None = None,
    device: str = "cuda",
    price_per_hour: float | None = None,
    pace: Pace | None = None,
) -> Estimate:
    """What training takes.

    settings  with nothing left open
    tokens    that are trained on in all, every pass counted; at_once: of the largest batch
    flops     operations a second that one matrix product reaches on `device`; not asked where there is a pace
    """
    pairs = settings.method == "dpo"
    width = 4 if precision == "float32" else 2
    weights = round(shape.parameters * BYTES["nf4" if settings.quantize else precision])
    rank = settings.rank or 16
    trained = shape.trained(rank)
    layer = shape.kept(settings, rank)
    kept = shape.layers * shape.hidden + layer if settings.checkpointing else shape.layers * layer
    activations = round(HEAP[device] * at_once * width * (kept + 3 * shape.hidden)) + _scores(shape, at_once, device)
    # Embeddings are looked up, not multiplied; the last product is there in any case.
    active = shape.parameters - (0 if shape.tied else shape.vocabulary * shape.hidden)
    each = 4 + 2 * settings.checkpointing + 2 * pairs
    operations = float(each) * (active + trained) * tokens
    seconds = pace.seconds if pace else None if flops is None else operations / (flops * EFFICIENCY[device])
    return Estimate(
        parameters=shape.parameters,
        trained=trained,
        steps=settings.max_steps or 0,
        tokens=tokens,
        memory=weights + 16 * trained + activations + OVERHEAD,
        weights=weights,
        optimizer=16 * trained,
        activations=activations,
        operations=operations,
        seconds=None if seconds is None else round(seconds, 1),
        cpu_seconds=round(pace.cpu_seconds, 1) if pace else None,
        steps_taken=pace.steps if pace else 0,
        cost=None if seconds is None or price_per_hour is None else round(seconds / 3600 * price_per_hour, 4),
    )


def _scores(shape: Shape, at_once: int, device: str) -> int:
    """Bytes of scores over the vocabulary, as our head or that of TRL holds them."""
    from tamis.train.head import TILE

    if shape.unpadded and device == "cpu":
        return 3 * 4 * min(TILE, at_once * shape.vocabulary)
    # TRL takes 32,768 words at once, of 4,096 tokens at most; without triton the steps of a softmax are tables of their own.
    return min(at_once, 4096) * min(shape.vocabulary, 32768) * 4 * (7 if device == "cpu" else 1)


def of_plan(job: Job, plan: Plan, price_per_hour: float | None = None) -> Estimate:
    """What the plan of `job` takes here, by steps taken here, unless those do not fit."""
    from tamis.train.device import chosen, device_here, free_bytes, speed

    settings, lengths, device = plan.settings, plan.lengths, device_here()
    precision = chosen(settings.precision, device)
    shape = shape_of(job.base)
    unpadded = shape.unpadded and device == "cpu" and precision == "float32"
    batches = (settings.max_steps or 1) * settings.accumulate
    known: dict[str, Any] = {
        "tokens": round(
            lengths.tokens * (settings.max_steps or 1) / max(1, steps_of_epoch(settings, lengths.examples))
        ),
        "at_once": largest(
            sizes(plan.train, settings.method, shared=unpadded), settings.batch_size, batches, not unpadded
        ),
        "precision": precision,
        "device": device,
        "price_per_hour": price_per_hour,
    }
    found = estimate(shape, settings, **known)
    if not lengths.examples or found.memory > free_bytes(device):
        return estimate(shape, settings, **known, flops=speed(device, precision, settings.threads))
    return estimate(shape, settings, **known, pace=pace_of(job, plan))


def asked(
    base: str,
    settings: dict[str, Any],
    rows: int,
    tokens: int,
    precision: str,
    flops: float | None,
    price_per_hour: float | None,
) -> dict[str, Any]:
    """`tamis train estimate`: rows and tokens (of all rows together, once) instead of a snapshot."""
    from tamis.train.device import device_here, speed

    own = settled(Settings.from_dict(settings), tokens, rows, 0)
    trained = tokens * (own.max_steps or 1) / steps_of_epoch(own, rows)
    found = estimate(
        shape_of(Path(base)),
        own,
        tokens=round(trained),
        at_once=own.batch_size * (own.max_length or round(tokens / rows)) * (2 if own.method == "dpo" else 1),
        precision=precision,
        flops=flops or speed(device_here(), precision, own.threads),
        device="cuda" if flops else device_here(),
        price_per_hour=price_per_hour,
    )
    return {**found.as_dict(), "settings": own.as_dict(), "precision": precision}
