"""Profanity: what a word list and a model find, where they are wrong, and how many texts a CPU second.

    python benchmarks/profanity.py ../shared/data/toxicity --corpus ../shared/data/bench/webmix.parquet

Sets: 12,392 tweets that were gathered by offensive words and labelled by people (Davidson et al. 2017; the model was trained
on them), and 1,923 test sentences of HateCheck (Röttger et al. 2021), two thirds of them hateful. `one word`: max_hits 0,
`share`: the default, max_share 0.01, which for texts as short as these is the same. The corpus has no labels: what is let
go there is to be read. CPU seconds are the median of three rounds in this process.
"""

from __future__ import annotations

import gzip
import json
import statistics
import time
from pathlib import Path
from typing import Any

import corpus
import measure
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.curate.profanity import Profanity

CHECK = "alt-profanity-check"
ROUNDS, MODEL_ROWS = 3, 5_000


def labelled(path: Path, harmless: str) -> tuple[pa.RecordBatch, np.ndarray]:
    """Texts of one file, and whether they are labelled otherwise than `harmless`."""
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        rows = [json.loads(line) for line in lines]
    return pa.record_batch({"text": [r["text"] for r in rows]}), np.array([r["label"] != harmless for r in rows])


def scored(flagged: np.ndarray, gold: np.ndarray) -> dict[str, float]:
    """Precision, recall and F1."""
    hit = int((flagged & gold).sum())
    precision, recall = hit / max(1, int(flagged.sum())), hit / int(gold.sum())
    return {"precision": precision, "recall": recall, "f1": 2 * precision * recall / max(1e-9, precision + recall)}


def auc(scores: np.ndarray, gold: np.ndarray) -> float:
    """Chance that a labelled text has the higher score, ties counting half."""
    order = np.sort(scores[~gold])
    below = np.searchsorted(order, scores[gold], "left") + np.searchsorted(order, scores[gold], "right")
    return float(below.mean() / 2 / len(order))


def shares(measured: pa.RecordBatch) -> np.ndarray:
    """Share of the words of each text that are listed."""
    words, listed = (measured.column(name).to_numpy() for name in ("words", "listed_words"))
    return np.asarray(listed / np.maximum(words, 1))


def rate(stage: Profanity, batch: pa.RecordBatch) -> dict[str, float]:
    """Texts and megabytes a CPU second."""
    stage.measure(batch.slice(0, 10))
    spent = []
    for _ in range(ROUNDS):
        started = time.process_time()
        stage.measure(batch)
        spent.append(time.process_time() - started)
    cpu = statistics.median(spent)
    return {
        "texts_per_cpu_second": round(batch.num_rows / cpu),
        "mb_per_cpu_second": round(batch.nbytes / cpu / 1e6, 1),
    }


def main() -> None:
    parser = corpus.options(__doc__)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    facts: dict[str, Any] = {}
    rows = []
    for name, harmless in (("davidson_tweets_a", "neither"), ("hatecheck_a", "non-hateful")):
        batch, gold = labelled(args.folder / f"{name}.jsonl.gz", harmless)
        measured = Profanity(model=CHECK).measure(batch)
        score = measured.column("score").to_numpy()
        found = {
            "list, one word": {
                **scored(measured.column("hits").to_numpy() > 0, gold),
                "auc": auc(shares(measured), gold),
            },
            "list, share": {**scored(shares(measured) > 0.01, gold), "auc": auc(shares(measured), gold)},
            CHECK: {**scored(score > 0.5, gold), "auc": auc(score, gold)},
        }
        facts[name] = {"texts": len(gold), "labelled": float(gold.mean()), **found}
        rows += [[f"{name}: {what}", *(f"{value:.3f}" for value in own.values())] for what, own in found.items()]
    print(measure.table(["", "precision", "recall", "F1", "AUC"], rows))

    texts = pq.read_table(args.corpus, columns=["text"]).combine_chunks().to_batches()[0]
    measured = Profanity().measure(texts)
    every = Profanity(languages=("*",)).measure(texts)
    gone = {
        "one word": float((measured.column("hits").to_numpy() > 0).mean()),
        "share": float((shares(measured) > 0.01).mean()),
        "one word, all 28 lists": float((every.column("hits").to_numpy() > 0).mean()),
        "share, all 28 lists": float((shares(every) > 0.01).mean()),
    }
    even = texts.take(pa.array(np.linspace(0, texts.num_rows - 1, MODEL_ROWS).astype(int)))
    by_model = Profanity(model=CHECK).measure(even).column("score").to_numpy()
    gone[f"{CHECK} over 0.5"] = float((by_model > 0.5).mean())
    rates = {
        "English list": rate(Profanity(), texts),
        "all 28 lists": rate(Profanity(languages=("*",)), texts),
        f"English list and {CHECK}": rate(Profanity(model=CHECK), even),
    }
    facts["corpus"] = {"texts": texts.num_rows, "gone": gone, "rates": rates}
    print("\n" + measure.table(["let go of the corpus", "share"], [[k, f"{v:.4f}"] for k, v in gone.items()]))
    print(
        "\n"
        + measure.table(
            ["", "texts per CPU s", "MB per CPU s"], [[k, *(f"{n:,.0f}" for n in v.values())] for k, v in rates.items()]
        )
    )
    measure.save(__file__, facts)


if __name__ == "__main__":
    main()
