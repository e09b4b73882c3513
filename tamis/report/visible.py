"""Characters that hide or turn text around, made plain: U+202E stands there as ‹U+202E›."""

from __future__ import annotations

import re
from typing import Any

HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Controls but tab and line feed, zero-width characters but joiners, marks of direction, tags, what is no character."""


def visible(value: Any) -> Any:
    """`value`; where it is a string, with every hidden character named."""
    return HIDDEN.sub(lambda found: f"‹U+{ord(found[0]):04X}›", value) if type(value) is str else value
