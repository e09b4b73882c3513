"""MinHash signatures beside datasketch's own: 5-grams of words, 128 slots, the documents in memory, one thread.

tamis              from Arrow text to a table of signatures
datasketch         words by a regular expression, then MinHash.bulk, its fastest way
datasketch, given  MinHash.bulk on n-grams that are there already: SHA-1 and permutations alone

    python benchmarks/signatures.py
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable
from typing import Any

import corpus
import measure
import pyarrow as pa
import pyarrow.parquet as pq
from datasketch import MinHash

from tamis.curate.signatures import sign

NGRAM, SLOTS = 5, 128
WORD = re.compile(r"[^\W_]+")


def main() -> None:
    """Measure, print the table, save the figures."""
    parser = corpus.options(__doc__ or "")
    parser.add_argument("--documents", type=int, default=4000, help="an even sample of so many")
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    rows = pq.read_table(told.corpus, columns=["text"])
    rows = rows.take(pa.array(range(0, rows.num_rows, max(1, rows.num_rows // told.documents)))).slice(
        0, told.documents
    )
    texts = rows.column("text").to_pylist()
    ready = [ngrams(text) for text in texts]
    what: dict[str, Callable[[], Any]] = {
        "tamis, sha1": lambda: sign(rows, ngram=NGRAM, num_perm=SLOTS),
        "tamis, xxh64": lambda: sign(rows, ngram=NGRAM, num_perm=SLOTS, hash="xxh64"),
        "datasketch": lambda: MinHash.bulk(map(ngrams, texts), num_perm=SLOTS),
        "datasketch, given": lambda: MinHash.bulk(ready, num_perm=SLOTS),
    }
    sign(
        rows.slice(0, 10), hash="xxh64"
    )  # kernels are compiled once for a machine: benchmarks/startup.py measures that
    ours = sign(rows, ngram=NGRAM, num_perm=SLOTS).column("signature").to_pylist()
    theirs = MinHash.bulk(ready, num_perm=SLOTS)
    equal = sum(a == b.hashvalues.tolist() for a, b in zip(ours, theirs, strict=True))
    rounds = [{name: cpu(make) for name, make in what.items()} for _ in range(told.rounds)]
    spent = {name: statistics.median(taken[name] for taken in rounds) for name in what}
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    lines = [
        [name, f"{s:.3f}", f"{len(texts) / s:,.0f}", f"{megabytes / s:.1f}", f"{s / spent['tamis, sha1']:.1f}"]
        for name, s in spent.items()
    ]
    print(measure.table(["", "CPU s", "documents per CPU s", "MB per CPU s", "by tamis, sha1"], lines))
    print(f"{equal:,} of {len(texts):,} signatures are equal; where they are not, the words are not")
    facts = {"documents": len(texts), "megabytes": round(megabytes, 3), "equal": equal, "cpu": spent, "rounds": rounds}
    measure.save(__file__, facts)


def ngrams(text: str) -> list[bytes]:
    """The n-grams as most users of datasketch make them; for ASCII text they are those of tamis."""
    words = WORD.findall(text.lower())
    return [" ".join(words[k : k + NGRAM]).encode() for k in range(max(len(words) - NGRAM + 1, min(len(words), 1)))]


def cpu(make: Callable[[], Any]) -> float:
    """CPU seconds of a call."""
    before = time.process_time()
    make()
    return time.process_time() - before


if __name__ == "__main__":
    main()
