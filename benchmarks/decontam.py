"""Decontamination beside datatrove's: MB of text per CPU second, all evaluation items at once.

tamis, a run       reads, finds, writes data, verdicts, fates, scores and contamination.parquet; start and index included
tamis, the report  the same without a run: `tamis contamination`
tamis, the stage   `measure` and `decide` alone, on rows in memory, the index made
datatrove          JsonlReader, NGramsDecontFilter (n-grams of items, of 12 words as it has them), JsonlWriter on an even sample;
                   its index is made before, and what it takes to start (a run over 20 documents) is taken off

    python benchmarks/decontam.py --evals FOLDER                                   tamis alone
    python benchmarks/decontam.py --evals FOLDER --datatrove /somewhere/bin/python side by side; quality.py says how to get one
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from functools import partial
from pathlib import Path

import corpus
import measure

BOUND, RATIO = 80, 50
"""MB of text per CPU second; times datatrove's."""

START = 20
"""Documents of the run that shows what datatrove takes to start."""


def main() -> None:
    """Measure, print the table, save the figures."""
    parser = corpus.options(__doc__ or "")
    beside = Path(__file__).parents[1] / "../shared/data/eval"
    parser.add_argument("--evals", type=Path, default=Path(os.environ.get("TAMIS_BENCH_EVALS", beside)))
    parser.add_argument("--datatrove", type=Path, help="a Python that has datatrove")
    parser.add_argument("--documents", type=int, default=600, help="how many of them datatrove sees")
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    told.cache.mkdir(parents=True, exist_ok=True)
    told.evals = told.evals.resolve()
    recipe = corpus.recipe(told.cache, "decontam", f"decontam@1: {{against: [{told.evals}]}}")
    what = {
        "tamis, a run": partial(_run, recipe, told.corpus, told.cache / "out"),
        "tamis, the report": partial(_report, told.corpus, told.evals),
        "tamis, the stage": partial(_stage, told.corpus, told.evals),
    }
    for once in what.values():
        once()  # kernels are compiled once for a machine: startup.py measures that
    if told.datatrove:
        lines = corpus.jsonl(told.corpus, told.cache)
        items = _items(told.evals, told.cache / "items.jsonl")
        measure.run([told.datatrove, "-c", _INDEX, items, told.cache / "decont-index"])
        for count in (START, told.documents):
            sample = _sample(lines, told.cache, count)
            what[f"datatrove, {count}"] = partial(_datatrove, told.datatrove, sample, told.cache)
    found = {name: measure.medians(rounds) for name, rounds in measure.alternate(what, told.rounds).items()}
    size = _text_bytes(told.corpus)
    rates = {name: size / found[name]["cpu"] / 1e6 for name in found if name.startswith("tamis")}
    if told.datatrove:
        spent = found[f"datatrove, {told.documents}"]["cpu"] - found[f"datatrove, {START}"]["cpu"]
        sample = told.cache / f"decont-{told.documents}"
        few = told.cache / f"decont-{START}"
        rates["datatrove, its start taken off"] = (_chars(sample) - _chars(few)) / spent / 1e6
    peer = rates.get("datatrove, its start taken off", float("nan"))
    rows = [[name, f"{rate:,.2f}", f"{rate / peer:,.0f}"] for name, rate in rates.items()]
    print(measure.table(["", "MB of text / CPU s", "by datatrove's"], rows))
    rounded = {name: round(rate, 3) for name, rate in rates.items()}
    measure.save(__file__, {"bound": BOUND, "ratio": RATIO, "mb_per_cpu_second": rounded, "found": found})


def _run(recipe: Path, data: Path, out: Path) -> measure.Spent:
    shutil.rmtree(out, ignore_errors=True)
    return measure.run([*corpus.tamis(), "run", recipe, "-i", data, "-o", out, "--quiet", "--workers", "2"])


def _report(data: Path, evals: Path) -> measure.Spent:
    return measure.run([*corpus.tamis(), "contamination", data, evals, "--json", "--workers", "2"])


def _stage(data: Path, evals: Path) -> measure.Spent:
    """Its CPU seconds are those that the script says."""
    spent = measure.run([sys.executable, "-c", _STAGE, data, evals])
    return spent._replace(cpu=float(spent.output))


def _datatrove(python: Path, sample: Path, cache: Path) -> measure.Spent:
    shutil.rmtree(cache / "datatrove", ignore_errors=True)
    return measure.run([python, "-c", _FILTER, sample, cache / "decont-index", cache / "datatrove"])


def _items(evals: Path, place: Path) -> Path:
    """All items as question and answer."""
    from tamis.curate.decontam.items import read_items

    table = read_items([evals]).table.select(["question", "context", "answer"])
    place.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    return place


def _sample(lines: Path, cache: Path, count: int) -> Path:
    """Every n-th line, `count` of them, in a folder of its own."""
    folder = cache / f"decont-{count}"
    folder.mkdir(exist_ok=True)
    with lines.open("rb") as source:
        taken = [line for k, line in enumerate(source) if k % (corpus.ROWS // count) == 0][:count]
    (folder / "sample.jsonl").write_bytes(b"".join(taken))
    return folder


def _chars(folder: Path) -> int:
    lines = (folder / "sample.jsonl").read_bytes().splitlines()
    return sum(len(json.loads(line)["text"].encode()) for line in lines)


def _text_bytes(data: Path) -> int:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    return int(pc.sum(pc.binary_length(pq.read_table(data, columns=["text"])["text"])).as_py())


_STAGE = """
import sys, time
import pyarrow.parquet as pq
from tamis.curate.decontam import Decontam
stage = Decontam((sys.argv[2],))
batches = pq.read_table(sys.argv[1], columns=["text"]).to_batches(max_chunksize=2048)
stage.decide(stage.measure(batches[0]))
start = time.process_time()
for batch in batches:
    stage.decide(stage.measure(batch))
print(time.process_time() - start)
"""

_INDEX = """
import json, pathlib, sys
import numpy as np
from datatrove.pipeline.decont.n_grams import NGramsDecontConfig, NGramsDecontIndexer
# The indexer reads its tasks through lighteval; its own hashing needs no more than the items.
NGramsDecontIndexer._requires_dependencies = []
indexer = NGramsDecontIndexer(sys.argv[2], config=NGramsDecontConfig(find_query_ngrams=True))
hashes = set()
for line in open(sys.argv[1]):
    row = json.loads(line)
    for query in (row["question"], row["context"]):
        if query:
            hashes.update(indexer.compute_hashes(row["answer"] or "", query))
pathlib.Path(sys.argv[2]).mkdir(exist_ok=True)
np.array(list(hashes), dtype=indexer.config.hash_config.np_descr).tofile(sys.argv[2] + "/items.index.hashes")
"""

_FILTER = """
import sys
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.decont.n_grams import NGramsDecontConfig, NGramsDecontFilter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
filter = NGramsDecontFilter(sys.argv[2], config=NGramsDecontConfig(find_query_ngrams=True))
steps = [JsonlReader(sys.argv[1]), filter, JsonlWriter(sys.argv[3] + "/kept")]
LocalPipelineExecutor(pipeline=steps, tasks=1, logging_dir=sys.argv[3] + "/logs").run()
"""

if __name__ == "__main__":
    main()
