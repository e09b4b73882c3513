import unicodedata

import numpy as np
import pytest

from tamis.kernels.unicode import ASSIGNED, BLOCK, look, table
from tamis.kernels.unicode_build import build, lower_of


@pytest.fixture(scope="module")
def entries() -> tuple[np.ndarray, np.ndarray]:
    """Entries of all code points: of the table that ships, and of one built from the running Python."""
    shipped, built = table(), build()
    return tuple(info.reshape(-1, BLOCK)[block].ravel() for block, info in (shipped, built))


def test_table_is_that_of_the_running_python_where_unicode_14_knows_the_character(entries) -> None:
    shipped, built = entries
    known = shipped & (ASSIGNED << 16) != 0
    assert known.sum() > 280_000
    assert (shipped == built)[known].all()
    assert unicodedata.unidata_version != "14.0.0" or (shipped == built).all()


def test_lower_case_never_leaves_the_plane() -> None:
    codes = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    assert all(lower_of(chr(c)) >> 16 == c >> 16 for c in codes)


@pytest.mark.parametrize(
    "char", ["a", "\x7f", "\x80", "é", "\u07ff", "\u0800", "日", "\uffff", "\U00010000", "\U0010ffff"]
)
def test_look_decodes_every_width(char: str) -> None:
    data = np.frombuffer(char.encode(), np.uint8)
    block, info = table()
    code, width, _ = look(data.ctypes.data, 0, data.size, block.ctypes.data, info.ctypes.data)
    assert (code, width) == (ord(char), data.size)


@pytest.mark.parametrize("broken", [b"\x80", b"\xc3", b"\xe6\x97", b"\xf0\x9f\x98", b"\xf7\xbf\xbf\xbf", b"\xff"])
def test_broken_sequence_is_one_replacement_character(broken: bytes) -> None:
    data = np.frombuffer(broken, np.uint8)
    block, info = table()
    assert look(data.ctypes.data, 0, data.size, block.ctypes.data, info.ctypes.data)[:2] == (0xFFFD, 1)
