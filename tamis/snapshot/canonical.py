"""A record as bytes, the same however its table was cut, encoded or stored: deterministic CBOR (RFC 8949, 4.2.1).

{"id": "a", "text": "é", "url": None}   ->   a2 62 69 64 61 61  64 74 65 78 74 62 c3 a9

A record is a map of its columns by name, without those that are null; so a column that is null everywhere changes nothing,
nor does the order of columns. Maps are in the order of their encoded keys.

string             text, however it is stored: plain, large, view or dictionary
binary             byte string
integer, boolean   as they are, whatever their width
float              the shortest of half, single and double that holds the value; nan is f9 7e00
list               array; null in it is null
struct             map of its fields, without those that are null; a map of Arrow: array of maps with key and value
all else           array of the name of the Arrow type and the value: whole numbers of its unit for times, text for decimals
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.errors import InputError
from tamis.kernels.cbor import head_sizes, item_places, put_constant, put_heads, put_numbers, put_strings
from tamis.kernels.hash import bytes_of

BYTES, TEXT, LIST, MAP = 2, 3, 4, 5
"""Major types."""

NULL = np.array([0xF6], np.uint8)

_CODES = np.array([0, 24, 25, 0, 26, 0, 0, 0, 27], np.uint8)
"""By the bytes of a number, what its head says of them."""


class Canonical(NamedTuple):
    """Record i is `data[offsets[i] + lead : offsets[i + 1]]`; the `lead` bytes before it are free.

    data     (b,) uint8
    offsets  (n + 1,) int64
    """

    data: np.ndarray
    offsets: np.ndarray
    lead: int

    @property
    def sizes(self) -> np.ndarray:
        """Bytes of each record: (n,) int64."""
        sizes: np.ndarray = np.diff(self.offsets) - self.lead
        return sizes


class Room:
    """Memory that one batch after the other is written to: of new memory, the kernel has to clear every page."""

    def __init__(self) -> None:
        self._held = np.empty(0, np.uint8)

    def of(self, size: int) -> np.ndarray:
        """(size,) uint8: the same bytes as the time before."""
        if size > len(self._held):
            self._held = np.empty(size + size // 4, np.uint8)
        return self._held[:size]


def canonical(batch: pa.RecordBatch, lead: int = 0, room: Room | None = None) -> Canonical:
    """The canonical bytes of the rows of `batch`, in `room` until that is used again.

    Raises InputError for a column that has none.
    """
    rows = _members(batch.schema, batch.columns, np.ones(batch.num_rows, bool))
    offsets = np.zeros(batch.num_rows + 1, np.int64)
    np.cumsum(rows.sizes + lead, out=offsets[1:])
    data = (room or Room()).of(int(offsets[-1]))
    rows.write(data, offsets[:-1] + lead)
    return Canonical(data, offsets, lead)


class Items(Protocol):
    """A column, measured."""

    @property
    def sizes(self) -> np.ndarray:
        """Bytes of each item, 0 where it is null: (n,) int64."""

    @property
    def valid(self) -> np.ndarray:
        """Which items are not null: (n,) bool."""

    def write(self, out: np.ndarray, at: np.ndarray) -> None:
        """Write the items that are not null at the places `at` (n,) int64."""


@dataclass(frozen=True)
class _Numbers:
    """Numbers and booleans, as heads and what follows them."""

    head: np.ndarray
    width: np.ndarray
    number: np.ndarray
    valid: np.ndarray

    @cached_property
    def sizes(self) -> np.ndarray:
        return np.where(self.valid, self.width.astype(np.int64) + 1, 0)

    def write(self, out: np.ndarray, at: np.ndarray) -> None:
        put_numbers(out, at, self.head, self.width, self.number, self.valid)


@dataclass(frozen=True)
class _Strings:
    major: int
    offsets: np.ndarray
    data: np.ndarray
    valid: np.ndarray

    @cached_property
    def sizes(self) -> np.ndarray:
        lengths = np.diff(self.offsets).astype(np.int64)
        return np.where(self.valid, lengths + _heads(lengths), 0)

    def write(self, out: np.ndarray, at: np.ndarray) -> None:
        put_strings(out, at, self.major, self.offsets, self.data.ctypes.data, self.valid)


@dataclass(frozen=True)
class _Lists:
    """Lists of `counts` items each."""

    counts: np.ndarray
    items: Items
    valid: np.ndarray

    @cached_property
    def sizes(self) -> np.ndarray:
        total = np.concatenate([[0], np.cumsum(self._item_sizes)])
        ends = np.cumsum(self.counts)
        return np.where(self.valid, _heads(self.counts) + total[ends] - total[ends - self.counts], 0)

    @cached_property
    def _item_sizes(self) -> np.ndarray:
        return np.where(self.items.valid, self.items.sizes, 1)

    def write(self, out: np.ndarray, at: np.ndarray) -> None:
        put_heads(out, at, LIST, self.counts, self.valid)
        places = np.empty(len(self.items.valid), np.int64)
        item_places(at + _heads(self.counts), self.counts, self._item_sizes, places)
        self.items.write(out, places)
        if not self.items.valid.all():
            put_constant(out, places, NULL, ~self.items.valid)


@dataclass(frozen=True)
class _Maps:
    """Maps of the members that are not null. names: the encoded keys, in their order."""

    names: list[np.ndarray]
    members: list[Items]
    valid: np.ndarray

    @cached_property
    def _counts(self) -> np.ndarray:
        counts = np.zeros(len(self.valid), np.int64)
        for member in self.members:
            counts += member.valid
        return counts

    @cached_property
    def sizes(self) -> np.ndarray:
        total = _heads(self._counts)
        for name, member in zip(self.names, self.members, strict=True):
            total += np.where(member.valid, len(name) + member.sizes, 0)
        return np.where(self.valid, total, 0)

    def write(self, out: np.ndarray, at: np.ndarray) -> None:
        counts = self._counts
        put_heads(out, at, MAP, counts, self.valid)
        at = at + _heads(counts)
        for name, member in zip(self.names, self.members, strict=True):
            put_constant(out, at, name, member.valid)
            member.write(out, at + len(name))
            at = at + np.where(member.valid, len(name) + member.sizes, 0)


@dataclass(frozen=True)
class _Named:
    """Values of a type that CBOR lacks, each after the name of the type."""

    name: np.ndarray
    items: Items

    @property
    def valid(self) -> np.ndarray:
        return self.items.valid

    @cached_property
    def sizes(self) -> np.ndarray:
        return np.where(self.valid, len(self.name) + self.items.sizes, 0)

    def write(self, out: np.ndarray, at: np.ndarray) -> None:
        put_constant(out, at, self.name, self.valid)
        self.items.write(out, at + len(self.name))


def _items(array: pa.Array) -> Items:
    """`array`, measured."""
    held, valid = array.type, array.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_dictionary(held):
        return _items(array.cast(held.value_type))
    if pa.types.is_null(held):
        return _booleans(pa.nulls(len(array), pa.bool_()), valid)
    if pa.types.is_boolean(held):
        return _booleans(array, valid)
    if pa.types.is_integer(held):
        return _integers(array.fill_null(0).to_numpy(), valid)
    if pa.types.is_floating(held):
        return _floats(array.cast(pa.float64()).fill_null(0).to_numpy(), valid)
    if pa.types.is_string(held) or pa.types.is_large_string(held):
        return _strings(TEXT, array, valid)
    if pa.types.is_binary(held) or pa.types.is_large_binary(held):
        return _strings(BYTES, array, valid)
    if pa.types.is_fixed_size_binary(held):
        return _strings(BYTES, array.cast(pa.binary()), valid)
    if held == pa.string_view():
        return _strings(TEXT, array.cast(pa.large_string()), valid)
    if held == pa.binary_view():
        return _strings(BYTES, array.cast(pa.large_binary()), valid)
    if pa.types.is_struct(held):
        return _members(pa.schema(list(held)), array.flatten(), valid)
    if pa.types.is_map(held):
        entry = pa.struct([held.key_field, held.item_field])
        return _items(array.cast(pa.list_(pa.field("entries", entry))))
    if pa.types.is_list(held) or pa.types.is_large_list(held) or pa.types.is_fixed_size_list(held):
        counts = pc.list_value_length(array).fill_null(0).cast(pa.int64()).to_numpy()
        return _Lists(np.where(valid, counts, 0), _items(array.flatten()), valid)
    return _named(array, valid)


def _members(schema: pa.Schema, columns: list[pa.Array], valid: np.ndarray) -> _Maps:
    found = sorted((_text(f.name), k) for k, f in enumerate(schema))
    members = [_items(columns[k]) for _, k in found]
    names = [np.frombuffer(name, np.uint8) for name, _ in found]
    return _Maps(names, members, valid)


def _named(array: pa.Array, valid: np.ndarray) -> Items:
    """Times as whole numbers of their unit, decimals as text."""
    held = array.type
    name = np.frombuffer(bytes([LIST << 5 | 2]) + _text(str(held)), np.uint8)
    if pa.types.is_decimal(held):
        return _Named(name, _strings(TEXT, array.cast(pa.string()), valid))
    if pa.types.is_temporal(held) and held != pa.month_day_nano_interval():
        short = pa.types.is_date32(held) or pa.types.is_time32(held)
        whole = array.cast(pa.int32() if short else pa.int64()).fill_null(0)
        return _Named(name, _integers(whole.to_numpy(), valid))
    raise InputError(f"a column of type {held} cannot be frozen; cast it to text, numbers, lists or structs")


def _strings(major: int, array: pa.Array, valid: np.ndarray) -> _Strings:
    data, offsets = bytes_of(array)
    return _Strings(major, offsets, data, valid)


def _booleans(array: pa.Array, valid: np.ndarray) -> _Numbers:
    values = array.fill_null(False).to_numpy(zero_copy_only=False)
    none = np.zeros(len(values), np.uint8)
    return _Numbers(np.where(values, 0xF5, 0xF4).astype(np.uint8), none, none.astype(np.uint64), valid)


def _integers(values: np.ndarray, valid: np.ndarray) -> _Numbers:
    negative = values < 0
    whole = values.astype(np.int64) if values.dtype.kind == "i" else values
    number = np.where(negative, ~whole, whole).astype(np.uint64)
    width = np.select([number < 24, number < 1 << 8, number < 1 << 16, number < 1 << 32], [0, 1, 2, 4], 8).astype(
        np.uint8
    )
    code = np.where(width == 0, number.astype(np.uint8), _CODES[width])
    return _Numbers(np.where(negative, 0x20 | code, code).astype(np.uint8), width, number, valid)


def _floats(values: np.ndarray, valid: np.ndarray) -> _Numbers:
    with np.errstate(over="ignore"):
        half, single = values.astype(np.float16), values.astype(np.float32)
    as_half = (half.astype(np.float64) == values) | np.isnan(values)
    as_single = single.astype(np.float64) == values
    bits = np.select(
        [np.isnan(values), as_half, as_single],
        [np.uint64(0x7E00), half.view(np.uint16).astype(np.uint64), single.view(np.uint32).astype(np.uint64)],
        values.view(np.uint64),
    )
    width = np.select([as_half, as_single], [2, 4], 8).astype(np.uint8)
    return _Numbers(np.select([as_half, as_single], [0xF9, 0xFA], 0xFB).astype(np.uint8), width, bits, valid)


def _heads(counts: np.ndarray) -> np.ndarray:
    sizes = np.empty(len(counts), np.int64)
    head_sizes(counts, sizes)
    return sizes


def _text(value: str) -> bytes:
    """A name as CBOR text."""
    data = value.encode()
    head = np.zeros(9, np.uint8)
    put_heads(head, np.zeros(1, np.int64), TEXT, np.array([len(data)]), np.ones(1, bool))
    return head[: int(_heads(np.array([len(data)]))[0])].tobytes() + data
