"""Plans: a sample of complete records from all files, what a sample says of the whole, and clear words where there is none."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from storing_s3 import S3

from tamis.cli.plan import _money
from tamis.data import find
from tamis.errors import InputError, UsageError
from tamis.recipes.planning import Asked, compare, estimate
from tamis.recipes.planning.compare import load_plan
from tamis.recipes.planning.cpu import by_itself, split
from tamis.recipes.planning.draw import BLOCK, draw
from tamis.recipes.planning.growth import groups, span
from tamis.recipes.planning.memory import growth
from tamis.recipes.planning.sizes import Likeness, Sizes
from tamis.recipes.planning.tasks import tasks
from tamis.recipes.spending import Watch, volume


def rows(count: int, seed: int = 0) -> list[dict[str, object]]:
    """Documents of a few words."""
    chance = Random(seed)
    return [{"id": f"{seed}-{k}", "text": " ".join(chance.choices("abcdefghij", k=30))} for k in range(count)]


def written(path: Path, found: list[dict[str, object]]) -> Path:
    """`found` as JSON Lines, Parquet or gzip, by the name of `path`."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(found), path, row_group_size=500)
        return path
    text = "".join(json.dumps(row) + "\n" for row in found).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet", "a.jsonl.gz"])
def test_a_sample_holds_whole_records_of_the_file_none_twice(tmp_path: Path, name: str) -> None:
    whole = rows(20_000)
    files = find([written(tmp_path / name, whole)])
    (path,) = draw(files, (400_000, 200_000), tmp_path / "drawn", 0, 1)[0].files
    data = path.read_bytes()
    lines = gzip.decompress(data) if name.endswith("gz") else data
    read = pq.read_table(path).to_pylist() if path.suffix == ".parquet" else [*map(json.loads, lines.splitlines())]
    known = {row["id"]: row for row in whole}
    assert 200 < len(read) < len(whole) and len({row["id"] for row in read}) == len(read)
    assert all(known[row["id"]] == row for row in read)


def test_every_file_is_drawn_from_by_its_size(tmp_path: Path) -> None:
    big, small = written(tmp_path / "b.jsonl", rows(40_000)), written(tmp_path / "s.jsonl", rows(10_000, 1))
    drawn = draw(find([big, small]), (20 * BLOCK, BLOCK), tmp_path / "drawn", 0, 1)[0]
    sizes = sorted(path.stat().st_size for path in drawn.files)
    assert sizes[1] / sizes[0] == pytest.approx(4, rel=0.2)


def test_a_sample_says_what_each_of_its_files_stands_for(tmp_path: Path) -> None:
    """Records of one file are a hundred times as long as those of the other."""
    long = [{"id": str(k), "text": "word " * 4000} for k in range(200)]
    files = find([written(tmp_path / "a.jsonl", rows(40_000)), written(tmp_path / "b.jsonl", long)])
    drawn = draw(files, (10 * BLOCK, BLOCK), tmp_path / "drawn", 0, 1)[0]
    told = sum(path.read_bytes().count(b"\n") * drawn.times[path.name] for path in drawn.files)
    assert told == pytest.approx(40_200, rel=0.02)


def test_the_same_seed_draws_the_same_and_another_another(tmp_path: Path) -> None:
    files = find([written(tmp_path / "a.jsonl", rows(20_000))])

    def drawn(seed: int, name: str) -> bytes:
        return draw(files, (BLOCK,), tmp_path / name, seed, 1)[0].files[0].read_bytes()

    assert drawn(0, "x") == drawn(0, "y") != drawn(1, "z")


def test_groups_of_mixed_sizes_are_told_from_a_quarter_of_the_records() -> None:
    truth, chance = {2: 5000, 3: 1300, 5: 400, 8: 60}, np.random.default_rng(1)
    found: dict[int, int] = {}
    for size, count in truth.items():
        for seen in chance.binomial(size, 0.25, count).tolist():
            found[seen] = found.get(seen, 0) + 1
    gone = sum(count * (size - 1) for size, count in truth.items())
    assert groups(0.25, found).gone(1) == pytest.approx(gone, rel=0.1)


def test_what_was_found_in_a_sample_is_what_its_groups_would_show() -> None:
    told = groups(0.3, {2: 900, 3: 120, 7: 3})
    assert told.gone(0.3) == pytest.approx(900 + 2 * 120 + 6 * 3, rel=0.02)


def test_one_giant_group_grows_with_the_share() -> None:
    assert groups(0.1, {1000: 1}).gone(1) == pytest.approx(10_000, rel=0.2)


def test_a_tiny_sample_tells_of_a_hundred_times_as_much_and_the_rest_is_alike() -> None:
    found = {2: 30, 3: 4}
    known, far = groups(0.01, found), groups(1e-6, found)
    for what in ("gone", "alike", "pairs"):
        assert getattr(far, what)(1) == pytest.approx(1e4 * getattr(known, what)(1))
        assert getattr(far, what)(1e-6) == pytest.approx(getattr(known, what)(0.01))
    assert span(1e-6, 38, 1e12) == pytest.approx((38e6, 38e8))


def test_of_the_whole_nothing_is_guessed() -> None:
    assert groups(1.0, {2: 10, 5: 1}).gone(1) == 14
    assert groups(0.01, {2: 10, 5: 1}, blocks=100).gone(1) == pytest.approx(1400)


@pytest.mark.parametrize(("small", "large", "told"), [(2, 6, (1, 5)), (3, 3, (3, 0)), (4, 3, (3, 0)), (0, 4, (0, 4))])
def test_what_is_fixed_and_what_grows_are_never_below_zero(
    small: float, large: float, told: tuple[float, float]
) -> None:
    assert split(small, large, 0.2) == pytest.approx(told)


def test_a_pass_tells_by_itself_what_its_first_tasks_pay_once() -> None:
    """Two workers, 3 s to begin for each, then a second a task; they take turns, half a task apart."""
    spent = [7.0, 8.0, 9.0, 10.0, 11.0, 12.0]
    assert by_itself(spent, 12.0, 2) == pytest.approx(6, rel=0.15)
    assert by_itself(spent[:3], 9.0, 2) is None


def test_a_round_has_as_many_tasks_as_the_trial_that_was_cut_as_the_whole() -> None:
    def tried(share: float, groups: dict[str, int]) -> Any:
        work = {"groups": {name: {"tasks": count} for name, count in groups.items()}}
        return SimpleNamespace(share=share, facts={"varies": {"work": work}})

    cut = tried(0.1, {"0": 2, "ids": 4, "step1-sets": 2, "step1-one": 1})
    large = tried(0.2, {"0": 4, "ids": 1, "step1-sets": 4, "step1-one": 1})
    told = tasks(cut, large, Likeness({1: "near"}, {}), 20, 100 << 20)
    assert told == {"0": 20, "ids": 4, "step1-sets": 20, "step1-one": 1, "out-data": 2.5}


def test_memory_of_a_round_grows_by_what_the_tiny_sample_does_not_hold_there() -> None:
    def trial(share: float, **held: int) -> Any:
        groups = {"step1-sets": {"tasks": 1, "bytes": 1}, "out-data": {"tasks": 1, "bytes": 1}}
        named = {name.replace("_", ": "): value for name, value in held.items()}
        return SimpleNamespace(share=share, held=named, facts={"varies": {"work": {"groups": groups}}})

    tiny = trial(0.01, reading=50, near_sets=60, near_verify=60, writing=400)
    large = trial(0.5, reading=90, near_sets=130, near_verify=110, writing=490)
    sizes = Sizes(whole=100, workers=2, tried=2, partition=10, share=1000)
    grown = growth(tiny, large, Likeness({1: "near"}, {}), {"step1-sets": 2, "step1-verify": 1, "out-data": 2}, sizes)
    # Sets: 40 above the pass, of which 10 are code; two tasks at once, each as full. Verifying takes what is free again.
    assert grown == {"reading": 0, "near: sets": 30, "near: verify": 0, "writing": 20}


@pytest.mark.parametrize(
    ("value", "said"), [(0, "0.00"), (1234.5, "1,234.50"), (0.1, "0.10"), (0.0123, "0.012"), (4.56e-7, "0.00000046")]
)
def test_money_never_reads_as_nothing_where_it_is_something(value: float, said: str) -> None:
    assert _money(value) == said


def test_input_that_is_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    with pytest.raises(InputError, match="the input is empty"):
        draw(find([tmp_path / "a.jsonl"]), (BLOCK,), tmp_path / "drawn", 0, 1)


def test_input_elsewhere_is_refused_with_what_to_do(tmp_path: Path) -> None:
    file = SimpleNamespace(path="s3://bucket/a.jsonl", bytes=1)
    with pytest.raises(UsageError, match=r"s3://bucket/a\.jsonl is elsewhere: .* --scale"):
        draw([file], (BLOCK,), tmp_path / "drawn", 0, 1)  # type: ignore[list-item]


def test_input_elsewhere_is_refused_before_anybody_is_asked(tmp_path: Path, s3: S3) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text("name: r\ninput: {paths: ['s3://bucket/a.jsonl']}\nstages:\n  - exact@1: {}\n")
    for given in (None, ["s3://bucket/a.jsonl"], "s3://bucket/a.jsonl"):
        with pytest.raises(UsageError, match=r"s3://bucket/a\.jsonl is elsewhere: .* --scale"):
            estimate(Asked(recipe, given))
    assert s3.asked == []


def test_a_stage_that_asks_a_model_is_refused_with_who_knows(tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text("name: r\nstages:\n  - synth.rephrase@1: {model: m, base_url: 'http://localhost:1/v1'}\n")
    with pytest.raises(UsageError, match=r"asks a model.*synth --dry-run"):
        estimate(Asked(recipe, [str(written(tmp_path / "a.jsonl", rows(10)))]))


def test_a_plan_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(UsageError, match="is no plan"):
        load_plan(tmp_path / "plan.json")


def test_a_plan_of_input_that_is_tried_whole_is_what_a_run_takes(tmp_path: Path) -> None:
    from tamis.recipes.run import run

    recipe = tmp_path / "r.yaml"
    recipe.write_text("name: r\ninput: {kind: document}\nstages:\n  - exact@1: {}\n")
    data = str(written(tmp_path / "a.jsonl", [*rows(3000), *rows(500)]))
    plan = estimate(Asked(recipe, [data], workers=1))
    found = {one.name: one for one in compare(plan, run(recipe, data, tmp_path / "run", workers=1))}
    assert plan["sample"]["share"] == 1
    assert [found[name].by for name in ("rows", "kept", "tasks")] == [1, 1, 1]
    assert found["disk_bytes"].by == pytest.approx(1, abs=0.1)


def test_a_watch_counts_processes_below(tmp_path: Path) -> None:
    import subprocess
    import sys

    watch = Watch()
    before = watch.cpu()
    subprocess.run([sys.executable, "-c", "sum(range(10**7))"], check=True)
    assert watch.cpu() - before > 0.1


def test_the_volume_of_work_is_what_its_records_say(tmp_path: Path) -> None:
    for group, parts in {"0": {"rows": [5, "x"], "ids": [7, "x"]}, "step1-same": {"same": [11, "x"]}}.items():
        (tmp_path / group).mkdir()
        (tmp_path / group / "000000.json").write_text(json.dumps({"files": parts}))
    told = volume(tmp_path)
    assert (told["tasks"], told["bytes"], told["exchanged"]) == (2, 23, 18)
