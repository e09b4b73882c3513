"""Bench: what a deriving stage works with. None of it is part of the recipe, and what is made does not depend on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from tamis.errors import UsageError

WhenSpent = Literal["stop", "finish"]


@dataclass(frozen=True)
class Means:
    """What a run may use to derive rows: where answers are kept, how much may be spent, and how models are called.

    responses     the cache of answers; None: `responses.sqlite` beside the run, or TAMIS_RESPONSES
    replay        answers come from the cache alone; one that is not in it is an error
    budget        money that all stages together may spend; None: no limit
    max_requests  requests that may be sent; None: no limit
    max_tokens    tokens that may be used, in and out; None: no limit
    when_spent    stop: the run stops and can be resumed with more; finish: it goes on without the seeds that are left
    concurrency   requests under way at once, of each model
    timeout       seconds for one try
    attempts      tries of one request
    key_env       variable of the environment with the key; `key_envs` names others, by host
    keys_to       hosts that may be sent a key, beside those that always may (tamis.models.opening) and those of `key_envs`:
                  a recipe alone says where no key goes
    """

    responses: Path | None = None
    replay: bool = False
    budget: Decimal | None = None
    max_requests: int | None = None
    max_tokens: int | None = None
    when_spent: WhenSpent = "stop"
    concurrency: int = 16
    timeout: float = 120.0
    attempts: int = 6
    key_env: str = "OPENAI_API_KEY"
    key_envs: Mapping[str, str] = field(default_factory=dict)
    keys_to: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name in ("concurrency", "attempts"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}; 1 or more was wanted")
        if not self.timeout > 0:
            raise UsageError(f"timeout is {self.timeout}; a number of seconds above 0 was wanted")


def responses_at(named: Path | None, beside: Path) -> Path:
    """The cache of answers: what was named, else TAMIS_RESPONSES, else in the folder `beside`, where other runs find it, too."""
    found = named or os.environ.get("TAMIS_RESPONSES")
    return Path(found) if found else beside / "responses.sqlite"


@dataclass
class Bench:
    """What one deriving stage works with, and where it says how it goes.

    scratch    folder of its own, there; empty when the stage begins, unless an earlier try left something
    responses  the cache of answers
    means      of the run; their budget is what is left of it
    """

    scratch: Path
    responses: Path
    means: Means = Means()
    on_tell: Callable[[Mapping[str, Any]], None] = field(default=lambda _: None, repr=False)
    notes: dict[str, Any] = field(default_factory=dict)
    """What was noted."""
    variable: dict[str, Any] = field(default_factory=dict)
    """What was said to vary."""
    paid: Decimal = Decimal(0)

    def tell(self, progress: Mapping[str, Any]) -> None:
        """Say how far it is: done, total (seeds), requests, tokens_in, tokens_out, money, failures; any of them."""
        self.on_tell(progress)

    def note(self, name: str, value: Any) -> None:
        """A fact for run.json, as JSON can hold it: the same on every run of the same recipe on the same input."""
        self.notes[name] = value

    def varies(self, name: str, value: Any) -> None:
        """A fact that may differ from run to run: what was really sent, paid, found in the cache. As JSON can hold it."""
        self.variable[name] = value

    def pay(self, money: Decimal) -> None:
        """Money was spent: the stages after this one have so much less."""
        self.paid += money
