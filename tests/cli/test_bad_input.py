"""Bad input through the command line: a sentence and an exit code, never a traceback, never a lost record."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import shutil
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from attempting import GOOD, RECIPE, Ran, outcome, process, rows

Attempt = Callable[..., Ran]
Tamis = Callable[..., tuple[int, str]]


def parquet(**columns: object) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


NOT_UTF8 = pa.StringArray.from_buffers(2, pa.py_buffer(struct.pack("<3i", 0, 2, 4)), pa.py_buffer(b"ok\xff\xfe"))

LINES = {
    "malformed JSON": (b'{"text": \nnope\n{"text":"a",}', {"truncated": 1, "not_json": 2}),
    "no object": (b'[1]\n"text"\n1\nnull', {"not_an_object": 4}),
    "two objects on a line": (b'{"text":"a"} {"text":"b"}', {"trailing_data": 1}),
    "CR alone ends no line": (b'{"text":"a"}\r{"text":"b"}', {"trailing_data": 1}),
    "invalid UTF-8": (b'{"text":"\xff"}\n{"\xc3":1,"text":"a"}', {"invalid_utf8": 2}),
    "a mark within the file": (b'\xef\xbb\xbf{"text":"a"}', {"not_json": 1}),
    "NUL bytes": (b'{"text":"a\0b"}\n\0\0\0', {"nul": 2}),
    "lone surrogates": (b'{"text":"\\ud800"}\n{"id":"\\udc00","text":"a"}', {"lone_surrogate": 2}),
    "numbers where text is due": (b'{"text":5}\n{"text":true}\n{"text":["a"]}\n{"text":{"a":1}}', {"not_text": 4}),
    "null and missing text": (b'{"text":null}\n{"id":"a"}\n{}', {"null_text": 1, "missing_text": 2}),
    "the id of another row": (b'{"id":"good","text":"a"}', {"duplicate_id": 1}),
    "a key twice": (b'{"text":"a","text":"b"}', {"duplicate_key": 1}),
    "nested too deep": (b'{"text":"a","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", {"too_deep": 1}),
    "a number with a zero in front": (b'{"text":"b","n":01}', {"bad_number": 1}),
    "NaN": (b'{"text":"a","n":NaN}\n{"text":"b","n":-Infinity}', {"not_finite": 2}),
    "another kind of row": (b'{"messages":[{"role":"user","content":"hi"}]}', {"wrong_shape": 1}),
}


@pytest.mark.parametrize(("data", "aside"), LINES.values(), ids=LINES.keys())
def test_a_bad_line_is_set_aside_with_its_place(attempt: Attempt, data: bytes, aside: dict[str, int]) -> None:
    ran = attempt(GOOD + b"\n" + GOOD.replace(b"good", b"other") + b"\n" + data + b"\n")
    assert (ran.code, ran.rules, ran.facts["rows"]["kept"]) == (0, aside, 2)
    found = pq.read_table(ran.folder / "quarantine").to_pylist()
    assert [row["line"] for row in found] == list(range(3, 3 + len(found)))
    assert all(row["file"] == "a.jsonl" for row in found)
    assert all(row["offset"] > 60 and row["message"] for row in found if row["step"] == 0 and row["raw"])


FINE = {
    "byte order mark, CRLF, blank lines": (b'\xef\xbb\xbf{"text":"a"}\r\n\r\n  \n{"text":"b"}', 2),
    "nothing": (b"", 0),
    "blank lines alone": (b"\n \n\r\n", 0),
    "one row": (GOOD, 1),
    "numbers, objects and lists as ids": (b'{"id":5,"text":"a"}\n{"id":{"a":1},"text":"b"}\n{"id":[1],"text":"c"}', 3),
    "empty and null fields": (b'{"id":"","text":"","source":""}\n{"id":null,"text":"a","url":null,"meta":null}', 2),
    "names of our own columns": (b'{"text":"a","record_id":"x","meta":[1],"source":{"a":1},"row":1,"alive":2}', 1),
    "an id of 1 MB": (b'{"id":"' + b"x" * (1 << 20) + b'","text":"a","source":"' + b"s" * (1 << 20) + b'"}', 1),
    "NUL escaped in id, source and meta": (b'{"id":"a\\u0000","text":"a","source":"\\u0000","\\u0000":1}', 1),
    "10,000 keys": (json.dumps({"text": "a"} | {f"k{k}": k for k in range(10_000)}).encode(), 1),
    "numbers beyond any float": (b'{"text":"a","n":1e999,"m":' + b"9" * 5_000 + b"}", 1),
}


@pytest.mark.parametrize(("data", "count"), FINE.values(), ids=FINE.keys())
def test_odd_but_sound_input_is_kept(attempt: Attempt, data: bytes, count: int) -> None:
    ran = attempt(data)
    assert (ran.code, ran.facts["rows"]["in"], ran.facts["rows"]["kept"]) == (0, count, count)


PACKED = gzip.compress(rows(2000))
ROWS_100 = parquet(id=[f"r{k}" for k in range(100)], text=[f"text {k}" for k in range(100)])
FILES = {
    "gzip cut in the middle": ("a.jsonl.gz", PACKED[: len(PACKED) // 2], 3, {"damaged_input": 1}),
    "gzip cut in its head": ("a.jsonl.gz", PACKED[:5], 3, {"damaged_input": 1}),
    "gzip with another checksum": ("a.jsonl.gz", PACKED[:-8] + bytes(8), 3, {"damaged_input": 1}),
    "gzip with more behind it": ("a.jsonl.gz", PACKED + b"more", 3, {"damaged_input": 1}),
    "gzip within gzip": ("a.jsonl.gz", gzip.compress(gzip.compress(GOOD, mtime=0)), 3, None),
    "zstd cut": ("a.jsonl.zst", zstandard.compress(rows(2000))[:-9], 3, {"damaged_input": 1}),
    "bzip2 under another name": ("a.jsonl.gz", bz2.compress(rows(9)), 0, {}),
    "Parquet cut": ("a.parquet", ROWS_100[:-20], 3, {"damaged_input": 1}),
    "Parquet of noise": ("a.parquet", b"PAR1" + bytes(range(256)) * 9 + b"PAR1", 3, {"damaged_input": 1}),
    "Parquet with a page of noise": ("a.parquet", ROWS_100[:60] + b"\xaa" * 200 + ROWS_100[260:], 3, None),
    "Parquet with a column twice": (
        "a.parquet",
        (lambda f: (pq.write_table(pa.table([["a"], ["b"]], names=["text", "text"]), f), f.getvalue()))(io.BytesIO())[
            1
        ],
        3,
        {"duplicate_key": 1},
    ),
    "Parquet of null texts": ("a.parquet", parquet(text=pa.array([None, "a"])), 0, {"null_text": 1}),
    "Parquet of bytes": ("a.parquet", parquet(text=[b"ok", b"\xff"]), 0, {"not_text": 1}),
    "Parquet of text that is no UTF-8": ("a.parquet", parquet(text=NOT_UTF8), 0, {"invalid_utf8": 1}),
    "Parquet without rows": ("a.parquet", parquet(text=pa.array([], pa.string())), 0, {}),
    "Parquet without text": ("a.parquet", parquet(foo=[1]), 2, {}),
    "JSON Lines under the name of Parquet": ("a.parquet", rows(9), 0, {}),
    "lines of noise alone": ("a.jsonl", b"x\ny\n", 3, {"not_json": 2}),
}


@pytest.mark.parametrize(("name", "data", "code", "aside"), FILES.values(), ids=FILES.keys())
def test_a_damaged_file_gives_what_can_be_read(
    attempt: Attempt, name: str, data: bytes, code: int, aside: dict[str, int] | None
) -> None:
    ran = attempt({name: data})
    assert ran.code == code
    assert aside is None or ran.rules == aside
    assert code != 3 or name in ran.said or "none of the" in ran.said


NAMES = ["new\nline", "quo'te\"", "-dash", "ünïcödé 数据", "a b%20?*[x]", "$(x);", os.fsdecode(b"\xff\xfe")]


def test_any_file_name_will_do(attempt: Attempt) -> None:
    ran = attempt({f"{name}.jsonl": b'{"text":"%d"}\nbad' % k for k, name in enumerate(NAMES)})
    assert (ran.code, ran.rules) == (0, {"not_json": len(NAMES)})
    assert {row["file"] for row in ran.facts["inputs"]} >= {"new\nline.jsonl", "\\xff\\xfe.jsonl"}


def test_files_may_differ_in_their_fields(attempt: Attempt) -> None:
    ran = attempt({"a.jsonl": rows(2), "b.parquet": parquet(text=["x"], id=[5], new=[{"a": 1}]), "c.jsonl": b'{"x":1}'})
    assert (ran.code, ran.rules, ran.facts["rows"]["in"]) == (0, {"missing_text": 1}, 4)


def a_pipe(place: Path) -> None:
    os.mkfifo(place)


def a_socket(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(os.path.relpath(place))


PLACES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda p: None, "does not exist"),
    "an empty folder": (lambda p: p.mkdir(), "it is empty"),
    "a folder of other files": (lambda p: (p.mkdir(), (p / "a.txt").write_text("x")), "1 .txt"),
    "a pipe": (a_pipe, "standard input"),
    "a pipe in a folder": (lambda p: (p.mkdir(), a_pipe(p / "a.jsonl")), "standard input"),
    "a socket": (a_socket, "neither a file nor a folder"),
    "a link to nowhere": (lambda p: p.symlink_to("nowhere"), "leads nowhere"),
    "a link to itself": (lambda p: p.symlink_to(p), "leads nowhere"),
    "a link to itself in a folder": (lambda p: (p.mkdir(), (p / "a.jsonl").symlink_to("a.jsonl")), "a.jsonl"),
    "UTF-16": (lambda p: p.write_bytes("{}".encode("utf-16")), "iconv"),
}


@pytest.mark.parametrize(("make", "says"), PLACES.values(), ids=PLACES.keys())
def test_an_input_that_cannot_be_read_is_told(
    tamis: Tamis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("recipe.yaml").write_text(RECIPE)
    make(tmp_path / "data")
    ran = outcome(*tamis("run", "recipe.yaml", "-i", tmp_path / "data", "-o", "run"), tmp_path / "run")
    assert (ran.code, ran.facts) == (2, {})
    assert says in ran.said
    assert not ran.folder.exists()


@pytest.mark.parametrize("path", ["", "x" * 300, "~nobody-is-called-so/x", "/dev/zero", "[", "a\0*"])
def test_a_path_that_leads_nowhere_is_told(tamis: Tamis, tmp_path: Path, path: str) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    code, said = tamis("run", tmp_path / "recipe.yaml", "-i", path, "-o", tmp_path / "run")
    assert (code, said.startswith("tamis: ")) == (2, True)


def test_a_folder_that_links_to_itself_is_read_once(attempt: Attempt, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "again").symlink_to(tmp_path / "in")
    assert attempt(rows(3)).facts["rows"]["in"] == 3


def test_of_a_run_the_data_are_read_and_of_half_a_run_nothing(tamis: Tamis, attempt: Attempt, tmp_path: Path) -> None:
    first = attempt(rows(3) + b"bad")
    half = tmp_path / "in" / "half"
    (half / ".work").mkdir(parents=True)
    (half / ".work" / "plan.json").write_text("{}")
    (half / "part.jsonl").write_bytes(rows(1))
    shutil.copytree(first.folder, tmp_path / "in" / "run")
    (tmp_path / "in" / "a.jsonl").unlink()
    code, said = tamis("run", tmp_path / "recipe.yaml", "-i", tmp_path / "in", "-o", tmp_path / "again", "--quiet")
    ran = outcome(code, said, tmp_path / "again")
    assert (code, [f["file"] for f in ran.facts["inputs"]]) == (0, ["run/data/part-00000.parquet"])


def peak_mb(*args: object) -> tuple[int, float]:
    """Exit code of the command line and the most memory it held, in MB."""
    running = process(*args)
    assert running.stdout is not None
    running.stdout.read()
    _, status, usage = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    running.stdout.close()
    return running.returncode, usage.ru_maxrss / 1024


def test_a_bomb_and_a_line_of_200_mb_fit_into_memory(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "small.jsonl").write_bytes(GOOD)
    with zstandard.open(tmp_path / "bomb.jsonl.zst", "wb") as file:  # 512 MiB
        file.write(GOOD + b"\n")
        for _ in range(32):
            file.write(bytes(1 << 24))
        file.write(b"\n" + GOOD.replace(b"good", b"last"))
    with (tmp_path / "line.jsonl").open("wb") as plain:
        plain.write(GOOD + b'\n{"text":"' + b"x" * (200 << 20) + b'"}')
    held = {}
    for name in ("small.jsonl", "bomb.jsonl.zst", "line.jsonl"):
        run = tmp_path / f"run-{name}"
        code, held[name] = peak_mb("run", tmp_path / "recipe.yaml", "-i", tmp_path / name, "-o", run, "--quiet")
        ran = outcome(code, "", run)
        assert (ran.code, ran.rules) == (0, {} if name.startswith("small") else {"record_too_large": 1})
    assert max(held.values()) < held["small.jsonl"] + 400, held
