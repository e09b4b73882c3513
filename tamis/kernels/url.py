"""URLs that lead to the same page, written alike.

    HTTP://Example.org:80/a/?b=2&utm_source=x&a=1#top  ->  http://example.org/a?b=2&a=1

Scheme and host in lower case, without default port, fragment, tracking parameters, empty parameters and the slashes
that end the path. Parameters keep their order, paths and values their case; http stays apart from https, www from bare.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.kernels.hash import bytes_of
from tamis.kernels.jit import njit

TRACKING = ("utm_*", "gclid", "gclsrc", "dclid", "fbclid", "msclkid", "yclid", "igshid", "mc_cid", "mc_eid")
"""Query parameters that only say how a reader came to the page; * stands for any ending."""


def normalised(urls: pa.Array) -> pa.Array:
    """`urls` written alike; null stays null."""
    strings = pc.fill_null(urls, "") if urls.null_count else urls
    data, offsets = bytes_of(strings)
    names = bytes_of(pa.array(TRACKING))
    room = int(offsets[-1] - offsets[0])
    out, ends = np.empty(room, np.uint8), np.zeros(len(offsets), offsets.dtype)
    normalise_all(data, offsets, *names, out, ends)
    bitmap = pc.invert(pc.is_null(urls)).buffers()[1] if urls.null_count else None
    return pa.Array.from_buffers(strings.type, len(strings), [bitmap, pa.py_buffer(ends), pa.py_buffer(out)])


@njit(nogil=True, cache=True)
def normalise_all(data, offsets, names, name_offsets, out, ends):
    """Write every URL to `out` (b,) uint8, one behind the other; URL i ends at `ends[i + 1]`."""
    to = 0
    for i in range(offsets.size - 1):
        to = _one(data, offsets[i], offsets[i + 1], names, name_offsets, out, to)
        ends[i + 1] = to


@njit(nogil=True, cache=True)
def _one(data, start, end, names, name_offsets, out, to):
    at, stop = np.int64(start), _find(data, np.int64(start), np.int64(end), 0x23)
    while at < stop and data[at] <= 0x20:
        at += 1
    while at < stop and data[stop - 1] <= 0x20:
        stop -= 1
    colon = _find(data, at, stop, 0x3A)
    if colon + 2 < stop and data[colon + 1] == 0x2F and data[colon + 2] == 0x2F and _is_scheme(data, at, colon):
        at, to = _authority(data, at, colon, stop, out, to)
    question = _find(data, at, stop, 0x3F)
    path_end = question
    while path_end > at and (data[path_end - 1] == 0x2F or data[path_end - 1] <= 0x20):
        path_end -= 1
    to = _copy(data, at, path_end, out, to)
    separator = 0x3F
    at = question + 1
    while at < stop:
        part_end = _find(data, at, stop, 0x26)
        if part_end > at and not _is_tracking(data, at, _find(data, at, part_end, 0x3D), names, name_offsets):
            out[to] = separator
            to = _copy(data, at, part_end, out, to + 1)
            separator = 0x26
        at = part_end + 1
    return to


@njit(nogil=True, cache=True)
def _authority(data, start, colon, stop, out, to):
    """Write scheme, user and host; give where the path starts and where writing goes on."""
    wrote = to
    to = _lower(data, start, colon + 3, out, to)
    at = colon + 3
    end = min(_find(data, at, stop, 0x2F), _find(data, at, stop, 0x3F))
    host = at
    for k in range(at, end):
        if data[k] == 0x40:
            host = k + 1
    to = _copy(data, at, host, out, to)
    port = end
    while port > host and 0x30 <= data[port - 1] <= 0x39:
        port -= 1
    host_end = end
    if port > host and data[port - 1] == 0x3A:
        digits = end - port
        is_http = colon - start == 4 and out[wrote] == 0x68 and out[wrote + 3] == 0x70
        is_https = colon - start == 5 and out[wrote] == 0x68 and out[wrote + 4] == 0x73
        default = (is_http and digits == 2 and data[port] == 0x38 and data[port + 1] == 0x30) or (
            is_https and digits == 3 and data[port] == 0x34 and data[port + 1] == 0x34 and data[port + 2] == 0x33
        )
        if digits == 0 or default:
            host_end = port - 1
    return end, _lower(data, host, host_end, out, to)


@njit(nogil=True, cache=True)
def _is_scheme(data, at, end):
    for k in range(at, end):
        byte = data[k]
        letter = 0x61 <= (byte | 0x20) <= 0x7A
        if not letter and (k == at or not (0x30 <= byte <= 0x39 or byte == 0x2B or byte == 0x2D or byte == 0x2E)):
            return False
    return end > at


@njit(nogil=True, cache=True)
def _is_tracking(data, at, end, names, name_offsets):
    for n in range(name_offsets.size - 1):
        first, size = np.int64(name_offsets[n]), np.int64(name_offsets[n + 1] - name_offsets[n])
        any_ending = names[first + size - 1] == 0x2A
        size -= any_ending
        if end - at < size or (end - at > size and not any_ending):
            continue
        same = True
        for k in range(size):
            byte = data[at + k]
            same &= (byte | 0x20 if 0x41 <= byte <= 0x5A else byte) == names[first + k]
        if same:
            return True
    return False


@njit(nogil=True, cache=True)
def _find(data, at, stop, byte):
    """First `byte` in `data[at:stop]`, or `stop`."""
    while at < stop and data[at] != byte:
        at += 1
    return at


@njit(nogil=True, cache=True)
def _copy(data, at, stop, out, to):
    for k in range(at, stop):
        out[to + k - at] = data[k]
    return to + max(0, stop - at)


@njit(nogil=True, cache=True)
def _lower(data, at, stop, out, to):
    for k in range(at, stop):
        byte = data[k]
        out[to + k - at] = byte | 0x20 if 0x41 <= byte <= 0x5A else byte
    return to + max(0, stop - at)
