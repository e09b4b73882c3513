"""A record beside the one it lost to: their texts as the step that decided saw them, as far as they can be had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from tamis.errors import ColumnMissing, InputError
from tamis.kernels.hash import xxh64
from tamis.runs.passages import Passage, passages
from tamis.runs.records import Records
from tamis.schemas import joined, text_fields

LAST = 256
"""Above every step."""


@dataclass(frozen=True)
class Comparison:
    """Two texts that a step held against each other.

    peer_id, id  the record it lost to, and that row's own id
    says         which texts are compared, in words; or why they cannot be
    passages     what both share and where they differ; None where the texts cannot be had, () where they are the same
    """

    peer_id: str
    id: str | None
    says: str
    passages: tuple[Passage, ...] | None


class Text(NamedTuple):
    """A text, which one it is in words, and whether it is the text that the step saw."""

    text: str
    which: str
    is_seen: bool


def compare(records: Records, step: dict[str, Any], record_id: bytes, peer_id: bytes) -> Comparison:
    """The texts of two records as `step` (of run.json) compared them."""
    own = records.own_id(peer_id)
    try:
        here, there = _texts(records, step, record_id, peer_id)
    except (InputError, ColumnMissing) as wrong:
        return Comparison(peer_id.hex(), own, f"their texts cannot be compared: {wrong}", None)
    which = f"this text {here.which}, the other {there.which}"
    told = passages(here.text, there.text) if here.text != there.text else []
    return Comparison(peer_id.hex(), own, which, tuple(told))


def _texts(records: Records, step: dict[str, Any], *pair: bytes) -> list[Text]:
    """The text of both: as the step saw it or, where one of them cannot be had so, both as they came in.

    One as it came in beside one that was changed would show the change as a difference.
    """
    on = step["params"].get("on")
    seen = [_as_held(records, step["step"], i, on) or _as_read(records, step["step"], i, on) for i in pair]
    if all(text.is_seen for text in seen):
        return seen
    return [_as_it_came(records, step["step"], i, on) for i in pair]


def _as_held(records: Records, step: int, record_id: bytes, on: Any) -> Text | None:
    """The text that came out of the run, where no step changed it from this one on."""
    stored = records.held(record_id)
    if stored is None or len(_edits(records, record_id, LAST)) > len(_edits(records, record_id, step)):
        return None
    return Text(_text(stored.row, on), "as kept" if stored.where == "data/" else "as set aside", True)


def _as_read(records: Records, step: int, record_id: bytes, on: Any) -> Text:
    """The text that came in, changed as it was before this step where that can be done again. Raises InputError."""
    came = _as_it_came(records, step, record_id, on)
    before = _edits(records, record_id, step)
    if not before:
        return came._replace(is_seen=True)
    stored = records.read(record_id)
    edited = records.edited(stored.row, step)
    if edited is None or int(xxh64(joined(edited))[0]) != before[-1]["after_hash"]:
        return came
    return Text(_text(edited, on), f"as read from {stored.where} and changed by {_stages(before)}", True)


def _as_it_came(records: Records, step: int, record_id: bytes, on: Any) -> Text:
    """The text that came in. Raises InputError."""
    stored, before = records.read(record_id), _edits(records, record_id, step)
    changed = f", before {_stages(before)} changed it" if before else ""
    return Text(_text(stored.row, on), f"as read from {stored.where}{changed}", False)


def _edits(records: Records, record_id: bytes, before: int) -> list[dict[str, Any]]:
    """Verdicts of steps before one that changed a record."""
    return [v for v in records.verdicts(record_id) if v["action"] == "edit" and v["step"] < before]


def _stages(verdicts: list[dict[str, Any]]) -> str:
    return " and ".join(verdict["stage"] for verdict in verdicts)


def _text(row: pa.RecordBatch, on: Any) -> str:
    names = text_fields(row.schema, on)
    for name in names:
        held = row.schema.field(name).type
        if not (pa.types.is_string(held) or pa.types.is_list(held)):
            raise InputError(f"{name} is no text")
    return str(joined(row, names)[0])
