"""Messages as they stand in JSON: lists of OpenAI or ShareGPT messages, a single one, or a plain string.

    [{"role": "user", "content": "…"}, {"role": "assistant", "content": null, "tool_calls": […]}]
    [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}]
    [{"role": "user", "content": [{"type": "text", "text": "…"}, {"type": "image_url", …}]}]

Content in parts becomes its texts, a line each; all else stays in the message's `extra`. There a part has, in place of its
text, the number of lines that are its own: [{"type": "text", "text": 1}, {"type": "image_url", …}]. So the parts can be told,
and a text that a stage edits stands in one place.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.data.draft import Draft, lines_of, only, with_member
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
    return lines_of(_wrap('{"it":[', text, "]}"), ("it",))


def _turns(draft: Draft, name: str, rows: JsonRows, key: str, where: np.ndarray) -> Lists:
    """The lists of messages under `key` of `rows` in `where`; `name` is what to call it."""
    offsets, inner = rows.objects(key, KEYS)
    turns = _Turns(draft, name, offsets, inner, where)
    role, content = turns.role(), turns.content()
    lists = Lists(offsets, messages(role, content, turns.extra()))
    return among(lists, where) if lists.lengths[~where].any() else lists


class _Turns:
    """n messages of m rows, as objects; `used` (n, 4) tells which of KEYS were taken, `parts` what is left of content in parts."""

    def __init__(self, draft: Draft, name: str, offsets: np.ndarray, inner: JsonRows, where: np.ndarray) -> None:
        self.draft, self.name, self.offsets, self.inner, self.where = draft, name, offsets, inner, where
        self.row = np.repeat(np.arange(len(where)), np.diff(offsets))
        self.types = [inner.type_of(key) for key in KEYS]
        self.used = np.zeros((inner.lines, len(KEYS)), np.bool_)
        self.parts: list[tuple[str, pa.StringArray]] = []
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

    def extra(self) -> pa.StringArray:
        """All that was not taken, as a JSON object; null where nothing is left."""
        rest = self.inner.rest(self.used)
        for key, left in self.parts:
            rest = with_member(rest, key, left)
        return rest

    def _said(self, k: int, here: np.ndarray) -> pa.StringArray:
        key, types = KEYS[k], self.types[k]
        for code in np.unique(types[here]):
            if code not in (ABSENT, NULL, STRING, ARRAY):
                wrong = here & (types == code)
                self.refuse(wrong, "not_text", f"has {SAYS[code]} as its {key!r}; text was wanted")
        self.used[:, k] = here & np.isin(types, (NULL, STRING, ARRAY))
        text, parts = self._string(key, here & (types == STRING)), here & (types == ARRAY)
        return pc.coalesce(text, self._in_parts(key, parts)) if parts.any() else text

    def _in_parts(self, key: str, where: np.ndarray) -> pa.StringArray:
        """The texts of content in parts, a line each: parts that are strings, or objects with a string `text`."""
        offsets, strings, lone, raw = self.inner.parts(key)
        _, objects = self.inner.objects(key, ("text",))
        texts, half = objects.strings("text")
        said = pc.coalesce(strings, texts)
        lines = pc.add(pc.count_substring(said, "\n"), 1).cast(pa.string())
        fewer = with_member(objects.rest(("text",)), "text", pc.if_else(texts.is_valid(), lines, None))
        left = pc.if_else(strings.is_valid(), lines, pc.if_else(texts.is_valid(), fewer, raw))
        self.parts.append((key, only(_wrap("[", _joined(left, offsets, ","), "]"), where)))
        half_pairs = np.concatenate([[0], np.cumsum(lone | half)])[offsets]
        self._refuse_half(where & (np.diff(half_pairs) > 0), key)
        before = np.concatenate([[0], np.cumsum(said.is_valid())])[offsets]
        return only(_joined(said.drop_null(), before, "\n"), where)

    def _string(self, key: str, where: np.ndarray) -> pa.StringArray:
        text, lone = self.inner.strings(key)
        self._refuse_half(where & lone, key)
        return only(text, where)

    def _refuse_half(self, where: np.ndarray, key: str) -> None:
        says = f"has half a surrogate pair in its {key!r}, which no UTF-8 text can hold"
        self.refuse(where, "lone_surrogate", says)


def _joined(texts: pa.StringArray, offsets: np.ndarray, between: str) -> pa.StringArray:
    """The lists `texts[offsets[i]:offsets[i + 1]]` as one string each."""
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), texts), between)


def _wrap(before: str, texts: pa.StringArray, after: str) -> pa.StringArray:
    return pc.binary_join_element_wise(before, texts, after, "")
