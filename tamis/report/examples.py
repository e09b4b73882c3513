"""A few records for every rule: which they are, what was measured, where they came from, and what text the run has.

The verdicts are sorted by record_id, which is a digest: the first of them are a random draw, the same every time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tamis.data.parquet import open_file
from tamis.report.facts import Example
from tamis.report.groups import Groups
from tamis.report.texts import Texts, first_half
from tamis.runs import Run

EACH = 3
MOST_VERDICTS, MOST_FATES = 8, 16
"""Row groups read: half a million verdicts, 16 million fates."""

Key = tuple[int, str]
"""Step and rule."""


class Picked(NamedTuple):
    """One verdict to show. `peer` is the record it lost to."""

    record_id: bytes
    why: str
    value: float | None
    peer: bytes | None


def examples(run: Run, texts: Texts) -> dict[Key, tuple[Example, ...]]:
    """Up to three examples for each step and rule."""
    thresholds = {(s["step"], r["id"]): r.get("threshold") for s in run.steps for r in s["rules"]}
    picked = _pick(run, texts, thresholds)
    origins = origins_of(run, [p.record_id for each in picked.values() for p in each])
    return {key: tuple(_example(p, texts, origins) for p in each) for key, each in picked.items()}


def _example(picked: Picked, texts: Texts, origins: dict[bytes, str]) -> Example:
    """A record with its own text, or with that of the record it lost to."""
    own, peer = texts.find(picked.record_id), texts.find(picked.peer)
    shown = own or peer
    return Example(
        record_id=picked.record_id.hex(),
        why=picked.why,
        value=picked.value,
        origin=origins.get(picked.record_id, ""),
        id=own.id if own else None,
        source=own.source if own else None,
        peer=picked.peer.hex() if picked.peer else None,
        text=shown.text if shown else None,
    )


def _pick(run: Run, texts: Texts, thresholds: dict[Key, float | None]) -> dict[Key, list[Picked]]:
    """The verdicts to show."""
    groups = Groups(run.parts("verdicts"), MOST_VERDICTS)
    names: dict[Key, int] = {}
    codes, tables = [], []
    for table in groups.read(["record_id", "step", "rule", "value", "peer_id"]):
        codes.append(_codes(table, names))
        tables.append(table.drop_columns(["step", "rule"]))
    if not tables:
        return {}
    whole, code = pa.concat_tables(tables), np.concatenate(codes)
    known = texts.holds(whole.column("record_id")) | texts.holds(whole.column("peer_id"))
    value = whole.column("value").to_numpy()
    order = np.argsort(code, kind="stable")
    bounds = np.searchsorted(code[order], np.arange(len(names) + 1))
    found: dict[Key, list[Picked]] = {}
    for key, k in names.items():
        rows = order[bounds[k] : bounds[k + 1]]
        for row, why in _telling(rows, value[rows], known[rows], thresholds.get(key)):
            picked = whole.slice(row, 1).to_pylist()[0]
            entry = Picked(picked["record_id"], why, picked["value"], picked["peer_id"])
            # The rules of one edit are joined by +: it is an example of each.
            for rule in key[1].split("+"):
                each = found.setdefault((key[0], rule), [])
                if len(each) < EACH:
                    each.append(entry)
    return found


def _codes(table: pa.Table, names: dict[Key, int]) -> np.ndarray:
    """For each verdict the number of its step and rule in `names`, which grows: (n,) int64."""
    rule = table.column("rule").combine_chunks()
    rules, step = rule.dictionary.to_pylist(), table.column("step").to_numpy().astype(np.int64)
    own, place = np.unique(step * len(rules) + rule.indices.to_numpy(), return_inverse=True)
    keys = [(int(k) // len(rules), rules[int(k) % len(rules)]) for k in own]
    number = np.array([names.setdefault(key, len(names)) for key in keys], np.int64)
    codes: np.ndarray = number[place]
    return codes


def _telling(
    rows: np.ndarray, value: np.ndarray, known: np.ndarray, threshold: float | None
) -> Iterator[tuple[int, str]]:
    """Rows worth showing: by their distance to a threshold, or else the first, best those with a text."""
    if threshold is None or not np.isfinite(value).any():
        first = np.argsort(~known, kind="stable")[:EACH]
        yield from ((int(row), "") for row in rows[np.sort(first)])
        return
    order = np.argsort(np.abs(value - np.float32(threshold)), kind="stable")
    places = {0: "nearest to the threshold", len(rows) // 2: "in the middle", len(rows) - 1: "furthest from it"}
    differ = value[order[0]] != value[order[-1]]
    for place, why in sorted(places.items()):
        yield int(rows[order[place]]), why if len(rows) >= EACH and differ else ""


def origins_of(run: Run, wanted: Iterable[bytes]) -> dict[bytes, str]:
    """Input file, or file of derived rows, and number of the record in it, for those that were not kept."""
    left = np.array(sorted({int.from_bytes(i[:8], "big") for i in wanted}), np.uint64)
    found: dict[bytes, str] = {}
    if not len(left):
        return found
    inputs = [*run.facts["inputs"], *run.facts.get("derived", ())]
    ends = np.cumsum([f["rows"] for f in inputs])
    fates, at = open_file(run.path / "fates.parquet"), 0
    for k in range(min(fates.metadata.num_row_groups, MOST_FATES)):
        ids = fates.read_row_group(k, columns=["record_id"], use_threads=False).column("record_id").combine_chunks()
        keys = first_half(ids)
        place = np.minimum(np.searchsorted(left, keys), len(left) - 1)
        for row in np.flatnonzero(left[place] == keys).tolist():
            file = int(np.searchsorted(ends, at + row, "right"))
            start = int(ends[file - 1]) if file else 0
            found[ids[row].as_py()] = f"{inputs[file]['file']}, record {at + row - start + 1:,}"
        at += len(ids)
    return found
