"""An adapter's folder, as `tamis train` leaves it: whether it is what was trained, and in front of which base."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tamis.errors import InputError
from tamis.models.weights import identity
from tamis.runs.manifest import MANIFEST, closing, listed_in, sha256

WEIGHTS, CONFIG, FACTS = "adapter_model.safetensors", "adapter_config.json", "train.json"
CHAT_TEMPLATE = "chat_template.jinja"


def read_facts(adapter: Path) -> dict[str, Any] | None:
    """train.json of an adapter; None where it has none, as somebody else's. Raises InputError."""
    path = adapter / FACTS
    if not path.is_file():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if found["tamis_train"] == 1:
            return found
    except (ValueError, KeyError, TypeError, RecursionError) as wrong:
        raise InputError(f"{path} is damaged ({wrong!r}); train the adapter again") from None
    raise InputError(f"{path} was written by a newer tamis; update tamis")


def demand_match(adapter: Path, base: Path, *, weights: str | None = None) -> dict[str, Any] | None:
    """train.json of `adapter`, None where it has none. Raises InputError where it is not what was trained, or on another base.

    weights  of `base`, as `identity` tells them, where that was asked already
    """
    for name in (WEIGHTS, CONFIG):
        if not (adapter / name).is_file():
            raise InputError(
                f"there is no adapter at {adapter}: it has no {name}; name a folder that `tamis train` wrote"
            )
    facts = read_facts(adapter)
    if facts is None:
        return None
    _demand_sealed(adapter, facts)
    if (weights or identity(base)["weights"]) != facts["base"]["weights"]:
        here = identity(base)
        raise InputError(
            f"{adapter} was trained in front of {facts['base']['architecture']} with weights {facts['base']['weights'][:19]}…, "
            f"and {base} is {here['architecture']} with {here['weights'][:19]}…; name the base it was trained on"
        )
    return facts


def _demand_sealed(adapter: Path, facts: dict[str, Any]) -> None:
    """Raises InputError where train.json is not as its manifest says, or what is used with it not as train.json says."""
    path = adapter / MANIFEST
    try:
        text = path.read_text("utf-8")
    except (OSError, ValueError) as wrong:
        raise InputError(
            f"{path} cannot be read ({wrong}), and {FACTS} cannot be held against it; copy the whole folder, or train again"
        ) from None
    body, mark, last = text.rpartition("# ")
    if closing(body) != mark + last:
        raise InputError(f"{path} is not what was written: its last line does not fit; train the adapter again")
    known = {FACTS: f"sha256:{listed_in(text).get(FACTS)}"}
    for name in (FACTS, WEIGHTS, CONFIG, CHAT_TEMPLATE):
        found = f"sha256:{sha256(adapter / name)}" if (adapter / name).is_file() else None
        if found != known.get(name):
            said = MANIFEST if name == FACTS else FACTS
            raise InputError(
                f"{adapter / name} is not what was trained: its sha256 is another than {said} says; train the adapter again"
            )
        known |= facts["files"] if name == FACTS else {}
