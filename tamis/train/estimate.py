"""What a run takes before it is started: memory, time, money. For models that are not here, from their config.json alone.

memory   weights + what is trained (weight, gradient, two moments of Adam: 16 bytes each) + activations + 0.6 GB
time     4 operations a parameter and token (6 where activations are computed twice; DPO: 6 and 8, for it asks the
         reference as well), at the speed that a product of two matrices reaches here, times EFFICIENCY
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tamis.errors import UsageError
from tamis.models.weights import read_config
from tamis.train.job import Job
from tamis.train.plan import Plan
from tamis.train.regime import settled
from tamis.train.settings import Settings

EFFICIENCY = {"cpu": 0.7, "cuda": 0.4}
"""Share of the speed of one large matrix product that training reaches. On one thread SmolLM2 takes 120 to 145 tokens a
CPU second, 65 to 78 GFLOPS, where a product reaches 90; what GPUs reach is not measured here, and said to be 0.3 to 0.5."""

OVERHEAD = 600 * 10**6
"""Bytes of the libraries."""

BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0, "nf4": 0.56}
"""A weight of the base; nf4 has a scale for 64 weights, itself in 8 bits."""


@dataclass(frozen=True)
class Shape:
    """A decoder as Llama is: what its config.json says of its size."""

    hidden: int
    layers: int
    inner: int
    vocabulary: int
    heads: int
    kv_heads: int
    head: int
    tied: bool

    @property
    def linears(self) -> list[tuple[int, int]]:
        """In and out of each linear module of a layer."""
        own, few = self.heads * self.head, self.kv_heads * self.head
        attention = [(self.hidden, own), (self.hidden, few), (self.hidden, few), (own, self.hidden)]
        return [*attention, (self.hidden, self.inner), (self.hidden, self.inner), (self.inner, self.hidden)]

    @property
    def parameters(self) -> int:
        """All of them."""
        layer = sum(a * b for a, b in self.linears) + 2 * self.hidden
        return self.layers * layer + self.vocabulary * self.hidden * (1 if self.tied else 2) + self.hidden

    def trained(self, rank: int) -> int:
        """Those of LoRA on all linear modules."""
        return self.layers * rank * sum(a + b for a, b in self.linears)


@dataclass(frozen=True)
class Estimate:
    """Bytes, seconds and money; None where it is not known. About right: within a factor of two."""

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
    cost: float | None

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


def shape_of(folder: Path) -> Shape:
    """The shape of the model in `folder`, which may hold no more than config.json. Raises InputError, UsageError."""
    config = read_config(folder)
    config = config.get("text_config") or config
    try:
        heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
        return Shape(
            hidden=hidden,
            layers=int(config["num_hidden_layers"]),
            inner=int(config["intermediate_size"]),
            vocabulary=int(config["vocab_size"]),
            heads=heads,
            kv_heads=int(config.get("num_key_value_heads") or heads),
            head=int(config.get("head_dim") or hidden // heads),
            tied=bool(config.get("tie_word_embeddings", False)),
        )
    except (KeyError, TypeError, ValueError) as wrong:
        raise UsageError(
            f"{folder / 'config.json'} describes no decoder whose size is known here ({wrong!r} is not there)"
        ) from None


def estimate(
    shape: Shape,
    settings: Settings,
    *,
    tokens: int,
    row_tokens: int,
    precision: str = "float32",
    flops: float | None = None,
    device: str = "cuda",
    price_per_hour: float | None = None,
) -> Estimate:
    """What training takes.

    settings    with nothing left open
    tokens      that are trained on in all, every pass counted; row_tokens: of a long row, which sets the memory
    flops       operations a second that one matrix product reaches on `device`
    """
    pairs = settings.method == "dpo"
    size = settings.batch_size * row_tokens * (2 if pairs else 1)
    width = 4 if precision == "float32" else 2
    weights = round(shape.parameters * BYTES["nf4" if settings.quantize else precision])
    trained = shape.trained(settings.rank or 16)
    # Of a layer: its input, what each linear module and each adapter reads, attention (whose scores are not kept).
    layer = 10 * shape.hidden + 4 * shape.inner + 3 * shape.heads * shape.head
    kept = shape.layers * 2 * shape.hidden + layer if settings.checkpointing else shape.layers * layer
    # Scores over the vocabulary, their logarithms, their gradient and what TRL measures of them, in float32: with 32 bytes
    # SmolLM2 at 4 x 192 tokens comes to the 3.7 GB that were measured.
    activations = size * (width * kept + 32 * shape.vocabulary)
    # Embeddings are looked up, not multiplied; the last product is there in any case.
    active = shape.parameters - (0 if shape.tied else shape.vocabulary * shape.hidden)
    each = 4 + 2 * settings.checkpointing + 2 * pairs
    operations = float(each) * (active + trained) * tokens
    seconds = None if flops is None else operations / (flops * EFFICIENCY[device])
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
        cost=None if seconds is None or price_per_hour is None else round(seconds / 3600 * price_per_hour, 4),
    )


def of_plan(job: Job, plan: Plan, price_per_hour: float | None = None) -> Estimate:
    """What the plan of `job` takes here."""
    from tamis.train.device import chosen, device_here, speed

    settings, lengths, device = plan.settings, plan.lengths, device_here()
    rows = (settings.max_steps or 1) * settings.batch_size * settings.accumulate
    precision = chosen(settings.precision, device)
    return estimate(
        shape_of(job.base),
        settings,
        tokens=round(lengths.tokens / max(1, lengths.examples) * rows),
        row_tokens=min(lengths.p95 or 1, lengths.max_length),
        precision=precision,
        flops=speed(device, precision, settings.threads),
        device=device,
        price_per_hour=price_per_hour,
    )


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
    trained = tokens / rows * (own.max_steps or 1) * own.batch_size * own.accumulate
    found = estimate(
        shape_of(Path(base)),
        own,
        tokens=round(trained),
        row_tokens=own.max_length or round(tokens / rows),
        precision=precision,
        flops=flops or speed(device_here(), precision, own.threads),
        device="cuda" if flops else device_here(),
        price_per_hour=price_per_hour,
    )
    return {**found.as_dict(), "settings": own.as_dict(), "precision": precision}
