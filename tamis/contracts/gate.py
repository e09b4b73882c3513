"""A contract as the last step of a run: rows that break a rule whose action is quarantine are set aside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from tamis.contracts.reading import load
from tamis.contracts.rules import RowRule, broken, row_rules
from tamis.stage import Rule, Stage, decisions

WORD = 64


@dataclass(frozen=True)
class Promise(Stage):
    """Set aside the rows that break a rule of the contract at `path` whose action is quarantine (ODCS 3.1).

    `sha256` is that of the contract. The other rules are checked when the data is written.
    """

    path: str
    sha256: str = ""

    name: ClassVar[str] = "contract"
    scores: ClassVar[pa.Schema] = pa.schema([pa.field("broken", pa.uint64())])
    measured_by: ClassVar[frozenset[str]] = frozenset({"path", "sha256"})

    @property
    def row_rules(self) -> list[RowRule]:
        """The rules of the contract that set single rows aside, at most 64."""
        return [rule for rule in row_rules(load(self.path)) if rule.action == "quarantine"][:WORD]

    @property
    def rules(self) -> tuple[Rule, ...]:
        """One rule for each of the contract's."""
        return tuple(Rule(rule.id, "quarantine", says=f"rows that {rule.says}") for rule in self.row_rules)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Bit i of `broken` is set where the row breaks rule i."""
        return pa.record_batch([pa.array(broken(batch, self.row_rules), pa.uint64())], schema=self.scores)

    def decide(self, scores: pa.RecordBatch) -> pa.RecordBatch:
        """Each row with the first rule it breaks."""
        word: Any = scores.column("broken").fill_null(0).to_numpy()
        rows = np.flatnonzero(word)
        names = [rule.id for rule in self.row_rules]
        first = [(int(bits) & -int(bits)).bit_length() - 1 for bits in word[rows]]
        return decisions(rows.astype(np.uint32), [names[k] for k in first])


def promise(path: Path) -> Promise | None:
    """The step that `path` asks for; None where none of its rules sets single rows aside. Raises ContractError."""
    contract = load(path)
    step = Promise(str(path), contract.sha256)
    return step if step.row_rules else None
