"""A text that is there many times: its copies meet others once, and are found all the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from making import recipe, write_lines

import tamis
from tamis.curate.near.near import Near
from tamis.engine.passes import sketched
from tamis.engine.segment import Rows

TEXT = "the sieve is a drum with a mesh of horsehair or of silk or wire"


def test_copies_of_a_text_send_their_band_keys_once() -> None:
    texts = [TEXT, "flour falls through and bran stays behind", *[TEXT] * 500]
    batch = pa.record_batch({"record_id": pa.array([k.to_bytes(16) for k in range(502)], pa.binary(16)), "text": texts})
    stage = Near()
    parts = stage.index(sketched(Rows(batch, np.arange(502, dtype=np.uint32), np.ones(502, bool)), stage))
    assert parts["bands"].num_rows == 2 * stage.shape[0]
    assert parts["bands_again"].num_rows == 500 * stage.shape[0]


@pytest.mark.parametrize("size", [1 << 20, 1])
def test_a_copy_takes_the_place_of_one_whose_id_was_there_before(tmp_path: Path, size: int) -> None:
    texts = {"x": "flour falls through and bran stays behind", "y": TEXT, "z": f"{TEXT} then"}
    rows = [{"id": "x", "text": texts["x"]}, {"id": "x", "text": texts["y"]}]
    rows += [{"id": name, "text": texts[name]} for name in ("y", "z")]
    lines = write_lines(tmp_path / "in.jsonl", rows)
    run = tamis.run(recipe({"near@1": {"ngram": 2, "recall": 1 - 1e-9}}), lines, tmp_path / "run", partition_size=size)
    assert run.data()["text"].to_pylist() == [texts["x"], texts["y"]]
    assert (run.rows["dropped"], run.rows["quarantined"]) == (1, 1)
