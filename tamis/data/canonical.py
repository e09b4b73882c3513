"""Rows of JSON to rows of a kind: envelope, own columns, and `meta` for all that is left.

{"id": 17, "text": "…", "lang": "en"}   ->   id "17", text "…", meta {"lang":"en"}
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.data import kinds
from tamis.data.block import RAW_BYTES, Block, bad_rows, positional, record_ids
from tamis.data.draft import Draft, only
from tamis.data.jsonl import JsonRows, error_name, error_says
from tamis.data.shapes import SHAPES, Fields, Names, keys_of, shape_of
from tamis.kernels.grammar import NULL, OBJECT, STRING
from tamis.schemas import kind
from tamis.schemas.constant import constant

MAKERS = {
    "document": kinds.document,
    "chat": kinds.chat,
    "preference": kinds.preference,
    "eval_item": kinds.eval_item,
}


class Origin(NamedTuple):
    """Where rows come from.

    name     logical name of the input file
    source   source given in the recipe, None: the row's own, else the file's name without folders and endings
    license  licence of rows that declare none
    """

    name: str
    source: str | None = None
    license: str | None = None

    @property
    def fallback(self) -> str:
        """The source of rows that name none."""
        return self.source if self.source is not None else stem(self.name)


ENDINGS = (".gz", ".zst", ".bz2", ".xz", ".jsonl", ".ndjson", ".json", ".parquet")


def stem(name: str) -> str:
    """A logical name without ENDINGS: `web/a.jsonl.gz` is `web/a`."""
    base = name
    while ending := next((e for e in ENDINGS if base.lower().endswith(e) and len(base) > len(e)), None):
        base = base[: -len(ending)]
    return base


def canonical(
    rows: JsonRows, of: str, names: Names, origin: Origin, place: np.ndarray, line: np.ndarray, lined: bool
) -> Block:
    """The good and the bad of `rows` as rows of kind `of`.

    place   (m,) int64   what tells a row from the others of its file: byte offset (then `lined`), else row number
    line    (m,) int64   line or row of the fragment it is on, from 0
    """
    fields = Fields(rows, names)
    draft = Draft(fields)
    draft.refuse(rows.error != 0, "", "")  # said in _unreadable; here so that nothing is looked for in these rows
    shape = shape_of(fields, of)
    draft.refuse(shape < 0, "", "")
    own = MAKERS[of](draft, shape)
    rows_of_kind = shape >= 0
    url, collected_at = (draft.scalar(name, rows_of_kind) for name in ("url", "collected_at"))
    native, source, license = _id(draft), _source(draft, origin), draft.scalar("license", rows_of_kind)
    if origin.license is not None:
        license = pc.if_else(pa.array(fields.has("license")), license, origin.license)
    at = positional(origin.name, place)
    record_id = record_ids(source, pc.coalesce(native, at) if native.null_count else native)
    columns = [record_id, native, source, url, license, collected_at, _meta(draft), *own]
    batch = pa.record_batch(columns, schema=kind(of).schema)
    good = draft.refused < 0
    bad = _bad(draft, of, origin, place, line, lined, at)
    if not good.all():
        batch = batch.filter(pa.array(good))
    position = np.flatnonzero(good).astype(np.uint32)
    return Block(batch, position, bad, rows.lines, rows.newlines, line[good])


def _id(draft: Draft) -> pa.StringArray:
    """The row's own key. An empty one is no key; it stays in meta."""
    text = draft.peek("id", np.ones(draft.fields.rows.lines, np.bool_))
    keyed = pc.fill_null(pc.not_equal(text, constant("")), constant(False)).to_numpy(zero_copy_only=False)
    draft.use("id", keyed | (draft.fields.type("id") == NULL))
    return only(text, keyed)


def _source(draft: Draft, origin: Origin) -> pa.StringArray:
    """The recipe's source, else the row's own where it is a string that is not empty, else the file's name."""
    m = draft.fields.rows.lines
    fallback = pa.repeat(constant(origin.fallback), m)
    if origin.source is not None or not (draft.fields.type("source") == STRING).any():
        return fallback
    text = draft.peek("source", draft.fields.type("source") == STRING)
    named = pc.fill_null(pc.not_equal(text, constant("")), constant(False))
    draft.use("source", named.to_numpy(zero_copy_only=False))
    return pc.if_else(named, text, fallback)


def _meta(draft: Draft) -> pa.StringArray:
    """All that was not taken, as one JSON object; a lone `meta` that is an object is that object."""
    rows, fields = draft.fields.rows, draft.fields
    draft.use("meta", fields.type("meta") == NULL)
    nested = fields.type("meta") == OBJECT
    if not nested.any():
        return draft.rest()
    draft.use("meta", nested)
    rest, own = draft.rest(), only(rows.text(fields.names["meta"][0]), nested)
    both = nested & rest.is_valid().to_numpy(zero_copy_only=False)
    if both.any():
        column = fields.wanted.index(fields.names["meta"][0])
        draft.used[both, column] = False
        rest = draft.rest()
        own = only(own, nested & ~both)
    return pc.coalesce(own, rest)


def _bad(
    draft: Draft, of: str, origin: Origin, place: np.ndarray, line: np.ndarray, lined: bool, at: pa.StringArray
) -> pa.RecordBatch:
    rows, bad = draft.fields.rows, np.flatnonzero(draft.refused >= 0)
    raw = [rows.raw(row)[:RAW_BYTES] for row in bad.tolist()]
    said = [_why(draft, of, row) for row in bad.tolist()]
    keys = record_ids(pa.repeat(constant(origin.fallback), len(bad)), at.take(pa.array(bad)))
    offset = place[bad] if lined else None
    return bad_rows(bad, keys, [s[0] for s in said], line[bad], offset, [s[1] for s in said], raw)


def _why(draft: Draft, of: str, row: int) -> tuple[str, str]:
    """Rule and message for a refused row."""
    rows = draft.fields.rows
    if code := int(rows.error[row]):
        return error_name(code), f"{error_says(code)} (byte {rows.error_at[row] - rows.start[row]} of the line)"
    refusal = draft.refusals[draft.refused[row]]
    return (refusal.rule, refusal.of(row)) if refusal.rule else _shapeless(draft.fields, of, row)


def _shapeless(fields: Fields, of: str, row: int) -> tuple[str, str]:
    """What is wrong with a row that has none of the shapes of its kind."""
    shapes = [s for s in SHAPES if s.kind == of]
    wanted = " or ".join(" + ".join(_named(fields, f) for f in (*s.all, *s.any[:1])) for s in shapes)
    for shape in shapes:
        for field in shape.all:
            if fields.type(field)[row] == NULL:
                name = fields.names[field][fields.which(field)[row]]
                return "null_text", f"{name!r} is null; a value was wanted"
    found = keys_of(fields.rows, row)
    other = next((s for s in SHAPES if s.kind != of and all(fields.has(f)[row] for f in s.all)), None)
    if other:
        return (
            "wrong_shape",
            f"a row of shape {other.name} ({other.kind}) with keys {found}; a {of} was wanted: {wanted}",
        )
    return "missing_text", f"keys {found}; a {of} was wanted: {wanted}"


def _named(fields: Fields, field: str) -> str:
    return "/".join(map(repr, fields.names[field])) or f"{field} (mapped to nothing)"
