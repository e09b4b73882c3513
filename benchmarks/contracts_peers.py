"""The peers of contracts.py: `python contracts_peers.py NAME FOLDER` prints what it found, by rule, as its last line.

counts            hand-written Polars, streaming: how many rows break each rule
rows              the same, a bit for each rule and the rows that break one
datacontract-cli  its own contract and its own reading of it
pandera, dataframely   a schema as a person writes it, the frame read whole (pandera checks no data of a LazyFrame)
"""

# Each peer is imported in the function that is about it: they live in an environment of their own.
from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any

LANGS, SPLITS = ["en", "de", "fr", "es"], ["train", "test"]


def _rules() -> dict[str, Any]:
    import polars as pl

    c = pl.col
    return {
        "id.required": c("id").is_null(),
        "id.pattern": ~c("id").str.contains("^[a-z0-9-]+$"),
        "text.required": c("text").is_null(),
        "text.minLength": c("text").str.len_chars() < 20,
        "text.maxLength": c("text").str.len_chars() > 20000,
        "url.pattern": ~c("url").str.contains("^https?://"),
        "url.maxLength": c("url").str.len_chars() > 2000,
        "lang.required": c("lang").is_null(),
        "lang.known": ~c("lang").is_in(LANGS),
        "score.minimum": c("score") < 0,
        "score.maximum": c("score") > 1,
        "tokens.minimum": c("tokens") < 0,
        "tokens.maximum": c("tokens") > 1_000_000,
        "source_id.required": c("source_id").is_null(),
        "license.pattern": ~c("license").str.contains("^[A-Za-z0-9.+-]+$"),
        "created_at.minimum": c("created_at") < datetime(2020, 1, 1),
        "split.known": ~c("split").is_in(SPLITS),
    }


def counts(folder: str) -> dict[str, int]:
    """How many rows break each rule."""
    import polars as pl

    rows = pl.scan_parquet(f"{folder}/documents.parquet")
    known = pl.read_parquet(f"{folder}/sources.parquet")["id"]
    rules = _rules() | {"source_id.sources.id": ~pl.col("source_id").is_in(known.implode())}
    sums = rows.select(pl.len().alias("rows"), *(e.sum().alias(name) for name, e in rules.items()))
    twice = rows.select("id").drop_nulls().group_by("id").len().filter(pl.col("len") > 1)
    found, repeats = pl.collect_all([sums, twice], engine="streaming")
    return {**found.row(0, named=True), "id.unique": int(repeats["len"].sum()) - repeats.height}


def rows(folder: str) -> dict[str, int]:
    """The rows that break a rule, with a bit for each."""
    import polars as pl

    lazy = pl.scan_parquet(f"{folder}/documents.parquet")
    known = pl.read_parquet(f"{folder}/sources.parquet")["id"]
    rules = _rules() | {"source_id.sources.id": ~pl.col("source_id").is_in(known.implode())}
    bits = [e.fill_null(False).cast(pl.UInt64) * (1 << k) for k, e in enumerate(rules.values())]
    mask = lazy.with_row_index("row").select("row", "id", mask=pl.sum_horizontal(bits)).filter(pl.col("mask") != 0)
    twice = lazy.select("id").drop_nulls().group_by("id").len().filter(pl.col("len") > 1)
    bad, repeats = pl.collect_all([mask, twice], engine="streaming")
    found = {name: int(((bad["mask"] // (1 << k)) % 2).sum()) for k, name in enumerate(rules)}
    return {**found, "id.unique": int(repeats["len"].sum()) - repeats.height}


def datacontract(folder: str) -> dict[str, int]:
    """Its checks, by the names the contract gives ours."""
    from datacontract.data_contract import DataContract

    run = DataContract(data_contract_file=f"{folder}/contract.odcs.yaml").test()
    words = {
        "field_required": "required",
        "field_unique": "unique",
        "field_regex": "pattern",
        "field_min_length": "minLength",
        "field_max_length": "maxLength",
        "field_minimum": "minimum",
        "field_maximum": "maximum",
        "field_invalid_values": "known",
        "field_relationships": "sources.id",
    }
    found: dict[str, int] = {}
    for check in run.checks:
        facts = check.diagnostics or {}
        word = words.get(str(check.type), str(check.type))
        failed = facts.get("failed_rows", facts.get("value"))
        if str(check.result).endswith("failed"):
            found[f"{check.field}.{word}"] = int(failed or 0)
    return found


def pandera(folder: str) -> dict[str, int]:
    """Rows in its failure cases, by rule."""
    import pandera.polars as pa
    import polars as pl

    known = pl.read_parquet(f"{folder}/sources.parquet")["id"].to_list()
    schema = pa.DataFrameSchema(
        {
            "id": pa.Column(str, pa.Check.str_matches("^[a-z0-9-]+$"), unique=True),
            "text": pa.Column(str, [pa.Check.str_length(20, None), pa.Check.str_length(None, 20000)]),
            "url": pa.Column(str, [pa.Check.str_matches("^https?://"), pa.Check.str_length(None, 2000)], nullable=True),
            "lang": pa.Column(str, pa.Check.isin(LANGS)),
            "score": pa.Column(float, [pa.Check.ge(0), pa.Check.le(1)], nullable=True),
            "tokens": pa.Column(int, [pa.Check.ge(0), pa.Check.le(1_000_000)], nullable=True),
            "source_id": pa.Column(str, pa.Check.isin(known)),
            "license": pa.Column(str, pa.Check.str_matches("^[A-Za-z0-9.+-]+$"), nullable=True),
            "created_at": pa.Column(pl.Datetime("us"), pa.Check.ge(datetime(2020, 1, 1)), nullable=True),
            "split": pa.Column(str, pa.Check.isin(SPLITS), nullable=True),
        }
    )
    frame = pl.read_parquet(f"{folder}/documents.parquet")
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as wrong:
        cases = wrong.failure_cases.group_by("column", "check").len()
        return {_pandera(column, check): n for column, check, n in cases.rows()}
    return {}


def _pandera(column: str, check: str) -> str:
    words = {
        "not_nullable": "required",
        "field_uniqueness": "unique",
        "str_matches": "pattern",
        "str_length(20": "minLength",
        "str_length(None": "maxLength",
        "isin": "sources.id" if column == "source_id" else "known",
        "greater_than": "minimum",
        "less_than": "maximum",
    }
    return f"{column}.{next((word for start, word in words.items() if check.startswith(start)), check)}"


def dataframely(folder: str) -> dict[str, int]:
    """Its counts of failures, by rule."""
    import dataframely as dy
    import polars as pl

    known = pl.read_parquet(f"{folder}/sources.parquet")["id"].to_list()

    class Documents(dy.Schema):
        id = dy.String(nullable=False, primary_key=True, regex="^[a-z0-9-]+$")
        text = dy.String(nullable=False, min_length=20, max_length=20000)
        url = dy.String(nullable=True, regex="^https?://", max_length=2000)
        lang = dy.String(nullable=False, check=lambda e: e.is_in(LANGS))
        score = dy.Float64(nullable=True, min=0, max=1)
        tokens = dy.Int64(nullable=True, min=0, max=1_000_000)
        source_id = dy.String(nullable=False, check=lambda e: e.is_in(known))
        license = dy.String(nullable=True, regex="^[A-Za-z0-9.+-]+$")
        created_at = dy.Datetime(nullable=True, min=datetime(2020, 1, 1))
        split = dy.String(nullable=True, check=lambda e: e.is_in(SPLITS))

    frame = pl.read_parquet(f"{folder}/documents.parquet")
    _, failed = Documents.filter(frame, cast=False)
    words = {
        "nullability": "required",
        "regex": "pattern",
        "min_length": "minLength",
        "max_length": "maxLength",
        "min": "minimum",
        "max": "maximum",
    }
    found = {}
    for name, n in failed.counts().items():
        column, _, word = name.partition("|")
        if name == "primary_key":
            found["id.unique"] = n
            continue
        word = words.get(word, word)
        if word.startswith("check"):
            word = "sources.id" if column == "source_id" else "known"
        found[f"{column}.{word}" if word else name] = n
    return found


NAMES = {
    "counts": counts,
    "rows": rows,
    "datacontract-cli": datacontract,
    "pandera": pandera,
    "dataframely": dataframely,
}

if __name__ == "__main__":
    print(json.dumps(NAMES[sys.argv[1]](sys.argv[2])))
