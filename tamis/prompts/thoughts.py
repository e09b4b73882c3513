"""Answers without what a model thought aloud before them: <think>…</think>, which servers leave in the text unless told not to.

<think>They ask for a sieve.</think>\n\nWhat is a tamis for?      What is a tamis for?
They ask for a sieve.\n</think>\n\nWhat is a tamis for?           the same: some chat formats open the thought themselves
<think>They ask for a sieve. Or do they                           nothing: the tokens were gone before an answer began
Write <think> before you think.                                   as it is: no thought begins there
"""

from __future__ import annotations

import re

_BEGIN = re.compile(r"<think>", re.I)
_ENDS = re.compile(r"</think>\s*", re.I)
_ENDS_ONLY = re.compile(r"^[ \t]*</think>[ \t]*(?:\n\s*|\Z)", re.I | re.M)
"""On a line of its own: a text may speak of the mark."""


def without_thoughts(text: str) -> str | None:
    """`text` from the end of the thought on that it begins with; None where that thought has no end."""
    begin = _BEGIN.search(text)
    if begin and not text[: begin.start()].strip():
        end = _ENDS.search(text)
        return text[end.end() :] if end else None
    end = _ENDS_ONLY.search(text, 0, begin.start() if begin else len(text))
    return text[end.end() :] if end else text
