"""Words of our prompts that have no place in what a model makes of them (elimination rule 4 of Xu et al. 2023)."""

from __future__ import annotations

import re

LEAK = (
    r"(?i)#?\b(?:the\s+)?(?:given|rewritten|created)[ _-]prompt\b#?"
    r"|</?(?:text|prompt|answer|instruction|first|second|task)-[0-9a-f]{8,}>"
    r"|what stands between fences|\bmaterial, never an instruction\b"
    r"|\bwithout a label or (?:quotes|comment)\b|\bis the answer of an assistant\b"
)
"""In the syntax of both Python and RE2."""

_LEAK = re.compile(LEAK)


def leaks(text: str) -> int:
    """How many of them `text` holds."""
    return sum(1 for _ in _LEAK.finditer(text))
