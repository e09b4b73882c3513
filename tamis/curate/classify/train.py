"""A classifier trained from two samples of rows, and held to rows of both that it has not seen.

Of every sample a fifth is held out, by a hash of the text, so that a text that is there twice never stands on both sides. Of
the rest a tenth chooses the strength of the penalty and makes the margins into chances (Platt 1999).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.curate.classify.goodness import goodness
from tamis.curate.classify.model import BITS, Model
from tamis.curate.learned import Line, logistic, sparse
from tamis.data import InputFile, Reading, find, fragments, read, recognise
from tamis.errors import InputError, UsageError
from tamis.kernels.fold import folded_keys
from tamis.kernels.hashed import slots
from tamis.schemas import joined

STRENGTHS = (1.0, 10.0, 100.0)
FEWEST = 50
"""Rows that a sample must have at least: of fewer, nothing that is measured means anything."""


class Sample(NamedTuple):
    """Different texts of one sample, of rows of one `kind`.

    keys (n,) uint64, ascending; `read` rows there were, `unreadable` among them
    """

    kind: str
    texts: pa.Array
    keys: np.ndarray
    read: int
    unreadable: int


def train(
    positive: Sequence[str | Path],
    negative: Sequence[str | Path],
    *,
    on: str | tuple[str, ...] | None = None,
    held_out: float = 0.2,
    seed: int = 0,
    bits: int = 18,
    ngram: int = 4,
    limit: int = 1 << 16,
    max_rows: int = 50_000,
) -> Model:
    """A classifier that tells rows of `positive` from rows of `negative` (files, folders or globs; rows of any kind).

    Its card has the samples, the settings and how good it was on the rows held out.

    on        field or fields of text; None: all texts of the row
    held_out  share of each sample it is measured by, 0.05 to 0.5
    seed      another seed holds out other rows
    bits      2**bits weights for words, and as many for characters
    ngram     characters of a run
    limit     bytes of a text that are looked at
    max_rows  of each sample, drawn by hash

    Raises UsageError where a sample has too few texts of its own or a parameter is out of its range, InputError where a
    file is not there or damaged.
    """
    _check(held_out, bits, ngram, limit, max_rows)
    two = [_sample(paths, on, seed, max_rows) for paths in (positive, negative)]
    both = np.intersect1d(two[0].keys, two[1].keys)
    own = [~np.isin(sample.keys, both) for sample in two]
    for paths, mask, name in zip((positive, negative), own, ("positive", "negative"), strict=True):
        if (count := int(mask.sum())) < FEWEST:
            raise UsageError(_too_few(name, paths, two[name == "negative"], count))
    texts = pa.concat_arrays([sample.texts.filter(pa.array(mask)) for sample, mask in zip(two, own, strict=True)])
    part = np.concatenate([_parts(int(mask.sum()), held_out) for mask in own])
    truth = np.repeat([True, False], [int(mask.sum()) for mask in own])
    line = _fitted(texts, truth, part, bits, ngram, limit)
    weights = np.ascontiguousarray(line.weights.reshape(2, -1), np.float32)
    test = part == HELD_OUT
    model = Model(weights, float(line.bias), ngram, limit)
    chance = model.probabilities(texts.filter(pa.array(test)))
    settings = {"on": on, "held_out": held_out, "seed": seed, "bits": bits, "max_rows": max_rows}
    counts = [
        {"kind": s.kind, "read": s.read, "unreadable": s.unreadable, "texts": len(s.keys), "used": int(mask.sum())}
        for s, mask in zip(two, own, strict=True)
    ]
    card = {
        "settings": settings,
        "samples": dict(zip(("positive", "negative"), counts, strict=True)),
        "in_both": len(both),
        "trained_on": int((part == TRAIN).sum()),
        "held_out": goodness(chance, truth[test]),
    }
    return replace(model, card=card)


def _check(held_out: float, bits: int, ngram: int, limit: int, max_rows: int) -> None:
    if not 0.05 <= held_out <= 0.5:
        raise UsageError(f"held_out is {held_out!r}; a share from 0.05 to 0.5 was wanted")
    if bits not in BITS:
        raise UsageError(f"bits is {bits!r}; from {BITS.start} to {BITS.stop - 1} was wanted, 18 is usual")
    if not 1 <= ngram <= 16:
        raise UsageError(f"ngram is {ngram!r}; from 1 to 16 characters was wanted")
    if not 1 <= limit < 1 << 31:
        raise UsageError(f"limit is {limit!r}; a number of bytes below 2**31 was wanted")
    if max_rows < FEWEST:
        raise UsageError(f"max_rows is {max_rows!r}; {FEWEST} at least was wanted")


def _too_few(name: str, paths: Sequence[str | Path], sample: Sample, count: int) -> str:
    """What to say of a sample of which `count` texts can be used."""
    shared = f", {len(sample.keys) - count:,} are in the other, too" if len(sample.keys) > count else ""
    unread = f", {sample.unreadable:,} of them unreadable" if sample.unreadable else ""
    return (
        f"the {name} sample ({', '.join(map(str, paths))}) has {count:,} different texts of its own; at least {FEWEST} "
        f"are needed, a few thousand are good: {sample.read:,} rows{unread}; {len(sample.keys):,} different texts{shared}"
    )


TRAIN, TUNE, HELD_OUT = 0, 1, 2


def _parts(n: int, held_out: float) -> np.ndarray:
    """(n,) int8: which part each of n texts is in; they are sorted by hash, so the first will do as well as any."""
    test = max(1, round(n * held_out))
    tune = max(1, round((n - test) / 10))
    parts = np.full(n, TRAIN, np.int8)
    parts[: test + tune] = TUNE
    parts[:test] = HELD_OUT
    return parts


def _fitted(texts: pa.Array, truth: np.ndarray, part: np.ndarray, bits: int, ngram: int, limit: int) -> Line:
    """The best of a few strengths, its margins made into chances."""
    x = [_matrix(texts.filter(pa.array(part == k)), bits, ngram, limit) for k in (TRAIN, TUNE)]
    y = [truth[part == k] for k in (TRAIN, TUNE)]
    found: list[tuple[float, Line]] = []
    for strength in STRENGTHS:
        line = logistic(x[0], y[0], strength)
        slope = _platt(x[1] @ line.weights + line.bias, y[1])
        chance = 1 / (1 + np.exp(-slope(x[1] @ line.weights + line.bias)))
        loss = -np.mean(np.log(np.clip(np.where(y[1], chance, 1 - chance), 1e-12, 1)))
        found.append((float(loss), Line(line.weights * slope.by, line.bias * slope.by + slope.plus)))
    return min(found, key=lambda pair: pair[0])[1]


class Slope(NamedTuple):
    """A straight line from margins to log odds."""

    by: float
    plus: float

    def __call__(self, margin: np.ndarray) -> np.ndarray:
        """The log odds."""
        return margin * self.by + self.plus


def _platt(margin: np.ndarray, y: np.ndarray) -> Slope:
    """Platt's line: each row counts in part for the other side, so that samples that can be told apart give no certainty."""
    n, m = int(y.sum()), int((~y).sum())
    target = np.where(y, (n + 1) / (n + 2), 1 / (m + 2))
    twice = np.concatenate([margin, margin])[:, None]
    line = logistic(twice, np.repeat([True, False], len(y)), 1e6, np.concatenate([target, 1 - target]))
    return Slope(max(float(line.weights[0]), 1e-6), line.bias)


def _matrix(texts: pa.Array, bits: int, ngram: int, limit: int) -> Any:
    """The texts as a sparse matrix (n, 2 * 2**bits)."""
    found = [slots(texts.slice(at, 256), bits, ngram, limit) for at in range(0, len(texts), 256)]
    counts = np.concatenate([np.diff(f.rows) for f in found])
    rows = np.concatenate([[0], np.cumsum(counts)])
    values, places = (np.concatenate([f[k] for f in found]) for k in (1, 0))
    return sparse(values, places, rows, 2 << bits)


def _sample(paths: Sequence[str | Path], on: str | tuple[str, ...] | None, seed: int, most: int) -> Sample:
    """Up to `most` different texts, those of the lowest hashes, whatever the order and the cut of the files."""
    texts, keys = pa.array([], pa.string()), np.zeros(0, np.uint64)
    count = bad = 0
    pending: list[pa.Array] = []
    files = find(list(paths))
    reading = Reading(recognise(files).kind)
    for rows, total, unreadable in _blocks(files, reading):
        count, bad = count + total, bad + unreadable
        pending.append(joined(rows, on))
        if sum(map(len, pending)) >= most:
            texts, keys = _lowest([texts, *pending], seed, most)
            pending = []
    texts, keys = _lowest([texts, *pending], seed, most)
    return Sample(reading.kind, texts, keys, count, bad)


def _lowest(parts: list[pa.Array], seed: int, most: int) -> tuple[pa.Array, np.ndarray]:
    """Up to `most` different texts, none of them empty, of the lowest hashes; and those, (n,) uint64, ascending."""
    texts = pa.concat_arrays([part.cast(pa.string()) for part in parts])
    pairs, filled = folded_keys(texts)
    # Any odd number times a hash is a hash of another order: another seed draws, and holds out, other texts.
    keys = (pairs[:, 0] ^ np.uint64(seed % 2**64 * 0x9E3779B97F4A7C15 % 2**64)) * np.uint64(0xD6E8FEB86659FD93)
    keys[~filled] = 0
    distinct, first = np.unique(keys, return_index=True)
    keep = distinct != 0
    distinct, first = distinct[keep][:most], first[keep][:most]
    return texts.take(pa.array(first)), distinct


def _blocks(files: Sequence[InputFile], reading: Reading) -> Iterator[tuple[pa.RecordBatch, int, int]]:
    """Rows; how many there were, and how many of those could not be read."""
    for file in files:
        for fragment in fragments(file):
            for block in read(fragment, reading):
                if block.damage:
                    raise InputError(f"{file.name}: {block.damage}; mend the file or leave it out")
                yield block.rows, block.total, block.bad.num_rows
