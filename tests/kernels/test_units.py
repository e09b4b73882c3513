import naive_near as naive
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tamis.kernels.hash import bytes_of
from tamis.kernels.unicode import table
from tamis.kernels.units import CODES, ROOM, code_of, take_units

LETTERS = st.one_of(
    st.characters(exclude_categories=("Cs", "Cn")), st.sampled_from("abcXYZ éÉ日ไ\u0301\u200d 1_'-\n\t")
)
TEXT = st.text(LETTERS, max_size=200)
PIECES = st.lists(
    st.sampled_from(["a", "Bee ", "é", "日", " - ", "x" * 63, "Y" * 64, "z" * 65, "\u0301", "  \n", "9", "_"])
)


def taken(text: str, kind: int, most: int, pad: str) -> list[int]:
    """The unit hashes of `text`, `most` at a time, with `pad` behind it in the same buffer."""
    data, offsets = bytes_of(pa.array([text, pad]))
    block, info = table()
    out, found, at, end = np.empty(most + ROOM, np.uint64), [], 0, int(offsets[1])
    ends = (data.ctypes.data, end, data.size, block.ctypes.data, info.ctypes.data)
    while at < end:
        at, count = take_units(ends[0], at, *ends[1:], kind, bool(found), most, out)
        found += out[:count].tolist()
    return found


@pytest.mark.parametrize("unit", CODES)
@settings(deadline=None, max_examples=150)
@given(st.one_of(TEXT, PIECES.map("".join)), st.sampled_from([1, 3, 1000]), st.sampled_from(["", "pad" * 40]))
@example("e" * 63 + "\u0301" + "f" * 70 + " tail", 1000, "pad" * 40)
@example("x", 1, "y" * 80)
def test_units_are_the_naive_ones_however_few_at_a_time(unit: str, text: str, most: int, pad: str) -> None:
    expected = [naive.unit_hash(u, unit) for u in naive.units(text, unit)]
    assert taken(text, CODES[unit], most, pad) == expected


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"unit is 'line'; it can be 'run' or 'word' or 'char'"):
        code_of("line")
