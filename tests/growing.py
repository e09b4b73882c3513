"""What tests that grow rows share: seeds, and what a model says to any prompt of ours, in form."""

from __future__ import annotations

import json
from typing import Any

from scripted import inner

from tamis.curate.synthesis.preference import ASPECTS

TEXTS = [
    {"text": f"The sieve number {k} keeps what is coarse. It has {k + 3} parts.", "id": f"t{k}"} for k in range(12)
]
CHATS = [{"prompt": f"What is sieve number {k} for?", "completion": f"For part {k}.", "id": f"c{k}"} for k in range(12)]


def answer(body: dict[str, Any]) -> str:
    """What is wanted, and another for every prompt and seed."""
    prompt = body["messages"][-1]["content"]
    if "Use this scale" in prompt:
        return json.dumps({"reason": "fine", "score": 3 + len(prompt) % 3})
    if "Are the two equal" in prompt:
        return json.dumps({"equal": False})
    if "four aspects" in prompt:
        return json.dumps({"reason": "", **dict.fromkeys(ASPECTS, 1 + len(list(inner(prompt))[1]) % 5)})
    if "new tasks" in prompt:
        return json.dumps({"tasks": [f"Explain to me the number {len(prompt) * 7} in other words"]})
    said = list(inner(prompt))
    return (
        f"What of {said[0][:40]} and {len(prompt)}?"
        if said
        else f"Said of {prompt[-30:]} {body.get('seed')}: it is so."
    )
