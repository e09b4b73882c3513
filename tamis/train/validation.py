"""Rows held out to see whether training helps, none of which the training rows give away.

Rows are one group where they ask the same, give the same long answer, or were made of the same record; a group is held
out whole. What asks alike in other words is no matter of tokens: let the stage `split` of a recipe part near-duplicates.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.errors import UsageError
from tamis.kernels.components import link, roots
from tamis.kernels.hash import xxh64
from tamis.snapshot import Snapshot
from tamis.train.template import IGNORED

SHARE = 0.1
FEWEST = 20
"""Rows below which none is held out by itself."""
LONG = 32
"""Tokens from which on an answer gives itself away; many questions have a short one in common."""


def splits_of(snapshot: Snapshot, validation: str) -> tuple[str | None, str | None]:
    """The split to train on (None: there is one alone) and the one to validate on (None: none of its own)."""
    train = "train" if "train" in snapshot.splits else next(iter(snapshot.splits), None)
    if validation not in ("auto", "none"):
        if validation not in snapshot.splits or validation == train:
            others = [name for name in snapshot.splits if name != train]
            raise UsageError(
                f"{snapshot.ref} has no split {validation!r} to validate on; it has {', '.join(others) or 'no other split'}"
            )
        return train, validation
    own = "validation" if validation == "auto" and "validation" in snapshot.splits and train != "validation" else None
    return train, own


def groups_of(rows: pa.Table, snapshot: Snapshot) -> np.ndarray:
    """(n,) int64: the group of each of `rows` (SFT or DPO), the number of its first row."""
    parent = np.arange(rows.num_rows, dtype=np.int64)
    for keys in (*_keys(rows), _ancestor(rows, snapshot)):
        known = keys != 0
        rows_of = np.flatnonzero(known)[np.argsort(keys[known], kind="stable")]
        same = keys[rows_of][1:] == keys[rows_of][:-1]
        link(parent, rows_of[1:][same], rows_of[:-1][same])
    return roots(parent)


def held_out(rows: pa.Table, groups: np.ndarray, seed: int) -> np.ndarray:
    """(n,) bool: about a tenth of the rows, in whole groups, drawn by `seed`; none where there are too few."""
    if rows.num_rows < FEWEST:
        return np.zeros(rows.num_rows, bool)
    firsts, sizes = np.unique(groups, return_counts=True)
    ids = rows["record_id"].combine_chunks().cast(pa.binary())
    # By the id of its first row: adding rows moves no other group.
    order = np.argsort(xxh64(ids.take(pa.array(firsts)), seed), kind="stable")
    taken, wanted = [], round(SHARE * rows.num_rows)
    for k in order:
        if wanted >= sizes[k]:
            taken.append(firsts[k])
            wanted -= sizes[k]
    return np.isin(groups, np.array(taken, groups.dtype))


def leaking(train: pa.Table, validation: pa.Table, snapshot: Snapshot) -> np.ndarray:
    """(n,) bool: rows of `validation` of which some row of `train` is of the same group."""
    both = pa.concat_tables([train, validation])
    groups = groups_of(both, snapshot)
    return np.isin(groups[train.num_rows :], groups[: train.num_rows])


def _keys(rows: pa.Table) -> list[np.ndarray]:
    """(n,) uint64 each: a digest of what is asked, and of what is answered; 0 where there is nothing."""
    if "labels" not in rows.schema.names:
        prompt, chosen = (rows[n].combine_chunks() for n in ("prompt_ids", "chosen_ids"))
        asked, told = (_digests(one.flatten().to_numpy(), _sizes(one)) for one in (prompt, chosen))
        return [asked, np.where(_sizes(chosen) >= LONG, told, 0)]
    ids, labels = (rows[n].combine_chunks() for n in ("input_ids", "labels"))
    values, learnt = ids.flatten().to_numpy(), labels.flatten().to_numpy() != IGNORED
    ends = np.concatenate([[0], np.cumsum(_sizes(ids))])
    taught = np.diff(np.concatenate([[0], np.cumsum(learnt)])[ends])
    heard = np.diff(ends) - taught
    # A document asks nothing: all of it is what it says, however short.
    says = np.where((taught >= LONG) | (heard == 0), _digests(values[learnt], taught), 0)
    return [_digests(values[~learnt], heard), says]


def _sizes(lists: pa.ListArray) -> np.ndarray:
    sizes: np.ndarray = np.diff(lists.offsets.to_numpy())
    return sizes


def _digests(values: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(n,) uint64: of the next sizes[i] of `values`, each; 0 where that is none."""
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64) * values.itemsize
    data = pa.py_buffer(np.ascontiguousarray(values))
    texts = pa.Array.from_buffers(pa.large_binary(), len(sizes), [None, pa.py_buffer(offsets), data])
    return np.where(sizes > 0, xxh64(texts), 0).astype(np.uint64)


def _ancestor(rows: pa.Table, snapshot: Snapshot) -> np.ndarray:
    """(n,) uint64: a digest of the first record that each was made of, 0 where it was made of none."""
    if not (edges := snapshot.lineage()).num_rows:
        return np.zeros(rows.num_rows, np.uint64)
    # Sorted by child: the first place of a child has its first parent.
    at = pc.index_in(rows["record_id"].combine_chunks(), edges["child"].combine_chunks())
    parents = edges["parent"].combine_chunks().take(at)
    keys = xxh64(parents.cast(pa.binary()).fill_null(b""))
    return np.where(at.is_valid().to_numpy(False), keys, 0).astype(np.uint64)
