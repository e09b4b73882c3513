"""How instructions change from generation to generation: their length, and how much they repeat each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from tamis.curate.synthesis.alike import distinct, self_alike

LOOKED_AT = 1000
"""Instructions of a generation that diversity is measured on, from the first: it falls with their number, so that
generations compare only where equally many are looked at."""


class Drift:
    """Sums, and the first instructions, of every generation; 0 are the seeds."""

    def __init__(self) -> None:
        self._counts: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
        self._first: dict[int, list[str]] = defaultdict(list)

    def see(self, generation: int, pairs: Iterable[tuple[str, str]]) -> None:
        """Some more instructions with their answers."""
        for instruction, answer in pairs:
            count = self._counts[generation]
            count[0] += 1
            count[1] += len(instruction)
            count[2] += len(answer)
            if len(self._first[generation]) < LOOKED_AT:
                self._first[generation].append(instruction)

    def facts(self) -> list[dict[str, Any]]:
        """For each generation: rows, mean characters, distinct-2, and the mean ROUGE-L F between its instructions."""
        fewest = min((len(self._first[g]) for g in self._counts), default=0)
        return [
            {
                "generation": generation,
                "rows": rows,
                "instruction_chars": round(asked / rows, 1),
                "answer_chars": round(answered / rows, 1),
                "looked_at": fewest,
                "distinct_2": distinct(self._first[generation][:fewest]),
                "self_rouge_l": self_alike(self._first[generation][:fewest]),
            }
            for generation, (rows, asked, answered) in sorted(self._counts.items())
        ]
