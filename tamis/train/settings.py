"""What a run trains with. None stands for what the regime of the data says (`tamis.train.regime`)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from tamis.errors import UsageError

Method = Literal["sft", "dpo"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]
Overlong = Literal["drop", "truncate", "split"]
Schedule = Literal["constant", "linear", "cosine"]

TRACKERS = ("tensorboard", "mlflow", "wandb")


@dataclass(frozen=True)
class Settings:
    """How one adapter is trained.

    rank, alpha       of LoRA; what it adds is scaled by alpha / rank, or alpha / sqrt(rank) with `rslora`
    targets           modules that get one: all linear layers but the last
    quantize          base weights as 4-bit nf4 (QLoRA), on CUDA alone
    learning_rate     at its highest; warmup is the share of steps until then
    batch_size        rows at once, `accumulate` times before a step
    max_length        tokens of a row; None: 1024, or what the base reads
    overlong          longer rows: drop, truncate, or split (documents alone)
    most_cut          share of rows that may be truncated or dropped, 0 to 1
    validation        a split, `auto` (the split `validation`, else a tenth held out), or `none`
    patience          evaluations without a better loss before it stops; 0: never
    eval_every, checkpoint_every   steps; 0: never
    beta              of DPO: how dear it is to leave the reference
    checkpointing     compute activations twice rather than keep them
    """

    method: Method = "sft"
    rank: int | None = None
    alpha: int | None = None
    dropout: float | None = None
    rslora: bool = False
    dora: bool = False
    targets: tuple[str, ...] = ("all-linear",)
    quantize: bool = False
    learning_rate: float | None = None
    schedule: Schedule | None = None
    warmup: float = 0.1
    weight_decay: float = 0.0
    epochs: float | None = None
    max_steps: int | None = None
    batch_size: int = 4
    accumulate: int = 1
    max_length: int | None = None
    overlong: Overlong = "drop"
    most_cut: float = 0.05
    validation: str = "auto"
    patience: int = 3
    eval_every: int | None = None
    checkpoint_every: int | None = None
    beta: float = 0.1
    seed: int = 0
    threads: int = 1
    precision: Precision = "auto"
    checkpointing: bool = False
    trackers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("targets", "trackers"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name, allowed in _CLOSED.items():
            if getattr(self, name) not in (*allowed, None):
                raise UsageError(f"{name} is {getattr(self, name)!r}; it can be {', '.join(allowed)}")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise UsageError(f"{name} is {value!r}; it must be from {low} to {high:g}")
        if unknown := sorted({*self.trackers} - {*TRACKERS}):
            raise UsageError(f"no tracker is called {unknown[0]!r}; there are {', '.join(TRACKERS)}")
        if self.overlong == "split" and self.method == "dpo":
            raise UsageError("overlong is 'split', and a pair cannot be split; take drop or truncate")

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {**asdict(self), "targets": list(self.targets), "trackers": list(self.trackers)}

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> Settings:
        """Raises UsageError for a name that is no setting."""
        if unknown := sorted(set(given) - {f.name for f in fields(cls)}):
            raise UsageError(f"no setting is called {unknown[0]!r}; there are {', '.join(f.name for f in fields(cls))}")
        return cls(**given)


_CLOSED: dict[str, tuple[str, ...]] = {
    "method": get_args(Method),
    "precision": get_args(Precision),
    "overlong": get_args(Overlong),
    "schedule": get_args(Schedule),
}

_RANGES: dict[str, tuple[float, float]] = {
    "rank": (1, 1024),
    "alpha": (1, 4096),
    "dropout": (0, 0.9),
    "learning_rate": (0, 1e30),  # Adam divides it by a tenth at first, which has to fit a float32
    "warmup": (0, 1),
    "weight_decay": (0, 10),
    "epochs": (0, 1000),
    "max_steps": (1, 10**9),
    "batch_size": (1, 4096),
    "accumulate": (1, 4096),
    "max_length": (8, 10**7),
    "most_cut": (0, 1),
    "patience": (0, 10**6),
    "eval_every": (0, 10**9),
    "checkpoint_every": (0, 10**9),
    "beta": (0, 100),
    "seed": (0, 2**32 - 1),
    "threads": (1, 1024),
}
