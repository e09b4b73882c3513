"""Labels joined with the key: what people said of models, as rows of JUDGMENT beside those of judges."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from tamis.data.writer import write_bytes, write_parquet
from tamis.errors import OutputError
from tamis.judge.review.key import Entry, Key
from tamis.judge.review.vote import Vote
from tamis.schemas import JUDGMENT


def judgments(votes: Iterable[Vote], key: Key, without: Collection[str] = ()) -> list[dict[str, Any]]:
    """A row for each label, or for each criterion of a score; gold and repeats are no labels.

    without  raters who do not count
    """
    asked = key.asked
    rows: list[dict[str, Any]] = []
    for vote in votes:
        if vote.task in asked and vote.rater not in without:
            rows += _rows(vote, asked[vote.task], key)
    return rows


def _rows(vote: Vote, entry: Entry, key: Key) -> Iterable[dict[str, Any]]:
    head = {"item_id": entry.item_id, "model_a": entry.model_a, "judge": vote.rater, "human": True}
    head |= {"rubric": key.form.rubric, "rubric_sha256": key.form.rubric_sha256}
    tail = {"reasons": vote.note or None, "judged_at": _time(vote.at)}
    if vote.label is not None:
        pair = {"model_b": entry.model_b, "order": entry.order, "verdict": entry.verdict(vote.label)}
        yield {**head, **pair, **tail}
        return
    for name, points in vote.scores.items():
        aspect = None if name == "score" else name  # as judges have it: no aspect where all is one score
        yield {**head, "aspect": aspect, "score": float(points), **tail}


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows of JUDGMENT: Parquet where `path` ends so, else JSON Lines. Raises OutputError where it is there already."""
    if path.exists():
        raise OutputError(f"{path} is there already; name another file with -o")
    if path.suffix == ".parquet":
        write_parquet(path, [pa.Table.from_pylist(list(rows), JUDGMENT)], JUDGMENT)
        return
    kept = ({k: _plain(v) for k, v in row.items() if v is not None} for row in rows)
    write_bytes(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept).encode())


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _time(text: str | None) -> datetime | None:
    """A moment with its zone; None where `text` is none."""
    try:
        found = datetime.fromisoformat(text or "")
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # past the year 9999 in UTC
        return None
