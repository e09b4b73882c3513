"""Tasks as bytes: what they share is packed once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tamis.engine.parcel import Needs, Packer, carry_out, unpack_shared, versions
from tamis.errors import RunError


class Pair(NamedTuple):
    """A task: something that all have, within another tuple, and a number."""

    inner: tuple[list[int], int]
    number: int


def both(pair: Pair) -> tuple[int, int]:
    """The identity of what is shared, and the number."""
    return id(pair.inner[0]), pair.number


def sent(packer: Packer, items: list[Any]) -> list[Any]:
    """Results of tasks that went through bytes."""
    common = unpack_shared(packer.shared.name, lambda: packer.shared.packed)
    return [done.result for done in carry_out(common, packer.pack(items))]


def test_what_tasks_share_is_one_object_on_the_other_side_and_not_in_each() -> None:
    plan = list(range(10_000))
    tasks = [Pair((plan, k), k) for k in range(3)]
    packer = Packer(both, *tasks[:2])
    first, second = sent(packer, tasks), sent(packer, tasks)
    assert len({shared for shared, _ in first + second}) == 1 and [n for _, n in first] == [0, 1, 2]
    assert len(packer.pack(tasks)) < 1000


def test_a_task_that_shares_nothing_with_the_first_two_goes_whole() -> None:
    tasks = [Pair(([k], k), k) for k in range(3)]
    assert [n for _, n in sent(Packer(both, *tasks[:2]), tasks)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("needs", "says"),
    [
        (Needs({**versions(), "pyarrow": "1.0"}), r"pyarrow .* \(the driver has 1.0\).*same versions on every node"),
        (Needs(versions(), (Path("nowhere/plan.json"), b"{}")), "does not see the folder of the run.*share"),
    ],
)
def test_a_machine_that_cannot_carry_the_tasks_out_says_why(needs: Needs, says: str) -> None:
    packer = Packer(both, Pair(([], 0), 0), needs=needs)
    with pytest.raises(RunError, match=says):
        unpack_shared(packer.shared.name, lambda: packer.shared.packed)


@pytest.mark.parametrize("name", sorted(versions()))
def test_no_version_that_the_output_depends_on_may_differ(name: str) -> None:
    packer = Packer(both, Pair(([], 0), 0), needs=Needs({**versions(), name: "another"}))
    with pytest.raises(RunError, match=rf"{name} .* \(the driver has another\)"):
        unpack_shared(packer.shared.name, lambda: packer.shared.packed)


def test_libraries_that_make_text_of_text_are_among_those_versions() -> None:
    assert {"ftfy", "selectolax", "license-expression", "zstandard", "pyarrow"} <= set(versions())
