"""What a caller can mend.

TamisError             the caller can mend this; anything else is our bug and keeps its traceback
├── UsageError         mend the command line or the call
│   ├── RecipeError    mend the recipe: carries file and line
│   ├── ColumnMissing  a stage reads what nothing before it writes
│   └── ExtraMissing   install the named extra
├── InputError         mend the input: missing, unreadable, corrupt as a whole
│   └── DamagedError   what data is to be held against breaks off: bring a whole copy
├── OutputError        mend the output place: exists, not writable, full
├── GateError          a gate, contract or verification said no
└── RunError           the run cannot be right: the books do not balance, a worker died
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar


class TamisError(Exception):
    """Base of all errors with a message for the user; `exit_code` is what the command line returns."""

    exit_code: ClassVar[int] = 2


class UsageError(TamisError):
    """The command or call cannot be carried out as written."""


class RecipeError(UsageError):
    """A recipe that cannot be run. `path` and `line` (1-based) say where, when known."""

    def __init__(self, message: str, path: Path | str | None = None, line: int | None = None) -> None:
        self.path, self.line = path, line
        where = f"{path}:{line}: " if path and line else f"{path}: " if path else ""
        super().__init__(where + message)


class ColumnMissing(UsageError):
    """`stage` reads `missing`, which nothing before it writes; `have` is what there is."""

    def __init__(self, stage: str, missing: Iterable[str], have: Iterable[str]) -> None:
        self.stage, self.missing, self.have = stage, sorted(missing), sorted(have)
        super().__init__(
            f"{stage} reads {', '.join(map(repr, self.missing))}, which nothing before it writes; "
            f"there are {', '.join(map(repr, self.have))}"
        )


class ExtraMissing(UsageError):
    """A library behind an extra is not installed."""


class InputError(TamisError):
    """Input that cannot be read as a whole."""


class DamagedError(InputError):
    """Data that others are held against, of which a part cannot be read: nothing could be said of the rest."""

    exit_code = 3


class OutputError(TamisError):
    """An output place that cannot be used."""

    exit_code = 3


class GateError(TamisError):
    """A gate, contract or verification said no."""

    exit_code = 1


class RunError(TamisError):
    """A run that cannot be right."""

    exit_code = 3
