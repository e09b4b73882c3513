"""Private data: found in every text of a row, and taken out, or the row with it.

    pii@1: {}                                                       <EMAIL_ADDRESS> for every finding
    pii@1: {operator: pseudonym, key_env: PII_KEY}                  the same value is the same pseudonym everywhere
    pii@1: {operators: {US_SSN: redact}, on: [texts, url, meta]}    another operator for one entity; other fields, too
    pii@1: {actions: {SECRET: drop, US_SSN: quarantine}}            the row goes
    pii@1: {actions: {PHONE_NUMBER: drop}, density: 0.2}            the row goes where a fifth of it is that

The ledger has entity, place and score of each finding, and a keyed digest of it where there is a key: never what was found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.curate.pii.detector import ENTITIES, Detector
from tamis.curate.pii.fields import parts_of, put_back
from tamis.curate.pii.named import check_known, check_marks
from tamis.curate.pii.noted import SCORES, Noted
from tamis.curate.pii.operators import Operator, Operators
from tamis.curate.pii.pseudonym import check_digest, read_key
from tamis.curate.pii.scrub import Span, scrub
from tamis.curate.pii.twice import find_twice
from tamis.errors import UsageError
from tamis.schemas import ENVELOPE, KINDS
from tamis.schemas._field import field
from tamis.stage import Rule, Stage, decisions, first_broken

Action = Literal["edit", "drop", "quarantine"]
UNSEARCHED = "unsearched"

_TURN = Lock()

ALSO = ("url", "meta")
FIELDS = ("texts", *(text for kind in KINDS.values() for text in kind.texts), *ALSO)
"""What can be named in `on`."""


@dataclass(frozen=True)
class Pii(Stage):
    """Take out what names or reaches a person, or opens a door: addresses, numbers, keys.

    entities     what is looked for; None: EMAIL_ADDRESS, PHONE_NUMBER, CREDIT_CARD, IBAN_CODE, public IP_ADDRESS, US_SSN,
                 CRYPTO and SECRET
    threshold    score (0–1) from which a finding counts
    packs        countries, by two letters, whose numbers are looked for, too
    recognisers  a YAML file of recognisers in Presidio's form
    ner          a spaCy model that finds names, by name, path or name==version; True: the first that is installed
    operator     what is put in the place of a finding: see tamis.curate.pii.operators
    operators    another operator for some entities
    actions      entity to edit (by default), drop or quarantine: what becomes of a row that holds it
    density      share of the characters looked at (0–1) above which a row goes by its action; below, it is edited
    key_env      environment variable that holds the key of pseudonyms and digests
    key_file     or a file that does; keep both away from the data
    seed         what surrogates are drawn with where there is no key
    on           fields: texts (all text fields of the kind), any of them, url, meta (with what messages hold beside
                 their content); None: texts
    """

    entities: tuple[str, ...] | None = None
    threshold: float = 0.4
    packs: tuple[str, ...] = ()
    recognisers: str | None = None
    ner: bool | str = False
    operator: Operator = "tag"
    operators: dict[str, Operator] | None = None
    actions: dict[str, Action] | None = None
    density: float = 0.0
    key_env: str | None = None
    key_file: str | None = None
    seed: int = 0
    on: str | tuple[str, ...] | None = None

    name: ClassVar[str] = "pii"
    edits: ClassVar[bool] = True
    holds_gil: ClassVar[bool] = True
    hides: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name in ("threshold", "density"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"pii: {name} is {getattr(self, name)!r}; it must be from 0 to 1")
        for name in ("entities", "recognisers", "ner", "key_env", "key_file", "on"):
            if getattr(self, name) in ("", (), []):
                raise UsageError(f"pii: {name} is empty; leave it out, or say what it is")
        self._checked("operators", self.operators or {}, get_args(Operator))
        self._checked("actions", self.actions or {}, get_args(Action))
        if self.operator not in get_args(Operator):
            raise UsageError(f"pii: operator is {self.operator!r}; it can be {', '.join(get_args(Operator))}")
        keyless = self.key_env is None and self.key_file is None
        if keyless and "pseudonym" in (self.operator, *(self.operators or {}).values()):
            raise UsageError(
                "pii: pseudonyms need a key; name the environment variable (key_env) or the file (key_file) that holds it"
            )
        if isinstance(self.on, list):
            object.__setattr__(self, "on", tuple(self.on))
        if not {*self.fields} <= {*FIELDS}:
            raise UsageError(f"pii: on is {self.on!r}; it can name {', '.join(FIELDS)}")

    @property
    def processes_from(self) -> int:  # type: ignore[override]
        """Presidio takes 4 seconds of CPU to import: as long as 35 MB of web text, or 100 kB with a model for names."""
        return 1 << 20 if self.ner else 64 << 20

    @property
    def fields(self) -> tuple[str, ...]:
        """`on` as a list."""
        return (self.on,) if isinstance(self.on, str) else ("texts",) if self.on is None else self.on

    @property
    def reads(self) -> pa.Schema:
        """The fields of `on`."""
        own = [f.with_type(pa.null()) for kind in KINDS.values() for f in kind.fields if f.name in self.fields]
        return pa.schema([*own, *self.writes])

    @property
    def writes(self) -> pa.Schema:
        """Those beside the texts: they are edited, too."""
        return pa.schema([f for f in ENVELOPE if f.name in ALSO and f.name in self.fields])

    @property
    def scores(self) -> pa.Schema:
        """What was found, and how much of it there is of each entity that can let a row go."""
        own = [field(f"in_{e}", pa.int32(), f"Code points in findings of {e}.", False) for e in self._going]
        return pa.schema([*SCORES, *own])

    @property
    def rules(self) -> tuple[Rule, ...]:
        """An edit for every entity, and for those with another action a bound of their density."""
        going = [
            Rule(f"dense_{e}", action, f"in_{e}", "<=", self.density, "chars", f"share of the text that is {e}")
            for e, action in self._going.items()
        ]
        edits = [Rule(e, "edit", says="taken out of the text") for e in self._entities]
        return (*edits, Rule(UNSEARCHED, "quarantine", says="a recogniser failed on it"), *going)

    @property
    def files(self) -> tuple[str, ...]:
        """The user's own recognisers. A key is none of them: not even its sha256 is stored."""
        return (self.recognisers,) if self.recognisers else ()

    @property
    def stands_on(self) -> dict[str, str]:
        """The key, as a digest that only tells it from others, and what finds."""
        return {**({"key": check_digest(self._key)} if self._key else {}), **_versions(self._detector)}

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The fields without what was found in them; where that was, and how much."""
        found, put = Noted(batch.num_rows, self._going), self._operators
        columns = {}
        for name, parts in parts_of(batch, self.fields).items():
            scrubbed = [scrub(part.strings, self.find, put.replace, put.mark) for part in parts]
            for part, done in zip(parts, scrubbed, strict=True):
                found.add(part, done, put)
            changed = any(done.spans for done in scrubbed)
            column = batch.column(name)
            columns[name] = put_back(column, parts, [done.strings for done in scrubbed]) if changed else column
        return pa.record_batch({**columns, **found.columns()})

    def decide(self, scores: pa.RecordBatch) -> pa.RecordBatch:
        """An edit with its spans for every row in which something was found; then, who goes."""
        rules = scores.column("entities")
        edited = np.flatnonzero(rules.is_valid().to_numpy(zero_copy_only=False)).astype(np.uint32)
        at = pa.array(edited)
        spans, evidence = scores.column("spans").take(at), scores.column("evidence").take(at)
        count = scores.column("findings").take(at).to_numpy(zero_copy_only=False)
        found = decisions(edited, rules.take(at), count, spans, evidence)
        unsearched = scores.column("failures")
        failed = np.flatnonzero(unsearched.is_valid().to_numpy(zero_copy_only=False)).astype(np.uint32)
        gone = first_broken([r for r in self.rules if r.keep is not None], scores)
        gone = gone.filter(pc.invert(pc.is_in(gone.column("row"), pa.array(failed))))
        why = unsearched.take(pa.array(failed))
        aside = decisions(failed, [UNSEARCHED] * len(failed), evidence=why)
        both = pa.Table.from_batches([found, aside, gone]).unify_dictionaries().combine_chunks()
        return both.to_batches()[0] if both.num_rows else found

    def tell(self, scores: Iterator[pa.RecordBatch]) -> dict[str, Any]:
        """Findings by entity, and records with any."""
        found, records = Counter[str](), 0
        for batch in scores:
            labels = pc.value_counts(pc.struct_field(pc.list_flatten(batch.column("spans")), "label"))
            found.update({entry["values"]: entry["counts"] for entry in labels.to_pylist()})
            records += pc.sum(pc.greater(batch.column("findings"), 0)).as_py() or 0
        return {"found": dict(sorted(found.items())), "records_with_findings": records}

    def find(self, strings: pa.StringArray) -> tuple[list[tuple[int, Span]], list[tuple[int, str]]]:
        """What is found in `strings`, as they stand and as they are read; as `scrub` wants it."""
        return find_twice(self._found, strings)

    def _found(self, strings: pa.StringArray) -> tuple[list[tuple[int, Span]], list[tuple[int, str]]]:
        # One at a time: it holds the GIL all the same, and Presidio's time limit for a regex is one for the whole process.
        with _TURN:
            found, failures = self._detector.find(strings)
        columns = [found.column(name).to_pylist() for name in ("row", "start", "stop", "entity", "score")]
        spans = [(row, Span(*span)) for row, *span in zip(*columns, strict=True)]
        why = [f"{f['recogniser']}: {f['reason']}" for f in failures.to_pylist()]
        return spans, list(zip(failures.column("row").to_pylist(), why, strict=True))

    @property
    def _detector(self) -> Detector:
        ner = str(self.base / self.ner) if isinstance(self.ner, str) and (self.base / self.ner).is_dir() else self.ner
        return _detector(self.entities or ENTITIES, self.threshold, self.packs, self._own, ner)

    @property
    def _entities(self) -> list[str]:
        """Every entity that may be found; those by default are known without asking the recognisers, which takes seconds.

        Raises UsageError where a parameter names another.
        """
        wanted = self.entities or ENTITIES
        if self.packs or self.recognisers or self.ner or not {*wanted} <= {*ENTITIES}:
            wanted = tuple(entity for one in self._detector.asked for entity in one.entities)
        known = sorted({*wanted})
        check_marks(known)
        check_known("actions", self.actions or (), known)
        check_known("operators", self.operators or (), known)
        return known

    @property
    def _going(self) -> dict[str, Action]:
        return {e: action for e, action in sorted((self.actions or {}).items()) if action != "edit"}

    @cached_property
    def _own(self) -> tuple[Own, ...]:
        paths = [self.base / self.recognisers] if self.recognisers else []
        return tuple(Own(path, path.stat().st_mtime_ns if path.exists() else 0) for path in paths)

    @cached_property
    def _key(self) -> bytes | None:
        return read_key(self.key_env, self.key_file, self.base)

    @cached_property
    def _operators(self) -> Operators:
        return Operators(self.operator, self.operators or {}, self._key, self.seed)

    def _checked(self, name: str, given: Mapping[str, str], choices: Iterable[str]) -> None:
        for entity, choice in given.items():
            if choice not in choices:
                raise UsageError(f"pii: {name} has {choice!r} for {entity}; it can be {', '.join(choices)}")


class Own(NamedTuple):
    """A file of recognisers, as it was when it was last changed."""

    path: Path
    changed: int


@lru_cache(8)
def _detector(
    entities: tuple[str, ...], threshold: float, packs: tuple[str, ...], own: tuple[Own, ...], ner: bool | str
) -> Detector:
    """A detector made once for a process: Presidio takes seconds to import. The stage itself is sent to other processes."""
    recognisers = tuple(one.path for one in own)
    return Detector(entities=entities, threshold=threshold, packs=packs, recognisers=recognisers, ner=ner)


def _versions(detector: Detector) -> dict[str, str]:
    """What finds. Raises ExtraMissing where it is not installed."""
    assert detector.asked, "a detector without recognisers finds nothing"
    names = ("presidio-analyzer", "phonenumbers", "bc-detect-secrets", "spacy")
    return {name: version(name) for name in names} | ({"model": detector.model.label} if detector.ner else {})
