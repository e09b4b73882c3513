"""Plans from little: long rows, many small files, a sample that is all there is, a budget that many workers share."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tamis.data import find
from tamis.engine.executor import Local
from tamis.errors import InputError, UsageError
from tamis.recipes.budget import BASE, Budget, for_fewer
from tamis.recipes.planning import Asked, estimate
from tamis.recipes.planning.cpu import cpu, split
from tamis.recipes.planning.draw import BLOCK, draw
from tamis.recipes.planning.estimate import Trials, _compiling
from tamis.recipes.planning.sizes import Likeness

RECIPE = "name: r\ninput: {kind: document}\nstages:\n  - exact@1: {}\n"


def lines(path: Path, *lengths: int) -> Path:
    """A file of documents whose texts have `lengths`."""
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps({"text": "ab "[k % 3] * n}) + "\n" for k, n in enumerate(lengths)))
    return path


def recipe(folder: Path) -> Path:
    """One that takes a second."""
    (folder / "r.yaml").write_text(RECIPE)
    return folder / "r.yaml"


def trial(share: float, **phases: float) -> Any:
    """What a sample of `share` took."""
    return SimpleNamespace(share=share, phases=phases, steps={}, cpu=sum(phases.values()))


def test_where_the_small_sample_is_the_large_one_all_but_the_start_grows() -> None:
    assert split(3, 5, 1, start=2) == (2, 3)


def test_a_phase_before_anything_is_read_is_fixed_where_nothing_tells() -> None:
    one = trial(0.1, start=2.0, reading=1.0)
    assert cpu(one, one, Likeness({}, {}), 1)["estimate"] == pytest.approx(2 + 10 * 1)


def test_compiling_is_told_where_the_small_sample_is_the_large_one() -> None:
    one = trial(0.1, start=2.0, reading=1.0)
    assert _compiling(Trials(trial(0.05, start=2.0, reading=30.5), one, one)) == 30


def test_of_many_small_files_a_smaller_sample_has_fewer(tmp_path: Path) -> None:
    for k in range(300):
        lines(tmp_path / "in" / f"{k:03}.jsonl", 1000)
    large, half, tiny = draw(find([tmp_path / "in"]), (64 << 20, 32 << 20, 8 << 20), tmp_path / "drawn", 0, 1)
    assert [len(one.files) for one in (large, half, tiny)] == [256, 128, 32]


def test_a_few_of_many_small_files_stand_for_all(tmp_path: Path) -> None:
    for k in range(300):
        lines(tmp_path / "in" / f"{k:03}.jsonl", 1000)
    tiny = draw(find([tmp_path / "in"]), (64 << 20, 8 << 20), tmp_path / "drawn", 0, 1)[-1]
    assert sum(tiny.times[path.name] for path in tiny.files) == pytest.approx(300)


def test_a_plan_scaled_from_little_says_that_it_tells_no_start_up(tmp_path: Path) -> None:
    data = lines(tmp_path / "a.jsonl", *[100] * 50)
    plan = estimate(Asked(recipe(tmp_path), [str(data)], workers=1, scale=10**12))
    assert [note for note in plan["notes"] if "too small to tell start-up from growth" in note]
    assert plan["fixed_cpu_seconds"] < plan["estimates"]["cpu_seconds"]["estimate"]


def test_a_plan_for_a_million_times_as_much_stays_within_reason(tmp_path: Path) -> None:
    texts = [
        f"A sieve number {k // 2} parts what is fine from what is coarse, and {k // 2 * 7} grains stay."
        for k in range(300)
    ]
    data = tmp_path / "a.jsonl"
    data.write_text("".join(json.dumps({"id": k, "text": text}) + "\n" for k, text in enumerate(texts)))
    made = tmp_path / "r.yaml"
    made.write_text("name: r\nstages: [exact@1, near@1]\n")
    plan = estimate(Asked(made, [str(data)], workers=1, scale=10**12))
    told = {name: one["estimate"] for name, one in plan["estimates"].items()}
    assert 0.3 < told["kept"] / told["rows"] < 0.7  # every text is there twice
    assert told["tasks"] < 1e6 and told["exchanged_bytes"] < 1e14


def test_start_up_is_never_told_as_more_than_all_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny trial happened to take longer than the one that is the whole."""
    from tamis.recipes.planning.trial import attempt

    def slow_once(spec: Any, share: float) -> Any:
        found = attempt(spec, share)
        return found._replace(phases={"start": 50.0}) if spec["folder"].endswith("2") else found

    monkeypatch.setitem(estimate.__globals__, "attempt", slow_once)
    plan = estimate(Asked(recipe(tmp_path), [str(lines(tmp_path / "a.jsonl", *[3000] * 50))], workers=1))
    assert plan["fixed_cpu_seconds"] <= plan["estimates"]["cpu_seconds"]["estimate"]


def test_of_rows_longer_than_all_blocks_the_first_is_drawn(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", 5 * BLOCK)
    drawn = draw(find([path]), (BLOCK, BLOCK // 2), tmp_path / "drawn", 3, 1)
    assert [one.files[0].read_bytes() for one in drawn] == [path.read_bytes()] * 2


def test_a_file_whose_rows_were_missed_leaves_the_sample_to_others(tmp_path: Path) -> None:
    files = [lines(tmp_path / "a.jsonl", 5 * BLOCK), lines(tmp_path / "b.jsonl", *[100] * 5000)]
    drawn = draw(find(files), (2 * BLOCK, BLOCK), tmp_path / "drawn", 3, 1)[0]
    assert {path.name for path in drawn.files} == {"1-0.jsonl"}


def test_a_huge_row_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0

    class Counting(io.FileIO):
        def readinto(self, into: Any) -> int | None:
            nonlocal read
            got = super().readinto(into)
            read += got or 0
            return got

        def read(self, size: int | None = -1) -> Any:
            nonlocal read
            got = super().read(size)
            read += len(got or b"")
            return got

    path = lines(tmp_path / "a.jsonl", 100, 128 * BLOCK, 100)
    files = find([path])
    real = Path.open

    def counted(at: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        """Others open files, too: the watch of a run that another test has just ended."""
        return io.BufferedReader(Counting(at)) if (at, mode) == (path, "rb") else real(at, mode, *rest, **more)

    monkeypatch.setattr(Path, "open", counted)
    draw(files, (64 * BLOCK,), tmp_path / "drawn", 0, 1)
    assert read < 2 * path.stat().st_size


def test_of_a_row_that_is_too_long_no_more_is_drawn_than_tells_so(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", 10, 10 * BLOCK, 10)
    drawn = draw(find([path]), (20 * BLOCK,), tmp_path / "drawn", 0, 1, longest=2 * BLOCK)[0]
    found = [len(line) for line in drawn.files[0].read_bytes().splitlines()]
    assert (len(found), found[0], found[2]) == (3, 22, 22)
    assert 2 * BLOCK < found[1] < 4 * BLOCK


def test_empty_input_is_refused_with_what_to_name(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    with pytest.raises(InputError, match="name files that hold rows"):
        draw(find([tmp_path / "a.jsonl"]), (BLOCK,), tmp_path / "drawn", 0, 1)


@pytest.mark.parametrize("apart", [False, True])
def test_fewer_workers_have_the_budget_that_more_would_have(apart: bool) -> None:
    memory = 10 * BASE
    assert Budget.of(for_fewer(memory, 16, 2), Local(2), apart) == Budget.of(memory, Local(16), apart)


def test_a_budget_that_many_workers_can_share_is_planned_with(tmp_path: Path) -> None:
    data = lines(tmp_path / "a.jsonl", *[100] * 50)
    assert estimate(Asked(recipe(tmp_path), [str(data)], workers=16, memory=10**9))["workers"] == 16


@pytest.mark.parametrize(("asked", "said"), [({"sample": 0}, "--sample is 0"), ({"scale": 0}, "--scale is 0")])
def test_a_size_of_nothing_is_refused(tmp_path: Path, asked: dict[str, int], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        estimate(Asked(recipe(tmp_path), [str(lines(tmp_path / "a.jsonl", 10))], **asked))  # type: ignore[arg-type]


def test_a_scale_below_the_input_is_refused_with_both(tmp_path: Path) -> None:
    data = lines(tmp_path / "a.jsonl", *[100] * 50)
    with pytest.raises(UsageError, match=rf"--scale is 1,000 bytes.*{data.stat().st_size:,}; name as much"):
        estimate(Asked(recipe(tmp_path), [str(data)], scale=1000))


def packed(path: Path, how: Callable[[bytes], bytes], keep: float) -> Path:
    """The beginning of a compressed file of documents."""
    rows = b"".join(b'{"text": "%s"}\n' % random.Random(k).randbytes(40).hex().encode() for k in range(3000))
    whole = how(rows)
    path.write_bytes(whole[: int(len(whole) * keep)])
    return path


@pytest.mark.parametrize("how", [gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
def test_what_can_be_read_of_a_damaged_file_is_planned_for(tmp_path: Path, how: Callable[[bytes], bytes]) -> None:
    one, other = lines(tmp_path / "a.jsonl", *[100] * 50), packed(tmp_path / "b.jsonl.x", how, 0.9)
    for found in draw(find([str(one), str(other)]), (1 << 20, 1 << 10), tmp_path / "drawn", 0, 1):
        assert other in found.damaged and one not in found.damaged
    plan = estimate(Asked(recipe(tmp_path), [str(one), str(other)]))
    assert any(f"{other} (" in note and "planned for what can be read of it" in note for note in plan["notes"])


def test_a_damaged_file_of_which_nothing_can_be_read_is_no_plan(tmp_path: Path) -> None:
    data = packed(tmp_path / "b.jsonl.gz", gzip.compress, 0.0001)
    with pytest.raises(InputError, match=rf"no row can be read of {data}: the gzip stream ends"):
        estimate(Asked(recipe(tmp_path), [str(data)]))


@pytest.mark.parametrize("hurt", [slice(0, 1), slice(0, 5)])
def test_row_groups_that_can_be_read_are_planned_for(tmp_path: Path, hurt: slice) -> None:
    data = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"text": [f"text {k}" for k in range(5000)]}), data, row_group_size=1000, use_dictionary=False
    )
    metadata, broken = pq.read_metadata(data), bytearray(data.read_bytes())
    for k in range(5)[hurt]:
        column = metadata.row_group(k).column(0)
        end = column.data_page_offset + column.total_compressed_size
        broken[end - 2000 : end] = b"\xff" * 2000
    data.write_bytes(broken)
    files = find([str(data)])
    if hurt.stop == 5:
        with pytest.raises(InputError, match="no row can be read"):
            draw(files, (1 << 20, 1 << 10), tmp_path / "drawn", 0, 1)
        return
    found = draw(files, (1 << 20, 1 << 10), tmp_path / "drawn", 0, 1)[0]
    assert "row group 0 breaks off" in found.damaged[data]
    assert sum(pq.read_metadata(path).num_rows for path in found.files) == 4000
