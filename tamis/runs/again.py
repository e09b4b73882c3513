"""Records of a run, read again from the files it was made of.

A run does not keep the text of what it drops. It knows where its input lay, how large it was and its sha256; a file that
was moved is found by naming its new place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.data import InputFile, Reading, find, fragments, read
from tamis.data.nth import nth
from tamis.data.storage.address import Remote, is_remote
from tamis.errors import InputError
from tamis.runs.folder import Run
from tamis.runs.made import MadeRows
from tamis.runs.manifest import sha256
from tamis.schemas.rows import RECORD_ID


class Found(NamedTuple):
    """A record as its file has it: one row, and the file."""

    row: pa.RecordBatch
    path: Path | Remote


@dataclass
class Again:
    """The input of `run`. `places` are files, folders or globs to look in before where it lay when the run was made."""

    run: Run
    places: Sequence[str | Path] = ()
    _named: list[InputFile] = field(init=False)
    _checked: dict[int, InputFile] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._named = find(self.places) if self.places else []

    def record(self, ordinal: int, record_id: bytes) -> Found:
        """The record at place `ordinal` of the input. Raises InputError that says why it cannot be had, and what to do."""
        if made := self._made.row(ordinal):
            row, part = made
            if row.column("record_id")[0].as_py() != record_id:
                raise InputError(f"row {ordinal - part.first + 1:,} of {part.path} is another than the run made")
            return Found(row, part.path)
        number = ordinal
        for k, recorded in enumerate(self.run.facts["inputs"]):
            if number < recorded["rows"]:
                file = self._file(k)
                break
            number -= recorded["rows"]
        else:
            raise InputError(f"the run read no record {ordinal + 1:,}")
        try:
            row = nth(file, number, self._reading)
        except OSError as error:
            raise InputError(f"{file.path} cannot be read: {error.strerror or error}") from error
        if row is None or row.column("record_id")[0].as_py() != record_id:
            raise InputError(
                f"record {number + 1:,} of {file.path} is another than the run read; was the file damaged?"
            )
        return Found(row, file.path)

    def rows(self) -> Iterator[pa.RecordBatch]:
        """All records as their files have them, some at a time. Raises InputError as `record` does."""
        for k in range(len(self.run.facts["inputs"])):
            for fragment in fragments(self._file(k)):
                for block in read(fragment, self._reading):
                    yield block.rows

    def at(self, ordinals: np.ndarray) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Records by their places (k,) int64, each a row, in order: those of the input, but for bad ones, then those made.

        Files are read through once, and only where there is any of them in it. Raises InputError as `record` does.
        """
        wanted, first = np.unique(ordinals).astype(np.int64), 0
        for k, recorded in enumerate(self.run.facts["inputs"]):
            here = wanted[np.searchsorted(wanted, first) : np.searchsorted(wanted, first + recorded["rows"])] - first
            if len(here):
                yield from ((first + place, row) for place, row in self._some(k, here))
            first += recorded["rows"]
        yield from self._made.at(wanted)

    def _some(self, k: int, places: np.ndarray) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Records of input file `k` by their places in it, ascending."""
        seen = 0
        for fragment in fragments(self._file(k)):
            start = seen
            for block in read(fragment, self._reading, only=places[np.searchsorted(places, start) :] - start):
                for row, position in enumerate(block.position.tolist()):
                    yield seen + position, block.rows.slice(row, 1)
                seen += block.total
            if seen > places[-1]:
                return

    @cached_property
    def _made(self) -> MadeRows:
        return MadeRows(self.run)

    @cached_property
    def _reading(self) -> Reading:
        spec = json.loads((self.run.path / "recipe.resolved.json").read_bytes())["input"]
        own = {name: spec[name] for name in ("fields", "source", "license", "max_record")}
        return Reading(kind=self.run.read_as, **own)

    def elsewhere(self, record_id: bytes) -> Found:
        """A record of an earlier corpus, from the places that were named: they are read through. Raises InputError."""
        for file in self._named:
            for fragment in fragments(file):
                for block in read(fragment, Reading(kind=self.run.facts["kind"])):
                    at = pc.index(block.rows.column("record_id"), pa.scalar(record_id, RECORD_ID)).as_py()
                    if at >= 0:
                        return Found(block.rows.slice(at, 1), file.path)
        raise InputError(
            f"record {record_id.hex()} is none of this run; if it is of an earlier corpus the run was held against, "
            "name that with -i"
        )

    def _file(self, k: int) -> InputFile:
        """Input file `k`, the same as when the run read it."""
        if k not in self._checked:
            recorded = self.run.facts["inputs"][k]
            file = self._lies_at(k, recorded)
            _check(file, recorded, self._was(k))
            self._checked[k] = file._replace(name=recorded["file"])
        return self._checked[k]

    def _was(self, k: int) -> dict[str, Any] | None:
        known = self.run.facts["varies"].get("inputs")
        return known[k] if known else None

    def _lies_at(self, k: int, recorded: dict[str, Any]) -> InputFile:
        """The file that is taken for input file `k`: of those named, one of its name, else one of its size."""
        named = [f for f in self._named if f.name == recorded["file"]]
        if found := (named or [f for f in self._named if f.bytes == recorded["bytes"]])[:1]:
            return found[0]
        was = self._was(k)
        if was is None:
            raise InputError(f"{recorded['file']} was standard input or a table; if it is in a file, name that with -i")
        if not is_remote(was["path"]) and not Path(was["path"]).is_file():
            raise InputError(f"{was['path']} is not there any more: if it was moved, name its new place with -i")
        return find([was["path"]])[0]


def _check(file: InputFile, recorded: dict[str, Any], was: dict[str, Any] | None) -> None:
    """Raises InputError where `file` is not what the run read. A file unchanged since is not hashed: it may be large."""
    if file.bytes != recorded["bytes"]:
        raise InputError(
            f"{file.path} has {file.bytes:,} bytes, the run read {recorded['bytes']:,}: it was changed since"
        )
    if was is not None and file.modified == was["modified"]:
        return
    if (digest := sha256(file.path)) != recorded["sha256"]:
        raise InputError(
            f"{file.path} has sha256 {digest[:12]}…, the run read {recorded['sha256'][:12]}…: it was changed since"
        )
