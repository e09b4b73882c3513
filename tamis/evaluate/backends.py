"""Who answers, by its name: hf:PATH[+ADAPTER], openai:URL#NAME, replay:FILE."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tamis.errors import UsageError
from tamis.evaluate.answer import Backend
from tamis.evaluate.frozen import Frozen


def backend(
    spec: str,
    *,
    device: str = "auto",
    wall_limit: float | None = None,
    concurrency: int = 16,
    responses: Path | None = None,
    **model: Any,
) -> Callable[[Frozen], Backend]:
    """What makes the backend `spec` once the snapshot is open. Raises UsageError where no such is known.

    device, wall_limit       of a model on this machine
    concurrency, responses   of one behind an endpoint: requests at once, and the cache of answers; `model` as for open_model
    """
    kind, colon, rest = spec.partition(":")
    if not colon or not rest or kind not in ("hf", "openai", "replay"):
        raise UsageError(f"{spec!r} names no model; write hf:PATH, hf:PATH+ADAPTER, openai:URL#NAME or replay:FILE")

    def make(frozen: Frozen) -> Backend:
        if kind == "replay":
            from tamis.evaluate.replayed import Replayed

            return Replayed(Path(rest))
        if kind == "hf":
            from tamis.evaluate.machine import Machine

            path, _, adapter = rest.partition("+")
            return Machine(Path(path), Path(adapter) if adapter else None, frozen.settings, device, wall_limit)
        from tamis.evaluate.asked import Asked
        from tamis.models import open_model
        from tamis.models.client import Remote

        kept = responses or Path("responses.sqlite")
        opened = open_model(spec, responses=kept, concurrency=concurrency, **model)
        assert isinstance(opened, Remote)
        return Asked(opened, frozen.settings, concurrency)

    return make
