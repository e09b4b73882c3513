"""Which rows each recogniser is asked about: all gates at once, those that look for the same sort of thing first as one.

A regex that has no literal to look for reads the whole text, at 600 MB a second, and what it looks for makes little
difference. So the gates of recognisers of digits go over a column as one, and each by itself over the few rows where that
matches: 2 passes instead of 14 for the default set.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import polars as pl

from tamis.curate.pii.gates import KEPT, Gate, fewer, matches

TOGETHER = (
    frozenset({"Phones", "Cards", "UsSsnRecognizer", "PublicIpRecognizer", "IpRecognizer", "PhoneRecognizer"}),
    frozenset({"Ibans", "Wallets"}),
    frozenset({"IbanRecognizer", "UsPassportRecognizer", "MedicalLicenseRecognizer", "UsLicenseRecognizer"}),
)
"""Recognisers by name whose gates make one automaton that is as quick as one of them. All six at once are four times slower."""

LITERAL = re.compile(r"\(\?s:(?:[A-Za-z0-9_]|\[[A-Za-z]\]|\\x\{2[DE]\}){2}")
"""Gates that begin with a literal: any number of them are looked for at once."""


class Passing:
    """The gates of recognisers. given: name and gate of each; None: it is asked about every row."""

    def __init__(self, given: Sequence[tuple[str, Gate | None]]) -> None:
        self.names = [name for name, _ in given]
        self.given = [gate and _literals_first(gate) for _, gate in given]

    def rows(self, column: pl.Series) -> list[np.ndarray]:
        """For each recogniser the rows it is asked about: (k,) int64, ascending. A null is asked about by none."""
        alone = [k for k in range(len(self.gates)) if not any(k in group for group in self.groups)]
        first = [*(self._union(group) for group in self.groups), *(self.gates[k] for k in alone)]
        let = [np.flatnonzero(mask) for mask in matches(column, first)]
        found = dict(zip(alone, let[len(self.groups) :], strict=True))
        for group, rows in zip(self.groups, let, strict=False):
            masks = matches(column.gather(rows), [self.gates[k] for k in group])
            found |= {k: rows[mask] for k, mask in zip(group, masks, strict=True)}
        return [found[k] for k in range(len(self.gates))]

    @cached_property
    def groups(self) -> list[list[int]]:
        """Places of recognisers whose gates go together, of at least two each."""
        groups = [[k for k, name in enumerate(self.names) if name in some and self.given[k]] for some in TOGETHER]
        return [group for group in groups if len(group) > 1]

    @cached_property
    def gates(self) -> list[Gate | None]:
        """The gate of each, in few enough regexes for Polars to keep them all."""
        grouped = {k for group in self.groups for k in group}
        one = [
            ("|".join(f"(?:{g})" for g in gate),) if k in grouped and gate else gate
            for k, gate in enumerate(self.given)
        ]
        return fewer(one, KEPT - len(self.groups))

    def _union(self, group: Sequence[int]) -> Gate:
        return ("|".join(f"(?:{one})" for k in group for one in self.gates[k] or ()),)


def _literals_first(gate: Gate) -> Gate:
    """`gate` with those that begin with a literal as one."""
    literal = [one for one in gate if LITERAL.match(one)]
    if len(literal) < 2:
        return gate
    return ("|".join(literal), *(one for one in gate if one not in literal))
