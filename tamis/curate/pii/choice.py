"""Which recognisers find what is asked for: Presidio's own where they do well, ours where they fall short."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from tamis.curate.pii import presidio

BEST: dict[str, str] = {
    "EMAIL_ADDRESS": "EmailRecognizer",
    "IP_ADDRESS": "IpRecognizer",
    "US_SSN": "UsSsnRecognizer",
}
"""Entities that one of Presidio's recognisers finds as well as can be."""

OURS: dict[str, tuple[str, ...]] = {
    "PHONE_NUMBER": ("tamis.curate.pii.phones:Phones",),
    "CREDIT_CARD": ("tamis.curate.pii.cards:Cards",),
    "IBAN_CODE": ("tamis.curate.pii.ibans:Ibans",),
    "CRYPTO": ("tamis.curate.pii.wallets:Wallets",),
    "SECRET": ("tamis.curate.pii.secrets:Secrets",),
}
"""Entities that our own recognisers find better, or alone."""


def chosen(entities: Iterable[str], packs: Iterable[str], own: Iterable[Any]) -> list[Any]:
    """Presidio's objects, the user's first, each name once."""
    users = [one for given in own for one in _users(given)]
    theirs = {entity for one in users for entity in one.supported_entities}
    found = [*users, *(one for country in packs for one in presidio.pack(country))]
    for entity in entities:
        if entity in BEST:
            found.append(presidio.made(BEST[entity]))
        elif entity in OURS:
            for module, _, name in (path.partition(":") for path in OURS[entity]):
                found.append(presidio.adopted(getattr(import_module(module), name)()))
        elif entity not in theirs:
            found += presidio.finding(entity)
    return list({one.name: one for one in found}.values())


def _users(given: Any) -> list[Any]:
    if isinstance(given, (str, Path)):
        return presidio.read(Path(given))
    return [presidio.adopted(given)]
