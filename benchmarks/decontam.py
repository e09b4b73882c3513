"""Training records against all evaluation items at once: `decontam` beside datatrove's n-gram decontamination.

tamis      a whole run over webmix: reads records and items, builds the index, scans, writes data, verdicts and the table of
           items; word 8-grams, every match with its place
datatrove  NGramsDecontIndexer and NGramsDecontFilter, 12-grams as by default, those of the questions too, over an even sample;
           the first 12-gram that matches ends the look at a document. Its indexer imports lighteval even where the items
           are given to it: two empty modules stand in for that

alone      what tamis measures and decides, in memory: no file read or written, the index built before

Both take the same items: question with its passage, and answer. What a tool takes to start and to have its index (a run over
20 documents) is taken off in the second column; building datatrove's index is a run of its own.

    python benchmarks/decontam.py --datatrove FOLDER/datatrove/bin/python         near_peers.py makes FOLDER
    python benchmarks/decontam.py                                                 tamis alone
"""

from __future__ import annotations

import gzip
import json
import shutil
import statistics
import sys
from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import Any

import corpus
import measure

BOUNDS = {"megabytes_per_cpu_second": 80, "datatrove": 50}
"""Text per CPU second of a whole run; documents per CPU second by those of datatrove."""

START = 20
"""Documents of the run that shows what a tool takes to start."""

DECON = {"microseconds": 34, "kilobytes": 5.8}
"""What decon (AI2, Rust) publishes for a document; on how many cores is not said."""


def main() -> None:
    """Measure, print the table, save the figures."""
    parser = corpus.options(__doc__ or "")
    beside = Path(__file__).parents[1] / "../shared/data/eval"
    parser.add_argument("--items", type=Path, default=beside, help="the folder of evaluation files (.jsonl.gz)")
    parser.add_argument("--datatrove", type=Path, help="a Python that has datatrove")
    parser.add_argument("--documents", type=int, default=1000, help="how many of them datatrove sees")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    whole, out = corpus.jsonl(told.corpus, told.cache), told.cache / "decontam"
    shutil.rmtree(out, ignore_errors=True)
    samples = {count: sample(whole, told.cache, count) for count in (START, told.documents)}
    tools = {"tamis": {**samples, corpus.ROWS: whole}}
    what = {f"tamis, {n}": partial(ours, told, path, out / f"tamis, {n}") for n, path in tools["tamis"].items()}
    what[f"tamis, {START}"]()  # kernels are compiled once for a machine: startup.py measures that
    if told.datatrove:
        items = gathered(told.items, out / "items")
        index = measure.run([told.datatrove, "-c", _INDEX, items, out / "index"])
        tools["datatrove"] = samples
        for n, path in samples.items():
            what[f"datatrove, {n}"] = partial(
                theirs, told.datatrove, out / "index", path.parent, out / f"datatrove, {n}"
            )
    measured = measure.alternate(what, told.rounds)
    alone = [
        json.loads(measure.run([sys.executable, "-c", _ALONE, told.corpus, told.items]).output)
        for _ in range(told.rounds)
    ]
    found: dict[str, dict[str, Any]] = {}
    for tool, paths in tools.items():
        for n, path in paths.items():
            name = f"{tool}, {n}"
            found[name] = {**measure.medians(measured[name]), **facts(path, out / name)}
    rates, rows = {}, []
    for tool, sizes in tools.items():
        most, start = found[f"{tool}, {max(sizes)}"], found[f"{tool}, {START}"]
        cpu, documents, size = most["cpu"], most["documents"], most["text_bytes"]
        rates[tool] = {
            "documents": documents,
            "documents_per_cpu_second": round(documents / cpu, 1),
            "megabytes_per_cpu_second": round(size / 1e6 / cpu, 3),
            "without_start": {
                "documents_per_cpu_second": round((documents - START) / (cpu - start["cpu"]), 1),
                "megabytes_per_cpu_second": round((size - start["text_bytes"]) / 1e6 / (cpu - start["cpu"]), 3),
            },
            "peak_bytes": most["pss"],
        }
        rows.append([tool, *row(rates[tool], rates["tamis"])])
    head = ["", "documents / CPU s", "start and index off", "tamis by it", "MB / CPU s", "start and index off"]
    head += ["tamis by it", f"µs for {DECON['kilobytes']} kB", "peak MB"]
    print(measure.table(head, rows))
    for name, f in found.items():
        print(f"{name} documents: {f['documents'] - f['kept']:,} dropped, CPU {f['cpu']:.2f} s")
    scan = {what: round(statistics.median(a[what] for a in alone), 3) for what in alone[0]}
    scan["microseconds"] = round(DECON["kilobytes"] * 1000 / scan["megabytes_per_cpu_second"], 1)
    print(
        f"alone: {scan['megabytes_per_cpu_second']:,.0f} MB / CPU s, {scan['microseconds']} µs for {DECON['kilobytes']} kB; "
        f"index of all items: CPU {scan['index_cpu']:.1f} s"
    )
    saved = {"alone": scan, "bounds": BOUNDS, "decon": DECON, "workers": told.workers, "rates": rates, "found": found}
    if told.datatrove:
        print(f"datatrove's index: CPU {index.cpu:.1f} s")
        saved["datatrove_index"] = index.facts()
    measure.save(__file__, saved)
    shutil.rmtree(out)


def row(rate: dict[str, Any], tamis: dict[str, Any]) -> list[str]:
    """The cells of one tool."""
    cells = []
    for what, digits in (("documents_per_cpu_second", 0), ("megabytes_per_cpu_second", 2)):
        off = rate["without_start"][what]
        by = tamis["without_start"][what] / off
        cells += [f"{rate[what]:,.{digits}f}", f"{off:,.{digits}f}", f"{by:.1f}"]
    micro = DECON["kilobytes"] * 1000 / rate["without_start"]["megabytes_per_cpu_second"]
    return [*cells, f"{micro:,.0f}", f"{rate['peak_bytes'] / 1e6:.0f}"]


def ours(told: Namespace, lines: Path, out: Path) -> measure.Spent:
    """One run of tamis."""
    shutil.rmtree(out, ignore_errors=True)
    recipe = corpus.recipe(told.cache, "decontam", f'decontam@1: {{against: ["{told.items.resolve()}"]}}')
    places = ["-i", str(lines), "-o", str(out), "--quiet", "--workers", str(told.workers)]
    return measure.run([*corpus.tamis(), "run", str(recipe), *places])


def theirs(python: Path, index: Path, documents: Path, out: Path) -> measure.Spent:
    """One run of datatrove."""
    shutil.rmtree(out, ignore_errors=True)
    return measure.run([python, "-c", _FILTER, index, documents, out])


def facts(lines: Path, out: Path) -> dict[str, Any]:
    """Documents, bytes of their text and how many were kept, asked of a child: what measures a command must stay small."""
    return dict(json.loads(measure.run([sys.executable, "-c", _COUNT, lines, out]).output))


def sample(lines: Path, cache: Path, count: int) -> Path:
    """Every n-th line, `count` of them, in a folder of its own."""
    path = cache / f"sample-{count}" / "sample.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    every = corpus.ROWS // count
    with lines.open("rb") as source, path.open("wb") as out:
        out.writelines(line for k, line in enumerate(source) if k % every == 0 and k // every < count)
    return path


def gathered(items: Path, folder: Path) -> Path:
    """All items as datatrove takes them: the answer as the text, the question and its passage as its query."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "items.jsonl").open("w") as out:
        for path in sorted(items.glob("*.jsonl.gz")):
            with gzip.open(path) as lines:
                for k, item in enumerate(map(json.loads, lines)):
                    query = "\n".join(filter(None, [item.get("context"), item["question"]]))
                    row = {"text": item.get("answer") or " ", "id": f"{path.name}-{k}", "query": query}
                    out.write(json.dumps({**row, "task": path.name.partition(".")[0]}) + "\n")
    return folder


_COUNT = """
import json, sys
from pathlib import Path
lines, out = map(Path, sys.argv[1:])
with lines.open("rb") as rows:
    sizes = [len(json.loads(row)["text"].encode()) for row in rows]
if (out / "run.json").exists():
    kept = json.loads((out / "run.json").read_bytes())["rows"]["kept"]
else:
    kept = sum(path.read_bytes().count(b"\\n") for path in (out / "kept").rglob("*.jsonl"))
print(json.dumps({"documents": len(sizes), "kept": kept, "text_bytes": sum(sizes)}))
"""

_ALONE = """
import json, sys, time
import pyarrow.parquet as pq
from tamis.curate.decontam import Decontam
stage = Decontam(against=(sys.argv[2],))
clock = time.process_time
began = clock()
stage.index
index_cpu = clock() - began
cpu = size = found = 0
for number, batch in enumerate(pq.ParquetFile(sys.argv[1]).iter_batches(4096, columns=["text", "url"])):
    if number == 0:
        stage.decide(stage.measure(batch))  # what is made at first use is no part of the pace
    began = clock()
    found += stage.decide(stage.measure(batch)).num_rows
    cpu += clock() - began
    size += batch["text"].nbytes
print(json.dumps({"index_cpu": index_cpu, "cpu": cpu, "megabytes_per_cpu_second": size / 1e6 / cpu, "decided": found}))
"""

_INDEX = """
import sys, types
for name in ("lighteval", "lighteval.tasks", "lighteval.tasks.lighteval_task", "lighteval.tasks.registry"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["lighteval.tasks.lighteval_task"].LightevalTask = types.SimpleNamespace(load_datasets=lambda tasks: None)
class Registry:
    def __init__(self, **given): pass
    def get_task_dict(self, names): return {}
sys.modules["lighteval.tasks.registry"].Registry = Registry
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.decont.n_grams import NGramsDecontConfig, NGramsDecontIndexer
from datatrove.pipeline.readers import JsonlReader
NGramsDecontIndexer._requires_dependencies = []
items, out = sys.argv[1:]
config = NGramsDecontConfig(find_query_ngrams=True)
steps = [JsonlReader(items), NGramsDecontIndexer(out, config=config)]
LocalPipelineExecutor(steps, tasks=1, logging_dir=out + "-logs").run()
"""

_FILTER = """
import sys
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.decont.n_grams import NGramsDecontConfig, NGramsDecontFilter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
index, documents, out = sys.argv[1:]
kept, dropped = (JsonlWriter(f"{out}/{name}", compression=None) for name in ("kept", "dropped"))
config = NGramsDecontConfig(find_query_ngrams=True)
steps = [JsonlReader(documents), NGramsDecontFilter(index, config=config, exclusion_writer=dropped), kept]
LocalPipelineExecutor(steps, tasks=1, logging_dir=out + "/logs").run()
"""

if __name__ == "__main__":
    main()
