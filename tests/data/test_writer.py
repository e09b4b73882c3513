import hashlib
import json
import resource
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.data.writer import write_bytes, write_json, write_parquet
from tamis.errors import OutputError
from tamis.schemas import kind
from tamis.schemas.ledger import NAME

SCHEMA = pa.schema([pa.field("record_id", pa.binary(16), False), ("rule", NAME), ("text", pa.string())])

ROWS = st.lists(
    st.tuples(st.binary(min_size=16, max_size=16), st.sampled_from(["a", "b", "c", None]), st.text() | st.none()),
    max_size=30,
)


def table(rows, chunks=1):
    whole = pa.Table.from_pylist([dict(zip(SCHEMA.names, r, strict=True)) for r in rows], schema=SCHEMA)
    size = max(1, -(-len(rows) // chunks))
    return pa.concat_tables([SCHEMA.empty_table(), *(whole.slice(k, size) for k in range(0, len(rows), size))])


@given(ROWS, st.integers(1, 5))
@settings(max_examples=50, deadline=None)
def test_bytes_do_not_depend_on_chunks_or_dictionary_order(tmp_path_factory, rows, chunks):
    path = tmp_path_factory.mktemp("w") / "a.parquet"
    one = write_parquet(path, [table(rows)], SCHEMA)
    other = table(rows, chunks)
    shuffled = pa.DictionaryArray.from_arrays(
        pa.array(["cba".index(r[1]) + 1 if r[1] else None for r in rows], pa.int16()), ["unused", "c", "b", "a"]
    )
    assert write_parquet(path, [other], SCHEMA).sha256 == one.sha256
    assert write_parquet(path, [other.set_column(1, SCHEMA.field(1), shuffled)], SCHEMA).sha256 == one.sha256
    assert pq.read_table(path).cast(SCHEMA).to_pylist() == table(rows).to_pylist()


def test_each_table_is_one_row_group(tmp_path):
    digest = write_parquet(tmp_path / "a.parquet", [table([(b"x" * 16, "a", "t")] * n) for n in (3, 0, 2)], SCHEMA)
    metadata = pq.read_metadata(tmp_path / "a.parquet")
    assert [metadata.row_group(k).num_rows for k in range(metadata.num_row_groups)] == [3, 2]
    assert digest.rows == 5


def test_a_table_without_rows_is_a_file(tmp_path):
    write_parquet(tmp_path / "a.parquet", [], SCHEMA)
    assert pq.read_table(tmp_path / "a.parquet").num_rows == 0


def test_the_digest_is_that_of_the_file(tmp_path):
    digest = write_parquet(tmp_path / "a.parquet", [table([(b"x" * 16, "a", "t")])], SCHEMA)
    data = (tmp_path / "a.parquet").read_bytes()
    assert (digest.bytes, digest.sha256) == (len(data), hashlib.sha256(data).hexdigest())


def test_another_process_writes_the_same_bytes(tmp_path):
    code = (
        "import sys, pyarrow as pa; from tamis.data.writer import write_parquet; from tamis.schemas import kind;"
        "rows = [{'record_id': b'x' * 16, 'source': 's', 'text': 'é' * k} for k in range(99)];"
        "s = kind('document').schema; t = pa.Table.from_pylist(rows, schema=s);"
        "print(write_parquet(sys.argv[1], [t], s).sha256)"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code, tmp_path / name], capture_output=True, text=True, check=True)
        for name in "ab"
    ]
    assert runs[0].stdout == runs[1].stdout


def test_the_footer_shows_no_text(tmp_path):
    schema = kind("document").schema
    row = {
        "record_id": b"x" * 16,
        "id": "secret",
        "source": "s",
        "url": "secret",
        "meta": '{"k":"secret"}',
        "text": "secret",
    }
    write_parquet(tmp_path / "a.parquet", [pa.Table.from_pylist([row], schema=schema)], schema)
    group = pq.read_metadata(tmp_path / "a.parquet").row_group(0)
    columns = [group.column(k) for k in range(group.num_columns)]
    assert [c.path_in_schema for c in columns if c.is_stats_set] == ["record_id", "source", "license"]


def test_fields_keep_their_sentences(tmp_path):
    schema = kind("chat").schema
    write_parquet(tmp_path / "a.parquet", [schema.empty_table()], schema)
    assert pq.read_schema(tmp_path / "a.parquet").field("messages").metadata == {
        b"says": b"The conversation, in order."
    }


def test_json_ends_with_a_newline_and_keeps_its_order(tmp_path):
    write_json(tmp_path / "a.json", {"b": "é", "a": [1]})
    text = (tmp_path / "a.json").read_text("utf-8")
    assert text.endswith("}\n") and list(json.loads(text)) == ["b", "a"] and "é" in text


def test_an_unusable_place_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file/a: a file stands where a folder is needed"):
        write_bytes(tmp_path / "file/a", b"x")


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"before")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # stands in for a full disk: write(2) fails part of the way
    try:
        with pytest.raises(OutputError, match="no file that large"):
            write_parquet(tmp_path / "a.parquet", [table([(bytes([k] * 16), "a", str(k)) for k in range(99)])], SCHEMA)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [p.name for p in tmp_path.iterdir()] == ["a.parquet"] and (tmp_path / "a.parquet").read_bytes() == b"before"


def test_an_error_of_the_rows_passes_through(tmp_path):
    def rows():
        yield table([(b"x" * 16, "a", "t")])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_parquet(tmp_path / "a.parquet", rows(), SCHEMA)
    assert not list(tmp_path.iterdir())
