"""What other thresholds would change, from what a run measured, without touching text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.data.parquet import read_table
from tamis.engine.emit import edges_name
from tamis.engine.isolate import blamed, decide
from tamis.engine.plan import Segment, plan
from tamis.errors import InputError, UsageError
from tamis.ledger import DROPPED, KEPT, POISON, QUARANTINED
from tamis.recipes.catalog import make
from tamis.recipes.recipe import Recipe
from tamis.runs import Run, open_run
from tamis.runs.made import MadeRows
from tamis.schemas import FATE, kind
from tamis.schemas.derived import USED
from tamis.stage import Corpus, Derive, Stage

UNMADE = "unmade"
"""Rule of a derived record whose parents would be gone before they are seeds."""


@dataclass(frozen=True)
class Replay:
    """A run under other settings, beside the run as it was.

    back, gone   tables of record_id, step, stage, rule: records that would come back (with what had let them go) or go
    unknown      record_id of records that would come back, but that later steps have not measured: only a run can tell
    rows         kept, dropped and quarantined records, before and after; unknown ones count as kept
    steps        for each step: how many records it lets go, before and after
    """

    changes: tuple[str, ...]
    back: pa.Table
    gone: pa.Table
    unknown: pa.Array
    rows: dict[str, dict[str, int]]
    steps: list[dict[str, Any]]
    unsure: tuple[str, ...] = ()
    """Stages that see all records, which unknown ones reach anew: what they decide about others may depend on those."""

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "changes": list(self.changes),
            "rows": self.rows,
            "steps": self.steps,
            "unsure": list(self.unsure),
            "back": _listed(self.back),
            "gone": _listed(self.gone),
            "unknown": [i.hex() for i in self.unknown.to_pylist()],
        }


def replay(run: Run | Path | str, set: Sequence[str]) -> Replay:
    """What `run` would keep under the changes in `set`, each `stage.param=value`.

    Raises UsageError for a change that needs the text: of a stage that edits, or of a parameter that says what is measured.
    """
    run = run if isinstance(run, Run) else open_run(run)
    was = recipe_of(run)
    becomes = was.set(set)
    _check(was, becomes)
    fates = run.fates()
    told = _Told.of(run, becomes, fates)
    for step, stage in plan(becomes.stages, kind(run.read_as)).steps:
        told.ask(step, stage)
    told.keep_promises(len(becomes.stages) + 1)
    return told.compared(tuple(set), run)


def recipe_of(run: Run) -> Recipe:
    """The recipe as the run resolved it."""
    resolved = json.loads((run.path / "recipe.resolved.json").read_bytes())
    base = run.path / "stages"
    named = tuple(str(s["stage"]).rpartition("/")[2] for s in resolved["stages"])
    stages = tuple(_at(make(name, base, **s["params"])) for name, s in zip(named, resolved["stages"], strict=True))
    return Recipe(name=resolved["name"], stages=stages, named=named, base=base)


def _at(stage: Stage) -> Stage:
    """`stage`; files that it names by relative paths are no part of a run: they are looked for where we are.

    They need not be there: nothing is measured anew.
    """
    try:
        there = all((stage.base / name).exists() for name in stage.files)
    except InputError:
        there = False
    return stage if there else stage.at(Path())


def _check(was: Recipe, becomes: Recipe) -> None:
    for old, new in zip(was.stages, becomes.stages, strict=True):
        changed = {name for name, value in new.params.items() if value != old.params[name]}
        if blind := changed if new.edits else new.blind(old):
            raise UsageError(
                f"{new.label}: another {' and '.join(sorted(blind))} needs the text; make a new run instead"
            )


@dataclass
class _Told:
    """Fates as they unfold. All arrays have one entry for every input record."""

    run: Run
    ids: pa.Array
    was: np.ndarray
    was_step: np.ndarray
    fate: np.ndarray
    step: np.ndarray
    rule: np.ndarray
    unknown: np.ndarray
    measured: np.ndarray
    """Last step that measured the record in the run as it was."""
    born: np.ndarray
    """Step at which the record was made; 0: it was read."""
    broke: np.ndarray
    """Whether the record made the stage of `was_step` raise: it measured nothing of it, and would not now."""
    unsure: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, run: Run, recipe: Recipe, fates: pa.Table) -> _Told:
        # A record that was erased since is none, whatever the thresholds: as one that step 0 dropped.
        codes = {**{name: k for k, name in enumerate(FATE)}, "erased": DROPPED}
        names = fates.column("fate").combine_chunks()
        dictionary = np.array([codes[n] for n in names.dictionary.to_pylist()], np.uint8)
        was = dictionary[names.indices.to_numpy()]
        was_step = fates.column("step").fill_null(0).to_numpy().astype(np.uint8)
        n = len(was)
        unread = (was == QUARANTINED) & (was_step == 0)
        erased = (was == DROPPED) & (was_step == 0)
        fate = np.where(unread, QUARANTINED, np.where(erased, DROPPED, KEPT)).astype(np.uint8)
        last = np.full(n, len(recipe.stages), np.uint8)
        for segment in reversed(plan(recipe.stages, kind(run.read_as)).segments):
            if segment.stages:
                _measure_until(last, segment, was, was_step)
        ids = fates.column("record_id").combine_chunks()
        empty = np.full(n, "", object)
        told = run.verdicts(["record_id", "rule"])
        poison = told.filter(pc.equal(told.column("rule").cast(pa.string()), POISON)).column("record_id")
        broke = pc.is_in(ids, poison.combine_chunks()).to_numpy(zero_copy_only=False)
        born = np.zeros(n, np.uint8)
        for part in MadeRows(run).parts:
            born[part.first : part.first + part.rows] = part.step
        return cls(run, ids, was, was_step, fate, np.zeros(n, np.uint8), empty, np.zeros(n, bool), last, born, broke)

    def ask(self, step: int, stage: Stage) -> None:
        """Let `stage` decide anew about the records that are still in."""
        if isinstance(stage, Derive):
            self._derive(step, stage)
            return
        alive = (self.fate == KEPT) & ~self.unknown & (self.born < step)
        self.unknown |= alive & (self.measured < step)
        alive &= ~self.unknown
        actions = {rule.id: rule.action for rule in stage.rules}
        broke = alive & self.broke & (self.was_step == step)
        self._leave(np.flatnonzero(broke), step, [POISON] * int(broke.sum()), {POISON: "quarantine"})
        alive &= ~broke
        if isinstance(stage, Corpus):
            was_in = self._was_in(step)
            if (self.unknown & ~was_in).any():
                self.unsure.append(stage.label)
            told = self._met if stage.stored else self._linked if stage.links else self._as_it_was
            rows, rules = told(step, stage, alive)
        else:
            rows, rules = self._decided(step, stage, alive)
        self._leave(rows, step, rules, actions)

    def _was_in(self, step: int) -> np.ndarray:
        """Which records were in before `step` of the run as it was: (n,) bool."""
        there: np.ndarray = ((self.was == KEPT) | (self.was_step >= step)) & (self.born < step)
        return there

    def _derive(self, step: int, stage: Derive) -> None:
        """Let `stage` make what it made of the seeds that are still in, and its rules decide about that anew."""
        seeds = (self.fate == KEPT) & ~self.unknown & (self.born < step)
        new = seeds & ~self._was_in(step)
        self.unknown |= new  # what would be made of these, only a run can tell
        seeds &= ~new
        made, unsure = self._made_of(step, seeds)
        if new.any() or unsure.any():
            self.unsure.append(stage.label)
        self.unknown |= unsure
        orphans = np.flatnonzero((self.born == step) & ~made & ~unsure & (self.fate == KEPT))
        self._leave(orphans, step, [UNMADE] * len(orphans), {UNMADE: "drop"})
        gone = np.flatnonzero(seeds & (self.was != KEPT) & (self.was_step == step))
        self.fate[gone], self.step[gone], self.rule[gone] = self.was[gone], step, USED
        rows, rules = self._decided(step, stage, made & (self.fate == KEPT))
        self._leave(rows, step, rules, {rule.id: rule.action for rule in stage.rules})

    def _made_of(self, step: int, seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of what was made at `step`: what has all its parents now, seeds (n,) bool among them, and what has only some."""
        path = self.run.file(f"lineage/{edges_name(step)}")
        born = self.born == step
        if not path.is_file():
            return born, np.zeros(len(born), bool)
        edges = read_table(path, columns=["child", "parent"])
        child, parent = (
            pc.index_in(edges.column(n).combine_chunks(), self.ids).fill_null(-1).to_numpy() for n in edges.schema.names
        )
        known = (child >= 0) & (parent >= 0)
        child, parent = child[known], parent[known]
        made = born.copy()
        while True:  # a row may be made of one that was made: as often as there are generations
            stands = seeds[parent] | made[parent]
            left = made.copy()
            left[child[~stands]] = False
            if (left == made).all():
                break
            made = left
        some = np.zeros(len(born), bool)
        some[child[stands]] = True
        return made, some & ~made

    def keep_promises(self, step: int) -> None:
        """Ask the contract, where the run had one that sets records aside: it comes last."""
        if step >= len(self.run.steps):
            return
        broken = self.run.scores([f"{step}.broken"]).column(0)
        alive = (self.fate == KEPT) & ~self.unknown
        self.unknown |= alive & broken.is_null().to_numpy(zero_copy_only=False)
        alive &= ~self.unknown
        rows = np.flatnonzero(alive & (broken.fill_null(0).to_numpy() != 0))
        self._leave(rows, step, ["contract"] * len(rows), {"contract": "quarantine"})

    def _decided(self, step: int, stage: Stage, alive: np.ndarray) -> tuple[np.ndarray, list[str]]:
        if not stage.scores:
            return np.zeros(0, np.int64), []
        columns = self.run.scores([f"{step}.{name}" for name in stage.scores.names]).combine_chunks()
        batch = pa.record_batch([c.combine_chunks() for c in columns.columns], schema=stage.scores)
        found = decide(stage, batch)
        found = found.filter(pa.array(alive[found.column("row").to_numpy()]))
        return found.column("row").to_numpy(), found.column("rule").cast(pa.string()).to_pylist()

    def _met(self, step: int, stage: Corpus, alive: np.ndarray) -> tuple[np.ndarray, list[str]]:
        names = stage.sketches.names
        table = self.run.scores([f"{step}.{name}" for name in names]).rename_columns(names)
        here = alive & table.column("key").is_valid().to_numpy()
        rows = np.flatnonzero(here)
        table = table.filter(pa.array(here))
        table = table.add_column(0, "record_id", self.ids.filter(pa.array(here)))
        table = table.add_column(0, "ordinal", pa.array(rows.astype(np.uint64)))
        with blamed(stage, "resolve"):
            found = stage.resolve(table.combine_chunks())
        return found.column("ordinal").to_numpy().astype(np.int64), found.column("rule").cast(pa.string()).to_pylist()

    def _linked(self, step: int, stage: Corpus, alive: np.ndarray) -> tuple[np.ndarray, list[str]]:
        """Those that go by the edges of the run."""
        rows = stage.regroup(read_table(self.run.file(f"edges/{edges_name(step)}")), alive)
        return rows, [stage.rules[0].id] * len(rows)

    def _as_it_was(self, step: int, stage: Corpus, alive: np.ndarray) -> tuple[np.ndarray, list[str]]:
        """What a stage that stores no sketches decided in the run.

        Where other records reach it now, unknown for those that lost to one that is gone, or of which it saw the others.
        """
        was_in = self._was_in(step)
        same = (was_in & ~self.broke == (alive | (self.unknown & (self.born < step))) & ~self.broke).all()
        if same and stage.revisits:
            return self._decided(step, stage, alive)
        told = self.run.verdicts(["record_id", "step", "rule", "peer_id"])
        told = told.filter(pc.equal(told.column("step"), step))
        rows = pc.index_in(told.column("record_id").combine_chunks(), self.ids).to_numpy(zero_copy_only=False)
        here = alive[rows]
        if not same:
            peers = pc.index_in(told.column("peer_id").combine_chunks(), self.ids).fill_null(-1).to_numpy()
            # A peer of an earlier corpus, which is not among ours, stays; where there is none, all depends on all.
            ours = told.column("peer_id").is_valid().to_numpy(zero_copy_only=False)
            stands = ours & ((peers < 0) | alive[peers])
            self.unknown[rows[here & ~stands]] = True
            here &= stands
        rules = np.array(told.column("rule").cast(pa.string()).to_pylist(), object)
        gone = here & np.isin(rows, np.flatnonzero((self.was != KEPT) & (self.was_step == step)))
        return rows[gone], rules[gone].tolist()

    def _leave(self, rows: np.ndarray, step: int, rules: Sequence[str], actions: dict[str, Any]) -> None:
        fates = {"drop": DROPPED, "quarantine": QUARANTINED}
        becomes = np.array([fates.get(actions.get(r.split("+")[0], "drop"), KEPT) for r in rules], np.uint8)
        gone = becomes != KEPT if rules else np.zeros(0, bool)
        self.fate[rows[gone]], self.step[rows[gone]] = becomes[gone], step
        self.rule[rows[gone]] = np.array(rules, object)[gone]

    def compared(self, changes: tuple[str, ...], run: Run) -> Replay:
        """The run as it was beside the run as it would be."""
        back = (self.was != KEPT) & (self.fate == KEPT) & ~self.unknown
        gone = (self.was == KEPT) & (self.fate != KEPT)
        labels = [step["stage"] for step in run.steps]
        steps = [
            {
                "step": k,
                "stage": label,
                "before": int(((self.was != KEPT) & (self.was_step == k)).sum()),
                "after": int(((self.fate != KEPT) & (self.step == k)).sum()),
            }
            for k, label in enumerate(labels)
        ]
        rows = {"before": _counts(self.was), "after": _counts(self.fate)}
        rules = dict(self._rules_before(back))
        back_table = self._table(back, self.was_step, labels, rules)
        gone_table = self._table(gone, self.step, labels, None)
        unknown = self.ids.filter(pa.array(self.unknown))
        return Replay(changes, back_table, gone_table, unknown, rows, steps, tuple(self.unsure))

    def _rules_before(self, rows: np.ndarray) -> list[tuple[bytes, str]]:
        wanted = self.ids.filter(pa.array(rows))
        table = self.run.verdicts(["record_id", "action", "rule"])
        here = pc.and_(
            pc.is_in(table.column("record_id"), wanted),
            pc.is_in(table.column("action").cast(pa.string()), pa.array(["drop", "quarantine"])),
        )
        table = table.filter(here)
        ids, rules = table.column("record_id").to_pylist(), table.column("rule").cast(pa.string()).to_pylist()
        return list(zip(ids, rules, strict=True))

    def _table(self, rows: np.ndarray, step: np.ndarray, labels: list[str], rules: dict[bytes, str] | None) -> pa.Table:
        ids, at = self.ids.filter(pa.array(rows)), step[rows]
        names = self.rule[rows].tolist() if rules is None else [rules.get(i, "") for i in ids.to_pylist()]
        stages = pa.array([labels[k] for k in at], pa.string())
        return pa.table({"record_id": ids, "step": at, "stage": stages, "rule": pa.array(names, pa.string())})


def _measure_until(last: np.ndarray, segment: Segment, was: np.ndarray, was_step: np.ndarray) -> None:
    """Put into `last` the last step of `segment` that left numbers, or what links them, of records let go in it."""
    step, stage = segment.stages[-1]
    gone = was != KEPT
    if isinstance(stage, (Corpus, Derive)):
        if isinstance(stage, Derive) or not stage.revisits:
            last[gone & (was_step == step)] = step
        last[gone & (was_step < step)] = step if isinstance(stage, Corpus) and stage.stored else step - 1
    else:
        last[gone & (was_step <= step)] = step


def _counts(fate: np.ndarray) -> dict[str, int]:
    return {name: int((fate == k).sum()) for k, name in enumerate(FATE)}


def _listed(table: pa.Table) -> list[dict[str, Any]]:
    return [{**row, "record_id": row["record_id"].hex()} for row in table.to_pylist()]
