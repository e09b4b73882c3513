"""The books of a run: where every record went, by step, rule and source; and whether they balance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.engine.exchange import Fates
from tamis.engine.work import Work
from tamis.errors import GateError, RunError
from tamis.ledger import KEPT
from tamis.schemas import FATE
from tamis.schemas.derived import USED


class Entry(NamedTuple):
    """Records of one source about which one rule decided at one step.

    `fate` is "edited", "flagged" or, of seeds that are kept beside what was made of them, "used" where they stay.
    """

    step: int
    source: str
    fate: str
    rule: str


@dataclass
class Books:
    """How many records came in, how many were made at each step, and every entry with its number of records."""

    rows_in: Counter[str] = field(default_factory=Counter)
    derived: Counter[tuple[int, str]] = field(default_factory=Counter)
    """By step and source."""
    entries: Counter[Entry] = field(default_factory=Counter)

    def add(self, other: Books) -> None:
        """Take the numbers of `other` in."""
        self.rows_in.update(other.rows_in)
        self.derived.update(other.derived)
        self.entries.update(other.entries)

    def went(self, fate: str, step: int | None = None, source: str | None = None) -> int:
        """Records with `fate`, at `step` or at any, of `source` or of all."""
        return sum(
            n
            for e, n in self.entries.items()
            if e.fate == fate and step in (None, e.step) and source in (None, e.source)
        )

    def made(self, step: int | None = None, source: str | None = None) -> int:
        """Records made at `step` or at any, of `source` or of all."""
        return sum(n for (s, of), n in self.derived.items() if step in (None, s) and source in (None, of))

    def used(self, source: str) -> int:
        """Records of `source` that are gone because others were made of them."""
        return sum(n for e, n in self.entries.items() if (e.fate, e.rule, e.source) == ("dropped", USED, source))

    def rows(self, steps: int) -> tuple[dict[str, int], list[dict[str, int]]]:
        """The balance over the run, and for each step from 0 to `steps`."""
        each, left = [], self.rows_in.total()
        for step in range(steps + 1):
            dropped, aside = self.went("dropped", step), self.went("quarantined", step)
            made = self.made(step)
            kept = left + made - dropped - aside
            each.append({"in": left, "kept": kept, "dropped": dropped, "quarantined": aside, "derived": made})
            left = kept
        whole = {"in": self.rows_in.total(), "kept": left, "dropped": self.went("dropped")}
        return {**whole, "quarantined": self.went("quarantined"), "derived": self.made()}, each

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
        for source in sorted({*self.rows_in, *(of for _, of in self.derived)}):
            gone = {fate: self.went(fate, source=source) for fate in ("dropped", "quarantined")}
            rows_in, made = self.rows_in[source], self.made(source=source)
            kept = rows_in + made - sum(gone.values())
            found.append({"source": source, "in": rows_in, "kept": kept, **gone, **({"derived": made} if made else {})})
        return found


class AccountTask(NamedTuple):
    """The books of one fragment."""

    work: Work
    fates: Fates
    fragment: int
    segments: int
    made_at: Mapping[int, int]
    """By segment that a deriving stage ends: the step of that stage."""


def run_account(task: AccountTask) -> Books:
    """Count the records of one fragment from its fates and verdicts."""
    work, fates, fragment = task.work, task.fates, task.fragment
    index = work.table(fates.first(fragment), fragment, "index", ["source"])
    source = index.column("source").combine_chunks().dictionary_encode()
    names, code = source.dictionary.to_pylist(), source.indices.to_numpy()
    counts = dict(zip(names, np.bincount(code, minlength=len(names)).tolist(), strict=True))
    made_at = task.made_at.get(fates.born[fragment])
    books = Books(Counter(counts)) if made_at is None else Books()
    if made_at is not None:
        books.derived.update({(made_at, name): n for name, n in counts.items()})
    fate, step = fates.of(fragment)
    for number in range(fates.first(fragment), task.segments):
        drafts = work.table(number, fragment, "drafts")
        _count(books, drafts, names, code)
    for done in fates.exchanges:
        rows, found = fates.resolved(done, fragment)
        here = (fate[rows] != KEPT) & (step[rows] == done.step)
        gone = rows[here]
        _enter(books, gone, found.column("rule").filter(pa.array(here)), fate[gone], done.step, names, code)
    for derived in fates.derivations:
        rows, found = fates.seeds(derived, fragment)
        becomes = found.column("fate").to_numpy()
        _enter(books, rows, found.column("rule"), becomes, derived.step, names, code)
    return books


def _count(books: Books, drafts: pa.Table, names: list[str], code: np.ndarray) -> None:
    """Entries of the verdicts of one segment."""
    at = drafts.column("step").to_numpy()
    rows, rule = drafts.column("row").to_numpy(), drafts.column("rule").combine_chunks().dictionary_encode()
    action = drafts.column("action").combine_chunks().dictionary_encode()
    rules, actions = rule.dictionary.to_pylist(), action.dictionary.to_pylist()
    key = at, code[rows], action.indices.to_numpy(), rule.indices.to_numpy()
    for (s, c, a, r), n in _counted(key, (256, len(names), len(actions), len(rules))):
        books.entries[Entry(s, names[c], _FATE_OF.get(actions[a], "edited"), rules[r])] += n


_FATE_OF = {"drop": "dropped", "quarantine": "quarantined", "review": "flagged"}


def _counted(key: Sequence[np.ndarray], sizes: Sequence[int]) -> Iterator[tuple[tuple[int, ...], int]]:
    """How often each combination occurs of several codes (n,), of which each is below its size."""
    found, counts = np.unique(np.ravel_multi_index(key, sizes), return_counts=True)
    each = np.unravel_index(found, sizes)
    return zip(zip(*(codes.tolist() for codes in each), strict=True), counts.tolist(), strict=True)


def _enter(
    books: Books,
    rows: np.ndarray,
    rule: pa.ChunkedArray,
    fate: np.ndarray,
    step: int,
    names: list[str],
    code: np.ndarray,
) -> None:
    """Entries of the records at `rows` (n,), each with its rule and its `fate` (n,) uint8."""
    whys = rule.combine_chunks().dictionary_encode()
    key = code[rows], fate, whys.indices.to_numpy()
    for (c, f, r), n in _counted(key, (len(names), len(FATE), len(whys.dictionary))):
        name = USED if f == KEPT else FATE[f]
        books.entries[Entry(step, names[c], name, whys.dictionary[r].as_py())] += n


def balance(books: Books, steps: int, counted: Mapping[str, int]) -> dict[str, int]:
    """The balance of the run, held against what the files written hold ("all": in and derived). Raises RunError."""
    whole, _ = books.rows(steps)
    there = {**whole, "all": whole["in"] + whole["derived"]}
    if there["all"] != whole["kept"] + whole["dropped"] + whole["quarantined"]:
        raise RunError(f"the books do not balance: {whole}. This is a fault of tamis: please report it with run.json")
    wrong = {name: (there[name], n) for name, n in counted.items() if there[name] != n}
    if wrong:
        says = "; ".join(f"{name}: {a:,} by the ledger, {b:,} in the files" for name, (a, b) in wrong.items())
        raise RunError(f"the books do not balance: {says}. This is a fault of tamis: please report it with run.json")
    return whole


def check_attrition(books: Books, max_drop_per_source: float, labels: Mapping[int, str]) -> None:
    """Raise GateError where a source loses a larger share of its records than `max_drop_per_source` (0–1)."""
    over = []
    for source in sorted({*books.rows_in, *(of for _, of in books.derived)}):
        rows_in = books.rows_in[source] + books.made(source=source)
        gone = books.went("dropped", source=source) + books.went("quarantined", source=source) - books.used(source)
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
