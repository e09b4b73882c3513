from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.curate import survivor
from tamis.errors import UsageError

ZONES = st.none() | st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
SPELLED = st.sampled_from([lambda t: t.isoformat(), lambda t: t.isoformat(" ").replace("+00:00", "Z")])


@settings(max_examples=100)
@given(st.lists(st.tuples(st.datetimes(timezones=ZONES), SPELLED), max_size=6))
def test_a_time_is_what_python_reads(times: list[tuple[datetime, Callable[[datetime], str]]]) -> None:
    got = survivor.seconds(pa.array([spell(time) for time, spell in times], pa.string()))
    wanted = [(time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() for time, _ in times]
    assert got == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2024", "2024-01-01T00:00:00+00:00"),
        ("2024-03", "2024-03-01T00:00:00+00:00"),
        ("20240229T2330", "2024-02-29T23:30:00+00:00"),
        ("2024-02-29 12:00:00,5 -0130", "2024-02-29T13:30:00.5+00:00"),
        (" 2024-02-29 ", "2024-02-29T00:00:00+00:00"),
    ],
)
def test_a_time_may_be_short(text: str, wanted: str) -> None:
    assert survivor.seconds(pa.array([text])).tolist() == [datetime.fromisoformat(wanted).timestamp()]


def test_what_is_no_time_is_older_than_any_and_harms_no_other() -> None:
    texts = [
        "soon",
        "2023-02-29",
        "2024-13-01",
        "2024-01-00",
        "2024-01-01T24",
        "",
        None,
        "1901-01-01",
        "2024-01-01T09Z",
    ]
    assert np.isinf(survivor.seconds(pa.array(texts))).tolist() == [True] * 7 + [False] * 2
    assert survivor.seconds(pa.array([None, "1970-01-02", "x"]).slice(1)).tolist() == [86400.0, -np.inf]


@pytest.mark.parametrize(
    ("keep", "wanted"),
    [
        ("first", [0, 0, 0]),
        ("longest", [1, 2, 0]),
        ("newest", [0, -np.inf, 86400]),
        ("license", [0, 5, 0]),
        ("best:score", [2, -np.inf, 1.5]),
    ],
)
def test_the_highest_rank_stays(keep: str, wanted: list[float]) -> None:
    columns = {
        "text": pa.array(["é", "ab", ""]),
        "collected_at": pa.array(["1970-01-01", None, "1970-01-02T00:00Z"]),
        "license": pa.array(["nobody's", "MIT", None]),
        "score": pa.array([2, None, 1.5]),
    }
    batch = pa.record_batch(columns)
    assert survivor.rank(batch, keep, "near").tolist() == wanted
    assert set(survivor.columns(keep).names) <= set(batch.schema.names)


@pytest.mark.parametrize("keep", ["", "best", "best:", "last", "oldest"])
def test_an_unknown_keep_is_refused_in_the_name_of_the_stage(keep: str) -> None:
    with pytest.raises(UsageError, match=r"^near: keep is .* it can be first, longest, newest, license, best:COLUMN$"):
        survivor.check(keep, "near")


def test_a_best_that_is_no_number_is_refused() -> None:
    batch = pa.record_batch({"score": pa.array(["high"])})
    with pytest.raises(UsageError, match=r"^near: keep is 'best:score', but 'score' is not a number everywhere"):
        survivor.rank(batch, "best:score", "near")
