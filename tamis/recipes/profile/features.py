"""What texts are about, as vectors: by the words in them, or by a model on the machine.

Words need no extra: those in a fair number of texts, weighted by TF-IDF, brought to few dimensions by a randomised singular
value decomposition (Halko, Martinsson and Tropp 2011): latent semantic analysis (Deerwester et al. 1990).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.curate.semantic.encoder import embedded, matrix
from tamis.curate.semantic.place import place_of
from tamis.kernels.words import words

READ = 4_000
"""Characters of a text that are read for its topic."""

WORDS, DIMENSIONS = 4_096, 48
"""Words that are told apart, and numbers of a vector."""

FEWEST = 3
"""Texts that a word must be in."""

LETTERS = r"\pL{2}|[^\x00-\x{2FFF}]"
"""What a word must hold to tell anything: two letters, or one of a script that writes words with one."""

PASSES = 2
"""Power iterations: with two, the leading dimensions are those of the whole decomposition to some digits."""


def by_words(texts: pa.StringArray) -> np.ndarray:
    """(n, d) float32, each of length 1, or 0 where it has none of the words."""
    weighed = _weighed(texts)
    if not weighed.shape[1]:
        return np.zeros((len(texts), 1), np.float32)
    rnd = np.random.Generator(np.random.PCG64(0))
    width = min(DIMENSIONS + 16, *weighed.shape)
    basis = weighed @ rnd.standard_normal((weighed.shape[1], width), np.float32)
    for _ in range(PASSES):
        basis, _ = np.linalg.qr(weighed @ (weighed.T @ basis))
    basis, _ = np.linalg.qr(basis)
    _, _, across = np.linalg.svd(basis.T @ weighed, full_matrices=False)
    return of_length_one(weighed @ across[:DIMENSIONS].T)


def by_model(texts: pa.StringArray, model: str) -> np.ndarray:
    """The same by an embedding model; nothing is downloaded. Raises UsageError, InputError and ExtraMissing."""
    found = embedded(texts, place_of(model, Path(), "profile"))
    known = found.drop_null()
    out = np.zeros((len(texts), 1), np.float32)
    if len(known):
        vectors = matrix(known)
        out = np.zeros((len(texts), vectors.shape[1]), np.float32)
        out[found.is_valid().to_numpy(zero_copy_only=False)] = vectors
    return of_length_one(out)


def of_length_one(vectors: np.ndarray) -> np.ndarray:
    """Each (n, d) vector at length 1, or 0."""
    size = np.linalg.norm(vectors, axis=1, keepdims=True)
    out: np.ndarray = np.divide(vectors, size, out=np.zeros_like(vectors), where=size > 1e-9)
    return out


def _weighed(texts: pa.StringArray) -> np.ndarray:
    """TF-IDF of up to WORDS words: (n, w) float32, each row of length 1 or 0."""
    n = len(texts)
    found = words(texts)
    row = np.repeat(np.arange(n), np.diff(found.rows))
    # Words of one letter and numbers say little; a number has no letter in any spelling, so its first is enough to tell.
    hashes, first, slot = np.unique(found.hashes, return_index=True, return_inverse=True)
    pairs, times = np.unique(row * len(hashes) + slot, return_counts=True)
    row, slot = pairs // max(1, len(hashes)), pairs % max(1, len(hashes))
    texts_with = np.bincount(slot, minlength=len(hashes))
    usable = np.flatnonzero((texts_with >= FEWEST) & (texts_with < n))
    usable = usable[_is_word(texts, found.starts[first[usable]], found.stops[first[usable]])]
    best = usable[np.lexsort((hashes[usable], -texts_with[usable]))][:WORDS]
    column = np.full(len(hashes), -1)
    column[best] = np.arange(len(best))
    here = column[slot] >= 0
    out = np.zeros((n, len(best)), np.float32)
    # A word that is almost everywhere weighs next to nothing.
    weight = np.log((1 + n) / (1 + texts_with[best]))
    at = column[slot[here]]
    out[row[here], at] = (1 + np.log(times[here])) * weight[at]
    return of_length_one(out)


def _is_word(texts: pa.StringArray, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Whether what stands from `starts` to `stops`, bytes of all texts (k,), holds LETTERS: (k,) bool."""
    data = texts.buffers()[2]
    spelt = [data[a:b].to_pybytes() if data else b"" for a, b in zip(starts.tolist(), stops.tolist(), strict=True)]
    strings = pc.cast(pa.array(spelt, pa.binary()), pa.string())
    told: np.ndarray = pc.match_substring_regex(strings, LETTERS).to_numpy(zero_copy_only=False)
    return told.astype(bool)
