"""SHA-256 of many short messages laid end to end (FIPS 180-4)."""

from __future__ import annotations

from math import isqrt

import numpy as np

from tamis.kernels.jit import njit


def _primes(n: int) -> list[int]:
    found: list[int] = []
    k = 2
    while len(found) < n:
        if all(k % p for p in found):
            found.append(k)
        k += 1
    return found


def _cube_root(n: int) -> int:
    """Largest whole number whose cube is at most `n`."""
    root = int(n ** (1 / 3))
    while root**3 > n:
        root -= 1
    while (root + 1) ** 3 <= n:
        root += 1
    return root


# The first 32 bits of the fractions of square and cube roots of the first primes: whole-number roots, so exact.
_START = np.array([isqrt(p << 64) & 0xFFFFFFFF for p in _primes(8)], np.uint32)
_ROUND = np.array([_cube_root(p << 96) & 0xFFFFFFFF for p in _primes(64)], np.uint32)


@njit(nogil=True, cache=True, inline="always")
def _turn(x, k):
    return np.uint32((x >> np.uint32(k)) | (x << np.uint32(32 - k)))


@njit(nogil=True, cache=True)
def _block(state, w):
    """Mix one block into `state` (8,) uint32; `w` (64,) uint32 holds its 16 words and room for 48 more."""
    for t in range(16, 64):
        x, y = w[t - 15], w[t - 2]
        s0 = _turn(x, 7) ^ _turn(x, 18) ^ np.uint32(x >> np.uint32(3))
        s1 = _turn(y, 17) ^ _turn(y, 19) ^ np.uint32(y >> np.uint32(10))
        w[t] = np.uint32(np.uint32(w[t - 16] + s0) + np.uint32(w[t - 7] + s1))
    a, b, c, d = state[0], state[1], state[2], state[3]
    e, f, g, h = state[4], state[5], state[6], state[7]
    for t in range(64):
        s1 = _turn(e, 6) ^ _turn(e, 11) ^ _turn(e, 25)
        choice = (e & f) ^ (~e & g)
        one = np.uint32(np.uint32(h + s1) + np.uint32(choice + np.uint32(_ROUND[t] + w[t])))
        s0 = _turn(a, 2) ^ _turn(a, 13) ^ _turn(a, 22)
        two = np.uint32(s0 + ((a & b) ^ (a & c) ^ (b & c)))
        h, g, f, e = g, f, e, np.uint32(d + one)
        d, c, b, a = c, b, a, np.uint32(one + two)
    state[0], state[1] = np.uint32(state[0] + a), np.uint32(state[1] + b)
    state[2], state[3] = np.uint32(state[2] + c), np.uint32(state[3] + d)
    state[4], state[5] = np.uint32(state[4] + e), np.uint32(state[5] + f)
    state[6], state[7] = np.uint32(state[6] + g), np.uint32(state[7] + h)


@njit(nogil=True, cache=True)
def _digests(offsets, data, out):
    w = np.zeros(64, np.uint32)
    state = np.zeros(8, np.uint32)
    for row in range(offsets.size - 1):
        start, stop = np.int64(offsets[row]), np.int64(offsets[row + 1])
        length = stop - start
        state[:] = _START
        # The message, a byte 0x80, zeros, and its length in bits: a whole number of blocks of 64 bytes.
        for block in range((length + 72) // 64):
            for t in range(16):
                word = np.uint32(0)
                for k in range(4):
                    at = block * 64 + t * 4 + k
                    byte = np.uint32(0)
                    if at < length:
                        byte = np.uint32(data[start + at])
                    elif at == length:
                        byte = np.uint32(0x80)
                    word = np.uint32((word << np.uint32(8)) | byte)
                w[t] = word
            if block == (length + 72) // 64 - 1:
                w[14], w[15] = np.uint32(length >> 29), np.uint32(length << 3)
            _block(state, w)
        for k in range(out.shape[1]):
            out[row, k] = (state[k >> 2] >> np.uint32(24 - 8 * (k & 3))) & np.uint32(0xFF)


def sha256_prefixes(offsets: np.ndarray, data: np.ndarray, size: int = 32) -> np.ndarray:
    """The first `size` bytes of the SHA-256 of `data[offsets[i]:offsets[i + 1]]`, for every i.

    offsets  (n + 1,) int32 or int64
    data     (m,) uint8
    returns  (n, size) uint8
    """
    out = np.empty((len(offsets) - 1, size), np.uint8)
    _digests(offsets, data, out)
    return out
