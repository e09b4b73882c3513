import gzip
import io
import os
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tamis.data import find
from tamis.errors import InputError

ROW = b'{"text":"a"}\n'


def fill(folder, *names, data=ROW):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def names(*paths, scratch=None):
    return [file.name for file in find(paths, scratch)]


def test_a_folder_is_walked_and_hidden_names_are_passed_over(tmp_path):
    fill(tmp_path, "b.jsonl", "sub/a.ndjson", "sub/.hidden.jsonl", "_tmp/c.jsonl", "readme.md", ".git/d.jsonl")
    assert names(tmp_path) == ["b.jsonl", "sub/a.ndjson"]


def test_a_glob_names_files_from_where_it_begins(tmp_path):
    fill(tmp_path, "x/one.jsonl", "x/y/two.jsonl", "z/three.txt")
    assert names(f"{tmp_path}/x/**/*.jsonl") == ["one.jsonl", "y/two.jsonl"]
    assert names(f"{tmp_path}/*/*.txt") == ["z/three.txt"]


def test_a_file_found_twice_is_read_once(tmp_path):
    fill(tmp_path, "a.jsonl")
    assert names(tmp_path, tmp_path / "a.jsonl", f"{tmp_path}/*.jsonl") == ["a.jsonl"]


def test_files_of_one_name_get_their_folders(tmp_path):
    fill(tmp_path, "u/p/a.jsonl", "v/p/a.jsonl", "b.jsonl")
    assert names(tmp_path / "u/p/a.jsonl", tmp_path / "v/p/a.jsonl", tmp_path / "b.jsonl") == [
        "b.jsonl",
        "u/p/a.jsonl",
        "v/p/a.jsonl",
    ]
    assert names(tmp_path / "u", tmp_path / "v") == ["u/p/a.jsonl", "v/p/a.jsonl"]


def test_the_order_is_that_of_names_whatever_was_named_first(tmp_path):
    fill(tmp_path, "a.jsonl", "b.jsonl")
    assert names(tmp_path / "b.jsonl", tmp_path / "a.jsonl") == ["a.jsonl", "b.jsonl"]


def test_the_format_is_told_by_content(tmp_path):
    fill(tmp_path, "a.parquet", data=gzip.compress(ROW))
    fill(tmp_path, "b.parquet", data=zstandard.compress(ROW))
    fill(tmp_path, "c.parquet", data=b"")
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "d.jsonl")
    told = [(f.format, f.compression) for f in find([tmp_path])]
    assert told == [("jsonl", "gzip"), ("jsonl", "zstd"), ("jsonl", None), ("parquet", None)]


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.jsonl", '{"text":"a"}'.encode("utf-16"), "UTF-16 text .*iconv"),
        ("a.jsonl", b"PK\x03\x04...", "a zip archive"),
        ("a.parquet", b"ARROW1\x00\x00", "an Arrow IPC"),
        ("a.parquet", b"PARE....", "an encrypted Parquet file"),
        ("a.json", b'[\n {"text": "a"}]', "one JSON list; .* jq -c"),
        ("a.tar", b"\0" * 257 + b"ustar\0", "a tar archive"),
    ],
)
def test_what_is_no_json_lines_is_named(tmp_path, name, data, says):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=says):
        find([tmp_path / name])


def test_lines_that_begin_with_a_list_are_still_lines(tmp_path):
    fill(tmp_path, "a.jsonl", data=b"[1]\n" + ROW)
    assert find([tmp_path])[0].format == "jsonl"


def test_a_missing_path_is_told_with_its_neighbour(tmp_path):
    fill(tmp_path, "corpus.jsonl")
    with pytest.raises(InputError, match=r"corpsu\.jsonl does not exist; did you mean .*corpus\.jsonl"):
        find([tmp_path / "corpsu.jsonl"])
    with pytest.raises(InputError, match=r"does not exist; looked in"):
        find([tmp_path / "no such thing/a.jsonl"])


def test_a_folder_or_glob_without_data_says_what_is_there(tmp_path):
    with pytest.raises(InputError, match="it is empty"):
        find([tmp_path])
    fill(tmp_path, "a.txt", "b.txt")
    with pytest.raises(InputError, match=r"it has 2 \.txt; name such files"):
        find([tmp_path])
    with pytest.raises(InputError, match="no file matches"):
        find([f"{tmp_path}/*.jsonl"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_named(tmp_path):
    fill(tmp_path, "a.jsonl")
    (tmp_path / "a.jsonl").chmod(0)
    with pytest.raises(InputError, match=r"cannot read .*a\.jsonl: Permission denied"):
        find([tmp_path])


def test_a_pipe_is_to_be_read_as_standard_input(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="read as standard input"):
        find([tmp_path / "pipe"])


def test_links_to_files_are_followed_and_broken_ones_named(tmp_path):
    fill(tmp_path, "far/real.jsonl")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/here.jsonl").symlink_to(tmp_path / "far/real.jsonl")
    (tmp_path / "data/loop").symlink_to(tmp_path / "data")
    assert names(tmp_path / "data") == ["here.jsonl"]
    (tmp_path / "far/real.jsonl").unlink()
    with pytest.raises(InputError, match=r"here\.jsonl links to .*real\.jsonl, which does not exist"):
        find([tmp_path / "data"])


def test_standard_input_is_copied_once(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(ROW)))
    [first] = find(["-"], tmp_path / "scratch")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"another")))
    assert find(["-"], tmp_path / "scratch") == [first]
    assert first.name == "stdin" and first.path.read_bytes() == ROW


def test_standard_input_needs_a_place():
    with pytest.raises(InputError, match="standard input"):
        find(["-"])
