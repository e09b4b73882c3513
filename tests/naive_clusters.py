"""Near-duplicates in plain Python: all pairs of sets of n-grams, groups, and what is said of each record that goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from typing import Any, NamedTuple

import naive_near as naive
import numpy as np

Lost = dict[int, int]
"""For each record that goes, whom it lost to."""


class Gone(NamedTuple):
    """What is said of a record that goes: whom it lost to, as float32 how alike they are, and the evidence."""

    peer: int
    jaccard: float
    evidence: dict[str, Any]


class Corpus:
    """Texts; those of the first `earlier` are of an earlier corpus."""

    def __init__(self, texts: Sequence[str], ngram: int, unit: str, earlier: int = 0) -> None:
        self.earlier = earlier
        self.sets = [set(naive.ngrams(text, ngram, unit)) for text in texts]
        firsts: dict[Any, int] = {}
        words = [tuple(naive.units(text, unit)) for text in texts]
        self.leader = [firsts.setdefault(own, k) if own else k for k, own in enumerate(words)]
        """For each text the first with the same words."""
        pairs = ((a, b, len(self.sets[a] & self.sets[b])) for a, b in combinations(range(len(texts)), 2))
        self.shared = {(a, b): shared for a, b, shared in pairs if shared}
        """|A ∩ B| of all pairs that share anything."""

    def sizes(self, a: int, b: int) -> tuple[int, int]:
        """|A ∩ B| and |A ∪ B|."""
        shared = self.shared.get((min(a, b), max(a, b)), 0)
        return shared, len(self.sets[a]) + len(self.sets[b]) - shared

    def links(self, threshold: float) -> dict[int, set[int]]:
        """For each record those that are like it. Two earlier ones are not asked, unless their words are the same."""
        found = defaultdict(set)
        for a, b in self.shared:
            shared, total = self.sizes(a, b)
            one, other = self.leader[a], self.leader[b]
            if one == other or (shared / total >= threshold and max(one, other) >= self.earlier):
                found[a].add(b)
                found[b].add(a)
        return found

    def gone(self, threshold: float, clusters: str, rank: Sequence[float] | None = None) -> dict[int, Gone]:
        """What is said of each record that goes; the highest `rank` stays, the first where it is None."""
        links = self.links(threshold)
        n = len(self.sets)
        ranks = [np.inf if k < self.earlier else rank[k] if rank else 0 for k in range(n)]
        best_first = sorted(range(n), key=lambda k: -ranks[k])
        lost = (components if clusters == "components" else stars)(best_first, links)
        return {k: self._said(k, peer, threshold, links) for k, peer in lost.items() if k >= self.earlier}

    def _said(self, k: int, peer: int, threshold: float, links: dict[int, set[int]]) -> Gone:
        if self.leader[k] == self.leader[peer]:
            return Gone(peer, 1.0, {"same_words": True})
        shared, total = self.sizes(k, peer)
        evidence: dict[str, Any] = {"shared": shared, "total": total}
        if shared / total < threshold:
            # Words are spoken for by the first that has them.
            own = self.leader[k]
            likes = {i: self.sizes(own, i) for i in links[own] if self.leader[i] == i}
            via = max(likes, key=lambda i: (likes[i][0] / likes[i][1], -i))
            evidence |= {"via": via, "via_jaccard": round(likes[via][0] / likes[via][1], 6)}
        return Gone(peer, float(np.float32(shared / total)), evidence)


def components(best_first: list[int], links: dict[int, set[int]]) -> Lost:
    """The best takes all that it is linked to, also through others; then the best of what is left."""
    taken: Lost = {}
    for best in best_first:
        reach = [best] if best not in taken else []
        for k in reach:
            if k not in taken:
                taken[k] = best
                reach += links[k]
    return {k: best for k, best in taken.items() if k != best}


def stars(best_first: list[int], links: dict[int, set[int]]) -> Lost:
    """The best takes all that are like it; then the best of what is left."""
    taken: Lost = {}
    for best in best_first:
        if best not in taken:
            taken |= {k: best for k in (best, *links[best]) if k not in taken}
    return {k: best for k, best in taken.items() if k != best}
