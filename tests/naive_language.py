"""Windows of a text, and py3langid's answer as it gives it itself."""

from __future__ import annotations

from functools import cache
from typing import Any


def windows(text: str, chars: int, most: int) -> list[str]:
    """The first `chars` characters, then others evenly spread over the bytes of the text, as many as fit."""
    first = text[:chars]
    data, size = text.encode(), len(first.encode())
    count = max(1, min(most, len(data) // max(size, 1)))
    found = [first]
    for k in range(1, count):
        at = (len(data) - size) * k // (count - 1)
        while at < len(data) and data[at] & 0xC0 == 0x80:
            at += 1
        found.append(data[at:].decode()[:chars])
    return found


@cache
def identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
