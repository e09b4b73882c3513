"""What is to be trained, from what, to where."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tamis.models.weights import identity
from tamis.snapshot import Snapshot, open_snapshot
from tamis.snapshot.jcs import canonical_json
from tamis.train.settings import Settings


@dataclass(frozen=True)
class Job:
    """One adapter.

    snapshot, base, output   folders
    template   of the base where None, `chatml`, or a file
    excluded   why -> ids (hexadecimal) of rows that are not trained on, as those that overlap an evaluation set
    evals      what the rows were held against: name and digest each
    name       in the registry of the store; None: the name of the output folder
    register   in the store that the snapshot lies in, if it lies in one
    """

    snapshot: Path
    base: Path
    output: Path
    settings: Settings = field(default_factory=Settings)
    template: str | None = None
    excluded: dict[str, tuple[str, ...]] = field(default_factory=dict)
    evals: tuple[dict[str, Any], ...] = ()
    name: str | None = None
    store: Path | None = None
    register: bool = True
    replace: bool = False

    @property
    def work(self) -> Path:
        """Where checkpoints lie while it is under way: beside the output."""
        return self.output.with_name(f".{self.output.name}.training")

    @property
    def title(self) -> str:
        """What the adapter is called."""
        return self.name or self.output.name

    def open(self) -> Snapshot:
        """Its snapshot, not verified."""
        return open_snapshot(self.snapshot, self.store)

    def key(self) -> str:
        """Hexadecimal sha256 of all that decides on the weights: two jobs of one key give the same adapter."""
        facts = {
            "snapshot": self.open().id,
            "base": identity(self.base),
            "template": self.template and template_digest(self.template),
            "excluded": {why: sorted(ids) for why, ids in sorted(self.excluded.items())},
            "settings": {k: v for k, v in self.settings.as_dict().items() if k != "trackers"},
        }
        return hashlib.sha256(canonical_json(facts)).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            **{k: v for k, v in vars(self).items() if k not in ("settings", "evals", "excluded")},
            **{k: str(v) for k in ("snapshot", "base", "output", "store") if (v := getattr(self, k)) is not None},
            "settings": self.settings.as_dict(),
            "evals": list(self.evals),
            "excluded": {why: list(ids) for why, ids in self.excluded.items()},
        }

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> Job:
        """The inverse of `as_dict`."""
        return cls(
            **{
                **given,
                **{k: Path(given[k]) for k in ("snapshot", "base", "output", "store") if given.get(k) is not None},
                "settings": Settings.from_dict(given["settings"]),
                "evals": tuple(given["evals"]),
                "excluded": {why: tuple(ids) for why, ids in given["excluded"].items()},
            }
        )


def template_digest(template: str) -> str:
    """`chatml`, or the sha256 of the file."""
    path = Path(template)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else template
