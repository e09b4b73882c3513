"""How often a request is tried, and how long it waits between tries."""

from __future__ import annotations

from dataclasses import dataclass
from random import uniform


@dataclass(frozen=True)
class Patience:
    """`attempts` tries; the k-th wait is drawn from between a half and all of `first` · 2ᵏ⁻¹ seconds, at most `longest`.

    What an endpoint asks for in Retry-After is waited instead, up to `longest_asked` seconds: one that asks for an hour
    is tried again in a minute. An answer without text is bought `empty` times at most: it may well be the model's own.
    """

    attempts: int = 6
    first: float = 0.5
    longest: float = 30.0
    longest_asked: float = 60.0
    empty: int = 2

    def wait(self, attempt: int, asked: float | None) -> float:
        """Seconds before the try after `attempt`, from 1. The draw keeps requests that failed together apart."""
        if asked is not None:
            return min(asked, self.longest_asked) * uniform(1.0, 1.1)
        return float(min(self.longest, self.first * 2 ** (attempt - 1)) * uniform(0.5, 1.0))
