"""Newlines: where the lines of a block of bytes are."""

from __future__ import annotations

import numpy as np
from numba import njit

from tamis.kernels.wide import WIDE, count, first, newlines

NEWLINE, RETURN, SPACE, TAB = 0x0A, 0x0D, 0x20, 0x09


@njit(nogil=True, cache=True)
def count_newlines(data: np.ndarray) -> int:
    """How many bytes of `data`, (n,) uint8, are a newline."""
    found, at = 0, 0
    while at + WIDE <= data.size:
        found += count(newlines(data, at))
        at += WIDE
    while at < data.size:
        found += data[at] == NEWLINE
        at += 1
    return found


@njit(nogil=True, cache=True)
def last_newline(data: np.ndarray) -> int:
    """Position of the last newline of `data`, or -1."""
    at = data.size - 1
    while at >= 0 and data[at] != NEWLINE:
        at -= 1
    return at


@njit(nogil=True, cache=True)
def next_newline(data: np.ndarray, at: int) -> int:
    """Position of the first newline of `data` at `at` or after it, or `data.size`."""
    while at + WIDE <= data.size:
        mask = newlines(data, at)
        if mask != np.uint64(0):
            return at + first(mask)
        at += WIDE
    while at < data.size and data[at] != NEWLINE:
        at += 1
    return at


@njit(nogil=True, cache=True)
def lines(data: np.ndarray, begin: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """The lines of `data[begin:]` that are not blank, without the spaces, tabs and returns around them.

    data     (n,) uint8   lines end with a newline; what stands after the last newline is a line too, unless it is empty
    starts   (m,) int64   first byte of each line
    ends     (m,) int64   one past its last byte
    number   (m,) int64   which line it is, from 0, counting the blank ones
    total    lines, blank ones too
    """
    most = count_newlines(data) + 1
    starts, ends, number = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    found, total, at = 0, 0, begin
    while at < data.size:
        stop = next_newline(data, at)
        left, right = at, stop
        while left < right and (data[left] == SPACE or data[left] == TAB or data[left] == RETURN):
            left += 1
        while left < right and (data[right - 1] == SPACE or data[right - 1] == TAB or data[right - 1] == RETURN):
            right -= 1
        if left < right:
            starts[found], ends[found], number[found] = left, right, total
            found += 1
        total += 1
        at = stop + 1
    return starts[:found].copy(), ends[:found].copy(), number[:found].copy(), total
