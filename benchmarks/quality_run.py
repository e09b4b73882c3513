"""A whole run of the four quality families, JSON Lines to Parquet, beside datatrove's four filters in series.

tamis      reads, measures, decides, writes data, verdicts, a fate and every score of every record; start included
datatrove  JsonlReader, GopherRepetitionFilter, GopherQualityFilter, C4QualityFilter, FineWebQualityFilter, JsonlWriter on an
           even sample; what it takes to start (a run over 20 documents) is taken off

    python benchmarks/quality_run.py                                          tamis alone
    python benchmarks/quality_run.py --datatrove /somewhere/bin/python        side by side; quality.py says how to get one
"""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import corpus
import measure

BOUND = 200
"""Documents per CPU second by those of datatrove."""

WAYS = {"datatrove, what is left": "drop", "datatrove, every document": "keep"}
"""Whether a filter sees only what those before it left, or every document, as the stages of tamis do: all scores are kept."""

START = 20
"""Documents of the run that shows what datatrove takes to start."""

STAGES = ("quality.gopher@1: {}", "quality.repetition@1: {}", "quality.c4@1: {}", "quality.fineweb@1: {}")


def main() -> None:
    """Measure, print the table, save the figures."""
    parser = corpus.options(__doc__ or "")
    parser.add_argument("--datatrove", type=Path, help="a Python that has datatrove")
    parser.add_argument("--documents", type=int, default=1000, help="how many of them datatrove sees")
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    lines, recipe = corpus.jsonl(told.corpus, told.cache), corpus.recipe(told.cache, "quality", *STAGES)
    out = told.cache / "out"
    ours(recipe, lines, out, 2)  # kernels are compiled once for a machine: startup.py measures that
    what = {f"tamis, {n} worker{'s' * (n > 1)}": partial(ours, recipe, lines, out, n) for n in (1, 2)}
    for way in WAYS if told.datatrove else ():
        for count in (START, told.documents):
            sample = _sample(lines, told.cache, count)
            what[f"{way}, {count}"] = partial(theirs, told.datatrove, sample, told.cache / "datatrove", WAYS[way])
    found = {name: measure.medians(rounds) for name, rounds in measure.alternate(what, told.rounds).items()}
    rates = {name: corpus.ROWS / found[name]["cpu"] for name in found if name.startswith("tamis")}
    for way in WAYS if told.datatrove else ():
        start, whole = (found[f"{way}, {n}"]["cpu"] for n in (START, told.documents))
        rates[way] = (told.documents - START) / (whole - start)
        rates[f"{way}, start included"] = told.documents / whole
    peers = [rate for name, rate in rates.items() if name.startswith("datatrove")]
    rows = [[name, f"{rate:,.0f}", *(f"{rate / peer:,.1f}" for peer in peers)] for name, rate in rates.items()]
    heads = [f"by the {k}. below" for k in range(1, len(peers) + 1)]
    print(measure.table(["", "documents / CPU s", *heads], rows))
    facts: dict[str, Any] = {"bound": BOUND, "documents_per_cpu_second": {k: round(v, 1) for k, v in rates.items()}}
    measure.save(__file__, {**facts, "found": found})


def ours(recipe: Path, lines: Path, out: Path, workers: int) -> measure.Spent:
    """One run of tamis."""
    shutil.rmtree(out, ignore_errors=True)
    return measure.run([*corpus.tamis(), "run", recipe, "-i", lines, "-o", out, "--quiet", "--workers", str(workers)])


def theirs(python: Path, sample: Path, out: Path, way: str) -> measure.Spent:
    """One run of datatrove."""
    shutil.rmtree(out, ignore_errors=True)
    return measure.run([python, "-c", _DATATROVE, sample, out, way])


def _sample(lines: Path, cache: Path, count: int) -> Path:
    """Every n-th line, `count` of them, in a folder of its own."""
    folder = cache / f"sample-{count}"
    folder.mkdir(exist_ok=True)
    every = corpus.ROWS // count
    with lines.open("rb") as source:
        taken = [line for k, line in enumerate(source) if k % every == 0][:count]
    (folder / "sample.jsonl").write_bytes(b"".join(taken))
    return folder


_DATATROVE = """
import sys
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.filters import C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
four = [GopherRepetitionFilter(), GopherQualityFilter(), C4QualityFilter(filter_no_terminal_punct=False)]
four.append(FineWebQualityFilter())
def asked(decide):
    return lambda document: bool(decide(document)) or True
for one in four if sys.argv[3] == "keep" else ():
    one.filter = asked(one.filter)
steps = [JsonlReader(sys.argv[1]), *four, JsonlWriter(sys.argv[2] + "/kept")]
LocalPipelineExecutor(pipeline=steps, tasks=1, logging_dir=sys.argv[2] + "/logs").run()
"""

if __name__ == "__main__":
    main()
