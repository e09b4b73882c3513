"""What a model said, as what it should have said: strictly, or not at all."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

_BLOCK = re.compile(r"^\s*```\w*\s*\n(.*?)\n?```\s*$", re.S)
_LABEL = re.compile(
    r"^[#*\s]*(?:(?:the\s+)?(?:instruction|question|task|request|user))\s*(?:\d+)?[#*\s]*[:：]\s*[*#]*\s*", re.I
)
"""Not "Rewritten Prompt:" and its like: elimination rule 4 is about them."""
_QUOTES = {'"': '"', "“": "”", "«": "»", "'": "'", "`": "`", "「": "」"}


class Form(NamedTuple):
    """An answer that is an object: its JSON schema, and what makes values of one that fits. `read` raises ValueError."""

    name: str
    schema: Mapping[str, Any]
    read: Callable[[Mapping[str, Any]], Any]
    plain: Callable[[str], Any] | None = None
    """What makes values of an answer that is no JSON, as papers write them; raises ValueError."""

    @property
    def response_format(self) -> dict[str, Any]:
        """As the OpenAI protocol takes it."""
        return {"type": "json_schema", "json_schema": {"name": self.name, "strict": True, "schema": self.schema}}

    def values(self, text: str) -> Any:
        """What the answer `text` says. Raises ValueError where it is not in form."""
        body = found[1] if (found := _BLOCK.match(text)) else text.strip()
        try:
            held = json.loads(body)
        except (ValueError, RecursionError):
            if self.plain is None:
                raise ValueError("it is not JSON") from None
            return self.plain(text)
        if not isinstance(held, dict):
            raise ValueError(f"it is a JSON {type(held).__name__}, an object was wanted")
        return self.read(held)


def whole(held: Mapping[str, Any], name: str, low: int, high: int) -> int:
    """The whole number `name`. Raises ValueError."""
    value = held.get(name)
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or value != int(value)
        or not low <= value <= high
    ):
        raise ValueError(f"{name!r} is {value!r:.40}, a whole number from {low} to {high} was wanted")
    return int(value)


def object_schema(**properties: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON schema of an object of which all `properties` are wanted, in this order, and no others."""
    return {
        "type": "object",
        "properties": {k: dict(v) for k, v in properties.items()},
        "required": list(properties),
        "additionalProperties": False,
    }


REASON = {"type": "string", "maxLength": 400}
"""A length, because small models go on until their tokens run out where there is none."""


_FENCE = re.compile(r"</?[a-z]+-[0-9a-f]{24}>\s*")
"""A fence of a prompt: small models begin by copying it."""


def one_line_of(text: str) -> str:
    """An instruction, without the label, quotes or fences that models put around it; "" where nothing is left."""
    text = _FENCE.sub("", text)
    text = found[1] if (found := _BLOCK.match(text)) else text
    text = _LABEL.sub("", text.strip(), count=1).strip()
    close = _QUOTES.get(text[:1])
    if close and len(text) > 1 and text.endswith(close) and close not in text[1:-1]:
        text = text[1:-1].strip()
    return text
