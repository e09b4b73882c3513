"""What a walk says of a judge that is not sure."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tamis.recipes.walk.told import rated, tell
from tamis.schemas.judgment import JUDGMENT


def judged(out: Path, chances: list[float | None]) -> Path:
    """A sitting of pairs, one judgment each: the chance of the adapter; None: a verdict for it, without a chance."""
    own = {"model_a": "after", "model_b": "before", "judge": "m", "rubric": "r@1", "rubric_sha256": "0", "order": "ab"}
    rows = [
        {
            **own,
            "item_id": str(k),
            "verdict": "b" if p is not None and p < 0.5 else "a",
            "probability_a": p,
            "repeat": 0,
        }
        for k, p in enumerate(chances)
    ]
    run = out / "runs/judged"
    run.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, JUDGMENT), run / "judgments.parquet")
    (run / "run.json").write_text(json.dumps({"judgments": {"ok": len(rows), "in": len(rows) + 2, "settled": 2}}))
    return run


def test_a_mean_chance_stands_beside_what_was_won_and_lost(tmp_path: Path) -> None:
    found = rated(judged(tmp_path, [0.56, 0.49, 0.49, 0.49, 0.49]))
    assert found is not None and round(found["surest"], 6) == 0.56
    said = tell("judge", tmp_path, {})
    assert said.startswith("5 of 5 verdicts read, 2 needed no judge; ") and said.endswith(
        "of 5 pairs the adapter won 1 and lost 4; the mean of its chances is 50 percent"
    )


def test_where_no_chances_are_told_there_is_no_mean_of_them(tmp_path: Path) -> None:
    found = rated(judged(tmp_path, [None]))
    assert found is not None and found["surest"] is None
    assert tell("judge", tmp_path, {}).endswith("of 1 pair the adapter won 1 and lost 0")
