"""Blocks of JSON Lines as Arrow columns: every line is checked, no line becomes a Python object.

{"id": 17, "text": "A tamis is a drum sieve.", "url": "https://example.org/a", "lang": "en"}

rows = JsonRows(block, ("id", "text", "url"))
rows.text("id")       ["17"]
rows.strings("text")  ["A tamis is a drum sieve."], [False]
rows.rest(rows.wanted)   ['{"lang":"en"}']
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from tamis.kernels.grammar import ARRAY, ERRORS, HAS_ESCAPES, LONE_SURROGATE, NULL, STRING, TYPE
from tamis.kernels.json import Elements, Keys, elements, rest, scan
from tamis.kernels.newlines import Lines, lines
from tamis.kernels.unescape import fill, room

_BOM = b"\xef\xbb\xbf"


def error_name(code: int) -> str:
    """Name of an error code: `truncated`."""
    return ERRORS[code][0]


def error_says(code: int) -> str:
    """The sentence that explains an error code."""
    return ERRORS[code][1]


class JsonRows:
    """The lines of one block, read. The block is looked at again by every method: it must not change meanwhile.

    wanted      names of the wanted keys, in the order given
    lines       lines that are not blank, good and bad: m
    number      (m,) int64   line of the block, from 0, counting blank ones
    start, end  (m,) int64   bytes of the block it is, without the space around it
    newlines    lines of the block, blank ones too
    total       lines that are not blank, those passed over too
    error       (m,) uint8   0 fine, else the code of the first error: see `error_name`, `error_says`
    error_at    (m,) int64   byte of the block that the error is at
    """

    def __init__(
        self,
        block: np.ndarray | pa.Buffer | bytes,
        wanted: Sequence[str],
        *,
        first: bool = False,
        only: np.ndarray | None = None,
    ) -> None:
        """Read `block`, under 2 GiB. With `first` it begins a file: a byte order mark there is skipped.

        only   (k,) int64, ascending: of the lines that are not blank, those at these places are read, others passed over
        """
        data = _read_only(np.frombuffer(block, np.uint8))
        begin = len(_BOM) if first and data[: len(_BOM)].tobytes() == _BOM else 0
        found = lines(data, begin)
        self.total = len(found.starts)
        if only is not None:
            at = only[: np.searchsorted(only, self.total)]
            found = found._replace(starts=found.starts[at], ends=found.ends[at], number=found.number[at])
        self._read(data, found, wanted)

    def _read(self, data: np.ndarray, found: Lines, wanted: Sequence[str]) -> None:
        assert data.size < 2**31, f"a block of {data.size} bytes: offsets are 32 bits wide"
        self.wanted = tuple(wanted)
        self._column = {name: k for k, name in enumerate(self.wanted)}
        assert len(self._column) == len(self.wanted), f"wanted keys repeat: {self.wanted}"
        self._data, (self.start, self.end, self.number, self.newlines) = data, found
        self.lines = len(self.start)
        self._found = scan(data, self.start, self.end, Keys.of(self.wanted))
        self.error, self.error_at = self._found.error, self._found.error_at

    def raw(self, row: int) -> bytes:
        """The line as it stands, without the space around it."""
        return self._data[self.start[row] : self.end[row]].tobytes()

    def type_of(self, key: str) -> np.ndarray:
        """(m,) uint8: 0 absent or on a bad line, 1 null, 2 false, 3 true, 4 number, 5 string, 6 array, 7 object."""
        types: np.ndarray = self._kinds(key) & np.uint8(TYPE)
        return types

    def lone_surrogates(self, key: str) -> np.ndarray:
        """(m,) bool: whether the value is a string with half a surrogate pair in it, which no text can hold."""
        lone: np.ndarray = (self._kinds(key) & np.uint8(LONE_SURROGATE)) != 0
        return lone

    def strings(self, key: str) -> tuple[pa.StringArray, np.ndarray]:
        """The value of `key` where it is a string, else null; and `lone_surrogates`, which are U+FFFD in the text."""
        return self._text(key, self.type_of(key) == STRING), self.lone_surrogates(key)

    def text(self, key: str) -> pa.StringArray:
        """The value of `key`: a string as its text, anything else as its JSON, null and absent as null."""
        return self._text(key, self.type_of(key) > NULL)

    def _kinds(self, key: str) -> np.ndarray:
        kinds: np.ndarray = self._found.kinds[self._column[key]]
        return kinds

    def _text(self, key: str, valid: np.ndarray) -> pa.StringArray:
        column = self._column[key]
        return _decoded(self._data, self._kinds(key), self._found.starts[column], self._found.ends[column], valid)

    def _elements(self, key: str) -> Elements:
        return elements(self._data, self._found, self._column[key])

    def objects(self, key: str, wanted: Sequence[str]) -> tuple[np.ndarray, JsonRows]:
        """The elements of arrays under `key`, read as objects; one that is no object has an error.

        The elements of row i are `offsets[i]` up to `offsets[i + 1]`, (m + 1,) int32: none where the value is no array.
        """
        offsets, _, start, end = self._elements(key)
        inner = JsonRows.__new__(JsonRows)
        inner._read(self._data, Lines(start, end, np.arange(len(start)), len(start)), wanted)
        return offsets, inner

    def parts(self, key: str) -> tuple[np.ndarray, pa.StringArray, np.ndarray, pa.StringArray]:
        """The elements of arrays under `key`: `offsets` as of `objects`; of each its text where it is a string, else null;
        whether that has a lone surrogate; and its JSON.
        """
        offsets, kinds, start, end = self._elements(key)
        start, end = start.astype(np.int32), end.astype(np.int32)
        string = (kinds & np.uint8(TYPE)) == STRING
        inside = string.astype(np.int32)  # without the quotes
        texts = _decoded(self._data, kinds, start + inside, end - inside, string)
        raw = _decoded(self._data, np.zeros_like(kinds), start, end, np.ones_like(string))
        return offsets, texts, (kinds & np.uint8(LONE_SURROGATE)) != 0, raw

    def list_of_strings(self, key: str) -> pa.ListArray:
        """The value of `key` where it is an array of strings, none with a lone surrogate, else null."""
        offsets, kinds, start, end = self._elements(key)
        good = (kinds & np.uint8(TYPE | LONE_SURROGATE)) == STRING
        bad_before = np.concatenate([[0], np.cumsum(~good)])
        valid = (self.type_of(key) == ARRAY) & (bad_before[offsets[1:]] == bad_before[offsets[:-1]])
        texts = _decoded(self._data, kinds, (start + 1).astype(np.int32), (end - 1).astype(np.int32), good)
        return pa.ListArray.from_arrays(pa.array(offsets), texts, mask=pa.array(~valid))

    def rest(self, consumed: Sequence[str] | np.ndarray) -> pa.StringArray:
        """The JSON object of all members but the `consumed` ones of the wanted; null where nothing is left.

        consumed   names, or (m, k) bool: which wanted keys were consumed on each line
        """
        if not isinstance(consumed, np.ndarray):
            columns = np.zeros(len(self.wanted), np.uint8)
            columns[[self._column[name] for name in consumed]] = True
            consumed = np.repeat(columns[None], self.lines, axis=0)
        consumed = np.ascontiguousarray(consumed, np.uint8)
        out, offsets, some = rest(self._data, self.start, self.end, self._found, consumed)
        return _strings(offsets, out, some)


def _read_only(data: np.ndarray) -> np.ndarray:
    """A view that cannot be written: the kernels are compiled for that one kind of array."""
    view = data.view()
    view.flags.writeable = False
    return view


def _decoded(
    data: np.ndarray, kinds: np.ndarray, start: np.ndarray, end: np.ndarray, valid: np.ndarray
) -> pa.StringArray:
    take = np.where(kinds & np.uint8(HAS_ESCAPES), np.uint8(2), np.uint8(1)) * valid
    out, offsets = np.empty(room(start, end, take), np.uint8), np.empty(len(start) + 1, np.int32)
    fill(data, start, end, take, out, offsets)
    return _strings(offsets, out, valid)


def _strings(offsets: np.ndarray, data: np.ndarray, valid: np.ndarray) -> pa.StringArray:
    nulls = len(valid) - int(np.count_nonzero(valid))
    bitmap = pa.py_buffer(np.packbits(valid, bitorder="little")) if nulls else None
    used = pa.py_buffer(data).slice(0, int(offsets[-1]))
    return pa.StringArray.from_buffers(len(valid), pa.py_buffer(offsets), used, bitmap, nulls)
