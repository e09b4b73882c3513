"""What a profile says of a dataset, before it is a page, JSON or lines on a terminal."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tamis.report.facts import Aside, Histogram, Measure

DAMAGED = "input was damaged, what could be read of it was: "
"""How the warning of a file begins that breaks off."""


@dataclass(frozen=True)
class Count:
    """How often something is there. `share` is 0–1."""

    name: str
    rows: int
    share: float
    says: str = ""


@dataclass(frozen=True)
class Estimate:
    """A share (0–1) or a density. `low` to `high` is its 95 % interval; None: all were counted. `n`: records looked at."""

    value: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Family:
    """A quality stage: records it would drop with its defaults, and those that each of its rules would drop alone."""

    name: str
    rows: int
    share: float
    rules: tuple[Count, ...]


@dataclass(frozen=True)
class Field:
    """One text field of the kind: characters of it in a record and, where it is a list, how many parts there are."""

    name: str
    chars: Histogram
    parts: Histogram | None


@dataclass(frozen=True)
class Alike:
    """Near-duplicates: records that `near` would drop, of those that are no exact duplicates.

    share    where it was sampled, `low` allows for pairs that chance parted, and `high` makes up for them
    rows     dropped, of `of` that were compared; groups of records that are alike, and the size of the largest
    rate     share of the records that were compared: 1 where all were
    """

    threshold: float
    share: Estimate
    rows: int
    of: int
    groups: int
    largest: int
    rate: float


@dataclass(frozen=True)
class Languages:
    """Records by language, most frequent first; `unsure`: those told with a confidence under one half."""

    counts: tuple[Count, ...]
    unsure: Count


@dataclass(frozen=True)
class Profane:
    """Records with listed words, those `profanity` would drop with its defaults, and listed words in a million."""

    lists: str
    hit: Count
    dropped: Count
    per_million: float


@dataclass(frozen=True)
class Entity:
    """One kind of private data: how much was found, in a million words, and in which share of the records."""

    name: str
    findings: int
    per_million: Estimate
    records: Estimate


@dataclass(frozen=True)
class Private:
    """Private data and secrets in the sample. No value is in it. `unsearched`: texts that a recogniser failed on."""

    entities: tuple[Entity, ...]
    records: Estimate
    words: int
    unsearched: int


@dataclass(frozen=True)
class Topic:
    """A cluster of the sample.

    keeps    share (0–1) of its records that all quality families would keep
    chars    median length of its records
    x, y, r  where it stands on the map, and its radius, in units of the map
    """

    number: int
    rows: int
    share: Estimate
    terms: tuple[str, ...]
    sources: tuple[Count, ...]
    keeps: float
    chars: int
    x: float
    y: float
    r: float


@dataclass(frozen=True)
class Topics:
    """What the sample is about. `by`: what texts were compared by. `outside`: records without a word to go by."""

    by: str
    topics: tuple[Topic, ...]
    outside: int


@dataclass(frozen=True)
class Shown:
    """A record and the beginning of its text. `text` None: it could not be read again."""

    record_id: str
    id: str | None
    source: str
    chars: int
    text: str | None
    why: tuple[str, ...]
    language: str | None = None
    topic: int | None = None


@dataclass(frozen=True)
class Sample:
    """Records drawn by their ids: `n` of `of`. `clip`: characters of a text that are looked at; `clipped`: longer ones."""

    n: int
    of: int
    clip: int
    clipped: int

    @property
    def is_all(self) -> bool:
        """Nothing was left out."""
        return self.n == self.of


@dataclass(frozen=True)
class Missing:
    """A section that is not there, and what to do about it."""

    section: str
    why: str


@dataclass(frozen=True)
class Profile:
    """What a dataset holds.

    name        of its file, or how many there are
    rows        in, readable, unreadable, duplicates (beyond the first of each), of those readable
    lengths     characters of a record: min, 5 %, median, 95 %, max; None where there is none
    licences    of all readable records, most frequent first; "" is none declared
    measured    records the families were asked about
    passes      of these, records that every family would keep
    scrubbed    whether private data in the texts that are shown was replaced by tags
    missing     sections that are None, and why
    """

    tamis: str
    name: str
    kind: str
    shapes: dict[str, int]
    files: int
    bytes: int
    rows: dict[str, int]
    unreadable: tuple[Count, ...]
    aside: tuple[Aside, ...]
    lengths: tuple[float, ...] | None
    length: Histogram | None
    fields: tuple[Field, ...]
    sources: tuple[Count, ...]
    licences: tuple[Count, ...]
    languages: Languages | None
    near: Alike
    measured: int
    passes: int
    families: tuple[Family, ...]
    measures: tuple[Measure, ...]
    profanity: Profane
    sample: Sample
    private: Private | None
    topics: Topics | None
    oddest: tuple[Shown, ...]
    to_read: tuple[Shown, ...]
    scrubbed: bool
    missing: tuple[Missing, ...]
    warnings: tuple[str, ...]

    @property
    def damaged(self) -> bool:
        """Whether a part of the input could not be read: all that is told is of the rest."""
        return any(warning.startswith(DAMAGED) for warning in self.warnings)

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)
