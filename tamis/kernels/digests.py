"""SHA-256 of many messages, and of pairs of digests: with the processor's own instructions where it has them."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import numpy as np

from tamis.kernels.jit import njit
from tamis.kernels.raw import load8
from tamis.kernels.sha256 import _START
from tamis.kernels.sha_ni import has_sha, mix

# a b c d e f g h of the standard, in the order of `mix`.
_ORDER = np.array([5, 4, 1, 0, 7, 6, 3, 2])
_FIRST = _START[_ORDER]


@njit(nogil=True, cache=True)
def _store(state, out, row):
    for k in range(8):
        word = state[k]
        at = 4 * _ORDER[k]
        out[row, at] = word >> np.uint32(24)
        out[row, at + 1] = (word >> np.uint32(16)) & np.uint32(0xFF)
        out[row, at + 2] = (word >> np.uint32(8)) & np.uint32(0xFF)
        out[row, at + 3] = word & np.uint32(0xFF)


@njit(nogil=True, cache=True)
def _all(address, offsets, out):
    """Messages from a bare address: arrays would be counted as references around each call of `mix`."""
    state = np.empty(8, np.uint32)
    tail = np.empty(128, np.uint8)
    for row in range(offsets.size - 1):
        start, size = offsets[row], offsets[row + 1] - offsets[row]
        state[:] = _FIRST
        whole = size >> 6
        mix(state.ctypes.data, address + start, whole)
        rest = size & 63
        for k in range(rest):
            tail[k] = load8(address, start + whole * 64 + k)
        tail[rest] = 0x80
        blocks = 1 if rest < 56 else 2
        tail[rest + 1 : blocks * 64 - 8] = 0
        for k in range(8):
            tail[blocks * 64 - 8 + k] = ((size << 3) >> (56 - 8 * k)) & 0xFF
        mix(state.ctypes.data, tail.ctypes.data, blocks)
        _store(state, out, row)


@njit(nogil=True, cache=True)
def _nodes(level, out):
    state = np.empty(8, np.uint32)
    message = np.zeros(128, np.uint8)
    message[0] = 1
    message[65] = 0x80
    message[126], message[127] = (65 * 8) >> 8, (65 * 8) & 0xFF
    for row in range(level.shape[0] // 2):
        message[1:33] = level[2 * row]
        message[33:65] = level[2 * row + 1]
        state[:] = _FIRST
        mix(state.ctypes.data, message.ctypes.data, 2)
        _store(state, out, row)
    if level.shape[0] % 2:
        out[level.shape[0] // 2] = level[level.shape[0] - 1]


def sha256_all(data: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """SHA-256 of `data[offsets[i]:offsets[i + 1]]` for every i: (n, 32) uint8.

    data     (b,) uint8
    offsets  (n + 1,) int64
    """
    out = np.empty((len(offsets) - 1, 32), np.uint8)
    if has_sha():
        _all(data.ctypes.data, offsets, out)
        return out
    view = np.ascontiguousarray(data).data
    found = b"".join(hashlib.sha256(view[start:end]).digest() for start, end in pairwise(offsets.tolist()))
    out[:] = np.frombuffer(found, np.uint8).reshape(-1, 32)
    return out


def nodes(level: np.ndarray) -> np.ndarray:
    """One level up a Merkle tree (RFC 6962): sha256(0x01, left, right) of each pair, an odd one as it is.

    level    (n, 32) uint8
    returns  ((n + 1) // 2, 32) uint8
    """
    out = np.empty(((len(level) + 1) // 2, 32), np.uint8)
    if has_sha():
        _nodes(np.ascontiguousarray(level), out)
        return out
    data = np.ascontiguousarray(level).tobytes()
    for row in range(len(level) // 2):
        node = hashlib.sha256(b"\x01" + data[64 * row : 64 * row + 64]).digest()
        out[row] = np.frombuffer(node, np.uint8)
    if len(level) % 2:
        out[-1] = level[-1]
    return out
