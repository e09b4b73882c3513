"""A query reads the tables of its contract, gives one number, and does nothing else."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import polars as pl
import pytest
from contract_text import written

from tamis.contracts import check
from tamis.contracts.queries import ask
from tamis.contracts.sql import counted, tokens
from tamis.contracts.tree import ContractError

FRAME = pl.DataFrame({"id": ["a", "b", "c"], "text": ["long enough", "x", "y"], "n": [1, 2, 2], "hidden": [7, 8, 9]})
COLUMNS = [{"name": "id", "logicalType": "string"}, {"name": "n", "logicalType": "integer"}]


def query(folder, text, *, of=(), **rule):
    rule = {"mustBe": 0} | rule
    one = {"id": "q", "type": "sql", "query": text, **rule}
    return written(folder, [*COLUMNS, {"name": "text", "logicalType": "string", "quality": [one], **dict(of)}])


def asked(folder, text, frame=FRAME, **rule):
    return next(o for o in check(frame, query(folder, text, **rule)).outcomes if o.kind == "sql")


def test_rows_that_a_query_counts_are_named(tmp_path):
    found = asked(tmp_path, "SELECT COUNT(*) FROM {object} WHERE length({property}) < 3")
    assert (found.value, [e.id for e in found.examples]) == (2, ["b", "c"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("SELECT AVG(length(text)) FROM t", 13 / 3),
        ("WITH w AS (SELECT n, COUNT(*) AS k FROM t GROUP BY n) SELECT MAX(k) FROM w", 2),
        ("SELECT COUNT(*) FROM t AS a JOIN t AS b ON a.n = b.n", 5),
        ("SELECT COUNT(*) FROM (SELECT DISTINCT n FROM t) AS d;", 2),
        ('SELECT COUNT(*) = 3 FROM "t" -- a note', 1),
        ("SELECT SUM(CASE WHEN n IN (1, 2) THEN 1 ELSE 0 END) FROM t", 3),
    ],
)
def test_a_query_gives_its_number(tmp_path, text, value):
    assert asked(tmp_path, text, mustBe=999).value == pytest.approx(value)


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_files_are_queried_like_frames(tmp_path, suffix):
    for k, part in enumerate((FRAME[:1], FRAME[1:])):
        part.write_parquet(tmp_path / f"{k}.parquet") if suffix == "parquet" else part.write_ndjson(
            tmp_path / f"{k}.jsonl"
        )
    contract = query(tmp_path, "SELECT COUNT(*) FROM t WHERE n = 2")
    (found,) = [o for o in check(str(tmp_path / f"*.{suffix}"), contract).outcomes if o.kind == "sql"]
    assert [(e.file, e.row) for e in found.examples] == [(f"1.{suffix}", 1), (f"1.{suffix}", 2)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("DROP TABLE t", "no SELECT"),
        ("SELECT 1; DROP TABLE t", "more than one statement"),
        ("SELECT COUNT(*) FROM read_csv('/etc/passwd')", "function 'read_csv' is not on the list"),
        ("SELECT COUNT(*) FROM read_parquet('x')", "function 'read_parquet'"),
        ("SELECT COUNT(*) FROM '/etc/passwd'", "which is no table of the contract"),
        ('SELECT COUNT(*) FROM "x.csv"', "which is no table of the contract"),
        ("SELECT COUNT(*) FROM u", "which is no table of the contract"),
        ("SELECT COUNT(*) FROM t, t AS b", "parted by commas"),
        ("SELECT COUNT(*) FROM t CROSS JOIN t AS b", "everything with everything"),
        ("SELECT COUNT(*) FROM t JOIN t AS b ON 1 = 1", "columns that are equal"),
        ("SELECT COUNT(*) FROM t JOIN t AS b ON true", "columns that are equal"),
        ("SELECT COUNT(*) FROM t AS a JOIN t AS b ON a.n < b.n", "columns that are equal"),
        ("WITH RECURSIVE w AS (SELECT 1) SELECT 1 FROM w", "may never end"),
        ("WITH w AS (DELETE FROM t) SELECT 1 FROM w", "'DELETE'"),
        ("CREATE TABLE x AS SELECT 1", "no SELECT"),
        ("EXPLAIN SELECT 1 FROM t", "no SELECT"),
        ("SELECT COUNT(*) FROM t WHERE EXISTS (SELECT 1 FROM 'x.csv')", "no table of the contract"),
        ("SELECT " + "(" * 200 + "1" + ")" * 200 + " FROM t", "deep"),
        ("SELECT COUNT(*) FROM t WHERE (n = 1", "do not match"),
        ("SELECT 'open FROM t", "no place in a query"),
        ("SELECT lpad(text, 1000000000) FROM t", "function 'lpad'"),
        ("SELECT " + "n + " * 9000 + "n FROM t", "too long"),
    ],
)
def test_a_query_that_does_more_than_read_is_refused(tmp_path, text, words):
    with pytest.raises(ContractError) as refused:
        query(tmp_path, text)
    assert words in str(refused.value) and refused.value.line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SELECT n FROM t", "wanted one number"),
        ("SELECT text FROM t LIMIT 1", "it gives str; wanted a number"),
        ("SELECT nothing FROM t", "nothing"),
        ("SELECT MAX(hidden) FROM t", "hidden"),
        ("SELECT MAX(n) FROM t WHERE n > 9", "it gives null"),
        ("SELECT 1 / 0", "it gives inf; wanted a number"),
    ],
)
def test_what_is_no_number_is_not_checked(tmp_path, text, words):
    found = asked(tmp_path, text)
    assert found.status == "unchecked" and found.stops and words in found.message


def test_a_sum_of_decimals_is_a_number(tmp_path):
    assert asked(tmp_path, "SELECT SUM(CAST(n AS DECIMAL(9, 2))) + 0.5 FROM t").value == 5.5


def test_a_runaway_query_is_stopped_and_the_next_is_asked(tmp_path):
    pl.DataFrame({"n": [1] * 60_000}).write_parquet(tmp_path / "t.parquet")
    runaway = "SELECT COUNT(*) FROM t AS a JOIN t AS b ON a.n = b.n JOIN t AS c ON b.n = c.n"
    started = time.monotonic()
    first, second = ask(
        "t",
        {"t": [tmp_path / "t.parquet"]},
        {"t": ["n"]},
        [(runaway, None), ("SELECT 7 FROM t LIMIT 1", None)],
        1,
        2.0,
        1 << 30,
    )
    assert first.error and first.error.startswith("stopped ")
    assert second.value == 7
    assert time.monotonic() - started < 60


def test_a_query_that_nobody_watches_is_stopped_by_the_system(tmp_path):
    pl.DataFrame({"n": [1] * 200_000}).write_parquet(tmp_path / "t.parquet")
    runaway = "SELECT COUNT(*) FROM t AS a JOIN t AS b ON a.n = b.n JOIN t AS c ON b.n = c.n"
    job = {"table": "t", "tables": {"t": [str(tmp_path / "t.parquet")]}, "columns": {"t": ["n"]}, "show": 1}
    said = json.dumps({**job, "queries": [[runaway, None]], "bytes": 16 << 30, "seconds": 2})
    done = subprocess.run([sys.executable, "-m", "tamis.contracts.ask"], input=said.encode(), capture_output=True)
    assert done.returncode in (-signal.SIGXCPU, -signal.SIGKILL)


def test_values_of_a_column_that_is_not_public_are_withheld(tmp_path):
    found = asked(tmp_path, "SELECT MAX(length(text)) FROM t", of={"classification": "restricted"}.items())
    assert found.status == "broken" and found.value is None and "11" not in found.message


def test_only_a_plain_count_names_rows():
    assert counted(tokens("SELECT COUNT(*) FROM t WHERE a = 'x'' y'"), "t") == "a = 'x'' y'"
    assert counted(tokens("SELECT COUNT(*) FROM t WHERE a = 1 GROUP BY b"), "t") is None
    assert counted(tokens("SELECT COUNT(*) FROM t"), "t") is None
