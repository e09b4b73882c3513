"""A model by a script, in the place of those that are opened by their name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from scripted import Scripted

Script = Callable[[Callable[[str, Any], Any]], Scripted]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """`script(says)` has every model that is opened from now on say so."""

    def scripted(says: Callable[[str, Any], Any]) -> Scripted:
        model = Scripted(says)
        monkeypatch.setattr("tamis.curate.synthesis.studio.open_by", lambda *_: model)
        return model

    return scripted
