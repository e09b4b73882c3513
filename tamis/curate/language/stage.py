"""language: which language a text is in, who stays by it.

    language@1: {}                                     write it down, let nothing go
    language@1: {keep: [en], min_confidence: 0.5}      English, and surely so
    language@1: {drop: [zxx], unknown: drop}           anything that is language at all
    language@1: {keep: [de], windows: 4, min_agreement: 0.75}    and not German in its first lines only

Language and confidence are stored, so that other lists and thresholds can be tried without the text.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.curate.language.detectors import CODES, METHODS, UNKNOWN, Method, detect, nearest, versions, windows_of
from tamis.errors import UsageError
from tamis.kernels.langid import NOTHING
from tamis.schemas import joined
from tamis.schemas._field import field
from tamis.stage import Rule, Stage, decisions, first_broken

Policy = Literal["keep", "drop", "quarantine"]
MOST_WINDOWS = 64


@dataclass(frozen=True)
class Language(Stage):
    """Write the language of every text to the column `language`, and let only those of some languages stay.

    method          `py3langid`, or `cld2`, which is quicker and less sure of English
    keep            languages that stay, as ISO 639 codes; `zh` stands for `zh-Hant` too. Empty: all
    drop            languages that go; stronger than `keep`
    min_confidence  how sure the detector must be, 0 to 1
    unknown         what becomes of a text of which it cannot be told
    chars           characters that are looked at, from the beginning; of each window where there are several
    windows         parts of the text that are looked at: the first, the last and others evenly between them
    min_agreement   share of the windows that must say the same
    min_letters     fewer of them tell nothing: `und`; a letter of a script without spaces counts as three
    on              field or fields whose text it is about; None: all texts of the row, joined
    """

    method: Method = "py3langid"
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    min_confidence: float = 0.0
    unknown: Policy = "keep"
    chars: int = 500
    windows: int = 1
    min_agreement: float = 0.0
    min_letters: int = 10
    on: str | tuple[str, ...] | None = None

    name: ClassVar[str] = "language"
    writes: ClassVar[pa.Schema] = pa.schema(
        [field("language", pa.string(), "ISO 639 code of the language; und where it cannot be told.")]
    )
    scores: ClassVar[pa.Schema] = pa.schema(
        [
            field("language", pa.string(), "ISO 639 code of the language; und where it cannot be told."),
            field("confidence", pa.float64(), "How sure the detector is, 0 to 1, to four places."),
            field("agreeing", pa.uint8(), "Windows that say so."),
            field("windows", pa.uint8(), "Windows with letters enough to say anything."),
        ]
    )
    measured_by: ClassVar[frozenset[str]] = frozenset(("method", "chars", "windows", "min_letters", "on"))

    def __post_init__(self) -> None:
        for name in ("keep", "drop"):
            given = getattr(self, name)
            given = (given,) if isinstance(given, str) else tuple(given)
            object.__setattr__(self, name, given)
            for code in given:
                self._check(name, code)
        if isinstance(self.on, list):
            object.__setattr__(self, "on", tuple(self.on))
        if self.method not in METHODS:
            raise UsageError(f"language: method is {self.method!r}; it can be {', '.join(METHODS)}")
        if self.unknown not in get_args(Policy):
            raise UsageError(f"language: unknown is {self.unknown!r}; it can be {', '.join(get_args(Policy))}")
        for name in ("min_confidence", "min_agreement"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"language: {name} is {getattr(self, name)!r}; it is a share, from 0 to 1")
        for name, low, high in (("chars", 20, 1_000_000), ("windows", 1, MOST_WINDOWS), ("min_letters", 1, 1_000_000)):
            if not low <= getattr(self, name) <= high:
                raise UsageError(f"language: {name} is {getattr(self, name)!r}; it must be from {low:,} to {high:,}")

    def _check(self, name: str, code: str) -> None:
        """Raises UsageError where no text could ever be `code`: `keep` would then drop all."""
        if code == UNKNOWN:
            raise UsageError(f"language: {name} has {code!r}; the parameter `unknown` says what becomes of such texts")
        known = {c for whole in CODES[self.method] for c in (whole, primary(whole))} if self.method in CODES else {code}
        if code not in known:
            meant = nearest(code, known)
            hint = f"; did you mean {meant!r}?" if meant else "."
            raise UsageError(
                f"language: {name} has {code!r}, which {self.method} does not know{hint} It answers with ISO 639 codes "
                f"such as en, de, zh: {' '.join(sorted(known))}"
            )

    @property
    def stands_on(self) -> dict[str, str]:
        """The version of the detector. Raises ExtraMissing where it is not installed."""
        return versions(self.method)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """In the order in which they are asked; of an unknown language only the first is."""
        asked = []
        if self.unknown != "keep":
            asked.append(Rule("unknown", self.unknown, says="the language cannot be told"))
        asked.append(
            Rule("min_confidence", "drop", "confidence", ">=", self.min_confidence, says="How sure the detector is")
        )
        asked.append(
            Rule(
                "min_agreement", "drop", "agreeing", ">=", self.min_agreement, "windows", "Share of windows that say so"
            )
        )
        if self.drop:
            asked.append(Rule("drop", "drop", says="the language is one of `drop`"))
        if self.keep:
            asked.append(Rule("keep", "drop", says="the language is none of `keep`"))
        return tuple(asked)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The language of each row, how sure that is, and how many windows say so."""
        strings = joined(batch, self.on)
        cut = windows_of(strings, self.chars, self.windows)
        told = (cut.starts >= 0) & (cut.letters >= self.min_letters)
        label, sure = np.full(told.shape, NOTHING, np.int64), np.zeros(told.shape)
        label[told], sure[told] = detect(self.method, cut.data, cut.starts[told], cut.stops[told], cut.odd[told])
        best, confidence, agreeing = elected(label, sure, told)
        codes = pa.array([*CODES[self.method], UNKNOWN])
        languages = codes.take(pa.array(np.where(best == NOTHING, len(codes) - 1, best)))
        counts = (pa.array(n.astype(np.uint8)) for n in (agreeing, told.sum(axis=1)))
        return pa.record_batch([languages, pa.array(np.round(confidence, 4)), *counts], schema=self.scores)

    def decide(self, scores: pa.RecordBatch) -> pa.RecordBatch:
        """Who goes, under which rule; evidence holds the language, the value is the confidence."""
        language = scores.column("language").fill_null("").dictionary_encode()
        codes: list[str] = language.dictionary.to_pylist()
        index = language.indices.to_numpy()
        unknown = np.array([code == UNKNOWN for code in codes], np.bool_)[index]
        measured = np.array([code != "" for code in codes], np.bool_)[index]
        names = [rule.id for rule in self.rules]
        which = np.full(len(index), -1, np.int64)
        for rule in self.rules:
            if rule.id == "unknown":
                broken = unknown
            elif rule.column:
                broken = np.zeros(len(index), np.bool_)
                broken[first_broken([rule], scores).column("row").to_numpy()] = True
                broken &= ~unknown
            else:
                listed = self.keep if rule.id == "keep" else self.drop
                found = [code in listed or primary(code) in listed for code in codes]
                broken = (np.array(found, np.bool_)[index] == (rule.id == "drop")) & ~unknown & measured
            which[broken & (which < 0)] = names.index(rule.id)
        rows = np.flatnonzero(which >= 0)
        rule_ids = pa.DictionaryArray.from_arrays(pa.array(which[rows], pa.int16()), pa.array(names, pa.string()))
        said = pa.array([json.dumps({"language": code}) for code in codes], pa.string()).take(pa.array(index[rows]))
        values = scores.column("confidence").fill_null(0.0).to_numpy(zero_copy_only=False)[rows]
        return decisions(rows.astype(np.uint32), rule_ids, values, evidence=said)

    def tell(self, scores: Iterator[pa.RecordBatch]) -> dict[str, Any]:
        """Records by language, the most first: as they came, and as the run kept them."""
        came, kept = Counter[str](), Counter[str]()
        for batch in scores:
            for count, rows in ((came, batch), (kept, batch.filter(batch.column("kept")))):
                for entry in pc.value_counts(rows.column("language").drop_null()).to_pylist():
                    count[entry["values"]] += entry["counts"]
        return {"languages": _sorted(came), "kept_by_language": _sorted(kept)}


def primary(code: str) -> str:
    """A code without script and region: zh of zh-Hant."""
    return code.partition("-")[0]


def elected(label: np.ndarray, sure: np.ndarray, told: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the windows of each row say together: label, confidence and how many windows say so, each (n,).

    The label with the highest sum of confidences, the earliest among equals; that sum over all windows told.
    label (n, w) int64; sure (n, w) float64; told (n, w) bool: windows with letters enough
    """
    label = np.where(told, label, NOTHING)
    if label.shape[1] == 1:
        return label[:, 0], np.where(label[:, 0] == NOTHING, 0.0, sure[:, 0]), (label[:, 0] != NOTHING).astype(np.int64)
    sums, votes = np.zeros(label.shape), np.zeros(label.shape, np.int64)
    for k in range(label.shape[1]):
        same = (label == label[:, k : k + 1]) & (label != NOTHING)
        sums[:, k], votes[:, k] = (sure * same).sum(axis=1), same.sum(axis=1)
    # What has votes but no confidence still comes before what has none.
    at = np.argmax(sums + 1e-9 * (votes > 0), axis=1)[:, None]
    best, total, agreeing = (np.take_along_axis(a, at, axis=1)[:, 0] for a in (label, sums, votes))
    return best, total / np.maximum(told.sum(axis=1), 1), agreeing


def _sorted(count: Counter[str]) -> dict[str, int]:
    return dict(sorted(count.items(), key=lambda item: (-item[1], item[0])))
