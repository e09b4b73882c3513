"""Desk: where a corpus stage settles what no row can tell alone.

`Corpus.settle` asks for rounds: `desk.run("buckets", items)` calls the stage's method `buckets(desk, k, item)` once for every
item, in any order, on any number of workers, and keeps the tables it returns. A task may be carried out twice, and one that
is done is not done again when a run is resumed: what it returns must depend on its arguments alone.

Records are known by their ordinal: position in the input, after the records of earlier corpora where the stage has any.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import pyarrow as pa

Order = Literal["ordinal", "key"]

Tables = Mapping[str, pa.Table]
"""What a task returns: tables by the name of the part."""


MOST_RANGES = 1 << 20
"""Key ranges of one exchange, at most."""


class KeyRange(NamedTuple):
    """Keys whose first 8 bytes, as a big-endian number, are from `low` to `high`, both included."""

    low: int
    high: int


def marks(count: int, ordinals: Iterable[np.ndarray]) -> np.ndarray:
    """A bit for each of `count` records, set for those in any of `ordinals` (k,): (ceil(count / 8),) uint8."""
    bits = np.zeros(-(-count // 8), np.uint8)
    for each in ordinals:
        np.bitwise_or.at(bits, each >> each.dtype.type(3), np.uint8(1) << (each & each.dtype.type(7)).astype(np.uint8))
    return bits


def marked(bits: np.ndarray, ordinals: np.ndarray) -> np.ndarray:
    """Whether the bits of the records at `ordinals` (n,) are set: (n,) bool."""
    found: np.ndarray = (
        bits[(ordinals >> ordinals.dtype.type(3)).astype(np.int64)] >> (ordinals & 7).astype(np.uint8) & 1
    )
    return found.astype(bool)


def key_ranges(entries: int, entry_bytes: int, share: int) -> list[KeyRange]:
    """A power of two of equal ranges, so many that `entry_bytes` for each of `entries` evenly spread keys fit in `share`."""
    wanted = -(-entries * entry_bytes // share)
    return equal_ranges(min(MOST_RANGES, 1 << max(0, wanted - 1).bit_length()))


def equal_ranges(n: int) -> list[KeyRange]:
    """All keys, in `n` ranges of one width."""
    return [KeyRange(k * 2**64 // n, (k + 1) * 2**64 // n - 1) for k in range(n)]


class Desk(Protocol):
    """Sketches, rows and tables of rounds, whether they lie in files or in memory."""

    @property
    def bases(self) -> np.ndarray:
        """(fragments + 1,) int64: ordinal of the first record of each fragment, and the number of records."""
        ...

    @property
    def earlier(self) -> int:
        """Fragments, from the first, that belong to earlier corpora: they are compared with and never let go."""
        ...

    @property
    def share(self) -> int:
        """Bytes of memory that one task should not exceed by much."""
        ...

    def run(self, name: str, items: Iterable[Any], method: str | None = None) -> int:
        """Carry out the round `name`: the stage's method of that name, or `method`, for every item. Returns how many."""
        ...

    def table(self, name: str, number: int, part: str | None = None) -> pa.Table:
        """A table that task `number` of round `name` returned; `part` may be left out where it is called as the round."""
        ...

    def between(
        self, name: str, number: int, low: int, high: int, key: str = "key", part: str | None = None
    ) -> pa.Table:
        """Rows of such a table, which is sorted by `key`, whose keys begin with a number from `low` to `high`."""
        ...

    def size(self, name: str, number: int, part: str | None = None) -> tuple[int, int]:
        """Rows and bytes of such a table, without reading it."""
        ...

    def count(self, name: str) -> int:
        """How many tasks the round `name` had."""
        ...

    def sketch(self, fragment: int, part: str = "sketch") -> pa.Table:
        """A table that `Corpus.index` made of the sketches of `fragment`."""
        ...

    def alive(self, fragment: int) -> np.ndarray:
        """(n,) bool: records of `fragment` that no earlier step has let go."""
        ...

    def rows(self, fragment: int, wanted: np.ndarray) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
        """The records of `fragment` at the places `wanted` (k,) int64, ascending: batches, each with its places."""
        ...

    def record_ids(self, ordinals: np.ndarray) -> pa.Array:
        """Ids (binary(16)) of the records at `ordinals` (n,), in any order."""
        ...

    def ranges(self, part: str = "sketch", entry_bytes: int = 256) -> Sequence[KeyRange]:
        """Key ranges that cover all keys of `part`, few enough entries in each that `entry_bytes` for each fit in `share`."""
        ...

    def meet(
        self,
        keys: KeyRange,
        part: str = "sketch",
        by: Order = "ordinal",
        without: np.ndarray | None = None,
        among: range | None = None,
    ) -> pa.Table:
        """Entries of `part`, over all fragments or `among` some that follow one another, whose keys are in the range: with
        `ordinal` (uint64) in place of `row`.

        In the order of the input, or of the first 8 bytes of the key and then of the input. `part` has `row` (uint32) and
        is sorted by `key` (binary(16) or uint64). Records that are not alive are left out, as are those whose bits are set
        in `without` (see `marks`).
        """
        ...
