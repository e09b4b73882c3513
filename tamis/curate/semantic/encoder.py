"""Texts to vectors on the grid, each by itself: what stands beside a text changes no bit of its vector."""

from __future__ import annotations

from threading import Lock
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from tamis.curate.semantic.place import Place
from tamis.errors import InputError
from tamis.kernels.vectors import MOST, rounded


class Encoder(Protocol):
    """A model, loaded."""

    def encode(self, texts: list[str]) -> np.ndarray:
        """(n, d) float32 or float64; a text the model sees nothing in is all 0."""
        ...


_loaded: dict[tuple[str, str], Encoder] = {}
_loading = Lock()


def encoder_of(place: Place) -> Encoder:
    """The model at `place`: loaded at the first call, then the same. Raises ExtraMissing and InputError."""
    with _loading:
        key = (str(place.folder), place.digest)
        if key not in _loaded:
            _loaded.clear()  # one is enough, and it may be large
            _loaded[key] = _load(place)
        return _loaded[key]


def _load(place: Place) -> Encoder:
    if place.kind == "static":
        from tamis.curate.semantic.static import Static

        return Static.read(place.table)
    from tamis.curate.semantic.transformer import Transformer

    return Transformer.read(place.folder)


CHUNK = 256
"""Texts that are Python strings at a time."""


def embedded(strings: pa.StringArray, place: Place) -> pa.Array:
    """Vectors on the grid as their bytes (large binary); null where a text has nothing in it that the model knows."""
    encoder, n = encoder_of(place), len(strings)
    parts = [rounded(_checked(encoder.encode(part), place)) for part in _chunks(strings)]
    found = np.concatenate(parts) if parts else np.zeros((0, 1), np.int16)
    mask = ~found.any(axis=1)
    ends = np.arange(n + 1, dtype=np.int64) * (2 * found.shape[1])
    # pc.invert would do, but a mask from numpy is packed by pa.array at once.
    valid = None if not mask.any() else pa.array(~mask).buffers()[1]
    return pa.Array.from_buffers(pa.large_binary(), n, [valid, pa.py_buffer(ends), pa.py_buffer(found.tobytes())])


def _chunks(strings: pa.StringArray) -> Any:
    for at in range(0, len(strings), CHUNK):
        yield strings.slice(at, CHUNK).to_pylist()


def _checked(vectors: np.ndarray, place: Place) -> np.ndarray:
    if vectors.ndim != 2 or not 0 < vectors.shape[1] <= MOST:
        raise InputError(
            f"{place.folder}: its vectors have the shape {vectors.shape}; one for each text, of 1 to {MOST:,} numbers, was wanted"
        )
    if not np.isfinite(vectors).all():
        raise InputError(
            f"{place.folder}: a vector of it holds {vectors[~np.isfinite(vectors)][0]}; copy the model again"
        )
    return vectors


def matrix(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """(n, d) int16 of vectors as their bytes, none of them null; (0, 0) where there are none."""
    parts = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    found = [_numbers(part) for part in parts if len(part)]
    if len(found) == 1:
        return found[0]
    return np.concatenate(found) if found else np.zeros((0, 0), np.int16)


def _numbers(part: pa.Array) -> np.ndarray:
    _, ends, data = part.buffers()
    at = np.frombuffer(ends, np.int64, len(part) + 1, part.offset * 8)
    return np.frombuffer(data, np.int16, (at[-1] - at[0]) // 2, at[0]).reshape(len(part), -1)
