import gzip
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.data import Reading, find, fragments, read, recognise, write_parquet
from tamis.data import reading as module
from tamis.errors import InputError, UsageError
from tamis.schemas import kind

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LINE = st.fixed_dictionaries({"text": TEXT}, optional={"id": TEXT, "n": st.integers()}).map(
    lambda r: json.dumps(r).encode()
)
LINES = st.lists(LINE | st.sampled_from([b"", b"{broken", b'{"text":1}', b"\r", b"[]"]), max_size=12)


def everything(path, size=16 << 20, **how):
    """All blocks of a file, cut in fragments of `size` bytes, put together: rows, (line, offset, rule) of bad ones."""
    rows, bad, total, lines = [], [], 0, 0
    for fragment in fragments(find([path])[0], size):
        before = lines
        for block in read(fragment, Reading(**{"kind": "document"} | how)):
            assert block.rows.num_rows + block.bad.num_rows == block.total
            rows += zip((block.line + before).tolist(), block.rows.to_pylist(), strict=True)
            bad += [(b["line"] + before, b["offset"], b["rule"], b["record_id"]) for b in block.bad.to_pylist()]
            total, lines = total + block.total, lines + block.lines
    return rows, bad, total, lines


@given(LINES, st.integers(1, 80), st.booleans(), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_rows_do_not_depend_on_how_a_file_is_cut(tmp_path_factory, lines, size, ends, most):
    path = tmp_path_factory.mktemp("cut") / "a.jsonl"
    path.write_bytes(b"\n".join(lines) + (b"\n" if ends else b""))
    whole = everything(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LINES", most)
        patch.setattr(module, "BLOCK", 16)
        assert everything(path, size) == whole
    assert whole[2] == sum(bool(line.strip()) for line in lines)


@given(LINES)
@settings(max_examples=20, deadline=None)
def test_a_bad_line_is_told_by_line_and_byte(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("bad") / "a.jsonl"
    path.write_bytes(b"\n".join(lines))
    for line, offset, *_ in everything(path)[1]:
        assert path.read_bytes()[offset:].startswith(lines[line].strip()) and lines[line].strip()


@pytest.mark.parametrize("pack", [lambda b: b, gzip.compress, zstandard.compress])
def test_packed_or_not_the_rows_are_the_same(tmp_path, pack):
    lines = b"\xef\xbb\xbf" + b'{"text":"a"}\r\n\r\n{"text":"b","k":[1]}\nbad\n'
    (tmp_path / "a.jsonl").write_bytes(pack(lines))
    rows, bad, total, seen = everything(tmp_path / "a.jsonl")
    assert [(line, row["text"]) for line, row in rows] == [(0, "a"), (2, "b")]
    assert [b[:3] for b in bad] == [(3, 40, "not_json")] and (total, seen) == (3, 4)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_packed_file_that_breaks_off_keeps_what_came_before(tmp_path, pack):
    lines = b"".join(b'{"text":"%s"}\n' % np.random.default_rng(k).bytes(40).hex().encode() for k in range(5000))
    packed = pack(lines)
    (tmp_path / "a.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    blocks = list(read(fragments(find([tmp_path / "a.jsonl.gz"])[0])[0], Reading("document")))
    rows = sum(b.rows.num_rows for b in blocks)
    assert 0 < rows < 5000 and [b.damage is not None for b in blocks] == [False] * (len(blocks) - 1) + [True]
    assert blocks[-1].bad["rule"].to_pylist() == ["damaged_input"] and "of what it unpacks to" in blocks[-1].damage


def test_a_line_that_is_too_long_is_refused_unread(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b'{"text":"a"}\n{"text":"' + b"x" * 5000 + b'"}\n{"text":"b"}\n')
    rows, bad, total, lines = everything(tmp_path / "a.jsonl", max_record=1000)
    assert [row["text"] for _, row in rows] == ["a", "b"] and [line for line, _ in rows] == [0, 2]
    assert [b[:3] for b in bad] == [(1, 13, "record_too_large")] and (total, lines) == (3, 3)


def test_the_key_of_a_row_is_its_id_or_its_place(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b'{"text":"x","id":1}\n{"text":"y"}\n')
    first = [row["record_id"] for _, row in everything(tmp_path / "a.jsonl", source="s")[0]]
    (tmp_path / "a.jsonl").write_bytes(b'{"text":"edited","id":1}\n{"text":"y"}\n')
    edited = [row["record_id"] for _, row in everything(tmp_path / "a.jsonl", source="s")[0]]
    assert first[0] == edited[0] and first[1] != edited[1]


def test_a_licence_of_the_recipe_fills_the_gaps(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b'{"text":"x","license":"MIT"}\n{"text":"y"}\n{"text":"z","license":["x"]}\n')
    rows, *_ = everything(tmp_path / "a.jsonl", license="CC-BY-4.0")
    assert [row["license"] for _, row in rows] == ["MIT", "CC-BY-4.0", None]


def test_what_a_run_wrote_is_read_as_it_is(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b'{"messages":[{"role":"user","content":"x","n":1}],"k":1,"meta":{"z":2}}\n')
    schema = kind("chat").schema
    [block] = read(fragments(find([tmp_path / "a.jsonl"])[0])[0], Reading("chat"))
    write_parquet(tmp_path / "b.parquet", [pa.Table.from_batches([block.rows])], schema)
    files = find([tmp_path / "b.parquet"])
    assert recognise(files)[:2] == ("chat", {"tamis rows": 1})
    [again] = read(fragments(files[0])[0], Reading("chat"))
    assert again.rows.equals(block.rows)


def test_a_column_that_a_run_added_is_put_into_meta(tmp_path):
    schema = kind("document").schema.append(pa.field("lang", pa.string()))
    rows = [{"record_id": bytes(16), "source": "s", "text": "x", "meta": m, "lang": "en"} for m in (None, '{"k":1}')]
    write_parquet(tmp_path / "b.parquet", [pa.Table.from_pylist(rows, schema=schema)], schema)
    [block] = read(fragments(find([tmp_path / "b.parquet"])[0])[0], Reading("document"))
    assert block.rows["meta"].to_pylist() == ['{"lang":"en"}', '{"lang":"en","meta":{"k":1}}']


def test_the_kind_is_that_of_most_rows(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b'{"x":1}\n{"messages":[]}\n{"messages":[]}\n')
    assert recognise(find([tmp_path / "a.jsonl"])) == ("chat", {"OpenAI messages": 2}, 1)
    assert recognise(find([tmp_path / "a.jsonl"]), "chat").says == "OpenAI messages -> chat"


def test_rows_of_no_known_shape_are_named(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b'{"body":"x"}\n')
    with pytest.raises(InputError, match="the keys of one are 'body'; wanted were text"):
        recognise(find([tmp_path / "a.jsonl"]))
    assert recognise(find([tmp_path / "a.jsonl"]), fields={"text": "body"}).kind == "document"


def test_a_kind_that_is_none_is_a_usage_error(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b'{"text":"x"}\n')
    with pytest.raises(UsageError, match="no kind of row is called 'doc'"):
        recognise(find([tmp_path / "a.jsonl"]), "doc")


def test_nothing_but_damage_still_has_a_kind(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"\x00\x01\n")
    (tmp_path / "b.jsonl").write_bytes(b"")
    assert recognise(find([tmp_path])) == ("document", {}, 0)
    assert [f.damage for file in find([tmp_path]) for f in fragments(file)] == [None, None]


def test_small_row_groups_share_a_fragment(tmp_path):
    pq.write_table(pa.table({"text": ["x" * 100] * 30}), tmp_path / "a.parquet", row_group_size=3, use_dictionary=False)
    cut = fragments(find([tmp_path / "a.parquet"])[0], 1000)
    assert len(cut) > 1 and [f.first for f in cut] == [3 * f.lo for f in cut]
    assert sum(b.rows.num_rows for f in cut for b in read(f, Reading("document"))) == 30
