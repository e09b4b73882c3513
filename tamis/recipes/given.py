"""What deriving stages made in a run, given to another run of the same recipe on the same input: no model is asked again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.bench import Bench
from tamis.data.parquet import read_table
from tamis.engine.emit import edges_name
from tamis.engine.made import Source
from tamis.errors import InputError
from tamis.schemas import LINEAGE, OUTCOME, REQUEST
from tamis.schemas.derived import of_seed
from tamis.stage import Derive, Made

NOTHING = pa.RecordBatch.from_pylist([], schema=pa.schema([]))

BATCH = 1 << 13
"""Rows made that are given at once."""


@dataclass(frozen=True)
class Given:
    """What was made, as a run left it.

    folder    holds derived/ and lineage/ of the run
    verdicts  files of its verdicts
    erased    whether records were erased from it since: of seeds that it does not know nothing is made
    """

    folder: Path
    verdicts: tuple[Path, ...]
    erased: bool = False

    @classmethod
    def of(cls, run: Path) -> Given:
        """What the run at `run` made."""
        return cls(run, tuple(sorted((run / "verdicts").glob("*.parquet"))))

    def parts(self, step: int) -> list[Path]:
        """Files of the rows made at `step`."""
        return sorted((self.folder / "derived").glob(f"{step:03d}-part-*.parquet"))

    def source(self, step: int, stage: Derive) -> Source:
        """What `stage`, at `step`, made: called in the place of its `derive`."""
        return partial(self._made, step, stage)

    def _of_step(self, what: str, step: int, schema: pa.Schema) -> pa.Table:
        path = self.folder / what / edges_name(step)
        return read_table(path) if path.is_file() else schema.empty_table()

    def _made(self, step: int, stage: Derive, seeds: Iterator[pa.RecordBatch], bench: Bench) -> Iterator[Made]:
        told = _told(self.verdicts, step)
        known = told.column("record_id").combine_chunks()
        edges, requests = self._of_step("lineage", step, LINEAGE), self._of_step("requests", step, REQUEST)
        for batch in seeds:
            ids = batch.column("record_id")
            at = pc.index_in(ids, known)
            if at.null_count and not self.erased:
                raise InputError(
                    f"{stage.label} was given {at.null_count:,} seeds that the run at {self.folder} did not have: the input, or "
                    "what is done to it before, is not the same"
                )
            yield Made(NOTHING, LINEAGE.empty_table(), _outcomes(ids, told.take(at)))
        yield Made(NOTHING, edges, NOTHING, requests)
        for part in self.parts(step):
            with pq.ParquetFile(part) as file:
                for rows in file.iter_batches(BATCH):
                    yield Made(rows, LINEAGE.empty_table(), NOTHING)


def _told(verdicts: tuple[Path, ...], step: int) -> pa.Table:
    """Verdicts about the seeds of `step`: those by the rules that the engine gives them."""
    wanted = [("step", "=", step)]
    columns = ["record_id", "rule", "value", "evidence"]
    tables = [pq.read_table(part, columns=columns, filters=wanted) for part in verdicts]
    whole = pa.concat_tables([t.set_column(1, "rule", t.column("rule").cast(pa.string())) for t in tables])
    rule = whole.column("rule")
    ours = [name for name in rule.unique().to_pylist() if of_seed(name)]
    return whole.filter(pc.is_in(rule, pa.array(ours, pa.string())))


def _outcomes(ids: pa.Array, told: pa.Table) -> pa.RecordBatch:
    """OUTCOME rows of the seeds `ids` and the verdicts about them; null: there is none."""
    rule = told.column("rule").combine_chunks()
    said = [of_seed(r or "skipped.erased") or ("", None) for r in rule.to_pylist()]
    columns = [
        ids,
        pa.array([status for status, _ in said], pa.string()),
        pa.array([why for _, why in said], pa.string()),
        told.column("value").combine_chunks(),
        told.column("evidence").combine_chunks(),
    ]
    return pa.record_batch(columns, schema=OUTCOME)
