"""A text that is there more often than a task can hold: the same bytes, and no task holds it all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from making import digests, recipe, sentences, write_lines

import tamis
from tamis.curate import exact
from tamis.curate.exact import Exact
from tamis.recipes.budget import Budget


def rows() -> list[dict[str, Any]]:
    """Of 400 rows two in three have one text; the last ten have the ids of the first."""
    texts = [row["text"] for row in sentences(400)]
    return [{"id": f"{k % 390}", "url": "u" * (k % 7), "text": "one" if k % 3 else texts[k]} for k in range(400)]


@pytest.mark.parametrize("keep", ["first", "longest"])
def test_copies_of_one_text_are_resolved_by_windows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, keep: str) -> None:
    lines = write_lines(tmp_path / "in.jsonl", rows())
    stages = recipe({"exact@1": {"keep": keep}})
    plain = tamis.run(stages, lines, tmp_path / "plain", engine="inline")
    held, resolve = list[int](), Exact.resolve

    def seen(self: Exact, sketches: pa.Table) -> pa.Table:
        held.append(len(sketches))
        return resolve(self, sketches)

    monkeypatch.setattr(Exact, "resolve", seen)
    monkeypatch.setattr(Budget, "of", lambda *_: Budget(1000, 30 * exact.ENTRY_BYTES))
    run = tamis.run(stages, lines, tmp_path / "run", engine="inline")
    assert digests(run.path) == digests(plain.path)
    assert run.rows["dropped"] > 200 and max(held) < 100
