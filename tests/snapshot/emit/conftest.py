"""Frozen snapshots whose documents are held against what reads them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from making import recipe, write_lines

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: tests.documents
name: Rows for tests
version: 1.0.0
status: active
description: {purpose: To be read by validators., limitations: None of it is real.}
schema:
  - name: rows
    properties:
      - {name: source, logicalType: string, required: true}
      - {name: url, logicalType: string, classification: personal}
customProperties:
  - {property: dpts.issuer, value: Example Ltd}
  - {property: eu.provider, value: Example Ltd}
  - {property: rai.dataBiases, value: Mostly English}
"""

SECRET = "quixotry"
"""A word of every text, which no document may hold."""


def text(k: int) -> str:
    """Words that no two rows share, but for one."""
    return " ".join([SECRET, *re.findall("....", sha256(str(k).encode()).hexdigest())])


KINDS: dict[str, Callable[[str], dict[str, Any]]] = {
    "document": lambda text: {"text": text},
    "chat": lambda text: {"messages": [{"role": "user", "content": "Well?"}, {"role": "assistant", "content": text}]},
    "preference": lambda text: {"prompt": "Well?", "chosen": text, "rejected": "No."},
    "eval_item": lambda text: {"question": text, "choices": ["yes", "no"], "answer_index": 0, "answer": "yes"},
}


LICENSES = ["MIT", "CC-BY-4.0", "Apache-2.0 OR MIT", "CC-BY-SA-4.0"]


def rows(kind: str, count: int = 40) -> list[dict[str, Any]]:
    """Rows of `kind` under four licences, from two sources and three hosts."""
    return [
        {
            "id": f"r{k}",
            "source": "web" if k % 2 else "books",
            "url": f"https://me:pw@www.host{k % 3}.example:8443/{k}",
            "license": LICENSES[k % 4],
            "collected_at": f"2026-10-{k % 28 + 1:02d}T08:00:00Z",
            **KINDS[kind](text(k)),
        }
        for k in range(count)
    ]


def freeze_rows(folder: Path, listed: list[dict[str, Any]], *stages: Any, contract: bool = True) -> Path:
    """A snapshot of `listed`, by way of a run."""
    from tamis.recipes.run import run
    from tamis.snapshot.freeze import freeze

    head: dict[str, Any] = {}
    if contract:
        (folder / "contract.odcs.yaml").write_text(CONTRACT)
        head = {"contract": str(folder / "contract.odcs.yaml")}
    run(recipe(*stages, **head), write_lines(folder / "rows.jsonl", listed), folder / "run", engine="inline")
    return freeze(folder / "run", folder / "store/rows/1.0.0").path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By kind, a snapshot of two splits; do not write to it."""
    split = {"split@1": {"train": 0.6, "validation": 0.4}}
    return {kind: freeze_rows(tmp_path_factory.mktemp(kind), rows(kind), split) for kind in KINDS}


@pytest.fixture(params=list(KINDS))
def frozen(request: pytest.FixtureRequest, made: dict[str, Path]) -> Path:
    """The folder of a snapshot, of every kind in turn."""
    return made[request.param]


@pytest.fixture
def copied(made: dict[str, Path], tmp_path: Path) -> Path:
    """A snapshot of documents, to be broken."""
    return Path(shutil.copytree(made["document"], tmp_path / "copied"))


@pytest.fixture
def edited(copied: Path) -> Callable[[str, Callable[[Any], None]], Path]:
    """Changes one JSON document of a copy: `edited("croissant.json", change)` is the folder."""

    def edit(name: str, change: Callable[[Any], None]) -> Path:
        value = json.loads((copied / name).read_bytes())
        change(value)
        (copied / name).write_text(json.dumps(value))
        return copied

    return edit
