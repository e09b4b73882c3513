"""What a job would train on, counted and cut before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.errors import GateError, InputError, UsageError
from tamis.models.weights import load_tokenizer, read_config
from tamis.snapshot import Snapshot
from tamis.snapshot.verify import verify
from tamis.snapshot.withdraw import is_withdrawn
from tamis.train.job import Job
from tamis.train.lengths import LEFT_OUT, Lengths, cut, demand
from tamis.train.regime import Regime, regime_of, settled
from tamis.train.rows import SCHEMAS, demand_kind, encode
from tamis.train.settings import Settings
from tamis.train.template import with_template
from tamis.train.validation import groups_of, held_out, leaking, splits_of

USUAL_LENGTH = 1024


@dataclass(frozen=True)
class Plan:
    """A job with nothing left open.

    train, validation  SFT or DPO rows
    left_out           LEFT_OUT rows: those that are not trained on as they are, each with why
    settings           with what the regime says where nothing was asked for
    held               where the rows to validate on come from: a split, `held out`, or none
    leaked             rows of that split that a training row gives away; validation_cut: that were cut as training rows are
    excluded           rows that the job excludes
    """

    snapshot: Snapshot
    tokenizer: Any
    train: pa.Table
    validation: pa.Table
    left_out: pa.Table
    lengths: Lengths
    regime: Regime
    settings: Settings
    split: str | None
    held: str | None
    leaked: int
    validation_cut: int
    excluded: int

    def facts(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "data": {
                "snapshot": self.snapshot.id,
                "ref": self.snapshot.ref,
                "root": self.snapshot.facts["content"]["root"],
                "kind": self.snapshot.kind,
                "split": self.split,
                "excluded": self.excluded,
            },
            "validation": {
                "from": self.held,
                "rows": self.validation.num_rows,
                "cut": self.validation_cut,
                "leaked": self.leaked,
            },
            "lengths": self.lengths.as_dict(),
            "regime": self.regime,
            "settings": self.settings.as_dict(),
        }


def plan(job: Job, *, check: bool = True) -> Plan:
    """Verify the snapshot, read and cut its rows. check: fail where more rows are cut than the settings allow.

    Raises InputError, UsageError, or GateError where the snapshot is not whole or too much is cut.
    """
    snapshot = verified(job.open())
    demand_kind(snapshot, job.settings.method)
    tokenizer = with_template(load_tokenizer(job.base), job.template)
    split, own = splits_of(snapshot, job.settings.validation)
    if split is None or not snapshot.splits.get(split):
        raise InputError(f"{snapshot.ref} has no row in its split {split or 'train'!r}: there is nothing to train on")
    limit = _limit(job, tokenizer)
    rows = encode(snapshot, split, tokenizer, job.settings.method)
    rows, aside = _without(rows, job)
    aside, parts = [aside], SCHEMAS[job.settings.method].empty_table()
    leaked = 0
    if own is not None:
        parts = encode(snapshot, own, tokenizer, job.settings.method)
        leaks = leaking(rows, parts, snapshot)
        leaked, parts = int(leaks.sum()), parts.filter(pa.array(~leaks))
    elif job.settings.validation == "auto":
        drawn = held_out(rows, groups_of(rows, snapshot), job.settings.seed)
        aside.append(_named(rows.filter(pa.array(drawn)), "held_out"))
        rows, parts = rows.filter(pa.array(~drawn)), rows.filter(pa.array(drawn))
    train, cut_rows, lengths = cut(rows, limit, job.settings)
    if check:
        demand(lengths, job.settings)
    validation, _, compared = cut(parts, limit, job.settings)
    known = replace(job.settings, max_length=limit)
    return Plan(
        snapshot=snapshot,
        tokenizer=tokenizer,
        train=train,
        validation=validation,
        left_out=pa.concat_tables([cut_rows, *aside]).sort_by("record_id"),
        lengths=lengths,
        regime=regime_of(lengths.tokens),
        settings=settled(known, lengths.tokens, lengths.examples, validation.num_rows),
        split=split,
        held=own or ("held out" if validation.num_rows else None),
        leaked=leaked,
        validation_cut=compared.truncated + compared.dropped + compared.untaught,
        excluded=aside[0].num_rows,
    )


def verified(snapshot: Snapshot) -> Snapshot:
    """`snapshot`, byte for byte what was frozen. Raises GateError, InputError where it was withdrawn."""
    if is_withdrawn(snapshot.path):
        raise InputError(f"{snapshot.ref} was withdrawn: an erasure took its data; train on the version after it")
    found = verify(snapshot.path)
    if not found.whole:
        first = found.findings[0]
        raise GateError(
            f"{snapshot.path} is not what was frozen: {first.file}: {first.problem}"
            f"{f', and {len(found.findings) - 1} more' if len(found.findings) > 1 else ''}; `tamis verify` tells all"
        )
    return snapshot


def _limit(job: Job, tokenizer: Any) -> int:
    """Tokens of a row at most: 1024, or what the base reads, unless asked. Raises UsageError where more is asked than it reads."""
    told = (read_config(job.base).get("max_position_embeddings"), tokenizer.model_max_length)
    reads = min([n for n in told if isinstance(n, int)], default=None)
    asked = job.settings.max_length
    if asked is not None and reads is not None and asked > reads:
        raise UsageError(f"--max-length is {asked:,}, and {job.base} reads {reads:,} tokens at once; lower it")
    return asked or min(USUAL_LENGTH, reads or USUAL_LENGTH)


def _without(rows: pa.Table, job: Job) -> tuple[pa.Table, pa.Table]:
    """`rows` without those that the job excludes; LEFT_OUT rows of those."""
    if not job.excluded:
        return rows, LEFT_OUT.empty_table()
    why = {bytes.fromhex(i): reason for reason, ids in sorted(job.excluded.items()) for i in ids}
    gone = pc.is_in(rows["record_id"], pa.array(sorted(why), pa.binary(16)))
    named = rows["record_id"].filter(gone)
    reasons = pa.array([why[i] for i in named.to_pylist()], pa.string())
    return rows.filter(pc.invert(gone)), _left(named, reasons)


def _named(rows: pa.Table, why: str) -> pa.Table:
    return _left(rows["record_id"], pa.array(np.full(rows.num_rows, why, object), pa.string()))


def _left(ids: Any, why: Any) -> pa.Table:
    return pa.table([ids, why, pa.nulls(len(ids), pa.int32())], schema=LEFT_OUT)
