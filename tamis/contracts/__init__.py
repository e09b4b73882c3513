"""What a dataset promises: data contracts (ODCS), compiled to Polars and checked in one pass."""

from tamis.contracts.checking import check
from tamis.contracts.model import Contract, Metric, Property, Table
from tamis.contracts.reading import load
from tamis.contracts.result import Example, Outcome, Result
from tamis.contracts.rules import RowRule, broken, row_rules
from tamis.contracts.tree import ContractError

__all__ = [
    "Contract",
    "ContractError",
    "Example",
    "Metric",
    "Outcome",
    "Property",
    "Result",
    "RowRule",
    "Table",
    "broken",
    "check",
    "load",
    "row_rules",
]
