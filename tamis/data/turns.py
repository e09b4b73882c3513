"""Messages as they stand in JSON: lists of OpenAI or ShareGPT messages, a single one, or a plain string.

    [{"role": "user", "content": "…"}, {"role": "assistant", "content": null, "tool_calls": […]}]
    [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}]
    [{"role": "user", "content": [{"type": "text", "text": "…"}, {"type": "image_url", …}]}]

Content in parts becomes its texts, a line each, and stays as it was in the message's `extra`, as all else does.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.data.draft import Draft, lines_of, only
from tamis.data.jsonl import JsonRows
from tamis.data.messages import Lists, among, messages, single, weave
from tamis.data.shapes import SAYS
from tamis.kernels.grammar import ABSENT, ARRAY, NULL, OBJECT, STRING

KEYS = ("role", "content", "from", "value")
ROLE, CONTENT, FROM, VALUE = range(4)

ROLES = {"human": "user", "gpt": "assistant"}
"""ShareGPT's names of the two who speak; other roles stay as declared."""


def said(draft: Draft, field: str, role: str, rows: np.ndarray) -> Lists:
    """The messages under `field` in `rows`, (m,) bool: a list, one message, or a string said by `role`."""
    kinds = draft.fields.type(field)
    listed, alone = rows & (kinds == ARRAY), rows & (kinds == OBJECT)
    text = draft.string(field, rows & ~listed & ~alone)
    parts = [single(role, text)]
    for k, name in enumerate(draft.fields.names[field]):
        which = draft.fields.which(field) == k
        if (listed & which).any():
            parts.append(_turns(draft, name, draft.fields.rows, name, listed & which))
        if (alone & which).any():
            parts.append(_turns(draft, name, _wrapped(draft.fields.rows, name, alone & which), "it", alone & which))
    draft.use(field, listed | alone)
    return weave(*parts)


def _wrapped(rows: JsonRows, name: str, alone: np.ndarray) -> JsonRows:
    """Rows {"it": [message]} of the single messages under `name`; rows that have none are empty."""
    text = only(rows.text(name), alone)
    return lines_of(pc.binary_join_element_wise('{"it":[', text, "]}", ""), ("it",))


def _turns(draft: Draft, name: str, rows: JsonRows, key: str, where: np.ndarray) -> Lists:
    """The lists of messages under `key` of `rows` in `where`; `name` is what to call it."""
    offsets, inner = rows.objects(key, KEYS)
    turns = _Turns(draft, name, offsets, inner, where)
    role, content = turns.role(), turns.content()
    lists = Lists(offsets, messages(role, content, inner.rest(turns.used)))
    return among(lists, where) if lists.lengths[~where].any() else lists


class _Turns:
    """n messages of m rows, as objects; `used` (n, 4) tells which of KEYS were taken."""

    def __init__(self, draft: Draft, name: str, offsets: np.ndarray, inner: JsonRows, where: np.ndarray) -> None:
        self.draft, self.name, self.offsets, self.inner, self.where = draft, name, offsets, inner, where
        self.row = np.repeat(np.arange(len(where)), np.diff(offsets))
        self.types = [inner.type_of(key) for key in KEYS]
        self.used = np.zeros((inner.lines, len(KEYS)), np.bool_)
        self.refuse(
            inner.error != 0, "bad_message", "is not an object with 'role' and 'content', or has one of them twice"
        )

    def refuse(self, elements: np.ndarray, rule: str, *says: str) -> None:
        """Refuse the rows of `elements`, (n,) bool; `says` goes on from "message 3 of 'messages'"."""
        if not elements.any():
            return
        at, first = np.unique(self.row[elements], return_index=True)
        place = dict(zip(at.tolist(), (np.flatnonzero(elements)[first] - self.offsets[at] + 1).tolist(), strict=True))
        rows = np.zeros(len(self.where), np.bool_)
        rows[at] = True
        self.draft.refuse(
            rows & self.where, rule, lambda row: f"message {place[row]} of {self.name!r} {' '.join(says)}"
        )

    def role(self) -> pa.StringArray:
        """Who speaks: `role` as it stands, else `from` as ROLES translates it."""
        declared = self.types[ROLE] == STRING
        named = ~declared & (self.types[FROM] == STRING)
        self.refuse(~declared & ~named, "bad_message", "has no 'role' (or 'from') that is a string")
        self.used[:, ROLE], self.used[:, FROM] = declared, named
        role = self._string("role", declared)
        if not named.any():
            return role
        spoken = self._string("from", named)
        for theirs, ours in ROLES.items():
            spoken = pc.if_else(pc.equal(spoken, theirs), ours, spoken)
        return pc.coalesce(role, spoken)

    def content(self) -> pa.StringArray:
        """What is said: `content`, else `value`; null where neither is there, as in a call of a tool."""
        second = (self.types[CONTENT] <= NULL) & (self.types[VALUE] > NULL)
        found = [self._said(CONTENT, ~second)]
        if second.any():
            found.append(self._said(VALUE, second))
        return pc.coalesce(*found)

    def _said(self, k: int, here: np.ndarray) -> pa.StringArray:
        key, types = KEYS[k], self.types[k]
        for code in np.unique(types[here]):
            if code not in (ABSENT, NULL, STRING, ARRAY):
                wrong = here & (types == code)
                self.refuse(wrong, "not_text", f"has {SAYS[code]} as its {key!r}; text was wanted")
        self.used[:, k] = here & ((types == STRING) | (types == NULL))
        text, parts = self._string(key, here & (types == STRING)), here & (types == ARRAY)
        return pc.coalesce(text, only(_parts(self.inner, key), parts)) if parts.any() else text

    def _string(self, key: str, where: np.ndarray) -> pa.StringArray:
        text, lone = self.inner.strings(key)
        self.refuse(
            where & lone, "lone_surrogate", f"has half a surrogate pair in its {key!r}, which no UTF-8 text can hold"
        )
        return only(text, where)


def _parts(rows: JsonRows, key: str) -> pa.StringArray:
    """The texts of content in parts, a line each: parts that are strings, or objects with a string `text`."""
    offsets, inner = rows.objects(key, ("type", "text"))
    kept = inner.type_of("text") == STRING
    before = np.concatenate([[0], np.cumsum(kept)])
    texts = inner.strings("text")[0].filter(pa.array(kept))
    lists = pa.ListArray.from_arrays(pa.array(before[offsets], pa.int32()), texts)
    plain = rows.list_of_strings(key)
    strings = pc.fill_null(pc.greater(pc.list_value_length(plain), 0), False)
    return pc.binary_join(pc.if_else(strings, plain, lists), "\n")
