"""A run's folder.

run.json  recipe.yaml  recipe.resolved.json  env.json  MANIFEST.sha256
data/*.parquet  verdicts/*.parquet  fates.parquet  scores/*.parquet  quarantine/*.parquet  report.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from tamis.data.parquet import read_table
from tamis.data.storage.address import Remote, located
from tamis.errors import InputError
from tamis.schemas.constant import constant

if TYPE_CHECKING:
    from tamis.runs.mirror import Mirror


@dataclass(frozen=True)
class Run:
    """A finished run at `path`. Tables are read when asked for; of one in object storage `path` is a folder of copies."""

    path: Path
    mirror: Mirror | None = field(default=None, repr=False, compare=False)

    @property
    def place(self) -> Path | Remote:
        """Where it lies."""
        return self.mirror.remote if self.mirror else self.path

    @cached_property
    def facts(self) -> dict[str, Any]:
        """run.json."""
        loaded: dict[str, Any] = json.loads((self.path / "run.json").read_bytes())
        return loaded

    @property
    def rows(self) -> dict[str, int]:
        """in, kept, dropped, quarantined and derived records, over the run."""
        return dict(self.facts["rows"])

    @property
    def read_as(self) -> str:
        """Kind of the rows that it read; that of its data is `facts["kind"]`."""
        return str(self.facts.get("read_as", self.facts["kind"]))

    @property
    def steps(self) -> list[dict[str, Any]]:
        """For each step, from reading on: stage, rows, reasons."""
        return list(self.facts["steps"])

    def parts(self, what: str) -> list[Path]:
        """Parquet files of `what`: data, verdicts, scores or quarantine, in order."""
        if self.mirror:
            self.mirror.need(lambda name: name.startswith(f"{what}/"))
        return sorted((self.path / what).glob("*.parquet"))

    def file(self, name: str) -> Path:
        """One file, which need not be there."""
        if self.mirror:
            self.mirror.need(lambda own: own == name)
        return self.path / name

    def data(self, columns: list[str] | None = None) -> pa.Table:
        """The records kept, in input order."""
        return self._tables("data", columns)

    def verdicts(self, columns: list[str] | None = None) -> pa.Table:
        """Every decision, sorted by record_id and step."""
        return self._tables("verdicts", columns)

    def scores(self, columns: list[str] | None = None) -> pa.Table:
        """Numbers measured of every record, in input order; columns are `step.name`. Empty where nothing was."""
        return self._tables("scores", columns) if self.parts("scores") else pa.table({})

    def quarantine(self, columns: list[str] | None = None) -> pa.Table:
        """Records set aside, in input order."""
        return self._tables("quarantine", columns) if self.parts("quarantine") else pa.table({})

    def fates(self) -> pa.Table:
        """What became of every input record, in input order; here every row has its record_id."""
        table = read_table(self.path / "fates.parquet")
        kept = pc.equal(table.column("fate").combine_chunks().cast(pa.string()), constant("kept"))
        # Those of the kept in their places, by Arrow: no object for each record.
        ids = self.data(["record_id"]).column("record_id").combine_chunks()
        filled = pc.replace_with_mask(table.column("record_id").combine_chunks(), kept, ids)
        return table.set_column(0, table.schema.field(0), filled)

    def _tables(self, what: str, columns: list[str] | None) -> pa.Table:
        return pa.concat_tables(
            [read_table(p, columns=columns) for p in self.parts(what)], promote_options="permissive"
        )


def open_run(path: Path | str | Remote) -> Run:
    """The run at `path`, a folder or a URI. Raises InputError where there is none, or where it is not finished."""
    place = located(path)
    if isinstance(place, Remote):
        # Imported here: most runs lie on a disk.
        from tamis.runs.mirror import mirror_of

        mirror = mirror_of(place)
        return _sound(Run(mirror.folder, mirror))
    path = place
    if (path / "run.json").is_file():
        return _sound(Run(path))
    if (path / ".work").is_dir():
        raise InputError(f"the run at {path} is not finished; give the command that began it again, with --resume")
    if not path.exists():
        raise InputError(f"there is no run at {path}; name the folder that `tamis run -o` wrote")
    raise InputError(f"{path} is not a run: it has no run.json; name the folder that `tamis run -o` wrote")


def _sound(run: Run) -> Run:
    """`run`. Raises InputError where its run.json is none."""
    try:
        run.facts["rows"], run.facts["steps"], run.facts["files"]
    except KeyError as lacking:
        raise InputError(
            f"run.json of {run.place} has no {lacking.args[0]}: it is damaged, or no run's, but that of a judge or an adapter; "
            f"name the folder that `tamis run -o` wrote, and `tamis verify {run.place}` says whether it is whole"
        ) from lacking
    except (ValueError, TypeError, RecursionError) as damage:
        raise InputError(
            f"run.json of {run.place} is damaged ({damage!r}); `tamis verify {run.place}` says what else is"
        ) from damage
    return run
