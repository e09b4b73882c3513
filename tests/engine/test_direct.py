"""A stage called on a table does what a run does, whosever table it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from making import NEEDED as GIVEN
from making import recipe, sentences
from small_model import MODELS, make_model

import tamis
from tamis.errors import ColumnMissing, UsageError
from tamis.recipes.catalog import STAGES, stage_class
from tamis.schemas import KINDS
from tamis.stage import Derive

SIEVES = [name for name in STAGES if not issubclass(stage_class(name), Derive)]
"""Stages that let rows of a table go or stay; those that make rows have tests of their own."""

NEEDED: dict[str, dict[str, Any]] = {**GIVEN, **MODELS}
"""Parameters without which a stage is none."""
PARAMS = {**NEEDED, "language@1": {"keep": ["fr"]}, "license@1": {"unknown": "drop"}, "spans@1": {"max_count": 1}}
TALK = "The sieve keeps the fine part, and that is it.\r\nno end"


@pytest.fixture(autouse=True)
def its_model(request: pytest.FixtureRequest) -> None:
    """The model of the stage that is tested, where it needs one."""
    given = getattr(request.node, "callspec", None)
    make_model(given.params.get("name", "") if given else "")


def documents() -> list[dict[str, Any]]:
    """Rows of which every stage of the catalog has something to say."""
    odd = [
        "caf\u0065\u0301 \u200b",
        "sÃ³ <b>fine</b>",
        "lorem ipsum { }",
        "# # # ...",
        TALK,
        "again again " * 90,
        "",
        "a pain in the butt",
        "Mail ann@corp.org!",
        "I'm sorry, but I can't help with that.",
    ]
    rows = [{"text": text, "id": f"o{k}"} for k, text in enumerate(odd)]
    licences = ["mit", "GPL-3.0-only", "who knows", None]
    return [{**row, "license": licences[k % 4]} for k, row in enumerate([*sentences(60), *rows])]


def as_arrow(table: pa.Table) -> Any:
    return table


def as_polars(table: pa.Table) -> Any:
    return pl.from_arrow(table)


def as_dataset(table: pa.Table) -> Any:
    return pytest.importorskip("datasets").Dataset(table)


OTHERS = pytest.mark.parametrize("given", [as_arrow, as_polars, as_dataset])


def listed(table: Any) -> list[dict[str, Any]]:
    if isinstance(table, pl.DataFrame):
        return table.to_dicts()
    return list(table.to_pylist() if isinstance(table, pa.Table) else table.to_list())


@pytest.mark.parametrize("name", SIEVES)
@OTHERS
def test_a_stage_called_on_a_table_does_what_a_run_does(tmp_path: Path, name: str, given: Any) -> None:
    rows = tamis.run(recipe(), pa.Table.from_pylist(documents()), tmp_path / "rows").data()
    params = PARAMS.get(name, {})
    run = tamis.run(recipe({name: params}), rows, tmp_path / "run")
    table = given(rows)
    kept, verdicts = tamis.make(name, **params)(table)
    assert type(kept) is type(table)
    assert listed(kept) == listed(given(run.data()))
    assert verdicts.num_rows or not tamis.make(name, **params).rules
    assert verdicts.sort_by("record_id").to_pylist() == run.verdicts().to_pylist()


CHAT = [{"role": "user", "content": "so \u200b", "name": None}, {"role": "tool", "content": None, "name": "x"}]
KINDS_OF_ROWS: dict[str, dict[str, Any]] = {
    "document": {"text": TALK},
    "chat": {"messages": CHAT},
    "preference": {"prompt": CHAT, "chosen": CHAT[:1], "rejected": CHAT[:1]},
    "eval_item": {"question": TALK, "context": None, "choices": ["a\r\n", "b"], "answer_index": 1, "answer": "b"},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SIEVES)
@OTHERS
def test_rows_of_any_kind_can_be_sieved(kind: str, name: str, given: Any) -> None:
    rows = [{**KINDS_OF_ROWS[kind], "license": "mit", "n": k} for k in range(3)]
    table = given(pa.Table.from_pylist(rows))
    stage = tamis.make(name, **NEEDED.get(name, {}))
    kept, verdicts = stage(table)
    assert type(kept) is type(table)
    assert "stage_error" not in verdicts.column("rule").to_pylist()
    names = dict.fromkeys([*rows[0], *stage.writes.names])
    assert [[*row] for row in listed(kept)] == [[*names]] * len(kept)


@OTHERS
def test_edited_messages_keep_their_places(given: Any) -> None:
    kept, _ = tamis.make("clean@1")(given(pa.Table.from_pylist([{"messages": CHAT}, {"messages": []}])))
    assert listed(kept) == [{"messages": [{**CHAT[0], "content": "so"}, CHAT[1]]}, {"messages": []}]


@pytest.mark.parametrize("name", SIEVES)
@OTHERS
def test_a_table_without_rows_gives_one(name: str, given: Any) -> None:
    table = given(pa.schema([("text", pa.string()), ("license", pa.string())]).empty_table())
    kept, verdicts = tamis.make(name, **NEEDED.get(name, {}))(table)
    assert (type(kept), len(kept), verdicts.num_rows) == (type(table), 0, 0)


def test_a_column_that_a_stage_reads_must_be_there() -> None:
    with pytest.raises(ColumnMissing, match="license"):
        tamis.make("license@1")(pa.table({"text": ["a"]}))


@pytest.mark.parametrize("name", SIEVES)
@pytest.mark.parametrize("table", [{"text": [1]}, {"messages": [[1]]}, {"messages": [[{"role": "user"}]]}])
def test_text_must_be_text(name: str, table: dict[str, list[Any]]) -> None:
    with pytest.raises(UsageError, match="reads the text in"):
        tamis.make(name, **NEEDED.get(name, {}))(pa.table({**table, "license": ["mit"]}))


@pytest.mark.parametrize("ids", [["a", "b"], [1, 2], [b"short", None]])
def test_a_column_that_is_only_called_record_id_is_left_alone(ids: list[Any]) -> None:
    kept, verdicts = tamis.make("exact@1")(pa.table({"text": ["same", "same"], "record_id": ids}))
    assert kept.column("record_id").to_pylist() == ids[:1]
    assert verdicts.column("record_id").to_pylist() == [(1).to_bytes(16)]


def test_columns_that_no_stage_touches_come_back_as_they_were() -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["x", "y"])})
    data = datasets.Dataset.from_dict({"text": ["so \u200b", "so \u200b"], "label": [1, 0]}, features=features)
    kept, _ = tamis.make("clean@1")(data)
    assert kept.features == features and kept["text"] == ["so", "so"]


def test_a_stage_sieves_the_batches_of_a_map() -> None:
    data = as_dataset(pa.table({"text": ["so \u200b", "fine"], "n": [1, 2]})).with_format("arrow")
    clean = tamis.make("clean@1")
    mapped = data.map(lambda table: clean(table)[0], batched=True, keep_in_memory=True)
    assert mapped.with_format(None).to_list() == [{"text": "so", "n": 1}, {"text": "fine", "n": 2}]
