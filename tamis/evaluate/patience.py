"""A regular expression of somebody else's, ended where it would take longer than anybody waits.

Python's own tries every way to match, and `(a+)+$` has as many as there are subsets: on forty letters it does not end. But it looks
for signals while it tries, so a timer can stop it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tamis.errors import UsageError


class TooSlow(UsageError):
    """A regular expression that did not end in its time."""


@contextmanager
def within(seconds: float, pattern: str, text: str) -> Iterator[None]:
    """Run the block for `seconds` of CPU at most. Raises TooSlow, which names `pattern` and how long `text` is.

    In a thread that is not the main one, and on Windows, there is no such timer, and no limit.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(*_: object) -> None:
        raise TooSlow(
            f"the regular expression {pattern!r:.80} did not end within {seconds:g} s on a text of {len(text):,} characters; write "
            "it without a repeat inside a repeat"
        )

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
