"""Arrow values of any type as JSON text, a column at a time.

    {"n": 1.0, "when": "2026-10-02T00:00:00Z", "tags": ["a", null], "raw": {"base64": "/w=="}}

Numbers keep every digit (a decimal is a number); nan and the infinities, which JSON lacks, become null. Dates and times
are ISO 8601 strings, a time with a zone in UTC and marked Z; a duration is a count with its unit, "90s". Binary is a
string where it is UTF-8 and {"base64": …} where it is not. A map with string keys is an object, any other a list of
{"key": …, "value": …}. What Arrow holds beside these (intervals, unions) is the string Python makes of it.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.kernels.quote import quote


def encode(array: pa.Array) -> pa.StringArray:
    """Every value of `array` as JSON text; a null is the text null."""
    array = _plain(array)
    text = _encode(array)
    return pc.if_else(array.is_valid(), text, "null") if array.null_count else text


def members(names: list[str], columns: list[pa.Array]) -> pa.StringArray:
    """One JSON object a row, with a member for each of `columns`; at least one column."""
    parts: list[Any] = []
    for k, (name, column) in enumerate(zip(names, columns, strict=True)):
        parts += [("," if k else "{") + json.dumps(name, ensure_ascii=False) + ":", encode(column)]
    return pc.binary_join_element_wise(*parts, "}", "")


def _plain(array: pa.Array) -> pa.Array:
    """`array` without what stands between it and its values: extension, dictionary, runs."""
    if isinstance(array, pa.ExtensionArray):
        return _plain(array.storage)
    if pa.types.is_dictionary(array.type):
        return _plain(array.dictionary_decode())
    if pa.types.is_run_end_encoded(array.type):
        return _plain(pc.run_end_decode(array))
    return array


def _encode(array: pa.Array) -> pa.StringArray:
    """`array` as JSON text, anything where it is null."""
    kind = array.type
    if pa.types.is_null(kind):
        return pa.repeat(pa.scalar("null"), len(array))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return quote(array)
    if pa.types.is_string_view(kind):
        return quote(array.cast(pa.large_string()))
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return array.cast(pa.string())
    if pa.types.is_floating(kind):
        return _floats(array)
    if pa.types.is_temporal(kind) and not pa.types.is_interval(kind):
        return _times(array)
    if pa.types.is_struct(kind):
        if kind.num_fields == 0:
            return pa.repeat(pa.scalar("{}"), len(array))
        return members([f.name for f in kind], [pc.struct_field(array, [k]) for k in range(kind.num_fields)])
    if pa.types.is_map(kind):
        return _map(array)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return _binary(array)
    if pa.types.is_binary_view(kind):
        return _binary(array.cast(pa.large_binary()))
    if hasattr(kind, "value_type"):
        return _join(array, encode(array.flatten()), "[", "]")
    return pa.array([json.dumps(str(value)) for value in array.to_pylist()], pa.string())


def _floats(array: pa.Array) -> pa.StringArray:
    array = array.cast(pa.float32()) if pa.types.is_float16(array.type) else array
    return pc.if_else(pc.fill_null(pc.is_finite(array), False), array.cast(pa.string()), "null")


def _times(array: pa.Array) -> pa.StringArray:
    if pa.types.is_duration(array.type):
        return pc.binary_join_element_wise('"', array.cast(pa.int64()).cast(pa.string()), array.type.unit + '"', "")
    zone = pa.types.is_timestamp(array.type) and array.type.tz is not None
    # Without its zone the value is UTC, which needs no time zone database to be told.
    text = (array.cast(pa.timestamp(array.type.unit)) if zone else array).cast(pa.string())
    return pc.binary_join_element_wise('"', pc.replace_substring(text, " ", "T"), 'Z"' if zone else '"', "")


def _binary(array: pa.Array) -> pa.StringArray:
    array = array.cast(pa.binary(), safe=True) if pa.types.is_fixed_size_binary(array.type) else array
    quoted = quote(array)
    try:
        quoted.validate(full=True)
    except pa.ArrowInvalid:
        return pa.array([_one_binary(value) for value in array.to_pylist()], pa.string())
    return quoted


def _one_binary(value: bytes | None) -> str:
    try:
        return json.dumps((value or b"").decode(), ensure_ascii=False)
    except UnicodeDecodeError:
        return json.dumps({"base64": base64.b64encode(value or b"").decode()}, separators=(",", ":"))


def _map(array: pa.Array) -> pa.StringArray:
    entry = pa.struct([pa.field("key", array.type.key_type), pa.field("value", array.type.item_type)])
    array = array.cast(pa.list_(entry))
    entries = array.flatten()
    keys, items = pc.struct_field(entries, [0]), pc.struct_field(entries, [1])
    if not (pa.types.is_string(keys.type) or pa.types.is_large_string(keys.type)):
        return _join(array, members(["key", "value"], [keys, items]), "[", "]")
    return _join(array, pc.binary_join_element_wise(encode(keys), encode(items), ":"), "{", "}")


def _join(lists: pa.Array, values: pa.StringArray, opens: str, closes: str) -> pa.StringArray:
    """One text for each of `lists`; `values` are the texts of `lists.flatten()`, which leaves null lists out."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, values), ",")
    return pc.binary_join_element_wise(opens, joined, closes, "")
