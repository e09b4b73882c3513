"""One record of a file is the one that reading all of it gives."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.data import Reading, find, fragments, read
from tamis.data.nth import nth

READING = Reading("document", max_record=200)
LINE = st.fixed_dictionaries({"text": st.text(max_size=9)}, optional={"id": st.text(max_size=3)}).map(
    lambda row: b" " + json.dumps(row).encode()
)
LINES = st.lists(LINE | st.sampled_from([b"", b"{broken", b"\r", b'{"text": "' + b"long" * 80 + b'"}']), max_size=12)


def every(path: Path) -> list[dict[str, object] | None]:
    """All records of a file, None for a bad one."""
    found: list[dict[str, object] | None] = []
    for fragment in fragments(find([path])[0]):
        for block in read(fragment, READING):
            rows: list[dict[str, object] | None] = [None] * block.total
            for place, row in zip(block.position.tolist(), block.rows.to_pylist(), strict=True):
                rows[place] = row
            found += rows
    return found


def one_by_one(path: Path, count: int) -> list[dict[str, object] | None]:
    found = [nth(find([path])[0], place, READING) for place in range(count)]
    return [row.to_pylist()[0] if row is not None else None for row in found]


@settings(max_examples=60)
@given(LINES, st.sampled_from([b"", b"\xef\xbb\xbf"]), st.booleans())
def test_a_line_is_read_as_among_the_others(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], mark: bytes, packed: bool
) -> None:
    path = tmp_path_factory.mktemp("nth") / "a.jsonl"
    data = mark + b"\n".join(lines)
    path.write_bytes(gzip.compress(data) if packed else data)
    whole = every(path)
    assert one_by_one(path, len(whole) + 1) == [*whole, None]


def test_a_row_is_read_as_among_the_others(tmp_path: Path) -> None:
    texts = [f"text {k}" if k % 7 else None for k in range(40)]
    table = pa.table({"text": texts, "n": range(40), "id": [str(k) if k % 3 else None for k in range(40)]})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=9)
    whole = every(tmp_path / "a.parquet")
    assert whole[7] is None
    assert one_by_one(tmp_path / "a.parquet", 41) == [*whole, None]
