"""Files that data is held against, damaged: refused before a row moves; lines of them that cannot be read, named."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from attempting import Ran
from making import recipe, write_lines

import tamis as library
from tamis.errors import DamagedError

Attempt = Callable[..., Ran]
Tamis = Callable[..., tuple[int, str]]

STAGES = {"decontam": "decontam@1: {{against: [{}]}}", "near": "near@1: {{against: [{}]}}"}
ITEMS = [
    {
        "id": f"i{k}",
        "text": f"item {k * 7919} asks what the sieve of drum {k * 104729} kept and why it did so {k} times",
    }
    for k in range(2000)
]
LINES = b"".join(json.dumps(item).encode() + b"\n" for item in ITEMS)


def in_groups() -> bytes:
    """Parquet in many row groups, one page of it overwritten."""
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ITEMS), file, row_group_size=100, compression="none", use_dictionary=False)
    data = file.getvalue()
    at = len(data) // 2
    return data[:at] + b"\xaa" * 3000 + data[at + 3000 :]


PACKED = gzip.compress(LINES)
DAMAGED = {
    "gzip cut": ("held.jsonl.gz", PACKED[: len(PACKED) // 2]),
    "gzip cut near its start": ("held.jsonl.gz", PACKED[:40]),
    "Parquet with a page of noise": ("held.parquet", in_groups()),
    "Parquet cut": ("held.parquet", in_groups()[:-30]),
}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(("name", "data"), DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_set_stops_the_run_before_a_row_moves(
    attempt: Attempt, tmp_path: Path, stage: str, name: str, data: bytes
) -> None:
    (tmp_path / name).write_bytes(data)
    ran = attempt(LINES, recipe=f"name: t\nstages: [{STAGES[stage].format(name)}]\n")
    assert (ran.code, ran.facts, ran.folder.exists()) == (3, {}, False)
    assert str(tmp_path / name) in ran.said and "is damaged: " in ran.said
    assert "rows before that could be read" in ran.said and "copy the file again" in ran.said


@pytest.mark.parametrize(
    ("stage", "what"), [("decontam", "row of the evaluation sets"), ("near", "record of the earlier")]
)
def test_a_bad_line_of_a_set_is_named_in_run_json_the_terminal_and_the_report(
    tamis: Tamis, tmp_path: Path, stage: str, what: str
) -> None:
    data = write_lines(tmp_path / "in.jsonl", ITEMS[:5])
    write_lines(tmp_path / "held.jsonl", [*ITEMS[:3], b"", b"{bad", *ITEMS[3:6]])
    (tmp_path / "r.yaml").write_text(f"name: t\nstages: [{STAGES[stage].format('held.jsonl')}]\n")
    code, said = tamis("run", tmp_path / "r.yaml", "-i", data, "-o", tmp_path / "run")
    (warning,) = json.loads((tmp_path / "run/run.json").read_bytes())["warnings"]
    assert f"1 {what}" in warning and "held.jsonl line 5 (" in warning
    assert (code, warning in said) == (0, True)
    assert "held.jsonl line 5 (" in (tmp_path / "run/report.html").read_text("utf-8")


def test_the_line_is_that_of_the_file_however_it_is_cut(tmp_path: Path) -> None:
    held = write_lines(tmp_path / "held.jsonl", [*ITEMS[:30], b"", b"{bad", *ITEMS[30:40], b"[1]"])
    data = write_lines(tmp_path / "in.jsonl", ITEMS[:5])
    for size in (100, 100_000):
        done = library.run(
            recipe({"near@1": {"against": [str(held)]}}),
            data,
            tmp_path / str(size),
            engine="inline",
            partition_size=size,
        )
        assert done.steps[1]["facts"]["earlier_unread_first"] == [
            "held.jsonl line 32 (not_json)",
            "held.jsonl line 43 (not_an_object)",
        ]


@pytest.mark.parametrize("stage", ["decontam@1", "near@1"])
def test_a_stage_on_a_table_refuses_a_damaged_set_too(tmp_path: Path, stage: str) -> None:
    (tmp_path / "held.jsonl.gz").write_bytes(PACKED[: len(PACKED) // 2])
    with pytest.raises(DamagedError, match="is damaged: the gzip stream ends before its end"):
        library.make(stage, against=[str(tmp_path / "held.jsonl.gz")])(pa.table({"text": ["a"]}))


def test_contamination_of_damaged_training_data_says_that_it_is_of_a_part(tamis: Tamis, tmp_path: Path) -> None:
    (tmp_path / "cut.jsonl.gz").write_bytes(PACKED[: len(PACKED) // 2])
    evals = write_lines(tmp_path / "evals.jsonl", ITEMS[:3])
    code, said = tamis("contamination", tmp_path / "cut.jsonl.gz", evals, "-o", tmp_path / "found.parquet")
    assert code == 3
    assert "a part of the training data" in said and "cut.jsonl.gz: the gzip stream ends before its end" in said
    assert pq.read_table(tmp_path / "found.parquet")["status"].to_pylist() == ["dirty"] * 3


def test_where_the_checksum_of_the_whole_fails_no_record_of_the_file_is_vouched_for(attempt: Attempt) -> None:
    ran = attempt({"a.jsonl.gz": PACKED[:-8] + bytes(8)})
    assert ran.code == 3 and "any record of the file may be wrong" in ran.facts["damage"][0]
    assert "any record of the file may be wrong" in ran.said


def test_a_repeated_id_is_warned_of_without_a_place_that_it_has_not(attempt: Attempt) -> None:
    ran = attempt(b'{"id":"a","text":"one"}\n{"id":"a","text":"two"}\n{bad\n')
    (aside,) = (row for row in pq.read_table(ran.folder / "quarantine").to_pylist() if row["rule"] == "duplicate_id")
    assert (aside["file"], aside["line"], aside["offset"]) == ("a.jsonl", 2, None)
    by_rule = {("duplicate_id" if "duplicate_id" in w else "bad"): w for w in ran.facts["warnings"]}
    assert by_rule["duplicate_id"] == (
        "1 record has the id of an earlier one of the same source: duplicate_id; quarantine/ has file, line and the record"
    )
    assert by_rule["bad"].endswith("quarantine/ has file, line and byte offset")


@pytest.mark.parametrize("name", ["cut.jsonl.gz", "cut.parquet"])
def test_a_profile_of_damaged_data_says_that_it_is_of_a_part(tamis: Tamis, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(in_groups() if name == "cut.parquet" else PACKED[: len(PACKED) // 2])
    code, said = tamis("profile", tmp_path / name, "--quiet", "--sample", 20, "-o", tmp_path / "seen")
    assert (code, (tmp_path / "seen/report.html").exists()) == (3, True)
    assert (
        "the input is damaged, and this is of a part of it" in said and f"what could be read of it was: {name}" in said
    )


def test_contamination_refuses_a_damaged_evaluation_set_and_names_a_bad_line(tamis: Tamis, tmp_path: Path) -> None:
    (tmp_path / "cut.jsonl.gz").write_bytes(PACKED[: len(PACKED) // 2])
    train = write_lines(tmp_path / "train.jsonl", ITEMS[:3])
    code, said = tamis("contamination", train, tmp_path / "cut.jsonl.gz")
    assert (code, "an evaluation set, is damaged" in said) == (3, True)
    code, said = tamis("contamination", train, write_lines(tmp_path / "e.jsonl", [*ITEMS[:3], b"{bad"]))
    assert (code, "e.jsonl line 4 (" in said) == (0, True)
