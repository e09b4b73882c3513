"""A list on disk: written once from front to back, then read once or more."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO


class Spool:
    """Objects of ours, pickled one after the other. The file is gone when the block ends."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Spool:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = self._path.open("wb")
        return self

    def add(self, thing: Any) -> None:
        """One more."""
        pickle.dump(thing, self._file, pickle.HIGHEST_PROTOCOL)

    def __iter__(self) -> Iterator[Any]:
        self._file.flush()
        with self._path.open("rb") as file:
            while file.peek(1):
                yield pickle.load(file)

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)
