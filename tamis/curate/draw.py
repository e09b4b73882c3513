"""Draws: numbers spread evenly like those of dice, and always the same for the same record.

A draw is the XXH64 of a key under a seed; the seed is the XXH64 of "PURPOSE SEED". Two purposes have nothing to do with each
other under the same seed: were it otherwise, a split after a sample of a tenth would see draws of the lowest tenth alone.
"""

from __future__ import annotations

import numpy as np
import xxhash

from tamis.kernels.hash import hash_all


def draws(keys: np.ndarray, purpose: str, seed: int) -> np.ndarray:
    """(n,) uint64, evenly spread from 0 to 2**64 - 1.

    keys  (n,) or (n, k) uint64   hashed as big-endian bytes: a record_id as tamis.schemas.ids.halves gives it
    """
    data = np.ascontiguousarray(keys, ">u8").reshape(-1).view(np.uint8)
    width = 8 * (keys.shape[1] if keys.ndim == 2 else 1)
    out = np.empty(len(keys), np.uint64)
    salt = xxhash.xxh64_intdigest(f"{purpose} {seed}".encode())
    hash_all(data, np.arange(len(keys) + 1, dtype=np.int64) * width, np.uint64(salt), out)
    return out


def unit(drawn: np.ndarray) -> np.ndarray:
    """Draws as numbers above 0 and up to 1: (n,) float64, the first 53 bits of each."""
    return ((drawn >> np.uint64(11)) + np.uint64(1)).astype(np.float64) * 2.0**-53
