"""Language of many texts at once: py3langid's model (Lui and Baldwin 2012, ACL demos), its walk and its sums as kernels.

The model is an automaton over bytes whose states name features, and a table of how likely each feature is in each
language (naive Bayes). py3langid walks it byte by byte in Python; the answer here is the same but for the last digits of
the confidence: sums are made in the order in which features come up, not in that of a BLAS, so that they are the same on
every machine.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tamis.kernels.jit import njit
from tamis.kernels.raw import load8
from tamis.kernels.unicode import ALPHA, SOLO, look

NOTHING = -1
"""Label of a text in which the model finds no feature."""


class Model(NamedTuple):
    """A naive Bayes model over the features of an automaton.

    moves    (r * 256,) uint32   next state, by row of the state and byte
    states   (s,)       uint64   of each state where its row begins in `moves` (high half), and 1 + the feature it names
    weights  (f, c)     int16    log-likelihood of each feature in each class, in units of 1 / UNIT
    priors   (c,)       float32  in the same unit
    labels   (c,)       int64    label of each class, several may have one; NOTHING for columns that only fill up
    logs     (most,)    float32  log(1 + k) of a feature that came k times
    """

    moves: np.ndarray
    states: np.ndarray
    weights: np.ndarray
    priors: np.ndarray
    labels: np.ndarray
    logs: np.ndarray


UNIT = 512
"""py3langid's weights are float16 between -16 and -2: whole numbers of 1 / 512. Half the memory of float32, and exact."""

LANES = 16
"""Columns are filled up to a multiple of this, so that no loop over them has a remainder."""


def model(
    weights: np.ndarray,
    priors: np.ndarray,
    labels: np.ndarray,
    moves: np.ndarray,
    rows: np.ndarray,
    outputs: np.ndarray,
) -> Model:
    """The arrays of py3langid's file as the kernel reads them. Raises ValueError where they are not as `UNIT` says.

    weights (f, c) float16; priors (c,) float32; labels (c,) int64; moves (r * 256,) uint; rows (s,) uint; outputs (s,) int32
    """
    whole = weights.astype(np.float32) * UNIT
    units = whole.astype(np.int16)
    if not np.array_equal(units, whole):
        raise ValueError(f"weights are no whole numbers of 1/{UNIT}")
    spare = -len(priors) % LANES
    return Model(
        np.ascontiguousarray(moves, np.uint32),
        rows.astype(np.uint64) << np.uint64(40) | (outputs.astype(np.int64) + 1).astype(np.uint64),
        np.pad(units, ((0, 0), (0, spare))),
        np.pad(priors * np.float32(UNIT), (0, spare)),
        np.pad(labels, (0, spare), constant_values=NOTHING),
        logs(0),
    )


def logs(most: int) -> np.ndarray:
    """What `Model.logs` holds for texts of up to `most` bytes."""
    return np.array([math.log1p(k) for k in range(most + 1)], np.float32)


@njit(nogil=True, cache=True)
def cut(data, offsets, block, info, chars, windows, starts, stops, letters, odd):
    """Up to `windows` windows of `chars` code points of every string: the first at its beginning, the last at its end.

    Windows do not overlap: a string has as many as fit, and at least one.

    block, info  the arrays of tamis.kernels.unicode.table
    starts, stops  (n, windows) int64  out: bytes of each window; -1 where there is none
    letters        (n, windows) int64  out: letters in it; one of a script without spaces counts as three
    odd            (n, windows) bool   out: not ASCII through and through, or without a lower-case letter of ASCII
    """
    text, stage, leaf = data.ctypes.data, block.ctypes.data, info.ctypes.data
    for i in range(offsets.size - 1):
        first, end = np.int64(offsets[i]), np.int64(offsets[i + 1])
        starts[i, :] = -1
        size, count = np.int64(0), 1
        for k in range(windows):
            if k >= count:
                break
            at = first
            if k:
                at += (end - first - size) * k // (count - 1)
                while at < end and load8(text, at) & 0xC0 == 0x80:
                    at += 1
            starts[i, k] = at
            found, is_odd, has_lower, left = 0, False, False, chars
            while at < end and left > 0:
                code, width, entry = look(text, at, end, stage, leaf)
                if entry & (ALPHA << 16):
                    found += 3 if entry & (SOLO << 16) else 1
                is_odd |= code > 127
                has_lower |= 97 <= code <= 122
                at += width
                left -= 1
            stops[i, k], letters[i, k], odd[i, k] = at, found, is_odd or not has_lower
            if k == 0:
                size = at - first
                count = max(1, min(windows, (end - first) // size if size else 1))


@njit(nogil=True, cache=True)
def identify(data, starts, stops, moves, states, weights, priors, labels, logs, found, confidence):
    """The likeliest label of every text `data[starts[i]:stops[i]]`, and how likely it is.

    moves .. logs  the arrays of `Model`; `logs` reaches to the longest text
    found          (n,) int64    out: label, NOTHING where no feature was found
    confidence     (n,) float64  out: 0 to 1: softmax of score / sqrt(bytes), as py3langid has it under norm_probs
    """
    text = data.ctypes.data
    times = np.zeros(weights.shape[0], np.int32)
    seen = np.empty(logs.size, np.int32)
    scores = np.empty(priors.size, np.float32)
    shares = np.empty(labels.max() + 1, np.float64)
    for i in range(starts.size):
        count, row = 0, np.int64(states[0] >> np.uint64(32))
        for at in range(starts[i], stops[i]):
            state = states[moves[row + load8(text, at)]]
            row, feature = np.int64(state >> np.uint64(32)), np.int64(state & np.uint64(0xFFFFFFFF)) - 1
            if feature >= 0:
                if times[feature] == 0:
                    seen[count] = feature
                    count += 1
                times[feature] += 1
        found[i], confidence[i] = NOTHING, 0.0
        if count == 0:
            continue
        scores[:] = priors
        for k in range(count):
            weight, units = logs[times[seen[k]]], weights[seen[k]]
            for c in range(scores.size):
                scores[c] += weight * np.float32(units[c])
            times[seen[k]] = 0
        found[i], confidence[i] = _likeliest(scores, labels, math.sqrt(stops[i] - starts[i]), shares)


@njit(nogil=True, cache=True)
def _likeliest(scores, labels, temperature, shares):
    """The label whose classes have the largest share of the softmax of `scores` (in 1 / UNIT), and that share."""
    top = np.float32(-np.inf)
    for c in range(scores.size):
        if labels[c] >= 0:
            top = max(top, scores[c])
    shares[:] = 0.0
    total, scale = 0.0, 1.0 / (UNIT * temperature)
    for c in range(scores.size):
        if labels[c] >= 0:
            share = math.exp((np.float64(scores[c]) - np.float64(top)) * scale)
            shares[labels[c]] += share
            total += share
    best = np.argmax(shares)
    return best, shares[best] / total
