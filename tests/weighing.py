"""An endpoint that gives the likelihoods of a prompt by the older protocol, out of a model on this machine.

with Weighing(tiny) as server: ...              choices as `hf:` weighs them
with Weighing(tiny, without="logprobs") ...     as one that leaves them out; "completions": that has no such address
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from serving import Served, _error, _http


class Weighing(Served):
    """Chats are answered as Served does; a `prompt` is weighed."""

    def __init__(self, model: Path, without: str = "", **more: Any) -> None:
        super().__init__(**more)
        self._folder, self._without, self._loaded = model, without, None

    def _say(self, asked: dict[str, Any], writer: asyncio.StreamWriter, text: str | None = None) -> bool:
        if "prompt" not in asked:
            return super()._say(asked, writer, text)
        if self._without == "completions":
            writer.write(_http(404, _error("no such address")))
            return True
        choice = {"text": asked["prompt"], "finish_reason": "length", "index": 0, "logprobs": None}
        if self._without != "logprobs":
            choice["logprobs"] = self._weigh(asked["prompt"])
        body = {"choices": [choice], "model": "tiny", "usage": {"prompt_tokens": 1, "completion_tokens": 0}}
        writer.write(_http(200, json.dumps(body).encode()))
        return True

    def _weigh(self, text: str) -> dict[str, Any]:
        """As vLLM has it: nothing of the first token."""
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        if self._loaded is None:
            own: Any = AutoModelForCausalLM.from_pretrained(self._folder)
            self._loaded = AutoTokenizer.from_pretrained(self._folder), own.eval()
        words, model = self._loaded
        found = words(text, return_offsets_mapping=True, return_tensors="pt", add_special_tokens=False)
        with torch.no_grad():
            odds = model(found["input_ids"]).logits[0].log_softmax(-1)
        ids, places = found["input_ids"][0].tolist(), found["offset_mapping"][0].tolist()
        weights = [None, *(float(odds[k, token]) for k, token in enumerate(ids[1:]))]
        tokens = [text[start:end] for start, end in places]
        return {"tokens": tokens, "token_logprobs": weights, "text_offset": [start for start, _ in places]}
