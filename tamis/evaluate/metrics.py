"""What an answer scores, and what the scores of a task come to.

The numbers are those of lm-eval 0.4.13 on the same answers, to the last digit: acc, acc_norm, acc_bytes, brier_score,
exact_match, bleu, chrf and the perplexities; a test holds them to it. F1 is SQuAD's, ROUGE that of rouge-score.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from tamis.evaluate.extract import normalized
from tamis.extras import extra
from tamis.prompts.refusals import BEGINS

Total = Literal["mean", "words", "bytes", "bits", "bleu", "chrf"]


class Metric(NamedTuple):
    """A number that an answer gets.

    type    task type it is for
    higher  whether more is better
    low     least it can be; what an answer that failed gets where `higher` (else null)
    high    most it can be; None: there is no most
    binary  0 or 1 of every item, so that Wilson and McNemar hold
    total   how the task's number is made of its items': their mean, or of sums over the items
    """

    type: str
    says: str
    higher: bool = True
    high: float | None = 1.0
    binary: bool = False
    total: Total = "mean"
    low: float = 0.0


METRICS: dict[str, Metric] = {
    "acc": Metric("multiple_choice", "The choice of the highest likelihood is the right one.", binary=True),
    "acc_norm": Metric("multiple_choice", "So, with likelihoods divided by the characters of a choice.", binary=True),
    "acc_bytes": Metric("multiple_choice", "So, with likelihoods divided by the bytes of a choice.", binary=True),
    "brier_score": Metric("multiple_choice", "Squared error of the choices' probabilities.", False, 2.0),
    "exact_match": Metric("generation", "The answer found is a right one, letter for letter.", binary=True),
    "contains": Metric("generation", "A right answer stands in the response, case and space aside.", binary=True),
    "f1": Metric("generation", "Words shared with the nearest right answer, as SQuAD counts."),
    "bleu": Metric("generation", "BLEU of sacrebleu, 0 to 100; of the task as one corpus.", high=100.0, total="bleu"),
    "chrf": Metric("generation", "chrF of sacrebleu, 0 to 100; of the task as one corpus.", high=100.0, total="chrf"),
    "rouge1": Metric("generation", "ROUGE-1, F-measure."),
    "rouge2": Metric("generation", "ROUGE-2, F-measure."),
    "rougeL": Metric("generation", "ROUGE-L, F-measure."),
    "grounded": Metric("generation", "The answer is right, and a passage it cites supports it.", binary=True),
    "citation_precision": Metric("generation", "Share of the passages cited that support the answer."),
    "citation_recall": Metric("generation", "Share of the passages that support the answer that are cited."),
    "refusal": Metric("generation", "The response begins as a refusal does.", False, binary=True),
    "refusal_judged": Metric("generation", "A judge says that the response declines.", False, binary=True),
    "harmful_judged": Metric("generation", "A judge says that the response does harm.", False, binary=True),
    **{
        f"pass@{k}": Metric("generation", f"Of {k} answers one passes the item's tests (Chen et al. 2021).")
        for k in (1, 2, 5, 10, 20, 50, 100)
    },
    "word_perplexity": Metric("perplexity", "Perplexity for each word.", False, None, total="words", low=1.0),
    "byte_perplexity": Metric("perplexity", "Perplexity for each byte.", False, None, total="bytes", low=1.0),
    "bits_per_byte": Metric("perplexity", "Bits for each byte of text.", False, None, total="bits"),
}

JUDGED = {"refusal_judged": "refusal", "harmful_judged": "harmful"}
"""Metrics that a judge gives, and the rubric that it goes by."""

SQUAD = ("case", "punctuation", "articles", "space")
"""How SQuAD makes answers plain."""

_CITED = re.compile(r"\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]")


def of_type(kind: str) -> tuple[str, ...]:
    """Metrics of a task type, in their order."""
    return tuple(name for name, metric in METRICS.items() if metric.type == kind)


def choices(lls: Sequence[float], texts: Sequence[str], right: Sequence[int], names: Sequence[str]) -> dict[str, float]:
    """Scores of the likelihoods `lls` of the choices `texts`, of which `right` are right."""
    array = np.array(lls)
    by = {
        "acc": array,
        "acc_norm": array / np.array([float(len(t)) for t in texts]),
        "acc_bytes": array / np.array([float(len(t.encode("utf-8"))) for t in texts]),
    }
    found = {name: float(int(np.argmax(by[name])) in right) for name in names if name in by}
    if "brier_score" in names:
        odds = np.exp(array - np.max(array))
        hot = np.eye(len(texts))[right[0]]
        found["brier_score"] = float(np.sum((odds / odds.sum() - hot) ** 2))
    return found


def text(ll: float, words: str, names: Sequence[str]) -> dict[str, float]:
    """Scores of the likelihood `ll` of the text `words`."""
    found = {}
    for name in names:
        size, over = _size(words, METRICS[name].total), METRICS[name].total == "bits"
        found[name] = -ll / size / math.log(2) if over else math.exp(min(-ll / size, 700.0))
    return found


def answer(
    response: str,
    extracted: str | None,
    targets: Sequence[str],
    names: Sequence[str],
    normalize: Sequence[Any] = (),
    passages: Sequence[str] = (),
    supporting: Sequence[int] = (),
) -> dict[str, float]:
    """Scores of a response.

    extracted   the answer found in it; None: none was, which is right of nothing
    targets     right answers, one or more
    passages    what it may cite, as [1] the first
    supporting  which of them support the answer, from 1; none given: those that hold a right answer
    """
    plain = [normalized(t, normalize) for t in targets]
    own = None if extracted is None else normalized(extracted, normalize)
    found: dict[str, float] = {}
    for name in names:
        if name == "exact_match":
            found[name] = float(own is not None and own in plain)
        elif name == "contains":
            found[name] = float(_holds(response, targets))
        elif name == "f1":
            found[name] = max((_f1(own or "", t) for t in plain), default=0.0)
        elif name in ("bleu", "chrf"):
            found[name] = _sentence(name, own or "", plain)
        elif name.startswith("rouge"):
            found[name] = _rouge(name, own or "", plain)
        elif name == "refusal":
            found[name] = float(refuses(response))
        elif name in ("grounded", "citation_precision", "citation_recall"):
            found |= _cites(name, response, targets, passages, supporting)
    return found


def pass_at(k: int, n: int, right: int) -> float:
    """1 − C(n − right, k) / C(n, k): the chance that of k answers drawn from n, `right` of which pass, one passes."""
    if n - right < k:
        return 1.0
    return 1.0 - math.comb(n - right, k) / math.comb(n, k)


def refuses(response: str) -> bool:
    """Whether `response` begins as a refusal does. English; a judge sees more."""
    return re.match(BEGINS, re.sub("[’‘ʼ`´]", "'", response[:400])) is not None


def total(name: str, values: Sequence[float], samples: Sequence[dict[str, Any]]) -> float:
    """The number of a task, of the scores of its items and their rows of SAMPLE, in the same order; nan of none."""
    if not values:
        return math.nan
    how = METRICS[name].total if name in METRICS else "mean"
    if how == "mean":
        return sum(values) / len(values)
    if how in ("bleu", "chrf"):
        own = Corpus(how, samples)
        return own.score(own.counts.sum(0))
    likelihood = sum(s["loglikelihoods"][0] for s in samples) / sum(_size(s["prompt"], how) for s in samples)
    return -likelihood / math.log(2) if how == "bits" else math.exp(-likelihood)


def weight(name: str, prompt: str) -> int:
    """What an item counts for in the total of `name`: its words or bytes where that is a perplexity, else 1."""
    how = METRICS[name].total if name in METRICS else "mean"
    return _size(prompt, how) if how in ("words", "bytes", "bits") else 1


def targets_of(target: str) -> list[str]:
    """The right answers that a column `target` holds: one text, or JSON of several."""
    if target.startswith('["') and target.endswith("]"):
        return [str(t) for t in json.loads(target)]
    return [target]


def _size(words: str, how: str) -> int:
    return len(re.split(r"\s+", words)) if how == "words" else max(1, len(words.encode("utf-8")))


def _holds(response: str, targets: Sequence[str]) -> bool:
    said = f" {normalized(response, SQUAD)} "
    return any(f" {own} " in said for t in targets if (own := normalized(t, SQUAD)))


def _f1(own: str, target: str) -> float:
    """Rajpurkar et al. 2016, evaluate-v1.1.py."""
    a, b = normalized(own, SQUAD).split(), normalized(target, SQUAD).split()
    if not a or not b:
        return float(a == b)
    same = sum((Counter(a) & Counter(b)).values())
    return 2 * same / (len(a) + len(b))


def _sentence(name: str, own: str, targets: Sequence[str]) -> float:
    with extra("eval"):
        import sacrebleu
    score = sacrebleu.sentence_bleu if name == "bleu" else sacrebleu.sentence_chrf
    return float(score(own, list(targets)).score)


class Corpus:
    """BLEU or chrF of a task as one text: what each item adds to its sums, and the number of any sums.

    counts  (n, k) float64  whole numbers: n-grams there, n-grams in common
    """

    def __init__(self, name: str, samples: Sequence[dict[str, Any]]) -> None:
        with extra("eval"):
            from sacrebleu.metrics.bleu import BLEU
            from sacrebleu.metrics.chrf import CHRF
        self._metric: Any = BLEU() if name == "bleu" else CHRF()
        targets = [targets_of(s["target"]) for s in samples]
        # Where an item has fewer right answers than another, sacrebleu takes None for one that is not there.
        streams: Any = [[t[k] if k < len(t) else None for t in targets] for k in range(max(map(len, targets)))]
        # As sacrebleu's own tests of significance ask it: nothing of it is public.
        found = self._metric._extract_corpus_statistics([s["extracted"] or "" for s in samples], streams)
        self.counts = np.array(found, np.float64)

    def score(self, sums: np.ndarray) -> float:
        """The number, 0 to 100, where the counts come to `sums`, (k,) float64."""
        return float(self._metric._compute_score_from_stats(sums.tolist()).score)


_scorers: dict[str, Any] = {}


def _rouge(name: str, own: str, targets: Sequence[str]) -> float:
    if name not in _scorers:
        with extra("eval"):
            from rouge_score.rouge_scorer import RougeScorer
        _scorers[name] = RougeScorer([name], use_stemmer=False)
    return max((float(_scorers[name].score(t, own)[name].fmeasure) for t in targets), default=0.0)


def _cites(
    name: str, response: str, targets: Sequence[str], passages: Sequence[str], supporting: Sequence[int]
) -> dict[str, float]:
    cited = {int(n) for found in _CITED.findall(response) for n in re.split(r"\D+", found)}
    good = set(supporting) or {k for k, p in enumerate(passages, 1) if _holds(p, targets)}
    both = cited & good
    if name == "citation_precision":
        return {name: len(both) / len(cited) if cited else 0.0}
    if name == "citation_recall":
        return {name: len(both) / len(good) if good else float(not cited)}
    return {name: float(bool(both) and _holds(_CITED.sub("", response), targets))}
