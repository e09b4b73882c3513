"""A classifier is trained, stored as numbers alone, applied as a stage, and asked again by replay."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import naive_classify as naive
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import digests, recipe, write_lines

import tamis
from tamis.curate.classify.goodness import auc, goodness, interval
from tamis.curate.classify.model import Model, read
from tamis.errors import InputError, OutputError, UsageError

SEA = "the sea wave sail harbour storm anchor tide salt deck".split()  # noqa: SIM905
LAND = "the field plough barn wheat horse hedge gate soil farm".split()  # noqa: SIM905
BOTH = "and a of in with under over by near old".split()  # noqa: SIM905


def rows(words: list[str], count: int, seed: int) -> list[dict[str, Any]]:
    """Rows of made-up text about one thing."""
    rnd = random.Random(seed)
    return [{"id": f"{seed}-{k}", "text": " ".join(rnd.choices(words + BOTH, k=30))} for k in range(count)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trained model, its two samples and rows of both."""
    pytest.importorskip("sklearn", reason="the extra classify is not installed")
    from tamis.curate.classify import train

    folder = tmp_path_factory.mktemp("classify")
    sea = write_lines(folder / "sea.jsonl", rows(SEA, 300, 1))
    land = write_lines(folder / "land.jsonl", rows(LAND, 200, 2))
    train([sea], [land], bits=12).write(folder / "sea.model")
    write_lines(folder / "mixed.jsonl", [*rows(SEA, 40, 3), *rows(LAND, 40, 4), {"id": "none", "text": ""}])
    return folder


def test_what_was_held_out_is_told_apart(place: Path) -> None:
    card = read(place / "sea.model").card
    assert card["samples"]["positive"]["used"] == 300
    assert card["held_out"]["rows"] == 100
    assert card["held_out"]["auc"] > 0.99 and card["held_out"]["brier"] < card["held_out"]["brier_of_share"]


def test_training_again_in_another_order_gives_the_same_file(place: Path) -> None:
    from tamis.curate.classify import train

    lines = (place / "sea.jsonl").read_bytes().splitlines(keepends=True)
    (place / "turned").mkdir()
    for name, part in (("b.jsonl", lines[:100]), ("a.jsonl", lines[100:] + lines[:7])):
        (place / "turned" / name).write_bytes(b"".join(reversed(part)))
    again = train([place / "turned"], [place / "land.jsonl"], bits=12)
    assert np.array_equal(again.weights, read(place / "sea.model").weights)


def test_a_text_in_both_samples_is_in_neither(place: Path, tmp_path: Path) -> None:
    from tamis.curate.classify import train

    both = write_lines(tmp_path / "both.jsonl", [*rows(LAND, 200, 2), *rows(SEA, 60, 1)])
    card = train([place / "sea.jsonl"], [both], bits=12).card
    assert (card["in_both"], card["samples"]["positive"]["used"], card["samples"]["negative"]["used"]) == (60, 240, 200)


def test_a_sample_that_is_too_small_is_refused(place: Path, tmp_path: Path) -> None:
    from tamis.curate.classify import train

    few = write_lines(tmp_path / "few.jsonl", rows(LAND, 20, 2))
    with pytest.raises(UsageError, match=r"negative sample .* has 20 different texts .* 20 rows; 20 different texts$"):
        train([place / "sea.jsonl"], [few])


SAMPLES: list[tuple[list[Any], str]] = [
    ([], "has 0 different .* 0 rows"),
    ([{"text": "one and the same"}] * 99, "has 1 different .* 99 rows; 1 different"),
    ([{"text": " " * k} for k in range(99)], "has 0 different .* 99 rows; 0 different"),
    (rows(SEA, 99, 1), "has 0 different .* 99 different texts, 99 are in the other, too"),
    ([b"{", *rows(LAND, 9, 2)], "has 9 different .* 10 rows, 1 of them unreadable"),
]


@pytest.mark.parametrize(("sample", "says"), SAMPLES)
def test_a_sample_of_nothing_is_told_what_it_holds(place: Path, tmp_path: Path, sample: list[Any], says: str) -> None:
    from tamis.curate.classify import train

    with pytest.raises(UsageError, match=says):
        train([place / "sea.jsonl"], [write_lines(tmp_path / "some.jsonl", sample)])


def test_the_kind_of_either_sample_is_told(place: Path, tmp_path: Path) -> None:
    from tamis.curate.classify import train

    chats = [{"messages": [{"role": "user", "content": row["text"]}]} for row in rows(LAND, 60, 5)]
    card = train([place / "sea.jsonl"], [write_lines(tmp_path / "chats.jsonl", chats)], bits=10).card
    assert [sample["kind"] for sample in card["samples"].values()] == ["document", "chat"]


def test_a_run_keeps_what_the_classifier_finds(place: Path, tmp_path: Path) -> None:
    stage = {"classify@1": {"model": str(place / "sea.model"), "column": "sea"}}
    run = tamis.run(recipe(stage), place / "mixed.jsonl", tmp_path / "run")
    ids = run.data().column("id").to_pylist()
    assert [i.partition("-")[0] for i in ids] == ["3"] * 40 + ["none"]
    chances = run.data().column("sea").to_pylist()
    assert all(c >= 0.5 for c in chances[:-1]) and chances[-1] is None
    assert {v["rule"] for v in run.verdicts().to_pylist()} == {"threshold"}


def test_the_model_is_known_by_its_digest(place: Path, tmp_path: Path) -> None:
    run = tamis.run(
        recipe({"classify@1": {"model": str(place / "sea.model")}}), place / "mixed.jsonl", tmp_path / "run"
    )
    digest = read(place / "sea.model").digest
    assert run.facts["steps"][1]["stands_on"] == {"model": digest}
    assert {v["evidence"] for v in run.verdicts().to_pylist()} == {f'{{"model":"{digest[:16]}"}}'}
    assert "files" in json.loads((run.path / "recipe.resolved.json").read_bytes())["stages"][0]


@pytest.mark.parametrize("threshold", [0.0, 0.9, 0.99, 1.0])
def test_replay_at_another_threshold_equals_a_run(place: Path, tmp_path: Path, threshold: float) -> None:
    stage = {"model": str(place / "sea.model"), "threshold": 0.5}
    run = tamis.run(recipe({"classify@1": stage}), place / "mixed.jsonl", tmp_path / "run")
    other = tamis.run(
        recipe({"classify@1": {**stage, "threshold": threshold}}), place / "mixed.jsonl", tmp_path / "other"
    )
    asked = tamis.replay(run, [f"classify.threshold={threshold}"])
    assert asked.rows["after"]["kept"] == other.facts["rows"]["kept"]
    assert len(asked.unknown) == 0


def test_bytes_do_not_depend_on_workers_or_partitions(place: Path, tmp_path: Path) -> None:
    stage = recipe({"classify@1": {"model": str(place / "sea.model"), "action": "flag", "column": "sea"}})
    one = tamis.run(stage, place / "mixed.jsonl", tmp_path / "one", workers=1)
    two = tamis.run(stage, place / "mixed.jsonl", tmp_path / "two", workers=2, partition_size=700)
    assert digests(one.path) == digests(two.path)


def model() -> Model:
    """A small one."""
    weights = np.random.default_rng(1).normal(size=(2, 256)).astype(np.float32)
    return Model(weights, 0.25, 4, 1 << 16, {"held_out": {"auc": 0.5}})


def test_a_model_is_read_as_it_was_written(tmp_path: Path) -> None:
    digest = model().write(tmp_path / "m")
    found = read(tmp_path / "m")
    assert np.array_equal(found.weights, model().weights)
    assert (found.bias, found.ngram, found.limit, found.card, found.digest) == (0.25, 4, 1 << 16, model().card, digest)


def test_the_file_is_one_that_others_read(tmp_path: Path) -> None:
    numpy = pytest.importorskip("safetensors.numpy", reason="the extra semantic is not installed")
    model().write(tmp_path / "m")
    assert np.array_equal(numpy.load_file(tmp_path / "m")["weights"], model().weights)


@pytest.mark.parametrize(
    "spoil, says",
    [
        (lambda data: b"", "no classifier of ours"),
        (lambda data: b"\x80\x04pickle", "no classifier of ours"),
        (lambda data: b"\xff" * 8 + data[8:], "no classifier of ours"),
        (lambda data: data[:100], "no classifier of ours"),
        (lambda data: (100_000).to_bytes(8, "little") + b"[" * 100_000, "no classifier of ours"),
        (
            lambda data: data.replace(b"classifier-1", b"classifier-9"),
            "is 'classifier-9'; this tamis reads 'classifier-1'",
        ),
        (lambda data: data[:-4], "damaged"),
        (lambda data: data + bytes(8), "damaged"),
        (lambda data: data[:-4] + b"\x00\x00\xc0\x7f", "damaged"),
        (lambda data: data.replace(b'"F32"', b'"F64"'), "damaged"),
        (lambda data: data.replace(b"[2, 256]", b"[4, 128]"), "damaged"),
        (lambda data: data.replace(b"[0, 2048]", b"[8, 2048]"), "damaged"),
        (lambda data: data.replace(b'"weights"', b'"../pass"'), "damaged"),
        (lambda data: data.replace(b'\\"ngram\\": 4', b'\\"ngram\\": 0'), "damaged"),
        (lambda data: data.replace(b'\\"limit\\": 65536', b'\\"limit\\": 1e999'), "damaged"),
        (lambda data: data.replace(b'\\"bias\\": 0.25', b'\\"bias\\": null'), "damaged"),
    ],
)
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, spoil: Callable[[bytes], bytes], says: str) -> None:
    (tmp_path / "m").write_bytes(spoil(model().to_bytes()))
    with pytest.raises(InputError, match=says):
        read(tmp_path / "m")


def test_what_is_no_classifier_is_not_written_over(place: Path, tmp_path: Path) -> None:
    rows_before = (place / "sea.jsonl").read_bytes()
    with pytest.raises(OutputError, match="what stands there is no classifier"):
        model().write(place / "sea.jsonl")
    assert (place / "sea.jsonl").read_bytes() == rows_before
    (tmp_path / "m").write_bytes(b"")
    assert model().write(tmp_path / "m") == model().write(tmp_path / "m")
    with pytest.raises(OutputError, match="it is a folder"):
        model().write(tmp_path)
    with pytest.raises(OutputError, match="there is no folder"):
        model().write(tmp_path / "none" / "m")


def test_a_replay_needs_no_model(place: Path, tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes((place / "sea.model").read_bytes())
    run = tamis.run(recipe({"classify@1": {"model": str(tmp_path / "m")}}), place / "mixed.jsonl", tmp_path / "run")
    (tmp_path / "m").unlink()
    assert tamis.replay(run, ["classify.threshold=1"]).gone.num_rows


def test_without_a_model_there_is_no_stage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="model names no file"):
        tamis.make("classify@1")(pa.table({"text": ["a"]}))
    with pytest.raises(InputError, match="tamis classify train"):
        tamis.make("classify@1", model="nowhere.model")(pa.table({"text": ["a"]}))


CHANCES = st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.5, 0.7, 1.0]), st.booleans()), min_size=2, max_size=40)


@given(CHANCES.filter(lambda rows: len({p for _, p in rows}) == 2))
def test_the_area_is_the_share_of_pairs(rows: list[tuple[float, bool]]) -> None:
    chance, positive = np.array([c for c, _ in rows]), np.array([p for _, p in rows])
    assert np.isclose(auc(chance, positive), naive.auc(chance.tolist(), positive.tolist()))
    low, high = interval(auc(chance, positive), int(positive.sum()), int((~positive).sum()))
    assert 0 <= low <= auc(chance, positive) + 1e-9 and auc(chance, positive) - 1e-9 <= high <= 1


def test_an_area_of_one_is_not_certain_on_few_rows() -> None:
    assert interval(1.0, 20, 20)[0] == pytest.approx(0.899, abs=1e-3) and interval(1.0, 20, 20)[1] == 1
    assert interval(1.0, 2000, 2000)[0] > 0.998
    assert interval(0.9, 500, 500) == pytest.approx((0.878, 0.918), abs=1e-3)


def test_chances_that_are_true_are_calibrated() -> None:
    rng = np.random.default_rng(3)
    chance = rng.random(50_000)
    found = goodness(chance, rng.random(50_000) < chance)
    assert found["calibration_error"] < 0.01 and abs(found["brier"] - 1 / 6) < 0.01
    assert sum(b["rows"] for b in found["reliability"]) == 50_000
