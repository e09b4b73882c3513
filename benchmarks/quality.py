"""The four quality families beside datatrove's four filters: speed, and where words and verdicts differ.

tamis      counts everything once per text, then decides four times; one process, one thread, the corpus in memory
datatrove  GopherRepetitionFilter, GopherQualityFilter, C4QualityFilter (lines may end as they like, as for FineWeb),
           FineWebQualityFilter in series, on an even sample of the same documents in memory; English spaCy tokeniser

Neither reads or writes files here. datatrove needs an environment of its own:

    python -m venv /somewhere && /somewhere/bin/pip install "datatrove[processing]" spacy pyarrow lxml_html_clean
    python benchmarks/quality.py --datatrove /somewhere/bin/python            side by side; about two minutes
    python benchmarks/quality.py                                              tamis alone
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import corpus
import measure
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.curate.quality import C4, TEXT, FineWeb, Gopher, Repetition
from tamis.stage import Stage

BOUND = 200
"""Documents per CPU second by those of datatrove."""

BATCH = 4096
"""Rows at a time."""

FILTERS: dict[str, Stage] = {
    "repetition": Repetition(),
    "gopher": Gopher(),
    "c4": C4(end_mark=False),
    "fineweb": FineWeb(),
}


def main() -> None:
    """Measure, print the tables, save the figures."""
    parser = corpus.options(__doc__ or "")
    parser.add_argument("--datatrove", type=Path, help="a Python that has datatrove")
    parser.add_argument("--documents", type=int, default=800, help="how many of them datatrove sees")
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    texts = pq.read_table(told.corpus, columns=["text"]).column("text").combine_chunks()
    judge(texts.slice(0, 10))  # kernels are compiled once for a machine: benchmarks/startup.py measures that
    spent = [judge(texts)[0] for _ in range(told.rounds)]
    megabytes = texts.nbytes / 1e6
    own = {
        "documents": len(texts),
        "cpu": round(float(np.median(spent)), 3),
        "documents_per_cpu_second": round(len(texts) / float(np.median(spent))),
        "megabytes_per_cpu_second": round(megabytes / float(np.median(spent)), 1),
        "rounds": [round(s, 3) for s in spent],
    }
    facts: dict[str, Any] = {"bound": BOUND, "tamis": own}
    rows = [["tamis", f"{own['documents_per_cpu_second']:,}", f"{own['megabytes_per_cpu_second']:,.1f}", ""]]
    if told.datatrove:
        sample = texts.take(np.linspace(0, len(texts) - 1, told.documents).astype(np.int64))
        peer = datatrove(told.datatrove, sample)
        for name in ("in_series", "all_four"):
            rate = round(len(sample) / peer["cpu"][name], 1)
            ratio = round(own["documents_per_cpu_second"] / rate)
            facts.setdefault("datatrove", {})[name] = {"documents_per_cpu_second": rate, "ratio": ratio}
            rate_mb = sample.nbytes / 1e6 / peer["cpu"][name]
            rows.append([f"datatrove, {name.replace('_', ' ')}", f"{rate:,}", f"{rate_mb:.2f}", f"{ratio:,}"])
        facts["datatrove"] |= {"version": peer["version"], "documents": len(sample), "cpu": peer["cpu"]}
        facts["words"] = compare_words(sample, peer["words"])
        facts["verdicts"] = compare_verdicts(sample, peer["verdicts"])
    print(measure.table(["", "documents / CPU s", "MB / CPU s", "tamis is faster"], rows))
    print(json.dumps({k: facts[k] for k in ("words", "verdicts") if k in facts}, indent=1))
    measure.save(__file__, facts)


def judge(texts: pa.StringArray) -> tuple[float, dict[str, list[str | None]]]:
    """CPU seconds, and by family the first rule that each text breaks."""
    rules: dict[str, list[str | None]] = {name: [None] * len(texts) for name in FILTERS}
    spent = 0.0
    for start in range(0, len(texts), BATCH):
        before = time.process_time()
        counts = TEXT.compute(texts.slice(start, BATCH))
        found = {name: stage.decide(stage.measure(counts)) for name, stage in FILTERS.items()}
        spent += time.process_time() - before
        for name, decided in found.items():
            for row, rule in zip(decided.column("row").to_pylist(), decided.column("rule").to_pylist(), strict=True):
                rules[name][start + row] = rule
    return spent, rules


def datatrove(python: Path, sample: pa.StringArray) -> dict[str, Any]:
    """What the peer spent and found: cpu by name; words and verdicts of each document."""
    lines = json.dumps(sample.to_pylist())
    done = subprocess.run([python, "-c", PEER], input=lines, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{python} cannot run datatrove:\n{done.stderr[-4000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


PEER = """
import importlib.metadata, json, sys, time
from loguru import logger
logger.remove()
from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter)
from datatrove.utils.text import PUNCTUATION_SET, split_into_words

texts = json.load(sys.stdin)
documents = lambda: [Document(text=text, id=str(i)) for i, text in enumerate(texts)]
filters = {
    "repetition": GopherRepetitionFilter(), "gopher": GopherQualityFilter(),
    "c4": C4QualityFilter(filter_no_terminal_punct=False), "fineweb": FineWebQualityFilter()}
for f in filters.values():
    f.filter(Document(text="Warm up. " + texts[0], id="w"))

def reason(f, document):
    try:
        answer = f.filter(document)
    except Exception as error:
        return type(error).__name__
    return None if answer is True else answer[1] if isinstance(answer, tuple) else "dropped"

cpu, verdicts = {}, {name: [] for name in filters}
before = time.process_time()
stream = iter(documents())
for f in filters.values():
    stream = f.run(stream)
kept = sum(1 for _ in stream)
cpu["in_series"] = time.process_time() - before
before = time.process_time()
for document in documents():
    for name, f in filters.items():
        # C4's filter cuts lines out of the text it is given.
        verdicts[name].append(reason(f, Document(text=document.text, id=document.id)))
cpu["all_four"] = time.process_time() - before
words = []
for text in texts:
    tokens = split_into_words(text)
    said = [w for w in tokens if any(c not in PUNCTUATION_SET for c in w)]
    words.append([len(tokens), len(said), sum(any(c.isalpha() for c in w) for w in tokens)])
version = importlib.metadata.version("datatrove")
print(json.dumps({"version": version, "cpu": cpu, "kept": kept, "verdicts": verdicts, "words": words}))
"""


def compare_words(sample: pa.StringArray, theirs: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Our words by theirs: all tokens, and those that are no punctuation, which its Gopher rules count.

    And how many documents too few of their tokens hold a letter in, with punctuation among the tokens and without.
    """
    ours = TEXT.compute(sample).column("words").to_numpy()
    tokens, not_punctuation, with_letter = np.array(theirs).T
    return {
        "too_few_letters_by_all_tokens": int((with_letter < 0.8 * tokens).sum()),
        "too_few_letters_without_punctuation": int((with_letter < 0.8 * not_punctuation).sum()),
        "by_all_tokens": spread(ours / np.maximum(tokens, 1)),
        "by_tokens_without_punctuation": spread(ours / np.maximum(not_punctuation, 1)),
    }


def spread(ratios: np.ndarray) -> dict[str, float]:
    """Median, 5th and 95th percentile."""
    names = {"p5": 5, "median": 50, "p95": 95}
    return {name: round(float(np.percentile(ratios, share)), 3) for name, share in names.items()}


def compare_verdicts(sample: pa.StringArray, theirs: dict[str, list[str | None]]) -> dict[str, Any]:
    """By family: how many each drops, how many verdicts differ, and the commonest pairs of reasons where they do."""
    _, ours = judge(sample)
    found = {}
    for name in FILTERS:
        pairs = list(zip(ours[name], theirs[name], strict=True))
        differ = Counter(f"{a or 'kept'} | {b or 'kept'}" for a, b in pairs if (a is None) != (b is None))
        found[name] = {
            "dropped_by_tamis": sum(a is not None for a, _ in pairs),
            "dropped_by_datatrove": sum(b is not None for _, b in pairs),
            "differ": round(sum(differ.values()) / len(pairs), 3),
            "tamis | datatrove": dict(differ.most_common(6)),
        }
    return found


if __name__ == "__main__":
    main()
