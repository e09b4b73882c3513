"""A replay never says that it knows what depends on records it has not measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from making import recipe, sentences, write_lines

import tamis

STAGES: list[dict[str, Any]] = [
    {"spans@1": {"unit": "window", "words": 3, "max_count": 2, "action": "drop", "max_share": 0.3}},
    {"sample@1": {"size": 60, "by": None}},
    {"near@1": {"threshold": 0.5, "ngram": 2}},
    {"exact@1": {}},
]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: next(iter(stage)))
@pytest.mark.parametrize("low", [1, 20, 40, 90])
def test_what_is_not_unknown_is_what_a_run_says(tmp_path: Path, stage: dict[str, Any], low: int) -> None:
    rows = write_lines(tmp_path / "in.jsonl", sentences(200))
    spec = recipe({"own:Length": {"low": 40}}, stage, {"own:Length": {"low": 60}})
    run = tamis.run(spec, rows, tmp_path / "run")
    change = f"own.length#1.low={low}"
    told, other = tamis.replay(run, [change]), tamis.run(spec, rows, tmp_path / "other", set=[change])
    unknown = {*told.unknown.to_pylist()}
    was, now = ({*r.data(["record_id"])["record_id"].to_pylist()} for r in (run, other))
    if told.unsure:
        assert low < 40 and unknown
    else:
        assert {*told.back["record_id"].to_pylist()} - unknown == now - was - unknown
        assert {*told.gone["record_id"].to_pylist()} - unknown == was - now - unknown
