"""Band keys of records as entries in the order of the keys: whose each is, and what tells who is most like it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tamis.kernels.jit import njit
from tamis.kernels.radix import ordered


class Entries(NamedTuple):
    """An entry for each key of each record, ascending by key, those of one key as their records came.

    row   (m,) uint32  of the record
    key   (m,) uint64
    near  (m,) uint32  the high half of the record's key in the band after, the last's in the first: in a large bucket
                       those that share it are the most alike
    """

    row: np.ndarray
    key: np.ndarray
    near: np.ndarray


def entries(row: np.ndarray, keys: np.ndarray, bands: int) -> Entries:
    """Of records `row` (n,) uint32 with `keys` (n * bands,) uint64, record by record."""
    order = ordered(keys)
    found = Entries(*(np.empty(len(order), kind) for kind in (np.uint32, np.uint64, np.uint32)))
    _fill(order, row, keys, np.uint32(bands), *found)
    return found


@njit(nogil=True, cache=True)
def _fill(order, row, keys, bands, out_row, out_key, out_near):
    for k in range(order.size):
        at = order[k]
        record = at // bands
        first = record * bands
        after = at + np.uint32(1)
        out_row[k], out_key[k] = row[record], keys[at]
        out_near[k] = np.uint32(keys[first if after == first + bands else after] >> np.uint64(32))
