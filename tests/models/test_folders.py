"""Files of a model that hold something else are told, and never with a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tamis.errors import InputError
from tamis.models.adapter import FACTS, read_facts
from tamis.models.weights import read_config

NOTHING = ["", "nonsense", "[" * 9000, '{"a":' * 9000]


@pytest.mark.parametrize("written", NOTHING, ids=["empty", "words", "lists", "objects"])
def test_a_configuration_that_is_none_is_told(tmp_path: Path, written: str) -> None:
    (tmp_path / "config.json").write_text(written)
    with pytest.raises(InputError, match="there is no model at"):
        read_config(tmp_path)


@pytest.mark.parametrize("written", NOTHING, ids=["empty", "words", "lists", "objects"])
def test_facts_of_an_adapter_that_are_none_are_told(tmp_path: Path, written: str) -> None:
    (tmp_path / FACTS).write_text(written)
    with pytest.raises(InputError, match="is damaged"):
        read_facts(tmp_path)
