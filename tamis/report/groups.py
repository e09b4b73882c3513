"""Row groups of a table: all of a short one, evenly spaced ones of a long one, so that a report costs the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tamis.data.parquet import open_file


class Groups:
    """Row groups of the Parquet files `parts`: at most `most`, evenly spaced with first and last among them.

    rows   rows in those chosen        total  rows in all
    """

    def __init__(self, parts: Sequence[Path], most: int) -> None:
        files = [open_file(part) for part in parts]
        every = [(f, k, f.metadata.row_group(k).num_rows) for f in files for k in range(f.metadata.num_row_groups)]
        every = [entry for entry in every if entry[2]]
        chosen = (
            np.unique(np.linspace(0, len(every) - 1, most).round().astype(int))
            if len(every) > most
            else range(len(every))
        )
        self.chosen: list[tuple[Any, int, int]] = [every[k] for k in chosen]
        self.of, self.total = len(every), sum(rows for _, _, rows in every)
        self.rows = sum(rows for _, _, rows in self.chosen)
        self.schema: pa.Schema = files[0].schema_arrow if files else pa.schema([])

    def __len__(self) -> int:
        return len(self.chosen)

    def read(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The chosen row groups, one after the other."""
        return (self.one(which, columns) for which in range(len(self)))

    def one(self, which: int, columns: Sequence[str] | None = None) -> pa.Table:
        """One of the chosen row groups."""
        file, k, _ = self.chosen[which]
        return file.read_row_group(k, columns=columns, use_threads=False)
