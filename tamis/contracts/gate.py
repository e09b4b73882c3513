"""A contract as the last step of a run: rows that break a rule whose action is quarantine are set aside."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from tamis.contracts.reading import load
from tamis.contracts.rules import RowRule, broken, row_rules
from tamis.errors import UsageError
from tamis.stage import Rule, Stage, decisions


@dataclass(frozen=True)
class Promise(Stage):
    """Set aside the rows that break a rule of a contract (ODCS 3.1) whose action is quarantine.

    `sha256` is that of the contract. Its other rules are checked when the data is written.
    """

    sha256: str

    name: ClassVar[str] = "contract"
    scores: ClassVar[pa.Schema] = pa.schema([pa.field("broken", pa.uint64())])
    measured_by: ClassVar[frozenset[str]] = frozenset({"sha256"})

    kept: dict[str, tuple[RowRule, ...]] = field(default_factory=dict, repr=False, compare=False)
    """Rules by the digest of their contract: compiled once, and not a parameter."""

    @property
    def params(self) -> dict[str, Any]:
        """The contract's digest."""
        return {"sha256": self.sha256}

    @property
    def row_rules(self) -> tuple[RowRule, ...]:
        """The rules that set single rows aside."""
        return self.kept[self.sha256]

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
        lowest = word[rows] & (~word[rows] + np.uint64(1))
        first = np.log2(lowest.astype(np.float64)).astype(np.int16)
        ids = pa.array([rule.id for rule in self.row_rules], pa.string())
        return decisions(rows.astype(np.uint32), pa.DictionaryArray.from_arrays(pa.array(first), ids))


def promise(path: Path, schema: pa.Schema) -> Promise | None:
    """The step that the contract at `path` asks for on rows of `schema`; None where no rule of it sets rows aside.

    Raises ContractError, GateError where `schema` is not of the promised types, and UsageError for more than 64 rules.
    """
    contract = load(path)
    found = tuple(rule for rule in row_rules(contract, schema) if rule.action == "quarantine")
    if len(found) > WORD:
        raise UsageError(f"{path}: {len(found)} rules set rows aside; at most {WORD} can: let others warn or fail")
    return Promise(contract.sha256, {contract.sha256: found}) if found else None


WORD = 64
"""Bits of what is noted of a row."""
