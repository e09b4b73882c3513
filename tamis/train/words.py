"""Sentences that several files say."""

from __future__ import annotations

from tamis.train.settings import Settings


def out_of_memory(settings: Settings) -> str:
    """What to lower where memory ran out."""
    mends = []
    if settings.batch_size > 1:
        both = f"--batch-size {max(1, settings.batch_size // 2)} --accumulate {settings.accumulate * 2}"
        mends.append(f"{both} (as many rows a step)")
    if not settings.checkpointing:
        mends.append("--checkpointing (a third slower)")
    mends.append(f"a --max-length below {settings.max_length or 1024}")
    return f"memory ran out; try {', or '.join(mends)}; `tamis train estimate` tells what it takes"
