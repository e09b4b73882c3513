"""A store as tests want one: documents, chunks made of them by name, and what was made of those."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from making import recipe, write_lines

from tamis.recipes.run import run
from tamis.runs import Run
from tamis.snapshot.folder import Snapshot
from tamis.snapshot.freeze import freeze
from tamis.snapshot.store import Store


def made(folder: Path, name: str, rows: list[Any], *stages: Any) -> Run:
    """A run over `rows`, read from NAME.jsonl in FOLDER/in, which is no part of the store."""
    (folder / "in").mkdir(parents=True, exist_ok=True)
    Store(folder / "store").make()
    path = write_lines(folder / "in" / f"{name}.jsonl", rows)
    return run(recipe(*stages), path, folder / "store/runs" / name, engine="inline")


def frozen(
    folder: Path, name: str, rows: list[Any], *stages: Any, parents: Sequence[Snapshot] = (), to: str = ""
) -> Snapshot:
    """`rows` frozen as TO (else NAME/1.0.0) in the store FOLDER/store; a member derived_from names parents."""
    done = made(folder, name, rows, *stages)
    given = "meta.derived_from" if any("derived_from" in row for row in rows if isinstance(row, dict)) else None
    return freeze(
        done, folder / "store" / (to or f"{name}/1.0.0"), lineage=given, derived_from=[str(p.path) for p in parents]
    )


def person(number: int) -> dict[str, Any]:
    """A document of somebody."""
    licence = "CC-BY-NC-4.0" if number % 3 == 0 else "CC-BY-4.0"
    text = f"Person {number} wrote this line, and signed it p{number}@example.org."
    return {"id": f"d{number}", "text": text, "author": {"email": f"p{number}@example.org"}, "license": licence}


def store_of(folder: Path) -> tuple[Snapshot, Snapshot, Snapshot]:
    """docs 1.0.0 and 1.1.0 (a tenth document), and synth 1.0.0, made of chunks of the former."""
    docs = frozen(folder, "docs", [person(k) for k in range(9)])
    more = made(folder, "more", [{**person(k), "source": "docs"} for k in range(10)])
    later = freeze(more, folder / "store/docs/1.1.0")
    rows = [{"id": f"s{k}", "text": f"summary number {k}", "derived_from": [f"d{k}"]} for k in range(4)]
    rows += [{"id": "t1", "text": "a translation of one of them", "derived_from": "s1"}]
    return docs, later, frozen(folder, "synth", rows, parents=[docs])
