"""Contracts for tests: only what a test is about has to be written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tamis.contracts import Contract, load


def written(folder: Path, properties: Sequence[dict[str, Any]], api: str = "v3.1.0", **table: Any) -> Contract:
    """A contract about one table `t` with these `properties`, written to `folder` and read back."""
    document = {
        "apiVersion": api,
        "kind": "DataContract",
        "id": "test",
        "version": "1.0.0",
        "status": "active",
        "schema": [{"name": "t", "properties": list(properties), **table}],
    }
    path = folder / "contract.odcs.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return load(path)


def action(word: str) -> list[dict[str, str]]:
    """customProperties that give the action `word`."""
    return [{"property": "tamis.action", "value": word}]
