"""A record beside the one it lost to: texts, wherever they lie, and what is told where they cannot be had."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.json as pj
import pyarrow.parquet as pq
import pytest
from making import recipe, write_lines

import tamis
from tamis.errors import InputError
from tamis.runs.beside import Comparison

ALIKE = f"{Path(__file__).with_name('alike_stages.py')}:Alike"
ROWS = [
    {"id": "first", "text": "a fine sieve keeps every receipt of the flour"},
    {"id": "second", "text": "a fine sieve keeps each receipt of the flour"},
    {"id": "third", "text": "a fine sieve keeps each receipt of all bread"},
    {"id": "other", "text": "nothing like it, and longer than a few words"},
]


@pytest.fixture
def run(tmp_path: Path) -> tamis.Run:
    return tamis.run(recipe(ALIKE), write_lines(tmp_path / "in.jsonl", ROWS), tmp_path / "run", engine="inline")


def beside(run: tamis.Run, record: str, **how: object) -> Comparison:
    found = tamis.explain(run, record, **how).stops[-1].beside
    assert found is not None
    return found


def test_a_near_duplicate_is_told_with_ids_jaccard_and_passages(run: tamis.Run) -> None:
    life = tamis.explain(run, "second")
    survivor = tamis.explain(run, "first").record_id
    assert life.stops[-1].words == (
        f"dropped by near_duplicate: Jaccard 0.800 (8 of 10 word 1-grams) with record {survivor} (id 'first')"
    )
    assert [(p.kind, p.here or p.there) for p in beside(run, "second").passages or ()] == [
        ("shared", "a fine sieve keeps "),
        ("only_here", "each "),
        ("only_there", "every "),
        ("shared", "receipt of the flour"),
    ]


def test_a_record_linked_through_another_names_it(run: tamis.Run) -> None:
    via = tamis.explain(run, "second").record_id
    words = tamis.explain(run, "third").stops[-1].words
    assert f"(id 'first'), to which it is linked through record {via} (id 'second'): Jaccard 0.636 with that" in words


def test_a_dropped_record_has_its_id_and_its_text_again(run: tamis.Run, tmp_path: Path) -> None:
    life = tamis.explain(run, tamis.explain(run, "second").record_id)
    assert (life.id, life.source, life.text) == ("second", "in", ROWS[1]["text"])
    assert life.text_from == str(tmp_path / "in.jsonl")


@pytest.mark.parametrize("change", ["removed", "longer", "other bytes"])
def test_without_the_input_what_is_known_is_told(run: tamis.Run, tmp_path: Path, change: str) -> None:
    path = tmp_path / "in.jsonl"
    if change == "removed":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes().replace(b"fine", b"finest" if change == "longer" else b"poor"))
        os.utime(path, ns=(1, 1))
    life = tamis.explain(run, "second")
    assert (life.id, life.source, life.text) == ("second", "in", None)
    assert {"removed": "name its new place with -i"}.get(change, "changed since") in life.text_from
    assert "Jaccard 0.800" in life.stops[-1].words
    assert beside(run, "second").passages is None


@pytest.mark.parametrize("name", ["in.jsonl", "elsewhere.jsonl"])
def test_input_that_was_moved_is_found_where_one_says(run: tamis.Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "in.jsonl").rename(tmp_path / "new" / name)
    assert tamis.explain(run, "second", tmp_path / "new").text == ROWS[1]["text"]


def test_a_place_that_is_not_there_is_refused(run: tamis.Run, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        tamis.explain(run, "second", tmp_path / "nowhere")


def test_standard_input_is_no_file_until_one_is_named(tmp_path: Path) -> None:
    run = tamis.run(recipe(ALIKE), pa.Table.from_pylist(ROWS), tmp_path / "run", engine="inline")
    assert "standard input or a table" in tamis.explain(run, "second").text_from


def as_gzip(path: Path) -> Path:
    packed = path.with_suffix(".jsonl.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    return packed


def as_parquet(path: Path) -> Path:
    pq.write_table(pj.read_json(path), path.with_suffix(".parquet"), row_group_size=2)
    return path.with_suffix(".parquet")


@pytest.mark.parametrize("form", [as_gzip, as_parquet])
def test_every_format_is_read_again(tmp_path: Path, form: Callable[[Path], Path]) -> None:
    path = form(write_lines(tmp_path / "in.jsonl", ROWS))
    run = tamis.run(recipe(ALIKE), [write_lines(tmp_path / "a.jsonl", [{"text": "before it"}]), path], tmp_path / "run")
    assert tamis.explain(run, "third").text == ROWS[2]["text"]


def test_texts_are_those_the_step_saw(tmp_path: Path) -> None:
    """The survivor is changed after it was compared, so that what came in is taken of both."""
    path = write_lines(tmp_path / "in.jsonl", ROWS)
    run = tamis.run(recipe(ALIKE, "own:Shout"), path, tmp_path / "run", engine="inline")
    assert beside(run, "second").says == f"this text as read from {path}, the other as read from {path}"


def test_what_was_changed_before_it_was_compared_is_changed_again(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "in.jsonl", ROWS)
    run = tamis.run(recipe("own:Shout", ALIKE), path, tmp_path / "run", engine="inline")
    found = beside(run, "second")
    assert found.says == f"this text as read from {path} and changed by own.shout@1, the other as kept"
    assert (found.passages or ())[0].here == "a fine SIEVE keeps "


def test_what_cannot_be_changed_again_is_shown_as_both_came_in(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "in.jsonl", ROWS)
    run = tamis.run(recipe("own:Shout", ALIKE), path, tmp_path / "run", engine="inline")
    (tmp_path / "run/stages/own_stages.py").unlink()
    found = beside(run, "second")
    assert found.says.count(f"as read from {path}, before own.shout@1 changed it") == 2
    assert {p.here.partition("sieve")[1] for p in (found.passages or ())[:1]} == {"sieve"}


def test_a_record_of_an_earlier_corpus_is_read_where_one_says(tmp_path: Path) -> None:
    earlier = write_lines(tmp_path / "earlier.jsonl", ROWS[:1])
    near = {"near@1": {"against": [str(earlier)], "threshold": 0.5, "ngram": 1}}
    run = tamis.run(recipe(near), write_lines(tmp_path / "in.jsonl", ROWS[1:]), tmp_path / "run")
    assert "name that with -i" in beside(run, "second").says
    found = beside(run, "second", input=earlier)
    assert found.id == "first"
    assert [p.kind for p in found.passages or ()] == ["shared", "only_here", "only_there", "shared"]


def test_the_same_words_are_told_as_such(tmp_path: Path) -> None:
    rows = [ROWS[0], {"id": "loud", "text": ROWS[0]["text"].upper()}]
    run = tamis.run(recipe("near@1"), write_lines(tmp_path / "in.jsonl", rows), tmp_path / "run")
    assert "Jaccard 1.000 (the same words) with record" in tamis.explain(run, "loud").stops[-1].words
    assert [p.kind for p in beside(run, "loud").passages or ()] == ["shared"]


def test_the_same_text_has_no_passages(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "in.jsonl", [ROWS[0], {**ROWS[0], "id": "again"}])
    assert beside(tamis.run(recipe("exact@1"), path, tmp_path / "run"), "again").passages == ()


def test_the_command_prints_passages_and_json_has_them_whole(
    run: tamis.Run, tamis: Callable[..., tuple[int, str]]
) -> None:
    code, text = tamis("explain", run.path, "second")
    assert code == 0
    assert "       = 4 words: a fine sieve keeps\n       - 1 word: each\n       + 1 word: every\n" in text
    found = json.loads(tamis("explain", run.path, "second", "--json")[1])
    assert [p["words"] for p in found["stops"][-1]["beside"]["passages"]] == [4, 1, 1, 4]
