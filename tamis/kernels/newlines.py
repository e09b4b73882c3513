"""Newlines: where the lines of a block of bytes are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tamis.kernels.jit import njit
from tamis.kernels.wide import WIDE, Block, count, equal, first, pointer

NEWLINE, RETURN, SPACE, TAB = 0x0A, 0x0D, 0x20, 0x09


@njit(nogil=True, cache=True)
def count_newlines(data):
    """How many bytes of `data`, (n,) uint8, are a newline."""
    byte = pointer(data)
    found, at = 0, 0
    while at + WIDE <= data.size:
        found += count(equal(byte, at, NEWLINE))
        at += WIDE
    while at < data.size:
        found += byte[at] == NEWLINE
        at += 1
    return found


@njit(nogil=True, cache=True)
def last_newline(data):
    """Position of the last newline of `data`, (n,) uint8, or -1."""
    byte = pointer(data)
    at = data.size - 1
    while at >= 0 and byte[at] != NEWLINE:
        at -= 1
    return at


@njit(nogil=True, cache=True)
def next_newline(data, at):
    """Position of the first newline of `data`, (n,) uint8, at `at` or after it, or `data.size`."""
    return _next(Block(pointer(data), data.size), at)


@njit(nogil=True, cache=True)
def _next(data, at):
    while at + WIDE <= data.size:
        mask = equal(data.byte, at, NEWLINE)
        if mask:
            return at + first(mask)
        at += WIDE
    while at < data.size and data.byte[at] != NEWLINE:
        at += 1
    return at


class Lines(NamedTuple):
    """The lines of a block that are not blank, without the spaces, tabs and returns around them.

    starts   (m,) int64   first byte of each
    ends     (m,) int64   one past its last byte
    number   (m,) int64   which line it is, from 0, counting the blank ones
    total    lines, blank ones too
    """

    starts: np.ndarray
    ends: np.ndarray
    number: np.ndarray
    total: int


def lines(data: np.ndarray, begin: int = 0) -> Lines:
    """The lines of `data[begin:]`, (n,) uint8, read only. What stands after the last newline is one, unless empty."""
    most = count_newlines(data) + 1
    starts, ends, number = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    found, total = lines_all(data, begin, starts, ends, number)
    return Lines(starts[:found], ends[:found], number[:found], total)


@njit(nogil=True, cache=True)
def lines_all(data, at, starts, ends, number):
    block = Block(pointer(data), data.size)
    found, total = 0, 0
    while at < block.size:
        stop = _next(block, at)
        left, right = at, stop
        while left < right and _is_space(block.byte[left]):
            left += 1
        while left < right and _is_space(block.byte[right - 1]):
            right -= 1
        if left < right:
            starts[found], ends[found], number[found] = left, right, total
            found += 1
        total += 1
        at = stop + 1
    return found, total


@njit(nogil=True, cache=True)
def _is_space(byte):
    return byte in (SPACE, TAB, RETURN)
