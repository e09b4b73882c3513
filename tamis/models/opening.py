"""A model by its name: where it is, what it costs, where its answers are kept."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tamis.bench import Means
from tamis.errors import UsageError
from tamis.models.asking import on_loop
from tamis.models.client import Remote
from tamis.models.completion import Fault
from tamis.models.endpoint import Endpoint, endpoint_of
from tamis.models.failure import Refused, nobody
from tamis.models.prices import Price, shipped_prices
from tamis.models.responses import Responses
from tamis.models.retry import Patience
from tamis.models.spending import Budget

if TYPE_CHECKING:
    from tamis.models.local import Local


_OURS = ("127.0.0.1", "::1", "localhost")
"""This machine."""


def open_model(
    spec: str,
    *,
    base_url: str | None = None,
    key_env: str = "OPENAI_API_KEY",
    price: Price | None = None,
    responses: Path | Responses,
    replay: bool = False,
    budget: Budget | None = None,
    concurrency: int = 16,
    timeout: float = 120.0,
    attempts: int = 6,
    patience: Patience | None = None,
    keys_to: Collection[str] | None = None,
) -> Remote | Local:
    """The model `spec`: NAME at `base_url` (else OPENAI_BASE_URL), openai:URL#NAME, or hf:PATH[+ADAPTER] on this machine.

    timeout   seconds for one try, from its first byte to the last of the answer
    attempts  tries of one request, if `patience` does not say more
    key_env   variable of the environment with the key; where there is none, none is sent
    keys_to   hosts that may be sent it; None: the caller knows where it goes
    """
    kept = responses if isinstance(responses, Responses) else Responses(responses)
    if spec.startswith("hf:"):
        from tamis.models.local import Local

        path, _, adapter = spec.removeprefix("hf:").partition("+")
        return Local(Path(path), Path(adapter) if adapter else None, kept, replay=replay, budget=budget)
    name, base_url = _named(spec, base_url)
    return Remote(
        name,
        Endpoint(base_url, _key(key_env, base_url, keys_to), timeout),
        kept,
        replay=replay,
        price=price or price_of(spec, base_url),
        budget=budget,
        concurrency=concurrency,
        patience=patience or Patience(attempts),
    )


def open_by(
    means: Means, spec: str, base_url: str | None, price: Price | None, responses: Responses, budget: Budget
) -> Remote | Local:
    """The model `spec` as a run of `means` calls it."""
    return open_model(
        spec,
        base_url=base_url,
        key_env=_variable(means, spec, base_url),
        price=price,
        responses=responses,
        replay=means.replay,
        budget=budget,
        concurrency=means.concurrency,
        timeout=means.timeout,
        attempts=means.attempts,
        keys_to=means.keys_to | set(means.key_envs),
    )


def price_of(spec: str, base_url: str | None = None) -> Price | None:
    """The price of the model `spec` in the table that comes with tamis; None where it has none. One of our own costs nothing."""
    if spec.startswith("hf:"):
        return Price(Decimal(0), Decimal(0))
    name, base_url = _named(spec, base_url)
    return shipped_prices().of(endpoint_of(base_url), name)


def reach(spec: str, base_url: str | None, means: Means, timeout: float = 10.0) -> None:
    """See that somebody listens where the model `spec` is, and takes the key; nothing is bought, nothing is written.

    Raises Down or Refused. An endpoint that has no list of models is taken to be there.
    """
    if spec.startswith("hf:"):
        return
    name, base_url = _named(spec, base_url)
    key_env = _variable(means, spec, base_url)
    endpoint = Endpoint(base_url, _key(key_env, base_url, means.keys_to | set(means.key_envs)), timeout)
    try:
        on_loop(endpoint.get("/models"))
    except Fault as fault:
        if fault.reason == "auth":
            raise Refused("auth", f"{endpoint.name} does not take the key in {key_env}: {fault.message}") from None
        if fault.reason in ("refused", "timeout", "reset", "malformed"):
            raise nobody(name, endpoint.name, fault.reason, fault.message) from None
    finally:
        on_loop(endpoint.close())


def _named(spec: str, base_url: str | None) -> tuple[str, str]:
    """The name and the base URL of a model behind an endpoint."""
    if spec.startswith("openai:"):
        base_url, _, spec = spec.removeprefix("openai:").partition("#")
    base_url = base_url or os.environ.get("OPENAI_BASE_URL")
    if not base_url or not spec:
        raise UsageError(
            f"where is the model {spec!r}? give its base URL, as http://127.0.0.1:8080/v1, set OPENAI_BASE_URL, or name one on "
            "this machine: hf:PATH"
        )
    return spec, base_url


def host_of(spec: str, base_url: str | None = None) -> str | None:
    """The host that the model `spec` is asked at; None where it is on no host, or nobody says on which. Raises UsageError."""
    if spec.startswith("openai:"):
        base_url = spec.removeprefix("openai:").partition("#")[0]
    base_url = base_url or os.environ.get("OPENAI_BASE_URL")
    return None if spec.startswith("hf:") or not base_url else urlsplit(endpoint_of(base_url)).hostname


def trusting(means: Means, specs: Iterable[str], base_url: str | None) -> Means:
    """`means` under which a key may go to the hosts of `specs`: it is not a recipe alone that names them."""
    hosts = (host_of(spec, base_url) for spec in specs)
    return replace(means, keys_to=means.keys_to | {host for host in hosts if host})


def _variable(means: Means, spec: str, base_url: str | None) -> str:
    """The variable with the key of the model `spec`."""
    return means.key_envs.get(host_of(spec, base_url) or "", means.key_env)


def _key(variable: str, base_url: str, hosts: Collection[str] | None) -> str | None:
    """The key, if the environment has one. Raises UsageError where it can be none, or may not go to the host of `base_url`.

    A recipe names the host: one that comes from somebody else could have the key sent to them. So a key goes to this
    machine, to the host of OPENAI_BASE_URL, to OpenAI if it is theirs, and to `hosts`. No message shows it.
    """
    key = os.environ.get(variable, "").strip()
    if not key.isascii() or not key.isprintable():
        raise UsageError(f"{variable} holds line breaks or letters that no key has; set it again")
    host = urlsplit(endpoint_of(base_url)).hostname
    known = {*_OURS, host_of("", None), "api.openai.com" if variable == "OPENAI_API_KEY" else None}
    if key and hosts is not None and host not in known | set(hosts):
        raise UsageError(
            f"the recipe would have the key in {variable} sent to {host}; if that is meant, say --key-to {host}. To send none, "
            'say --key-env ""'
        )
    return key or None
