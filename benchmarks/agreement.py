"""How well what a tool kept agrees with a truth, told by counts.

    keep_one    a truth group of n documents has n - 1 too many: P = removals among those by all removals, R = by all too many
    pairwise    P = pairs of one group that are pairs of the truth by all pairs of one group, R = by all pairs of the truth

Which member of a group stays is left to the tool in both; removing all members of a group counts as one removal unjustified.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping


def keep_one(truth: Mapping[str, Hashable], kept: Iterable[str]) -> dict[str, float]:
    """Precision, recall and F1 of removals. truth: the group of every document."""
    size, left = Counter(truth.values()), Counter(truth[k] for k in kept)
    removed = sum(size.values()) - sum(left.values())
    justified = sum(min(n - left[group], n - 1) for group, n in size.items())
    return rates(justified, removed, sum(n - 1 for n in size.values()))


def pairwise(truth: Mapping[str, Hashable], groups: Mapping[str, Hashable]) -> dict[str, float]:
    """Precision, recall and F1 of pairs that share a group."""
    both = _pairs(Counter((truth[k], groups[k]) for k in truth).values())
    return rates(both, _pairs(Counter(groups.values()).values()), _pairs(Counter(truth.values()).values()))


def rates(right: int, said: int, wanted: int) -> dict[str, float]:
    """Precision, recall and F1, with the counts; 1 where nothing was said or wanted."""
    precision, recall = right / said if said else 1.0, right / wanted if wanted else 1.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    found = {"precision": round(precision, 5), "recall": round(recall, 5), "f1": round(f1, 5)}
    return {**found, "right": right, "said": said, "wanted": wanted}


def components(pairs: Iterable[tuple[str, str]], members: Iterable[str]) -> dict[str, str]:
    """The group of each member where every pair shares one; a group is named by its first member."""
    first = {k: k for k in members}
    place = {k: n for n, k in enumerate(first)}

    def find(k: str) -> str:
        while first[k] != k:
            first[k] = first[first[k]]
            k = first[k]
        return k

    for a, b in pairs:
        low, high = sorted((find(a), find(b)), key=place.__getitem__)
        first[high] = low
    return {k: find(k) for k in first}


def exact_pairs(sets: Mapping[str, frozenset[str]], threshold: float) -> dict[tuple[str, str], float]:
    """All pairs whose sets reach `threshold` (above 0) in Jaccard similarity: every shared element is counted, in plain Python."""
    seen: dict[str, list[str]] = defaultdict(list)
    found = {}
    for name, elements in sets.items():
        shared = Counter(other for element in elements for other in seen[element])
        for other, count in shared.items():
            jaccard = count / (len(elements) + len(sets[other]) - count)
            if jaccard >= threshold:
                found[other, name] = jaccard
        for element in elements:
            seen[element].append(name)
    return found


def _pairs(sizes: Iterable[int]) -> int:
    return sum(n * (n - 1) // 2 for n in sizes)
