"""The body of a chat completion, read strictly where tamis needs it and leniently elsewhere."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from tamis.models.failure import Reason
from tamis.models.reply import Usage

NOTHING = Usage(0, 0)


class Fault(Exception):
    """One try that gave no answer.

    again    another try may give one
    charged  what the endpoint may charge for it: nothing, what `usage` says, or nobody knows (None)
    wait     seconds the endpoint asks to be left alone
    stop     no request of ours will be taken
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        again: bool,
        charged: Usage | None = NOTHING,
        wait: float | None = None,
        stop: bool = False,
    ) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message
        self.again, self.charged, self.wait, self.stop = again, charged, wait, stop


class Completion(NamedTuple):
    """What tamis takes of a body."""

    text: str
    finish: str
    model: str
    usage: Usage
    logprobs: list[dict[str, Any]] | None
    fingerprint: str | None
    choices: int


def read_completion(body: bytes, asked: str) -> Completion:
    """The first answer in `body`. Raises Fault where there is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as wrong:
        if body.lstrip()[:1] == b"<":
            raise Fault("html", f"a web page where an answer was wanted: {_start(body)}", again=True) from None
        raise Fault(
            "malformed", f"an answer that is no JSON ({wrong}): {_start(body)}", again=True, charged=None
        ) from None
    if not isinstance(found, dict):
        raise Fault("malformed", f"an answer that is no JSON object: {_start(body)}", again=True, charged=None)
    usage = _usage(found.get("usage"))
    if isinstance(error := found.get("error"), dict):
        raise status_fault(_number(error.get("code")) or 500, body, None)
    choices = found.get("choices")
    if not isinstance(choices, list):
        raise Fault("malformed", f"an answer without choices: {_start(body)}", again=True, charged=usage)
    if not choices:
        raise Fault("empty", "an answer with an empty list of choices", again=True, charged=usage)
    choice = choices[0] if isinstance(choices[0], dict) else {}
    older = "message" not in choice and isinstance(choice.get("text"), str)  # of /completions
    text, finish = _text({"content": choice["text"]} if older else choice.get("message")), choice.get("finish_reason")
    finish = _word(finish) or ""
    if text is None:
        raise Fault("malformed", f"a choice without a message: {_start(body)}", again=True, charged=usage)
    if not text.strip():
        ended = f" (it ended with {finish!r}; a larger max_tokens may help)" if finish == "length" else f" ({finish})"
        raise Fault("empty", "an answer without any text" + (ended if finish else ""), again=True, charged=usage)
    return Completion(
        text,
        finish,
        _word(found.get("model")) or asked,
        usage,
        _weights(choice.get("logprobs")) if older else _logprobs(choice.get("logprobs")),
        _word(found.get("system_fingerprint")),
        len(choices),
    )


def status_fault(status: int, body: bytes, wait: float | None) -> Fault:
    """What an answer with an HTTP status other than 200 means.

    401, 402 and 404 stand for every request to come: the key, the account, the address or the model. 403 may mean this one
    request. Of 429 only a quota that is used up will not pass by itself.
    """
    said = f"status {status}: {_start(body, 300)}"
    if status in (401, 402):
        return Fault("auth", said, again=False, stop=True)
    if status == 403:
        return Fault("auth", said, again=False)
    if status in (404, 405) or 300 <= status < 400:
        said += " (is this the base URL, does it end in /v1, and has it the model?)"
        return Fault("bad_request", said, again=False, stop=True)
    if status == 429:
        if b"insufficient_quota" in body:
            return Fault("auth", said, again=False, stop=True)
        return Fault("rate_limit", said, again=True, wait=wait)
    if status in (408, 409, 425) or status >= 500:
        return Fault("server", said, again=True, wait=wait)
    low = body.lower()
    too_long = b"context" in low and (b"length" in low or b"size" in low or b"exceed" in low)
    return Fault("context" if too_long or status == 413 else "bad_request", said, again=False)


def _usage(found: Any) -> Usage:
    found = found if isinstance(found, dict) else {}
    return Usage(_number(found.get("prompt_tokens")), _number(found.get("completion_tokens")))


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31 else None


def printable(text: str) -> str:
    """`text` of an endpoint as it may go to a terminal: what does not show, or steers one, is replaced."""
    return "".join(c if c.isprintable() else "�" for c in text)


def _word(value: Any) -> str | None:
    """A name that an endpoint gives. It is printed and stored as it stands."""
    return printable(value[:200]) if isinstance(value, str) else None


def _text(message: Any) -> str | None:
    """The text of a message: a string, a list of parts, or a refusal that stands in its own field."""
    if not isinstance(message, dict):
        return None
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(p["text"] for p in content if isinstance(p, dict) and isinstance(p.get("text"), str))
    if not content and isinstance(message.get("refusal"), str):
        content = message["refusal"]
    # A lone half of a surrogate pair is no text that can be stored.
    return (
        content.encode("utf-8", "replace").decode("utf-8")
        if isinstance(content, str)
        else ""
        if content is None
        else None
    )


def _logprobs(found: Any) -> list[dict[str, Any]] | None:
    content = found.get("content") if isinstance(found, dict) else None
    return [row for row in content if isinstance(row, dict)] if isinstance(content, list) else None


def _weights(found: Any) -> list[dict[str, Any]] | None:
    """The lists of the older protocol as the newer one has them, a mapping for every token; its place in the text, too."""
    if not isinstance(found, dict) or not isinstance(found.get("tokens"), list):
        return _logprobs(found)
    tokens: Any = found["tokens"]
    weights, places = found.get("token_logprobs"), found.get("text_offset")
    if not isinstance(weights, list) or not isinstance(places, list) or not len(tokens) == len(weights) == len(places):
        return None
    return [{"token": t, "logprob": w, "offset": o} for t, w, o in zip(tokens, weights, places, strict=True)]


def _start(body: bytes, limit: int = 120) -> str:
    text = " ".join(body[: 4 * limit].decode("utf-8", "replace").split())
    return repr(printable(text[:limit]) + ("…" if len(text) > limit or len(body) > 4 * limit else ""))
