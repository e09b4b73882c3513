"""Some rows of a fragment, read without the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tamis.data import Reading, find, fragments, read

LINES = ["", "{", '{"text": null}', "\ufeff", *(json.dumps({"id": str(k), "text": f"text {k}"}) for k in range(20))]


def rows(path: Path, size: int, only: np.ndarray | None = None) -> dict[int, Any]:
    """Good rows by their place among all rows of the file."""
    found, first = {}, 0
    for fragment in fragments(find([path])[0], size):
        start = first
        here = None if only is None else only[only >= start] - start
        for block in read(fragment, Reading("document", max_record=64), here):
            places = (block.position.astype(np.int64) + first).tolist()
            found.update(
                zip(places, zip(block.rows.to_pylist(), (block.line + start).tolist(), strict=True), strict=True)
            )
            first += block.total
    return found


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.sampled_from(LINES) | st.just(json.dumps({"text": "long " * 50})), max_size=40),
    size=st.sampled_from([40, 200, 10_000]),
    data=st.data(),
)
def test_rows_that_are_asked_for_are_those_of_the_whole(
    tmp_path: Path, format: str, lines: list[str], size: int, data: st.DataObject
) -> None:
    path = tmp_path / f"rows.{format}"
    if format == "jsonl":
        path.write_bytes("".join(line + "\n" for line in lines).encode())
    else:
        texts = [str(json.loads(line)["text"]) if line.startswith('{"') else None for line in lines]
        pl.DataFrame({"text": texts}, schema={"text": pl.String}).write_parquet(path, row_group_size=7)
    whole = rows(path, size)
    wanted = sorted(data.draw(st.sets(st.sampled_from(range(len(lines) + 1)))))
    some = rows(path, size, np.array(wanted, np.int64))
    assert {place: some[place] for place in wanted if place in some} == {p: whole[p] for p in wanted if p in whole}
