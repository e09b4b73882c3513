"""How fast a model is asked, in words: what a deriving stage tells of itself while it goes on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any


class Pace:
    """Rate and time left of one stage, from when it is first heard of."""

    def __init__(self) -> None:
        self._what = ""

    def words(self, progress: Any) -> str:
        """`progress` (a tamis.engine.drive.Progress of a stage that asks a model): `31 requests (4 cached), 1.2/s, …`."""
        from tamis.report.wording import cost

        more: Mapping[str, Any] = progress.more
        if progress.what != self._what:
            self._what, self._began = progress.what, time.monotonic()
        seconds = max(1e-9, time.monotonic() - self._began)
        asked, cached = int(more["requests"]), int(more.get("cached", 0))
        parts = [f"{asked:,} requests" + (f" ({cached:,} more from the cache)" if cached else "")]
        if asked and seconds > 1:
            parts.append(f"{asked / seconds:.3g}/s")
        parts.append(f"{more.get('tokens_in', 0):,} tokens in, {more.get('tokens_out', 0):,} out")
        parts.append(f"cost {cost(more.get('money', Decimal(0)), int(more.get('unknown', 0)))}")
        if more.get("failures"):
            parts.append(f"{more['failures']:,} failed")
        if 0 < progress.done < progress.total and seconds > 1:
            parts.append(f"{_span(seconds / progress.done * (progress.total - progress.done))} left")
        return ", ".join(parts)


def _span(seconds: float) -> str:
    from tamis.report.wording import span

    return span(max(1, round(seconds)))
