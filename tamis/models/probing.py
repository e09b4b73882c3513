"""What an endpoint can do, asked rather than believed: some take a parameter, ignore it and say nothing."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from tamis.errors import InputError
from tamis.models.asking import on_loop
from tamis.models.client import Remote
from tamis.models.completion import Fault
from tamis.models.failure import Failed, Missed, nobody
from tamis.models.local import Local
from tamis.models.reply import Reply
from tamis.models.request import Request

REQUESTS = 6
"""How many a probe sends at most."""

_SENTENCE = ({"role": "user", "content": "Write one sentence about an animal of your choice."},)
_SCHEMA = {
    "type": "object",
    "properties": {"colour": {"type": "string", "enum": ["red", "blue"]}},
    "required": ["colour"],
    "additionalProperties": False,
}


class Capabilities(NamedTuple):
    """True and False as it was seen; None where the endpoint gave no answer that says.

    seed         the same seed gives the same text, and another seed another
    logprobs     a logarithm of probability comes with each token
    json_schema  what a schema demands is kept to
    n            several answers come when several are asked for
    context      tokens that prompt and answer may have together, as the endpoint says
    model        the model that answered, as the endpoint names it
    """

    seed: bool | None = None
    logprobs: bool | None = None
    json_schema: bool | None = None
    n: bool | None = None
    context: int | None = None
    model: str | None = None


def probe(model: Remote | Local, again: bool = False) -> Capabilities:
    """What `model` can do: what an earlier probe found out, or at most REQUESTS small requests. They are kept like all
    answers; `again` asks for other samples of them.

    Raises Stopped where nothing can be asked, InputError where no request was answered.
    """
    if isinstance(model, Local):
        return Capabilities(True, False, False, False, model.context, model.name)
    found = model.responses.probed(model.endpoint, model.name)
    if found is not None and not again:
        return Capabilities(**{k: found.get(k) for k in Capabilities._fields})
    if model.replay:
        raise Missed(
            "missed",
            f"replay: nobody has probed {model.name} at {model.endpoint}; give the base URL that its answers were bought at (tamis "
            "models cache tells), or ask there: tamis models probe",
        )
    times = int((found or {}).get("times", 0)) + 1
    seen = on_loop(_seen(model, 2 * (times - 1)))
    model.responses.note_probe(model.endpoint, model.name, seen._asdict() | {"times": times})
    return seen


async def _seen(model: Remote, sample: int) -> Capabilities:
    """Ask one after the other: a server that batches may answer a seed differently in company."""
    listed = await _listed(model)
    drawn = {"temperature": 1.0, "max_tokens": 24}
    first, last = await _ask(model, drawn | {"seed": 7}, sample), None
    if isinstance(first, Failed):
        raise InputError(f"the probe got no answer: {first}")
    twice = await _ask(model, drawn | {"seed": 7}, sample + 1)
    other = await _ask(model, drawn | {"seed": 8}, sample)
    if isinstance(twice, Reply) and isinstance(other, Reply):
        last = first.text == twice.text != other.text
    with_logprobs = await _ask(model, {"max_tokens": 2, "logprobs": True, "top_logprobs": 2}, sample)
    schema = {"type": "json_schema", "json_schema": {"name": "probe", "strict": True, "schema": _SCHEMA}}
    in_shape = await _ask(model, {"max_tokens": 32, "response_format": schema}, sample)
    two = await _ask(model, drawn | {"max_tokens": 2, "n": 2}, sample)
    return Capabilities(
        last,
        _said(with_logprobs, lambda reply: bool(reply.logprobs)),
        _said(in_shape, lambda reply: _keeps(reply.text)),
        _said(two, lambda reply: reply.choices == 2),
        _context(model, listed),
        first.model,
    )


async def _ask(model: Remote, params: dict[str, Any], sample: int) -> Reply | Failed:
    try:
        return await model.ask(Request(_SENTENCE, params, sample))
    except Failed as failed:
        return failed


def _said(answer: Reply | Failed, shows: Any) -> bool | None:
    """Does `answer` show it? A request that is refused as it stands says no; any other failure says nothing."""
    if isinstance(answer, Failed):
        return False if answer.reason == "bad_request" else None
    return bool(shows(answer))


def _keeps(text: str) -> bool:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and list(found) == ["colour"] and found["colour"] in ("red", "blue")


async def _listed(model: Remote) -> Any:
    """The endpoint's list of models; None where it has none. Raises Down where nobody is there: a request would try long."""
    try:
        return json.loads(await model.get("/models"))
    except Fault as fault:
        if fault.reason == "refused":
            raise nobody(model.name, model.endpoint, fault.reason, fault.message) from None
    except (ValueError, RecursionError):
        pass
    return None


def _context(model: Remote, listed: Any) -> int | None:
    """As vLLM, llama.cpp and OpenRouter write it in their lists of models."""
    try:
        rows = listed["data"]
        rows = [row for row in rows if row.get("id") == model.name] or (rows if len(rows) == 1 else [])
        found = [rows[0].get("max_model_len"), rows[0].get("meta", {}).get("n_ctx"), rows[0].get("context_length")]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return None
    return next((n for n in found if isinstance(n, int) and n > 0), None)
