"""A contract with anything in the place of anything else is read or refused in a sentence, never a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.contracts import load
from tamis.errors import TamisError

SHIPPED = [
    yaml.safe_load(p.read_text("utf-8")) for p in sorted((Path(__file__).parents[2] / "examples").rglob("*.odcs.yaml"))
]
ODD = st.sampled_from(
    [None, [], {}, -1, 1.5, "x", True, [None], {"a": 1}, {"property": "x"}, "t.a", 10**30, float("nan")]
)


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Every list or mapping of `tree` with each of its keys."""
    keys = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    return [place for key in keys for place in [(tree, key), *places(tree[key])]]


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(SHIPPED), st.integers(0, 10**6), ODD)
def test_any_value_in_any_place_is_read_or_refused(tmp_path_factory, contract, at, odd):
    changed = yaml.safe_load(yaml.safe_dump(contract))
    found = places(changed)
    holder, key = found[at % len(found)]
    holder[key] = odd
    path = tmp_path_factory.mktemp("odd") / "c.yaml"
    path.write_text(yaml.safe_dump(changed))
    try:
        load(path)
    except TamisError as refused:
        assert str(path) in str(refused)
