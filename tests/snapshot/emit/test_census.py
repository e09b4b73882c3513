from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tamis.schemas import KINDS
from tamis.snapshot.emit.census import Census, shown, text_bytes
from tamis.snapshot.emit.tally import Count

NAMES = st.sampled_from(["web", "books", "é|<b>", ""])
MESSAGES = st.lists(
    st.fixed_dictionaries({"role": NAMES, "content": st.none() | st.text(max_size=5), "extra": st.none()}), max_size=3
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "record_id": st.binary(min_size=16, max_size=16),
            "source": NAMES,
            "license": st.none() | st.sampled_from(["MIT", "cc by 4.0", "x"]),
            "url": st.none()
            | st.sampled_from(["https://a.example/x", "http://u:p@WWW.B.example:80/?q", "no url", "ftp://c"]),
            "collected_at": st.none() | st.dates().map(str) | st.just("last week"),
            "prompt": MESSAGES,
            "chosen": MESSAGES,
            "rejected": MESSAGES,
        }
    ),
    max_size=12,
)


def batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    schema = KINDS["preference"].schema
    return pa.RecordBatch.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema=schema)


def size(row: dict[str, Any]) -> int:
    return sum(len((m["content"] or "").encode()) for part in ("prompt", "chosen", "rejected") for m in row[part])


def host(url: str | None) -> str | None:
    found = urlsplit(url or "").hostname
    return found.removeprefix("www.") if found else None


@given(ROWS, st.integers(0, 12))
def test_it_counts_what_counting_by_hand_counts_however_the_rows_are_cut(rows: list[dict[str, Any]], cut: int) -> None:
    census = Census()
    for part in (rows[:cut], rows[cut:]):
        census.add(batch(part), "train")
    assert census.total == Count(len(rows), sum(map(size, rows)))
    for counts, key in (
        (census.groups, lambda row: (row["source"], row["license"])),
        (census.sources, lambda row: row["source"]),
        (census.domains, lambda row: host(row["url"])),
    ):
        assert {k: c.rows for k, c in counts.items()} == Counter(k for row in rows if (k := key(row)) is not None)
        assert all(c.bytes == sum(size(row) for row in rows if key(row) == k) for k, c in counts.items())
    days = [d for row in rows if (d := row["collected_at"]) and d != "last week"]
    assert (census.first_day, census.last_day) == (min(days, default=None), max(days, default=None))
    assert census.undated == len(rows) - len(days)


@given(ROWS)
def test_bytes_are_those_of_the_texts_of_a_row(rows: list[dict[str, Any]]) -> None:
    assert text_bytes(batch(rows)).tolist() == list(map(size, rows))


@given(st.text())
def test_a_name_is_shown_on_one_short_line(name: str) -> None:
    found = shown(name)
    assert len(found) <= 200 and found.splitlines() == [found] and shown(found) == found


def test_what_is_as_long_as_a_text_is_not_shown() -> None:
    assert shown("Permission is hereby granted " * 20).startswith("(580 characters, sha256 ")
