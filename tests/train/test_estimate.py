"""What a run takes, told before it is started; benchmarks/train_estimate.py holds it against what runs took."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from training import chats, job_of, snapshot_of

from tamis.train.estimate import estimate, of_plan
from tamis.train.pace import largest
from tamis.train.plan import plan
from tamis.train.settings import Settings
from tamis.train.shape import Shape, shape_of

SMOL = Shape(576, 30, 1536, 49152, 9, 3, 64, True, unpadded=True)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=40), st.integers(1, 8), st.integers(1, 30), st.booleans())
def test_the_largest_batch_is_between_those_of_the_shortest_and_of_the_longest_rows(
    rows: list[int], batch: int, batches: int, padded: bool
) -> None:
    own = np.array(rows)
    found = largest(own, batch, batches, padded)
    assert batch * own.min() <= found <= batch * own.max()
    assert found <= largest(own, batch, batches, True)


def test_a_model_is_as_large_as_its_config_says(tiny: Path) -> None:
    assert shape_of(tiny).parameters == 94_528 and shape_of(tiny).unpadded
    assert SMOL.parameters == 134_515_008 and SMOL.trained(16) == 4_884_480


def test_a_layer_keeps_what_was_counted_in_one() -> None:
    # Bytes a token that autograd saved for a layer of SmolLM2, at rank 16: 42,732 without dropout, 69,612 with it.
    for dropout, counted in ((0.0, 42_732), (0.05, 69_612)):
        assert 4 * SMOL.kept(Settings(dropout=dropout), 16) == pytest.approx(counted, rel=0.002)


def test_fewer_rows_than_a_batch_are_trained_on_once_a_step(tiny: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("tamis.train.device.free_bytes", lambda _: 1)
    rows = snapshot_of(tmp_path, chats(20))
    few, many = (
        plan(job_of(rows, tiny, tmp_path / "a", batch_size=size, validation="none", max_steps=4)) for size in (20, 100)
    )
    told = [of_plan(job_of(rows, tiny, tmp_path / "a"), own).tokens for own in (few, many)]
    assert told == [4 * few.lengths.tokens] * 2


def test_what_computes_activations_twice_keeps_few() -> None:
    told = [estimate(SMOL, Settings(checkpointing=twice), tokens=10_000, at_once=1_000) for twice in (False, True)]
    assert told[1].activations < told[0].activations / 4 and told[1].operations == told[0].operations * 1.5


def test_time_is_that_of_steps_taken_here_unless_memory_does_not_suffice(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = replace(job_of(snapshot_of(tmp_path, chats(30)), tiny, tmp_path / "a"), register=False)
    planned = plan(job)
    taken = of_plan(job, planned)
    assert taken.steps_taken == 4 and taken.seconds and taken.cpu_seconds
    monkeypatch.setattr("tamis.train.device.free_bytes", lambda _: 1)
    assert of_plan(job, planned).steps_taken == 0 and not (tmp_path / "a").exists()
    assert json.dumps(taken.as_dict())
