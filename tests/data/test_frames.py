import datetime

import polars as pl
import pyarrow as pa
import pytest

from tamis.data import Reading, fragments, read, read_frame, recognise, restore, spool
from tamis.errors import InputError

ROWS = [{"text": f"row {k}", "id": k, "more": {"k": k}} for k in range(20)]
TABLE = pa.Table.from_pylist(ROWS)


def frames():
    yield TABLE
    yield TABLE.to_batches()[0]
    yield pa.RecordBatchReader.from_batches(TABLE.schema, TABLE.to_batches(max_chunksize=7))
    yield pl.from_arrow(TABLE)
    yield pl.from_arrow(TABLE).lazy()
    yield ROWS


def dataset(**how):
    return pytest.importorskip("datasets").Dataset.from_list(ROWS, **how)


@pytest.mark.parametrize("frame", list(frames()), ids=lambda f: type(f).__name__)
def test_every_frame_gives_the_same_rows(frame):
    rows = [r for block in read_frame(frame) for r in block.rows.to_pylist()]
    assert [r["text"] for r in rows] == [r["text"] for r in ROWS]
    assert rows[3]["id"] == "3" and rows[3]["meta"] == '{"more":{"k":3}}' and rows[3]["source"] == "table"


def test_datasets_give_the_same_rows():
    wanted = [b.rows for b in read_frame(TABLE)]
    assert [b.rows for b in read_frame(dataset())] == wanted
    assert [b.rows for b in read_frame(dataset().to_iterable_dataset())] == wanted
    shuffled = next(read_frame(dataset().select([2, 0]))).rows
    assert shuffled["text"].to_pylist() == ["row 2", "row 0"]


@pytest.mark.parametrize("like", [TABLE, pl.from_arrow(TABLE), ROWS], ids=lambda f: type(f).__name__)
def test_rows_go_back_in_the_type_they_came_in(like):
    back = restore(TABLE, like)
    assert type(back) is type(like)
    assert [b.rows for b in read_frame(back)] == [b.rows for b in read_frame(TABLE)]


def test_lazy_frames_and_datasets_go_back():
    assert isinstance(restore(TABLE, pl.LazyFrame()), pl.LazyFrame)
    for like in (dataset(), dataset().to_iterable_dataset()):
        assert type(restore(TABLE, like)) is type(like)


def test_a_frame_becomes_a_file(tmp_path):
    [file] = spool(TABLE, tmp_path / "scratch")
    assert (file.name, file.format, recognise([file]).kind) == ("table", "parquet", "document")
    rows = [b.rows for f in fragments(file) for b in read(f, Reading("document"))]
    assert rows == [b.rows for b in read_frame(TABLE)]
    assert spool(TABLE, tmp_path / "scratch") == [file]


def test_a_frame_parquet_cannot_hold_becomes_lines(tmp_path):
    odd = pa.table({"text": ["a"], "span": pa.array([(1, 2, 3)], pa.month_day_nano_interval())})
    [file] = spool(odd, tmp_path)
    [block] = read(fragments(file)[0], Reading("document"))
    assert file.format == "jsonl" and "months=1" in block.rows["meta"][0].as_py()


def test_a_frame_without_rows_is_a_file(tmp_path):
    for empty in (TABLE.slice(0, 0), pa.table({}), []):
        [file] = spool(empty, tmp_path)
        assert [b.total for f in fragments(file) for b in read(f, Reading("document"))] in ([], [0])


def test_dates_survive_in_meta():
    [block] = read_frame(pl.DataFrame({"text": ["a"], "day": [datetime.date(2026, 10, 2)]}))
    assert block.rows["meta"].to_pylist() == ['{"day":"2026-10-02"}']


@pytest.mark.parametrize("what", [5, {"text": ["a"]}, [1], [{"a": 1}, {"a": "x"}]])
def test_what_is_no_table_is_refused(what):
    with pytest.raises(InputError, match=r"cannot read rows from|do not make a table"):
        list(read_frame(what))


def test_a_dict_of_datasets_must_be_chosen_from():
    datasets = pytest.importorskip("datasets")
    with pytest.raises(InputError, match=r"choose one, as in data\['train'\]"):
        list(read_frame(datasets.DatasetDict(train=dataset())))
