from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tamis.snapshot.emit.card import _hub, split_name
from tamis.snapshot.emit.markdown import plain, table
from tamis.snapshot.folder import open_snapshot

datasets = pytest.importorskip("datasets", reason="datasets is not installed: pip install 'tamis[datasets]'")


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """load_dataset without a network, and without what an earlier call left."""
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()
    return lambda folder: datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))


def test_load_dataset_gives_the_rows_of_every_split(frozen: Path, load: Any) -> None:
    snapshot, loaded = open_snapshot(frozen), load(frozen)
    assert {name: len(split) for name, split in loaded.items()} == snapshot.splits
    for name, split in loaded.items():
        assert split.data.table.to_pylist() == snapshot.data(split=name).to_pylist()


def test_the_card_declares_every_column_with_its_type(frozen: Path, load: Any) -> None:
    front = yaml.safe_load((frozen / "README.md").read_text().split("---\n")[1])
    declared = datasets.Features._from_yaml_list(front["dataset_info"]["features"])
    assert next(iter(load(frozen).values())).features == declared
    assert list(declared) == open_snapshot(frozen).schema.names


@pytest.mark.filterwarnings("ignore")
def test_load_dataset_refuses_a_card_with_another_number_of_rows(copied: Path, load: Any) -> None:
    card = copied / "README.md"
    card.write_text(re.sub(r"num_examples: \d+", "num_examples: 3", card.read_text()))
    with pytest.raises(datasets.exceptions.NonMatchingSplitsSizesError):
        load(copied)


@pytest.mark.parametrize("name", ["train", "a.b", "a..b.", "x.", "é", "_"])
def test_a_split_gets_a_name_that_datasets_takes(name: str) -> None:
    assert re.fullmatch(datasets.naming._split_re.strip("^$"), split_name(name))


def test_names_of_the_hub_are_those_of_its_own_list() -> None:
    assert _hub()["GPL-3.0-or-later"] == _hub()["GPL-3.0-only"] == "gpl-3.0"
    assert (_hub()["MIT"], _hub()["ODC-By-1.0"], _hub()["CC-BY-NC-SA-4.0"]) == ("mit", "odc-by", "cc-by-nc-sa-4.0")


def test_no_name_is_markup() -> None:
    assert plain("a|b <script> [x](http://y) `z`\n# h") == r"a\|b \<script\> \[x\](http://y) \`z\` \# h"
    assert table(["n"], [["a\n| b |"]]).count("\n") == 3


def test_a_column_that_the_card_has_no_name_for_leaves_all_to_the_files(made: dict[str, Path]) -> None:
    from tamis.snapshot.emit.card import _feature

    assert _feature(pa.field("x", pa.decimal128(5))) is None
    assert _feature(pa.field("x", pa.list_(pa.map_(pa.string(), pa.int8())))) is None
    assert _feature(pa.field("x", pa.dictionary(pa.int8(), pa.string()))) == {"name": "x", "dtype": "string"}
    assert pq.read_schema(open_snapshot(made["chat"]).parts()[0]).field("messages").type.value_type.num_fields == 3
