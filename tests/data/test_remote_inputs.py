"""Input in object storage is read as it is from a disk."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from glob import iglob
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from making import digests, recipe, sentences, write_lines
from storing_s3 import S3

from tamis.data import find, fragments, read, recognise
from tamis.data.inputs import changed
from tamis.data.reading import Reading
from tamis.data.storage import at, put, put_file
from tamis.data.storage.expanding import fits, folders
from tamis.errors import InputError
from tamis.recipes.profile.size import records_in
from tamis.recipes.run import run

Tamis = Callable[..., tuple[int, str]]


@pytest.fixture
def both(s3: S3, tmp_path: Path) -> Path:
    """A folder in/ of JSON Lines, plain and packed, and Parquet; the same lies at s3://bucket/in."""
    folder = tmp_path / "in"
    folder.mkdir()
    rows = sentences(300)
    write_lines(folder / "a.jsonl", rows[:100])
    plain = write_lines(tmp_path / "b", rows[100:200]).read_bytes()
    (folder / "sub").mkdir()
    (folder / "sub/b.jsonl.gz").write_bytes(gzip.compress(plain, mtime=0))
    (folder / "sub/c.jsonl.zst").write_bytes(zstandard.compress(plain.replace(b'"id"', b'"name"')))
    made = run(recipe(), write_lines(tmp_path / "d", rows[200:]), tmp_path / "run", engine="inline")
    (folder / "d.parquet").write_bytes(made.parts("data")[0].read_bytes())
    for path in sorted(folder.rglob("*.*")):
        put_file(at("s3://bucket/in") / path.relative_to(folder).as_posix(), path)
    return folder


def _rows(place: object) -> list[tuple[str, list[str]]]:
    return [
        (
            file.name,
            [
                text
                for part in fragments(file, 1 << 12)
                for block in read(part, Reading("document"))
                for text in block.rows["text"].to_pylist()
            ],
        )
        for file in find([str(place)])
    ]


def test_a_prefix_is_read_as_a_folder(both: Path) -> None:
    assert _rows("s3://bucket/in/") == _rows(both)


@pytest.mark.parametrize("pattern", ["*.jsonl", "**/*.gz", "sub/?.jsonl.zst", "[ad].*", "**"])
def test_a_pattern_fits_what_it_fits_in_a_folder(both: Path, pattern: str) -> None:
    far = [file.name for file in find([f"s3://bucket/in/{pattern}"])]
    assert far == [file.name for file in find([both / pattern])] and far


NAMES = [
    "a.jsonl",
    ".a.jsonl",
    "x/a.jsonl",
    ".hid/a.jsonl",
    ".hid/x/a.jsonl",
    "x/.hid/a.jsonl",
    "part/0.jsonl",
    "part-0.jsonl",
]


@given(
    st.lists(
        st.sampled_from(["**", "*", "?", "a*", ".*", "x", "[!x]", ".hid", "*.jsonl", "a?jsonl", "part[!x]0.jsonl"]),
        min_size=1,
        max_size=4,
    )
)
def test_a_pattern_is_read_as_that_of_a_folder(parts: list[str]) -> None:
    pattern = "/".join(parts)
    with TemporaryDirectory() as folder:
        for name in NAMES:
            Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
            Path(folder, name).touch()
        here = {m for m in iglob(pattern, root_dir=folder, recursive=True) if Path(folder, m).is_file()}
    assert {name for name in NAMES if fits(folders(parts), name.split("/"))} == {str(Path(m)) for m in here}


def test_an_object_may_be_named_itself_and_twice(both: Path) -> None:
    assert [f.name for f in find(["s3://bucket/in/a.jsonl", "s3://bucket/in/a.jsonl", both / "d.parquet"])] == [
        "a.jsonl",
        "d.parquet",
    ]


def test_objects_of_one_name_are_told_apart_by_their_folders(s3: S3) -> None:
    for folder in ("x", "y"):
        put(at(f"s3://bucket/{folder}/a.jsonl"), b'{"text": "t"}\n')
    assert [f.name for f in find(["s3://bucket/x/a.jsonl", "s3://bucket/y/a.jsonl"])] == ["x/a.jsonl", "y/a.jsonl"]


def test_of_a_run_its_data_are_read_and_of_an_unfinished_one_nothing(s3: S3) -> None:
    for name in ("run.json", "fates.parquet", "MANIFEST.sha256", "data/part.jsonl", "verdicts/part.jsonl"):
        put(at("s3://bucket/runs/one") / name, b'{"text": "t"}\n')
    put(at("s3://bucket/runs/two/.work/plan.json"), b"{}")
    put(at("s3://bucket/runs/two/data/part.jsonl"), b'{"text": "t"}\n')
    assert [f.name for f in find(["s3://bucket/runs"])] == ["one/data/part.jsonl"]


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("s3://bucket/none", r"s3://bucket/none does not exist: there is no object of that name, and none below it"),
        ("s3://none/x", r"there is no bucket 'none' at http"),
        ("s3://bucket/x/*.parquet", r"no object matches 's3://bucket/x/\*.parquet'"),
        ("s3://bucket/other", r"no .jsonl, .* object below it, of 1; name such by a pattern"),
    ],
)
def test_what_is_not_there_is_said(s3: S3, place: str, says: str) -> None:
    put(at("s3://bucket/other/x.csv"), b"a,b\n")
    with pytest.raises(InputError, match=says):
        find([place])


def test_a_run_on_object_storage_is_the_run_on_a_disk(both: Path, tmp_path: Path) -> None:
    near = run(recipe(), both, tmp_path / "near", engine="inline")
    far = run(recipe(), "s3://bucket/in", tmp_path / "far", engine="local", workers=2, partition_size=4096)
    assert digests(far.path) == digests(near.path)
    assert far.facts["inputs"] == near.facts["inputs"] and recognise(find(["s3://bucket/in"])).kind == "document"


def test_an_object_is_another_where_listing_and_object_are(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    import tamis.data.storage.objects as objects

    put(at("s3://bucket/age/a.jsonl"), b'{"text": "one"}\n')
    (found,) = find(["s3://bucket/age"])
    told = found._replace(modified=found.modified or 7 * 10**9)
    real, listing = objects.stored, objects.listed
    later = {"modified": told.modified + 5 * 10**9}
    monkeypatch.setattr(objects, "stored", lambda remote: real(remote)._replace(**later))
    monkeypatch.setattr(objects, "listed", lambda *of: [one._replace(modified=told.modified) for one in listing(*of)])
    assert changed([told]) == []  # the server told one time in two ways
    monkeypatch.setattr(objects, "listed", lambda *of: [one._replace(**later) for one in listing(*of)])
    assert changed([told]) == ["a.jsonl"]


def test_a_run_survives_faults_of_the_storage(s3: S3, both: Path, tmp_path: Path) -> None:
    near = run(recipe(), both, tmp_path / "near", engine="inline")
    faults = ["503", "cut", "reset", "wait:0.1"]
    s3.faults = lambda number, method, path: faults[number // 7 % 4] if number % 7 == 6 else None
    far = run(recipe(), "s3://bucket/in", tmp_path / "far", engine="inline")
    assert far.data().equals(near.data()) and len(s3.asked) > 14


def test_explain_reads_the_record_where_it_lies(both: Path, tmp_path: Path, tamis: Tamis) -> None:
    made = run(
        recipe("exact@1"),
        ["s3://bucket/in/a.jsonl", "s3://bucket/in/sub/b.jsonl.gz"],
        tmp_path / "far",
        engine="inline",
    )
    record = made.data(["id", "text"]).slice(3, 1).to_pylist()[0]
    code, said = tamis("explain", tmp_path / "far", record["id"])
    assert code == 0 and record["text"][:20] in said


def test_how_many_records_there_are_is_told_as_of_a_folder(both: Path) -> None:
    assert records_in(find(["s3://bucket/in"])) == records_in(find([both]))
