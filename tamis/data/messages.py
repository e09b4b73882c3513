"""Lists of messages, put together a column at a time.

`Lists` holds the messages of m rows end to end; those of row i are `values[offsets[i]:offsets[i + 1]]`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.schemas.rows import MESSAGE, MESSAGES


class Lists(NamedTuple):
    """Messages of m rows. offsets (m + 1,) int32, from 0; values: MESSAGE structs, exactly `offsets[-1]` of them."""

    offsets: np.ndarray
    values: pa.StructArray

    @property
    def lengths(self) -> np.ndarray:
        """(m,) int32: messages of each row."""
        return np.diff(self.offsets)

    def column(self) -> pa.ListArray:
        """As a column of a chat or preference."""
        return pa.ListArray.from_arrays(pa.array(self.offsets, pa.int32()), self.values, type=MESSAGES)


def messages(role: pa.Array | str, content: pa.Array, extra: pa.Array | None = None) -> pa.StructArray:
    """MESSAGE structs of their parts, n of each."""
    role = pa.repeat(role, len(content)) if isinstance(role, str) else role
    extra = pa.nulls(len(content), pa.string()) if extra is None else extra
    return pa.StructArray.from_arrays([role, content, extra], fields=list(MESSAGE))


def offsets_of(lengths: np.ndarray) -> np.ndarray:
    """(m + 1,) int32: where each of m lists begins and the last ends."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)


def single(role: str, content: pa.StringArray) -> Lists:
    """One message in each row whose `content` is not null."""
    valid = content.is_valid().to_numpy(zero_copy_only=False)
    return Lists(offsets_of(valid), messages(role, content.drop_null()))


def weave(*parts: Lists) -> Lists:
    """Row by row the messages of all `parts`, one after the other."""
    some = [part for part in parts if len(part.values)] or [parts[0]]
    if len(some) == 1:
        return some[0]
    offsets = offsets_of(np.add.reduce([part.lengths for part in some]))
    order = np.empty(offsets[-1], np.int64)
    at, base = offsets[:-1].astype(np.int64), 0
    for part in some:
        # Message k of this part's row goes to the row's place in the result, behind what earlier parts put there.
        order[np.repeat(at - part.offsets[:-1], part.lengths) + np.arange(len(part.values))] = base + np.arange(
            len(part.values)
        )
        at, base = at + part.lengths, base + len(part.values)
    return Lists(offsets, pa.concat_arrays([part.values for part in some]).take(pa.array(order)))


def pick(lists: Lists, start: np.ndarray, stop: np.ndarray) -> Lists:
    """Of each row the messages from `start` up to `stop`, both (m,) and counted in the row."""
    lengths = (stop - start).astype(np.int32)
    offsets = offsets_of(lengths)
    order = np.repeat(lists.offsets[:-1] + start - offsets[:-1], lengths) + np.arange(offsets[-1])
    return Lists(offsets, lists.values.take(pa.array(order)))


def among(lists: Lists, rows: np.ndarray) -> Lists:
    """`lists` in `rows`, (m,) bool, and none elsewhere."""
    return pick(lists, np.zeros(len(rows), np.int32), lists.lengths * rows)


def shared(left: Lists, right: Lists) -> np.ndarray:
    """(m,) int32: how many messages at the beginning of each row are equal in both."""
    most = np.minimum(left.lengths, right.lengths)
    offsets = offsets_of(most)
    row = np.repeat(np.arange(len(most)), most)
    place = np.arange(offsets[-1]) - offsets[row]
    one, other = (lists.values.take(pa.array(lists.offsets[row] + place)) for lists in (left, right))
    differ = np.zeros(len(row), np.bool_)
    for name in MESSAGE.names:
        pair = [pc.fill_null(pc.struct_field(values, name), "\0") for values in (one, other)]
        differ |= pc.not_equal(*pair).to_numpy(zero_copy_only=False)
    first: np.ndarray = most.copy()
    np.minimum.at(first, row[differ], place[differ].astype(first.dtype))
    return first


def dialogue(strings: pa.StringArray) -> Lists:
    """Conversations as hh-rlhf writes them: "\\n\\nHuman: …\\n\\nAssistant: …"; any other string, or null, has none."""
    spoken = pc.fill_null(pc.starts_with(strings, "\n\nHuman:"), False).to_numpy(zero_copy_only=False)
    turns = pc.split_pattern(pc.if_else(pa.array(spoken), strings, ""), "\n\nHuman:")
    # A turn is what the human said and then all the assistant said; before the first stands nothing.
    row = np.repeat(np.arange(len(strings)), pc.list_value_length(turns).to_numpy())
    begins = np.concatenate([[True], row[1:] != row[:-1]]) if len(row) else np.zeros(0, np.bool_)
    row = row[~begins]
    parts = pc.split_pattern(turns.flatten().filter(pa.array(~begins)), "\n\nAssistant:")
    sizes = pc.list_value_length(parts).to_numpy()
    human = np.zeros(sizes.sum(), np.bool_)
    human[np.cumsum(sizes) - sizes] = True
    content = pc.replace_substring_regex(parts.flatten(), r"^ ", "")
    lengths = np.bincount(np.repeat(row, sizes), minlength=len(strings))
    return Lists(offsets_of(lengths), messages(pc.if_else(pa.array(human), "user", "assistant"), content))
