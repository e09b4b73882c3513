"""What a report says of a run, before it is HTML, Markdown or JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from tamis.report.yields import Yield


@dataclass(frozen=True)
class Bin:
    """One column of a histogram: from `low` to `high`, how many stay and how many go. low = high: just that value."""

    low: float
    high: float
    stay: int
    go: int


@dataclass(frozen=True)
class Histogram:
    """How a number is distributed over records. The outermost bins also hold what lies beyond them.

    scale      linear or log
    whole      True where all values are whole numbers
    closed     which end of a bin belongs to it: left or right
    measured   records it was measured in, of `read`; `total` is the size of the run, which is more where only some
               row groups were read
    quantiles  min, 5 %, median, 95 %, max
    """

    scale: Literal["linear", "log"]
    whole: bool
    closed: Literal["left", "right"]
    bins: tuple[Bin, ...]
    measured: int
    read: int
    total: int
    quantiles: tuple[float, float, float, float, float]


@dataclass(frozen=True)
class Example:
    """A record a rule decided about.

    why     why this one is shown, where there is more to say than that it was drawn
    origin  input file and number of the record in it; "" where it was kept
    peer    the record it lost to
    text    beginning of its text, or where the run does not hold that, of its peer's; None where it holds neither
    """

    record_id: str
    why: str
    value: float | None
    origin: str
    id: str | None
    source: str | None
    peer: str | None
    text: str | None


@dataclass(frozen=True)
class RuleFacts:
    """One rule of a step: it decided about `rows` records, and alone would do so about `beyond` of `measured`."""

    id: str
    anchor: str
    fate: str
    says: str
    stays: str
    threshold: float | None
    rows: int
    share: float
    beyond: int | None = None
    measured: int | None = None
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True)
class Limit:
    """A threshold to draw: `rule` lets a record stay where its value is `keep` `threshold`."""

    rule: str
    keep: str
    threshold: float


@dataclass(frozen=True)
class Measure:
    """A number measured of records, how it is distributed and where the rules draw their lines."""

    name: str
    says: str
    limits: tuple[Limit, ...]
    histogram: Histogram


@dataclass(frozen=True)
class Reason:
    """Why records left a step, or were edited there."""

    rule: str
    anchor: str
    fate: str
    rows: int
    share: float


@dataclass(frozen=True)
class StepFacts:
    """One step of the recipe. Shares are of the records that came into the step."""

    step: int
    stage: str
    anchor: str
    params: dict[str, Any]
    rows: dict[str, int]
    edited: int
    reasons: tuple[Reason, ...]
    rules: tuple[RuleFacts, ...]
    measures: tuple[Measure, ...]
    facts: dict[str, Any]
    """What the stage itself says of how it went."""


@dataclass(frozen=True)
class SourceFacts:
    """What became of the records of one source, or of `sources` of them together; `lost` is the share that is not kept.

    rows  in, kept, dropped, quarantined; erased, where any record of the run was
    """

    source: str
    rows: dict[str, int]
    lost: float
    sources: int = 1


@dataclass(frozen=True)
class Aside:
    """Lines and records set aside by one rule of one step, with the first few."""

    step: int
    stage: str
    rule: str
    anchor: str
    rows: int
    share: float
    first: tuple[AsideRow, ...]


@dataclass(frozen=True)
class AsideRow:
    """One line or record set aside, as far as it could be read."""

    where: str
    message: str
    content: str | None


@dataclass(frozen=True)
class Summary:
    """Everything a report says. `notes` tells what could not be shown, and why."""

    name: str
    kind: str
    tamis: str
    rows: dict[str, int]
    shapes: dict[str, int]
    warnings: tuple[str, ...]
    contract: dict[str, Any] | None
    digests: dict[str, str]
    steps: tuple[StepFacts, ...]
    sources: tuple[SourceFacts, ...]
    lengths: Histogram | None
    aside: tuple[Aside, ...]
    inputs: tuple[dict[str, Any], ...]
    files: tuple[dict[str, Any], ...]
    versions: dict[str, str]
    environment: dict[str, Any]
    varies: dict[str, Any]
    notes: tuple[str, ...]
    made: tuple[Yield, ...] = ()
