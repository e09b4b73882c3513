"""How sure a judge was: the probabilities of the first token of its verdict, among the verdicts there may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp
from typing import Any

_AROUND = " \t\r\n\"'[]{}:,.*▁Ġ"


def chances(
    logprobs: Sequence[Mapping[str, Any]] | None, text: str, place: int | None, options: Sequence[str]
) -> dict[str, float] | None:
    """Probability of each of `options`, which sum to 1; None where the tokens do not say.

    logprobs  of every token of `text`: token, and top_logprobs, the likeliest in its place with their logarithms
    place     where in `text` the verdict begins
    """
    if not logprobs or place is None:
        return None
    at = _token(logprobs, text, place)
    likely = None if at is None else logprobs[at].get("top_logprobs")
    if not isinstance(likely, list):
        return None
    found = dict.fromkeys(options, 0.0)
    for one in likely:
        name = _option(one.get("token"), options) if isinstance(one, dict) else None
        log = one.get("logprob") if name else None
        if name and isinstance(log, (int, float)) and log <= 1e-6:
            found[name] += exp(log)
    total = sum(found.values())
    return {name: p / total for name, p in found.items()} if total > 0 else None


def chance_of_first(found: Mapping[str, float] | None) -> float | None:
    """The share of the win that the answer shown first has: its probability, and half that of a tie."""
    return None if found is None else min(1.0, found["A"] + found.get("tie", 0.0) / 2)


def _token(logprobs: Sequence[Mapping[str, Any]], text: str, place: int) -> int | None:
    """Which token covers `place`; None where the tokens do not spell the text."""
    parts = [_bytes(one) for one in logprobs]
    whole, wanted = b"".join(parts), text.encode("utf-8", "surrogatepass")
    shift = whole.find(wanted)  # some servers give the blank before the first word
    if shift < 0:
        return None
    target = shift + len(text[:place].encode("utf-8", "surrogatepass"))
    end = 0
    for k, part in enumerate(parts):
        end += len(part)
        if end > target:
            return k
    return None


def _bytes(one: Mapping[str, Any]) -> bytes:
    given = one.get("bytes")
    if isinstance(given, list) and all(isinstance(b, int) and 0 <= b < 256 for b in given):
        return bytes(given)
    token = one.get("token")
    return token.encode("utf-8", "surrogatepass") if isinstance(token, str) else b""


def _option(token: Any, options: Sequence[str]) -> str | None:
    """The option that `token` begins; a letter is one by itself alone, for An is no verdict."""
    word = token.strip(_AROUND) if isinstance(token, str) else ""
    if not word:
        return None
    for option in options:
        if word == option or (len(option) > 1 and option.startswith(word.lower())):
            return option
    return None
