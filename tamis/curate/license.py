"""Which licences a row may come under.

    license@1: {allow: [MIT, Apache-2.0, CC-BY-*]}     only these
    license@1: {deny: ["*-NC-*", "*-ND-*"]}            anything but these

The declared licence becomes an SPDX expression (tamis.licenses.spdx) and is judged part by part: of a choice (OR) the best
part counts, of a sum (AND) the worst. `X WITH exception` is judged as X, unless `allow` has just that: an exception only
grants more. A LicenseRef is no licence anybody else knows: it is unknown unless `allow` or `deny` names it. Without
`allow`, every licence that SPDX knows and `deny` does not name may stay.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import ClassVar, Literal, TypeVar, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.errors import UsageError
from tamis.licenses.spdx import canonical, fold, parse, permissiveness
from tamis.schemas import ENVELOPE
from tamis.schemas._field import field
from tamis.stage import Rule, Stage, decisions

T = TypeVar("T")
Policy = Literal["quarantine", "drop", "keep"]

DENIED, NOT_ALLOWED, UNKNOWN, ALLOWED = range(4)
"""How a licence stands, worst to best; so the best of a choice is its maximum."""

MISSING = 4


@dataclass(frozen=True)
class License(Stage):
    """Let only rows under the right licences through, and write their licence as an SPDX expression.

    allow    SPDX ids or usual spellings; * stands for anything. Empty: every known licence
    deny     likewise; stronger than `allow`
    unknown  what becomes of a row whose licence nobody knows
    missing  what becomes of a row without one: missing does not mean free
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    unknown: Policy = "quarantine"
    missing: Policy = "quarantine"

    name: ClassVar[str] = "license"
    reads: ClassVar[pa.Schema] = pa.schema([ENVELOPE.field("license")])
    writes: ClassVar[pa.Schema] = pa.schema([ENVELOPE.field("license")])
    scores: ClassVar[pa.Schema] = pa.schema(
        [
            field("expression", pa.string(), "SPDX expression; what was declared where it is none; null: nothing was."),
            field("declared", pa.string(), "What was declared, where that was written otherwise."),
        ]
    )

    def __post_init__(self) -> None:
        for name in ("allow", "deny"):
            given = getattr(self, name)
            given = (given,) if isinstance(given, str) else tuple(given)
            object.__setattr__(self, name, given)
            for entry in given:
                _id(name, entry)
        for name in ("unknown", "missing"):
            if getattr(self, name) not in get_args(Policy):
                raise UsageError(f"license: {name} is {getattr(self, name)!r}; it can be {', '.join(get_args(Policy))}")

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that can send a row away; evidence holds the licence."""
        rules = [
            Rule("denied", "drop", says="the licence is one of `deny`"),
            Rule("not_allowed", "drop", says="the licence is none of `allow`"),
        ]
        if self.unknown != "keep":
            rules.append(Rule("unknown", self.unknown, says="the licence is not known to SPDX, nor named in `allow`"))
        if self.missing != "keep":
            rules.append(Rule("missing", self.missing, says="there is no licence"))
        return tuple(rules)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The licence as an SPDX expression, and as it was declared."""
        declared = batch.column("license")
        expression = pa.array(_each(declared, lambda text: canonical(text) or text.strip() or None), pa.string())
        same = pc.fill_null(pc.equal(expression, declared), False)
        columns = {"license": expression, "expression": expression}
        return pa.record_batch(columns | {"declared": pc.if_else(same, pa.scalar(None, pa.string()), declared)})

    def decide(self, scores: pa.RecordBatch) -> pa.RecordBatch:
        """Who goes, under which rule."""
        expression = scores.column("expression")
        standing = np.array([MISSING if s is None else s for s in _each(expression, self.standing)], np.int8)
        codes = {"denied": DENIED, "not_allowed": NOT_ALLOWED, "unknown": UNKNOWN, "missing": MISSING}
        names = [rule.id for rule in self.rules]
        which = np.full(MISSING + 1, -1, np.int16)
        which[[codes[name] for name in names]] = np.arange(len(names))
        rows = np.flatnonzero(which[standing] >= 0)
        rule = pa.DictionaryArray.from_arrays(pa.array(which[standing[rows]]), pa.array(names, pa.string()))
        evidence = _each(
            expression.take(pa.array(rows)), lambda text: json.dumps({"license": text}, ensure_ascii=False)
        )
        return decisions(rows.astype(np.uint32), rule, evidence=pa.array(evidence, pa.string()))

    def standing(self, expression: str) -> int:
        """DENIED, NOT_ALLOWED, UNKNOWN or ALLOWED."""
        tree = parse(expression)
        return UNKNOWN if tree is None else fold(tree, self._leaf)

    def _leaf(self, id: str, full: str) -> int:
        allow, deny = self._patterns
        if id != full and full in allow:
            return ALLOWED
        if any(fnmatchcase(name, pattern) for name in (id, full) for pattern in deny):
            return DENIED
        if any(fnmatchcase(id, pattern) for pattern in allow):
            return ALLOWED
        if id.startswith("LicenseRef-"):
            return UNKNOWN
        return NOT_ALLOWED if allow else ALLOWED

    @cached_property
    def _patterns(self) -> tuple[list[str], list[str]]:
        return [_id("allow", entry) for entry in self.allow], [_id("deny", entry) for entry in self.deny]


def ranks(licenses: pa.Array) -> np.ndarray:
    """How much every licence permits, from 6 (public domain) to 0 (unknown or none): (n,) float64."""
    return np.array([rank or 0 for rank in _each(licenses, permissiveness)], np.float64)


def _id(name: str, entry: str) -> str:
    """`entry` of `allow` or `deny` as an SPDX id or pattern."""
    if "*" in entry:
        return entry
    found = canonical(entry)
    if found is None or " OR " in found or " AND " in found:
        raise UsageError(
            f"license: {name} has {entry!r}, which is no SPDX licence id; see https://spdx.org/licenses, "
            "write a pattern with *, or LicenseRef-NAME for a licence of your own"
        )
    return found


def _each(column: pa.Array, of: Callable[[str], T]) -> list[T | None]:
    """`of` every text in `column`, asked once for each that differs; None where it is null."""
    coded = column.dictionary_encode()
    answers = [None if text is None else of(text) for text in coded.dictionary.to_pylist()]
    return [None if code is None else answers[code] for code in coded.indices.to_pylist()]
