"""Questions to a model, and a model that asks them without long waits between tries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tamis.models import Patience, Request, open_model
from tamis.models.client import Remote

HASTY = Patience(attempts=3, first=0.001, longest_asked=0.05)


def question(text: str = "why?", sample: int = 0, **params: Any) -> Request:
    """A request of one message."""
    return Request(({"role": "user", "content": text},), params, sample)


def opened(url: str, folder: Path, **more: Any) -> Remote:
    """The model `m` at `url`, with its cache in `folder`."""
    given = {"timeout": 20.0, "patience": HASTY, "responses": folder / "responses.sqlite", **more}
    found = open_model("m", base_url=url, **given)
    assert isinstance(found, Remote)
    return found
