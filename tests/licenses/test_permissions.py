from __future__ import annotations

from typing import Any

import naive_licenses as naive
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.licenses import permissions, standing_conflict
from tamis.licenses.permissions import FREE, TRAINING, UNKNOWN, USES, Permissions, join, open_to
from tamis.licenses.spdx import _flags

TREES = st.recursive(
    st.sampled_from(sorted(naive.ONE)),
    lambda part: st.tuples(st.sampled_from(["AND", "OR"]), part, part),
    max_leaves=6,
)


def written(tree: Any) -> str:
    return tree if isinstance(tree, str) else f"({written(tree[1])} {tree[0]} {written(tree[2])})"


def numbers(found: Permissions) -> tuple[Any, ...]:
    return (USES.index(found.use), *found[1:4], TRAINING.index(found.ai_training))


def named(found: tuple[Any, ...]) -> Permissions:
    return Permissions(USES[found[0]], *found[1:4], TRAINING[found[4]])


@pytest.mark.parametrize("id", sorted(naive.ONE))
def test_one_licence_permits_what_the_table_says(id: str) -> None:
    assert numbers(permissions(id)) == naive.ONE[id]


@settings(max_examples=200)
@given(TREES)
def test_a_choice_is_taken_the_best_way_and_a_sum_whole(tree: Any) -> None:
    ways = [naive.together([naive.ONE[id] for id in way]) for way in naive.ways(tree)]
    best = min(
        ways,
        key=lambda w: (
            (w[0], not w[3], w[4], standing_conflict(named(w)) is not None),
            (len(w[2]), w[1], sorted(w[2])),
        ),
    )
    assert numbers(permissions(written(tree))) == best


@given(st.lists(st.sampled_from(sorted(naive.ONE)), max_size=5), st.randoms())
def test_what_is_joined_does_not_depend_on_the_order(ids: list[str], random: Any) -> None:
    shuffled = random.sample(ids, len(ids))
    joined = join(map(permissions, ids))
    assert joined == join(map(permissions, shuffled)) == join([joined, joined, FREE])


@pytest.mark.parametrize("text", [None, "", "who knows", "MIT OR", "x" * 600])
def test_what_nobody_knows_permits_nothing(text: str | None) -> None:
    assert permissions(text) == UNKNOWN


def test_a_very_long_choice_is_weighed_in_no_time() -> None:
    pairs = [f"({a} OR {b})" for a, b in zip(["MIT", "ISC", "Zlib", "NCSA"] * 6, ["CC0-1.0", "0BSD"] * 12, strict=True)]
    assert permissions(" AND ".join(pairs)).attribution is False


@pytest.mark.parametrize(
    ("expression", "conflicts"),
    [
        ("CC-BY-SA-3.0 AND CC-BY-SA-4.0", False),
        ("CC-BY-SA-4.0 AND GPL-3.0-only", False),
        ("GPL-2.0-or-later AND GPL-3.0-only", False),
        ("CC-BY-SA-4.0 AND GPL-2.0-only", True),
        ("CC-BY-SA-4.0 AND CC-BY-NC-4.0", True),
        ("CC-BY-NC-SA-4.0 AND CC-BY-NC-4.0", False),
        ("CC-BY-NC-SA-4.0 AND CC-BY-SA-4.0", True),
        ("ODbL-1.0 AND CDLA-Sharing-1.0", True),
        ("CC-BY-SA-4.0 AND MIT", False),
    ],
)
def test_share_alike_licences_that_no_release_satisfies_conflict(expression: str, conflicts: bool) -> None:
    assert (standing_conflict(permissions(expression)) is not None) is conflicts


def test_every_exit_leads_to_a_share_alike_licence_of_the_same_use() -> None:
    for family in ("CC-BY-SA-2.0", "CC-BY-NC-SA-2.0", "EUPL-1.1", "GPL-1.0-or-later"):
        found = {permissions(id) for id in open_to(family)}
        assert {p.use for p in found} == {permissions(family).use} and all(p.share_alike for p in found)


def test_every_row_of_the_table_is_made_of_known_words() -> None:
    for pattern, asks in _flags():
        assert asks.use in USES[:-1] and asks.ai_training in TRAINING, pattern
        assert asks.share_alike in ("none", "weak", "strong"), pattern
