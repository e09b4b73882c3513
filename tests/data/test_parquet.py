import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.data import Reading, find, fragments, read, recognise
from tamis.data.canonical import Origin, canonical
from tamis.data.jsonl import JsonRows
from tamis.data.shapes import names_for, wanted
from tamis.data.tables import json_lines, rows_of

NASTY = Path(__file__).parents[2] / "../shared/data/nasty"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


def blocks(path, kind="document", size=16 << 20, **how):
    return [b for f in fragments(find([path])[0], size) for b in read(f, Reading(kind, **how))]


def by_json(batch, kind, names, origin, first):
    rows = JsonRows(json_lines(batch), wanted(names))
    place = np.arange(first, first + batch.num_rows)
    return canonical(rows, kind, names, origin, place, rows.number, lined=False)


COLUMN = st.sampled_from(["text", "content", "id", "url", "source", "license", "licence", "meta", "lang", "n"])


@st.composite
def batches(draw):
    names, n = draw(st.lists(COLUMN, min_size=1, max_size=5, unique=True)), draw(st.integers(1, 4))
    columns = []
    for name in names:
        values = draw(st.lists(st.integers(0, 9) if name == "n" else TEXT | st.none(), min_size=n, max_size=n))
        column = pa.array(
            values, pa.int64() if name == "n" else draw(st.sampled_from([pa.string(), pa.large_string()]))
        )
        columns.append(column.dictionary_encode() if draw(st.booleans()) else column)
    return pa.record_batch(columns, names)


@given(batches(), st.sampled_from([None, "recipe"]), st.sampled_from([None, "MIT"]), st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_the_short_way_gives_what_the_long_way_gives(batch, source, license, first):
    names, origin = names_for(None), Origin("web/a.parquet", source, license)
    place = np.arange(batch.num_rows) + first
    one = rows_of(batch, "document", names, origin, place, -first)
    other = by_json(batch, "document", names, origin, first)
    assert one.rows.to_pylist() == other.rows.to_pylist()
    assert one.position.tolist() == other.position.tolist() and one.line.tolist() == other.line.tolist()
    drop = [c for c in one.bad.schema.names if c != "message"]
    assert one.bad.select(drop).to_pylist() == other.bad.select(drop).to_pylist()


def test_lists_of_messages_are_read(tmp_path):
    pq.write_table(
        pa.table({"messages": [[{"role": "user", "content": "x"}], []], "n": [1, 2]}), tmp_path / "a.parquet"
    )
    [block] = blocks(tmp_path / "a.parquet", "chat")
    assert block.rows["messages"].to_pylist() == [[{"role": "user", "content": "x", "extra": None}], []]
    assert block.rows["meta"].to_pylist() == ['{"n":1}', '{"n":2}']


def test_text_that_is_not_utf8_is_a_bad_row(tmp_path):
    column = pa.array([b"a", b"\xff", b"c"]).view(pa.string())
    pq.write_table(pa.table({"text": column}), tmp_path / "a.parquet")
    [block] = blocks(tmp_path / "a.parquet")
    assert block.rows["text"].to_pylist() == ["a", "c"] and block.line.tolist() == [0, 2]
    assert block.bad.select(["position", "rule"]).to_pylist() == [{"position": 1, "rule": "invalid_utf8"}]


def test_binary_text_is_text(tmp_path):
    pq.write_table(pa.table({"text": [b"a", None]}), tmp_path / "a.parquet")
    [block] = blocks(tmp_path / "a.parquet")
    assert block.rows["text"].to_pylist() == ["a"] and block.bad["rule"].to_pylist() == ["null_text"]


def test_a_row_that_is_too_large_is_refused_alone(tmp_path):
    rows = {"text": ["x" * (900 if k == 2 else 3) for k in range(8)]}
    pq.write_table(pa.table(rows), tmp_path / "a.parquet")
    got = blocks(tmp_path / "a.parquet", max_record=500)
    assert [n for b in got for n in b.line.tolist()] == [0, 1, 3, 4, 5, 6, 7]
    assert [(r["rule"], r["line"]) for b in got for r in b.bad.to_pylist()] == [("record_too_large", 2)]


def test_a_broken_row_group_does_not_sink_the_next(tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.table({"text": [f"{k}" * 50 for k in range(30)]})
    pq.write_table(table, path, row_group_size=10, compression="zstd", write_page_checksum=True, use_dictionary=False)
    column = pq.read_metadata(path).row_group(1).column(0)
    data = bytearray(path.read_bytes())
    data[column.data_page_offset + column.total_compressed_size - 5] ^= 255
    path.write_bytes(data)
    got = blocks(path)
    assert [t for b in got for t in b.rows["text"].to_pylist()] == table["text"].to_pylist()[:10] + table[
        "text"
    ].to_pylist()[20:]
    [damaged] = [b for b in got if b.damage]
    assert damaged.bad.select(["rule", "line"]).to_pylist() == [{"rule": "damaged_input", "line": 10}]
    assert "row group 1 breaks off after 0 of 10 rows" in damaged.damage


def test_a_broken_footer_is_one_bad_row(tmp_path):
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "a.parquet")
    (tmp_path / "a.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-20])
    [block] = blocks(tmp_path / "a.parquet")
    assert block.damage.startswith("the Parquet file cannot be read: ") and block.bad["rule"].to_pylist() == [
        "damaged_input"
    ]


@pytest.mark.skipif(not NASTY.exists(), reason="needs the Parquet specimens in ../shared/data/nasty")
@pytest.mark.parametrize("archive", ["parquet_bad_a.tar.gz", "parquet_good.tar.gz"])
def test_strange_files_are_read_or_refused(tmp_path, archive):
    with tarfile.open(NASTY / archive) as tar:
        for member in tar.getmembers():
            if not member.name.endswith(".parquet"):
                continue
            path = tmp_path / Path(member.name).name
            path.write_bytes(tar.extractfile(member).read())
            column = next((n for n in _names(path) if n), None)
            got = blocks(path, fields={"text": column} if column else None)
            declared = sum(b.total for b in got)
            assert any(b.damage for b in got) == (path.name in BROKEN), path.name
            assert any(b.damage for b in got) or declared >= _rows(path)
            path.unlink()


BROKEN = {
    "ARROW-GH-41317.parquet",
    "ARROW-GH-47662.parquet",
    "ARROW-RS-GH-6229-LEVELS.parquet",
    "datapage_v1-corrupt-checksum.parquet",
    "incorrect_map_schema.parquet",
}


def _names(path):
    try:
        return pq.read_schema(path).names
    except pa.ArrowException:
        return []


def _rows(path):
    return pq.read_metadata(path).num_rows


@given(st.integers(0, 10**9))
@settings(max_examples=60, deadline=None)
def test_random_damage_is_told(tmp_path_factory, seed):
    random, buffer = np.random.default_rng(seed), io.BytesIO()
    pq.write_table(pa.table({"text": [f"{k}" * 9 for k in range(20)], "k": [{"a": [k]} for k in range(20)]}), buffer)
    data = bytearray(buffer.getvalue())
    data[4 + random.integers(len(data) - 4)] ^= 1 << random.integers(8)
    path = tmp_path_factory.mktemp("random") / "a.parquet"
    path.write_bytes(data)
    files = find([path])
    recognise(files, "document")
    for block in blocks(path):
        assert block.rows.num_rows + block.bad.num_rows == block.total
        assert all(json.loads(m) for m in block.rows["meta"].drop_null().to_pylist())
