"""The books of a run: where every record went, by step, rule and source; and whether they balance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.engine.exchange import Fates
from tamis.engine.work import Work
from tamis.errors import GateError, RunError
from tamis.ledger import KEPT
from tamis.schemas import FATE


class Entry(NamedTuple):
    """Records of one source about which one rule decided at one step. `fate` is "edited" or "flagged" where they stay."""

    step: int
    source: str
    fate: str
    rule: str


@dataclass
class Books:
    """How many records came in, and every entry with its number of records."""

    rows_in: Counter[str] = field(default_factory=Counter)
    entries: Counter[Entry] = field(default_factory=Counter)

    def add(self, other: Books) -> None:
        """Take the numbers of `other` in."""
        self.rows_in.update(other.rows_in)
        self.entries.update(other.entries)

    def went(self, fate: str, step: int | None = None, source: str | None = None) -> int:
        """Records with `fate`, at `step` or at any, of `source` or of all."""
        return sum(
            n
            for e, n in self.entries.items()
            if e.fate == fate and step in (None, e.step) and source in (None, e.source)
        )

    def rows(self, steps: int) -> tuple[dict[str, int], list[dict[str, int]]]:
        """The balance over the run, and for each step from 0 to `steps`."""
        each, left = [], self.rows_in.total()
        for step in range(steps + 1):
            dropped, aside = self.went("dropped", step), self.went("quarantined", step)
            kept = left - dropped - aside
            each.append({"in": left, "kept": kept, "dropped": dropped, "quarantined": aside, "derived": 0})
            left = kept
        whole = {"in": self.rows_in.total(), "kept": left}
        return {**whole, "dropped": self.went("dropped"), "quarantined": self.went("quarantined"), "derived": 0}, each

    def reasons(self, step: int) -> list[dict[str, Any]]:
        """What was decided at `step`, most frequent first."""
        by_rule: Counter[tuple[str, str]] = Counter()
        for e, n in self.entries.items():
            if e.step == step:
                by_rule[e.fate, e.rule] += n
        ordered = sorted(by_rule.items(), key=lambda item: (-item[1], item[0]))
        return [{"rule": rule, "fate": fate, "rows": n} for (fate, rule), n in ordered]

    def sources(self) -> list[dict[str, Any]]:
        """For each source what came in and what became of it."""
        found = []
        for source in sorted(self.rows_in):
            gone = {fate: self.went(fate, source=source) for fate in ("dropped", "quarantined")}
            rows_in = self.rows_in[source]
            found.append({"source": source, "in": rows_in, "kept": rows_in - sum(gone.values()), **gone})
        return found


class AccountTask(NamedTuple):
    """The books of one fragment."""

    work: Work
    fates: Fates
    fragment: int
    segments: int


def run_account(task: AccountTask) -> Books:
    """Count the records of one fragment from its fates and verdicts."""
    work, fates, fragment = task.work, task.fates, task.fragment
    source = work.table(0, fragment, "index").column("source").combine_chunks().dictionary_encode()
    names, code = source.dictionary.to_pylist(), source.indices.to_numpy()
    books = Books(Counter(dict(zip(names, np.bincount(code, minlength=len(names)).tolist(), strict=True))))
    fate, step = fates.of(fragment)
    for number in range(task.segments):
        drafts = work.table(number, fragment, "drafts")
        _count(books, drafts, names, code)
    for done in fates.exchanges:
        rows, found = fates.resolved(done, fragment)
        here = (fate[rows] != KEPT) & (step[rows] == done.step)
        _enter(books, rows[here], found.column("rule").filter(pa.array(here)), fate, done.step, names, code)
    return books


def _count(books: Books, drafts: pa.Table, names: list[str], code: np.ndarray) -> None:
    """Entries of the verdicts of one segment."""
    at = drafts.column("step").to_numpy()
    rows, rule = drafts.column("row").to_numpy(), drafts.column("rule").combine_chunks().dictionary_encode()
    action = drafts.column("action").combine_chunks().dictionary_encode()
    rules, actions = rule.dictionary.to_pylist(), action.dictionary.to_pylist()
    key = np.stack(
        [at.astype(np.int64), code[rows].astype(np.int64), action.indices.to_numpy(), rule.indices.to_numpy()]
    )
    for (s, c, a, r), n in zip(*_unique(key), strict=True):
        books.entries[Entry(int(s), names[c], _FATE_OF.get(actions[a], "edited"), rules[r])] += int(n)


_FATE_OF = {"drop": "dropped", "quarantine": "quarantined", "review": "flagged"}


def _unique(key: np.ndarray) -> tuple[Iterable[np.ndarray], Iterable[int]]:
    found, counts = np.unique(key, axis=1, return_counts=True)
    return found.T, counts


def _enter(
    books: Books,
    rows: np.ndarray,
    rule: pa.ChunkedArray,
    fate: np.ndarray,
    step: int,
    names: list[str],
    code: np.ndarray,
) -> None:
    """Entries of the records an exchange found."""
    whys = rule.combine_chunks().dictionary_encode()
    key = np.stack([code[rows].astype(np.int64), fate[rows].astype(np.int64), whys.indices.to_numpy()])
    for (c, f, r), n in zip(*_unique(key), strict=True):
        books.entries[Entry(step, names[c], FATE[f], whys.dictionary[int(r)].as_py())] += int(n)


def balance(books: Books, steps: int, counted: Mapping[str, int]) -> dict[str, int]:
    """The balance of the run, held against what the files written hold. Raises RunError where they differ."""
    whole, _ = books.rows(steps)
    if whole["in"] != whole["kept"] + whole["dropped"] + whole["quarantined"]:
        raise RunError(f"the books do not balance: {whole}")
    wrong = {name: (whole[name], n) for name, n in counted.items() if whole[name] != n}
    if wrong:
        says = "; ".join(f"{name}: {a:,} by the ledger, {b:,} in the files" for name, (a, b) in wrong.items())
        raise RunError(f"the books do not balance: {says}. This is a fault of tamis: please report it with run.json")
    return whole


def check_attrition(books: Books, max_drop_per_source: float, labels: Mapping[int, str]) -> None:
    """Raise GateError where a source loses a larger share of its records than `max_drop_per_source` (0–1)."""
    over = []
    for source, rows_in in sorted(books.rows_in.items()):
        gone = books.went("dropped", source=source) + books.went("quarantined", source=source)
        if rows_in and gone / rows_in > max_drop_per_source:
            by_step = {s: books.went("dropped", s, source) + books.went("quarantined", s, source) for s in labels}
            worst = max(by_step, key=lambda s: by_step[s])
            over.append(
                f"{source!r} loses {gone:,} of {rows_in:,} records ({gone / rows_in:.1%}), "
                f"{by_step[worst]:,} of them at step {worst} ({labels[worst]})"
            )
    if over:
        raise GateError(
            f"the attrition budget allows a source to lose {max_drop_per_source:.0%}; "
            + "; ".join(over)
            + ". Loosen the stage, take the source out, or raise attrition.max_drop_per_source in the recipe"
        )
