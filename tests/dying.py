"""Tasks that kill their process, where other processes can import them."""

from __future__ import annotations

import os
import signal
from typing import NamedTuple


class Job(NamedTuple):
    """A task that dies until it has been told so often that it did."""

    deaths: int
    told: int = 0

    def after_crash(self) -> Job:
        return self._replace(told=self.told + 1)


def told(job: Job) -> int:
    """How often a job was told that it died."""
    if job.told < job.deaths:
        os.kill(os.getpid(), signal.SIGKILL)
    return job.told


def raising(found: object) -> None:
    """A task that raises what cannot be pickled."""
    raise ValueError(found, lambda: found)
