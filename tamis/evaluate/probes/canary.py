"""A canary: a text nobody would write, put into an evaluation so that it can be found in training data, and in a model."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterable
from math import log2
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tamis.errors import UsageError

OTHERS = 200
"""Texts like the canary that it is held against: an exposure of up to log2(201), 7.65 bits, can be told."""

SHORTEST = 16
"""Characters of a canary under which it may stand anywhere by chance."""


def alike(canary: str, count: int = OTHERS, seed: int = 0) -> list[str]:
    """Texts with other letters and digits behind the first half of `canary`, drawn evenly, and all else as it is."""
    own, half = random.Random(seed), len(canary) // 2
    return [canary[:half] + "".join(_other(c, own) for c in canary[half:]) for _ in range(count)]


def exposure(canary: str, likelihood: Callable[[Iterable[str]], Iterable[float]], seed: int = 0) -> dict[str, Any]:
    """How far a model prefers the canary to texts like it: log2(texts) - log2(rank) (Carlini et al. 2019), and the p-value.

    likelihood  gives a text's log-likelihood
    """
    checked(canary)
    own, *others = likelihood([canary, *alike(canary, seed=seed)])
    rank = 1 + sum(other >= own for other in others)
    count = len(others) + 1
    says = (
        "the model prefers it to texts like it: it has likely been trained on"
        if rank / count < 0.01
        else "the model does not prefer it to texts like it"
    )
    return {"rank": rank, "of": count, "exposure": log2(count) - log2(rank), "p": rank / count, "says": says}


def stands_in(canary: str, texts: pa.StringArray) -> list[int]:
    """Rows of `texts` that hold the canary, letter for letter."""
    found = pc.match_substring(texts, checked(canary))
    return [int(k) for k in pc.indices_nonzero(pc.fill_null(found, False)).to_pylist()]


def checked(canary: str) -> str:
    """`canary`. Raises UsageError where it is so short that it may stand anywhere."""
    if len(canary) < SHORTEST:
        raise UsageError(
            f"the canary {canary!r} has {len(canary)} characters; {SHORTEST} or more were wanted, as those of a GUID"
        )
    return canary


def _other(character: str, own: random.Random) -> str:
    for kind in (string.digits, "abcdef", string.ascii_lowercase, "ABCDEF", string.ascii_uppercase):
        if character in kind:
            return own.choice(kind)
    return character
