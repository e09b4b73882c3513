"""Texts in pieces: as the definition has them, and nothing of a text lost."""

from __future__ import annotations

import naive_pieces
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.kernels.pieces import cut

UNITS = ["chars", "words", "paragraphs"]
TEXTS = st.lists(
    st.sampled_from([*"abé中. !?\n\r\t", "\r\n", "\n\n", ". ", '." ', ".) ", "\u2028", "word ", "。"]), max_size=60
).map("".join)


def cut_up(texts: list[str], unit: str, size: int, overlap: int, wanted: int) -> list[list[tuple[int, int, int]]]:
    found = cut(pa.array(texts, pa.string()), UNITS.index(unit), size, overlap, wanted)
    spans = list(zip(found.first.tolist(), found.last.tolist(), found.units.tolist(), strict=True))
    return [spans[a:b] for a, b in zip(found.rows[:-1], found.rows[1:], strict=True)]


@pytest.mark.parametrize("unit", UNITS)
@given(texts=st.lists(TEXTS, max_size=3), size=st.integers(1, 9), overlap=st.integers(0, 3), wanted=st.integers(0, 4))
def test_pieces_are_as_the_definition_has_them(
    texts: list[str], unit: str, size: int, overlap: int, wanted: int
) -> None:
    overlap = min(overlap, max(0, size // 2 - 1))
    expected = [naive_pieces.pieces(text, unit, size, overlap, wanted) for text in texts]
    assert cut_up(texts, unit, size, overlap, wanted) == expected


@given(TEXTS, st.integers(1, 9), st.integers(0, 4))
def test_pieces_of_characters_are_the_text(text: str, size: int, wanted: int) -> None:
    (spans,) = cut_up([text], "chars", size, 0, wanted)
    assert "".join(text[start:end] for start, end, _ in spans) == text


@given(TEXTS, st.integers(1, 9))
def test_bytes_and_code_points_are_of_the_same_piece(text: str, size: int) -> None:
    found = cut(pa.array(["é", text]), 1, size, 0, 2)
    data = b"\xc3\xa9" + text.encode()
    spans = zip(found.start, found.end, found.first, found.last, strict=True)
    assert all(data[a:b].decode() == ("é" if a < 2 else text)[c:d] for a, b, c, d in spans)
