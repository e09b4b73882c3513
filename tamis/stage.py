"""Stage, Corpus and Derive: the three shapes all curation is made of.

A stage never drops a row and never opens a file. It measures (`measure`: text to numbers and new columns) and decides
(`decide`: numbers to decisions). The engine splits and edits, the ledger remembers. Because `decide` sees only what is
stored, a run can be replayed under other thresholds without the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.schemas import DECISION
from tamis.schemas.ids import by_key
from tamis.schemas.ledger import Action
from tamis.schemas.rows import RECORD_ID

if TYPE_CHECKING:
    from tamis.bench import Bench
    from tamis.desk import Desk, Tables

NOTHING = pa.schema([])

Keep = Literal[">=", "<=", ">", "<", "=="]


class Rule(NamedTuple):
    """One reason for a decision: what stays has `column / per  keep  threshold`.

    `per` divides, so that a ratio is stored as two whole numbers and compares exactly; anything over 0 counts as 0.
    """

    id: str
    action: Action
    column: str | None = None
    keep: Keep | None = None
    threshold: float | None = None
    per: str | None = None
    says: str = ""


class Feature(NamedTuple):
    """Columns computed once from a batch and shared by every stage that names them, until its text changes.

    `compute` maps the joined text of each row (string array, no nulls) to a batch of columns in the same order.
    """

    name: str
    compute: Callable[[pa.StringArray], pa.RecordBatch]


@dataclass(frozen=True)
class Stage:
    """Row-wise work. Its fields are its parameters: its `repr` is its ledger line and YAML is its constructor."""

    name: ClassVar[str] = ""
    version: ClassVar[int] = 1
    reads: ClassVar[pa.Schema] = NOTHING
    """Columns it needs beside the text; the type null stands for any."""
    writes: ClassVar[pa.Schema] = NOTHING
    """Columns it adds to the data."""
    scores: ClassVar[pa.Schema] = NOTHING
    """Numbers it measures, kept for every record so that a run can be replayed."""
    features: ClassVar[tuple[Feature, ...]] = ()
    """Shared columns it takes its numbers from; a batch given to `measure` has them under their own names."""
    edits: ClassVar[bool] = False
    """True where `measure` may return text fields anew; the engine compares and hashes them."""
    measured_by: ClassVar[frozenset[str]] = frozenset()
    """Parameters that change what is measured: under another value a replay has nothing to go by."""
    holds_gil: ClassVar[bool] = False
    """True where it is Python through and through: the engine then gives it processes instead of threads."""
    hides: ClassVar[bool] = False
    """True where what it takes out must not be guessed from the ledger: no verdict of its own, nor of a step before it,
    has a hash of the text as it was. A hash tells which of a few likely texts it was made of."""
    processes_from: ClassVar[int] = 0
    """Bytes of input from which processes are worth their start, where it holds the GIL; below that, threads have to do."""
    gpus: ClassVar[float] = 0.0
    """GPUs that a task of it asks for where the cluster has any; 0.25: four tasks share one."""
    leaves: ClassVar[tuple[str, ...]] = ()
    """Files of its own that it leaves in the run, each made by `leave`."""
    base: ClassVar[Path] = Path()
    """Folder that relative paths among its parameters start at: that of the recipe, where there is one."""

    @property
    def files(self) -> tuple[str, ...]:
        """Files and folders it reads beside the data, as its parameters name them; their digests belong to the recipe."""
        return ()

    @property
    def stands_on(self) -> dict[str, str]:
        """What its answers depend on and no parameter says, by name: the digest of a key, the version of a model.

        Asked for before a row moves, noted in run.json; where one of them changed, a resume is refused.
        """
        return {}

    def at(self, base: Path) -> Stage:
        """The stage, its relative paths starting at `base`. Not a parameter: the same recipe elsewhere is the same."""
        object.__setattr__(self, "base", base)
        return self

    @property
    def label(self) -> str:
        """Name and version: `near@1`."""
        return f"{self.name}@{self.version}"

    @property
    def params(self) -> dict[str, Any]:
        """Every parameter with its value."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules it decides by, in the order in which they are asked."""
        return ()

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Columns of `writes` and `scores`, and edited text fields, for every row of `batch`, in order.

        By default the columns of `scores` as the features left them.
        """
        return batch.select(self.scores.names)

    def decide(self, scores: pa.RecordBatch) -> pa.RecordBatch:
        """DECISION rows for the rows of `scores` that do not stay as they are: by default the first rule broken."""
        return first_broken(self.rules, scores)

    def leave(self, name: str, scores: Iterator[pa.RecordBatch]) -> pa.Table:
        """The table of the file `name` of `leaves`, from `record_id`, `kept` and the scores of all records, in order."""
        raise NotImplementedError

    def tell(self, scores: Iterator[pa.RecordBatch]) -> dict[str, Any]:
        """What run.json and the report should say of all that was measured, as JSON can hold it; `scores` as for `leave`."""
        return {}

    def blind(self, was: Stage) -> set[str]:
        """Parameters that differ from those of `was`, the same stage, and under which a replay has nothing to go by."""
        return {name for name in self.measured_by if self.params[name] != was.params[name]}

    def __call__(self, data: Any) -> tuple[Any, pa.Table]:
        """Sieve `data` (Arrow table, Polars frame or HF `Dataset`): what is kept, in its own type, and the verdicts."""
        from tamis.engine.direct import apply

        return apply(self, data)


@dataclass(frozen=True)
class Corpus(Stage):
    """Work that must see all rows: a small `sketch` of each, then `settle` on what no row can tell alone.

    Most need one exchange by key and write `resolve` only. What takes several rounds writes `settle`.
    """

    sketches: ClassVar[pa.Schema] = pa.schema([pa.field("key", RECORD_ID)])
    """Columns of a sketch. `key` (16 bytes, evenly spread; null: not compared) says who meets whom."""
    stored: ClassVar[bool] = True
    """Whether sketches go to scores/, so that a run can be replayed; if not, only records that are still in are sketched."""
    revisits: ClassVar[bool] = False
    """True where it goes over the rows again, with `revisit`, when it has settled."""
    links: ClassVar[bool] = False
    """True where it has `edges`, which go to edges/ so that a run can be replayed without sketches."""

    @property
    def earlier(self) -> tuple[str, ...]:
        """Earlier corpora to compare with, as its parameters name them: files, folders, runs or snapshots."""
        return ()

    def sketch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """One row of `sketches` for every row of `batch`, in order."""
        raise NotImplementedError

    def index(self, sketched: pa.Table) -> Tables:
        """What is kept of the sketches of one fragment: tables by name, as `Desk.sketch` and `Desk.meet` find them.

        `sketched` has `row` (uint32, place in the fragment), `record_id`, `alive` and the columns of `sketches`.
        By default one, "sketch", sorted by key.
        """
        return {"sketch": by_key(sketched)}

    def settle(self, desk: Desk) -> None:
        """Carry out the rounds. The tasks of one named "resolved" return RESOLUTION rows: the records that go."""
        desk.run("resolved", desk.ranges())

    def resolved(self, desk: Desk, number: int, keys: Any) -> Tables:
        """Resolve the records whose keys are in one range."""
        return {"resolved": self.resolve(desk.meet(keys))}

    def resolve(self, sketches: pa.Table) -> pa.Table:
        """RESOLUTION rows for the records that do not stay.

        `sketches` has `ordinal` (uint64, position in the input, ascending), `record_id` and the columns of `self.sketches`;
        rows that share a key are all in it. The answer must not depend on which other keys are.
        """
        raise NotImplementedError

    def revisit(self, batch: pa.RecordBatch, ordinal: np.ndarray, desk: Desk) -> pa.RecordBatch:
        """As `measure`, for records at the positions `ordinal` (n,) int64, once `settle` is done; `decide` comes after it."""
        raise NotImplementedError

    def edges(self, desk: Desk) -> pa.Table | pa.RecordBatchReader:
        """What links records, once `settle` is done: `left` and `right` (int64, positions in the input) and more, in order."""
        raise NotImplementedError

    def regroup(self, edges: pa.Table, alive: np.ndarray) -> np.ndarray:
        """Positions (k,) int64 of the records that go, by the edges of a run; alive (n,) bool: which are still in."""
        raise NotImplementedError

    def facts(self, desk: Desk) -> dict[str, Any]:
        """What run.json should say of how it went, as JSON can hold it; the same however the work was cut."""
        return {}


class Made(NamedTuple):
    """Some of what a deriving stage makes, in the order of the seeds.

    rows      columns of the kind made, of `writes` and of `scores`; `record_id` as `schemas.ids.derived_id` gives it
    lineage   LINEAGE: an edge for every parent of every row, a seed or another row made; `snapshot` is null
    outcomes  OUTCOME: what became of each seed that is done with, in order
    requests  REQUEST, `step` as it likes: the engine fills it in; None: no model was asked
    """

    rows: pa.RecordBatch
    lineage: pa.Table
    outcomes: pa.RecordBatch
    requests: pa.Table | None = None


@dataclass(frozen=True)
class Derive(Stage):
    """Work that makes new rows of rows, its seeds. The new ones go through the stages after it, and count as derived.

    `writes` are columns that every row made has beside those of its kind. `scores` are numbers of the rows made; they are
    stored, and `rules` and `decide` are applied to the rows at this very step: what breaks a rule counts as made and as
    dropped. A recipe names it with `keep_seeds: true`, where it has that parameter, to have the seeds stay in, too.
    """

    takes: ClassVar[tuple[str, ...]] = ("document",)
    """Kinds of row it takes as seeds."""
    decided_by: ClassVar[frozenset[str]] = frozenset()
    """Parameters that its rules alone use: under other values of these a run can be replayed."""

    def makes(self, kind: str) -> str:
        """Kind of the rows that it makes of seeds of `kind`: by default the same."""
        return kind

    @property
    def keeps_seeds(self) -> bool:
        """Whether seeds stay in beside what is made of them: the parameter `keep_seeds`, where it has one."""
        return bool(getattr(self, "keep_seeds", False))

    def blind(self, was: Stage) -> set[str]:
        """All that differ but those of `decided_by`: other rows would be made."""
        return {name for name, value in self.params.items() if value != was.params[name]} - self.decided_by

    def derive(self, seeds: Iterator[pa.RecordBatch], bench: Bench) -> Iterator[Made]:
        """What is made of all `seeds`, in their order, whatever order answers come in; an outcome for every one.

        Called once, in the driving process, with the rows that are still in. How the seeds are cut into batches must not
        be seen in what it makes. It may be called again after a crash: what it paid for before is to be had for nothing.
        """
        raise NotImplementedError


RESOLUTION = pa.schema(
    [
        pa.field("ordinal", pa.uint64(), False),
        pa.field("rule", pa.dictionary(pa.int16(), pa.string()), False),
        pa.field("value", pa.float32()),
        pa.field("peer_id", RECORD_ID),
    ]
)
"""What a Corpus says of records, by their position in the input. A column `evidence` (string, JSON) may follow."""


def decisions(
    rows: np.ndarray,
    rules: pa.Array | Sequence[str],
    values: np.ndarray | None = None,
    spans: pa.Array | None = None,
    evidence: pa.Array | None = None,
) -> pa.RecordBatch:
    """A DECISION batch. rows (n,) uint32; rules n names or a dictionary array; values (n,) numbers or None."""
    n = len(rows)
    if not isinstance(rules, pa.Array):
        rules = pa.array(rules, pa.string())
    if not pa.types.is_dictionary(rules.type):
        rules = rules.dictionary_encode()
    columns = [
        pa.array(rows, pa.uint32()),
        rules.cast(DECISION.field("rule").type),
        pa.nulls(n, pa.float32()) if values is None else pa.array(values, pa.float32(), from_pandas=True),
        pa.nulls(n, DECISION.field("spans").type) if spans is None else spans,
        pa.nulls(n, pa.string()) if evidence is None else evidence,
    ]
    return pa.record_batch(columns, schema=DECISION)


def by_rule(rule: str, n: int) -> pa.DictionaryArray:
    """The column `rule` of `n` decisions or resolutions by one rule."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int16)), pa.array([rule], pa.string()))


_BREAKS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    ">=": np.less,
    "<=": np.greater,
    ">": np.less_equal,
    "<": np.greater_equal,
    "==": lambda measured, threshold: (measured < threshold) | (measured > threshold),
}
"""What breaks a rule. Nothing does where nothing was measured: any comparison with nan is false."""


def first_broken(rules: Sequence[Rule], scores: pa.RecordBatch) -> pa.RecordBatch:
    """For each row the first of `rules` that it breaks, with the value it broke it by; a null or nan breaks none."""
    n = scores.num_rows
    rule = np.full(n, -1, np.int16)
    value = np.zeros(n)
    columns: dict[str, np.ndarray] = {}
    for k, r in enumerate(rules):
        measured = ratio(r, scores, columns)
        broken = _BREAKS[r.keep](measured, r.threshold) & (rule < 0)  # type: ignore[index, arg-type]
        if broken.any():
            rule[broken], value[broken] = k, measured[broken]
    rows = np.flatnonzero(rule >= 0).astype(np.uint32)
    names = pa.DictionaryArray.from_arrays(
        pa.array(rule[rows], pa.int16()), pa.array([r.id for r in rules], pa.string())
    )
    return decisions(rows, names, value[rows])


def ratio(rule: Rule, scores: pa.RecordBatch, columns: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """What `rule` compares, for every row of `scores`: (n,) float64, nan where it was not measured.

    `columns` keeps what is read of `scores` for the next rule.
    """
    columns = {} if columns is None else columns
    for name in filter(None, (rule.column, rule.per)):
        if name not in columns:
            columns[name] = scores.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
    top = columns[rule.column or ""]
    if rule.per is None:
        return top
    bottom = columns[rule.per]
    share: np.ndarray = np.divide(top, bottom, out=np.where(np.isnan(top), np.nan, 0.0), where=bottom != 0)
    return share
