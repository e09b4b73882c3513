"""What the sample is about: clusters, the words that set each apart, and where they stand on a map."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.curate.semantic.terms import counted
from tamis.recipes.profile.clusters import clusters, laid_out
from tamis.recipes.profile.counted import counts
from tamis.recipes.profile.features import LETTERS, READ, by_model, by_words
from tamis.recipes.profile.intervals import share
from tamis.recipes.profile.sampled import Drawn
from tamis.report.profile.facts import Missing, Topic, Topics

FEWEST = 40
"""Records under which there are no topics."""

MOST, TERMS = 16, 8
"""Topics, and words of each, at most."""

WIDTH, HEIGHT = 720.0, 420.0
"""Of the map, in user units."""

INK = 0.3
"""Share of the map that the discs cover."""

TAGS = r"<[A-Z][A-Z0-9_]*>"
"""What stands where private data stood: no word of the text."""


class About(NamedTuple):
    """topics, and of each record its topic, -1 for none, and how near it is to the middle of it (-1 to 1): (n,) each."""

    topics: Topics
    topic: np.ndarray
    closeness: np.ndarray


def about(drawn: Drawn, texts: pa.StringArray, model: str | None) -> About | Missing:
    """Topics of `texts`, those of the sample as they may be shown."""
    read = pc.replace_substring_regex(pc.utf8_slice_codeunits(texts, 0, READ), TAGS, " ")
    vectors = by_model(read, model) if model else by_words(read)
    inside = np.flatnonzero(vectors.any(axis=1))
    if len(inside) < FEWEST:
        return Missing("topics", f"{len(inside)} records have words to go by; {FEWEST} are wanted")
    k = int(np.clip(np.sqrt(len(inside) / 12), 2, MOST))
    label = clusters(vectors[inside], k)
    sizes = np.bincount(label)
    sizes = sizes[sizes > 0]
    sums = np.zeros((len(sizes), vectors.shape[1]))
    np.add.at(sums, label, vectors[inside])
    middle = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    radius = np.maximum(9.0, np.sqrt(sizes / sizes.sum() * INK * WIDTH * HEIGHT / np.pi))
    place = laid_out(middle, radius, WIDTH, HEIGHT)
    terms = telling(counted(read.take(pa.array(inside)), label), sizes)
    topics = _topics(drawn, [inside[label == t] for t in range(len(sizes))], terms, place, radius)
    topic, closeness = np.full(drawn.n, -1), np.full(drawn.n, np.nan)
    topic[inside], closeness[inside] = label, np.einsum("nd,nd->n", vectors[inside], middle[label])
    by = f"the model {model}" if model else "the words in them (TF-IDF, no model)"
    return About(Topics(by, topics, drawn.n - len(inside)), topic, closeness)


def _topics(
    drawn: Drawn, members: list[np.ndarray], terms: list[tuple[str, ...]], place: np.ndarray, radius: np.ndarray
) -> tuple[Topic, ...]:
    """What is told of k topics.

    members  rows of the sample in each
    place    (k, 2) float64: where they stand on the map; radius (k,) float64
    """
    sources, keeps, chars = drawn.strings("source"), drawn.keeps(), drawn.numbers("chars")
    return tuple(
        Topic(
            number + 1,
            len(rows),
            share(len(rows), drawn.n, drawn.of),
            terms[number],
            counts(Counter(sources[row] for row in rows.tolist()), len(rows))[:3],
            float(keeps[rows].mean()),
            int(np.median(chars[rows])),
            *(round(float(v), 1) for v in (*place[number], radius[number])),
        )
        for number, rows in enumerate(members)
    )


def telling(table: pa.Table, sizes: np.ndarray) -> list[tuple[str, ...]]:
    """The TERMS words that set each topic apart, the most telling first. table: COUNTED rows; sizes (k,): its records.

    By p · log(p / q)², p the share of the topic's records that have the word and q that of the others: a word that is
    everywhere says little, however often a topic has it.
    """
    table = table.filter(pc.match_substring_regex(table.column("word"), LETTERS))
    topic, hashes, records = (table.column(n).to_numpy() for n in ("topic", "hash", "records"))
    _, place = np.unique(hashes, return_inverse=True)
    of_all = np.bincount(place, records)[place] if len(place) else records
    inside = records / sizes[topic]
    outside = (of_all - records + 0.5) / (sizes.sum() - sizes[topic] + 1)
    score = np.where((records >= 2) & (inside > outside), inside * np.log(inside / outside) ** 2, 0.0)
    order = np.lexsort((hashes, -score, topic))
    order = order[score[order] > 0]
    found = [order[topic[order] == k][:TERMS] for k in range(len(sizes))]
    return [tuple(table.column("word").take(pa.array(best)).to_pylist()) for best in found]
