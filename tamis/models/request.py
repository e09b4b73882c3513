"""What is asked of a model, and the key its answer is kept under.

{"messages":[{"content":"Why do cells divide?","role":"user"}],"model":"smollm2","temperature":0.7}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from tamis.errors import UsageError

_OURS = {"model", "messages", "prompt", "stream", "stream_options"}


class Request(NamedTuple):
    """One thing asked of a model.

    messages  as in a chat row: role and content each
    params    what else the body holds, by the names of the OpenAI protocol: temperature, max_tokens, seed, top_p, stop,
              response_format, logprobs, top_logprobs, …
    sample    which of several answers to the very same body is meant, from 0: another number is another answer
    text      instead of messages: a text to be gone on from, or weighed, as it stands (the older protocol, `completions`)
    """

    messages: tuple[Mapping[str, str], ...]
    params: Mapping[str, Any] = {}
    sample: int = 0
    text: str | None = None

    @property
    def path(self) -> str:
        """Where it is sent to, behind the base URL."""
        return "/chat/completions" if self.text is None else "/completions"


def canonical(model: str, request: Request) -> bytes:
    """The body that is sent: JSON with sorted keys and no spaces; 1.0 is written as 1, as others may write it.

    Raises UsageError where `request` cannot be sent.
    """
    if taken := sorted(_OURS & set(request.params)):
        raise UsageError(
            f"the parameters of a request hold {', '.join(taken)}, which tamis sets itself; leave that out"
        )
    params = {k: _plain(v) for k, v in request.params.items() if v is not None}
    asked = {"messages": [dict(m) for m in request.messages]} if request.text is None else {"prompt": request.text}
    body = {"model": model, **asked, **params}
    try:
        text = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode("utf-8")
    except (TypeError, ValueError) as wrong:
        raise UsageError(f"a request to {model} cannot be written as JSON: {wrong}; give text and numbers") from None


def request_key(body: bytes, endpoint: str, sample: int) -> bytes:
    """The key (32 bytes) of the answer number `sample` of `endpoint` to `body`."""
    return hashlib.sha256(b"%s\0%s\0%d" % (body, endpoint.encode(), sample)).digest()


def most_tokens(request: Request) -> tuple[int, int | None]:
    """The most tokens `request` can cost: into the model, and out of it (None: it sets no limit).

    A token stands for a byte at least, in every vocabulary that falls back to bytes. What the chat template and its default
    system prompt put around the messages is taken as 16 tokens a message and 64 over all.
    """
    sent = sum(16 + sum(len(str(v).encode("utf-8", "replace")) for v in m.values()) for m in request.messages)
    sent += len((request.text or "").encode("utf-8", "replace"))
    limit = request.params.get("max_completion_tokens", request.params.get("max_tokens"))
    count = request.params.get("n") or 1
    return sent + 64, int(limit) * int(count) if limit is not None else None


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
