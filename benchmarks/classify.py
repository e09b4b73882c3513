"""A classifier trained on two real samples, applied to rows of neither, and asked again by replay.

    python benchmarks/classify.py --data ../shared/data

Three questions, from easy to hard: technical documentation or pages of the government of the United States; tweets that
people called offensive or hateful, or neither (Davidson et al. 2017: both were gathered by offensive words); film reviews
that praise or that damn (Pang and Lee 2004). A fifth of the rows, every fifth as they come, is kept from the training
altogether: `tamis classify train` holds a fifth of the rest out by itself, and the stage is run on the fifth that it never
saw. `replay` at another threshold is compared, record by record, with a run at that threshold.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from shutil import rmtree
from typing import Any, NamedTuple

import corpus
import measure
import polars as pl
import pyarrow as pa

import tamis
from tamis.curate.classify.model import read

THRESHOLDS = (0.2, 0.8, 0.95)


class Asked(NamedTuple):
    """Texts that a classifier should find, and that it should not."""

    positive: list[str]
    negative: list[str]


def rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a packed file of JSON Lines."""
    if path.suffix == ".gz":
        data = gzip.decompress(path.read_bytes())
    else:
        with pa.input_stream(str(path), compression="zstd") as stream:
            data = stream.read()
    return [json.loads(line) for line in data.split(b"\n") if line]


def labelled(path: Path, positive: Callable[[str], bool]) -> Asked:
    """Texts of one file by their label."""
    every = rows(path)
    return Asked(
        [r["text"] for r in every if positive(r["label"])], [r["text"] for r in every if not positive(r["label"])]
    )


def questions(data: Path, webmix: Path) -> dict[str, Asked]:
    """The samples."""
    docs = pl.read_parquet(webmix).filter(pl.col("source").str.starts_with("deb_"))
    return {
        "documentation": Asked(
            docs.gather_every(10)["text"].to_list(), [r["text"] for r in rows(data / "raw/digitalgov_a.jsonl.zst")]
        ),
        "tweets": labelled(data / "toxicity/davidson_tweets_a.jsonl.gz", lambda label: label == "neither"),
        "film reviews": labelled(data / "raw/movie_reviews.jsonl.zst", lambda label: label == "pos"),
    }


def write(path: Path, texts: Iterable[tuple[str, str]]) -> Path:
    """Ids and texts as JSON Lines."""
    path.write_text("".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in texts))
    return path


def ids(run: tamis.Run) -> set[str]:
    """Who is kept."""
    return set(run.data(["id"]).column("id").to_pylist())


def run(folder: Path, name: str, lines: Path, threshold: float) -> tuple[measure.Spent, tamis.Run]:
    """The stage over rows that it was not trained on."""
    rmtree(folder / name, ignore_errors=True)
    made = corpus.recipe(folder, name, f"classify@1: {{model: {folder / 'own.model'}, threshold: {threshold}}}")
    spent = measure.run([*corpus.tamis(), "run", made, "-i", lines, "-o", folder / name, "--quiet"])
    return spent, tamis.Run(folder / name)


def ask(folder: Path, asked: Asked) -> dict[str, Any]:
    """Train, run, replay."""
    samples = {side: list(enumerate(texts)) for side, texts in zip(("pos", "neg"), asked, strict=True)}
    for side, texts in samples.items():
        write(folder / f"{side}.jsonl", ((f"{side}-{k}", t) for k, t in texts if k % 5))
    unseen = ((f"{side}-{k}", t) for side, texts in samples.items() for k, t in texts if not k % 5)
    lines = write(folder / "unseen.jsonl", unseen)
    (folder / "own.model").unlink(missing_ok=True)
    sides = ["--positive", folder / "pos.jsonl", "--negative", folder / "neg.jsonl"]
    spent = measure.run([*corpus.tamis(), "classify", "train", *sides, "-o", folder / "own.model", "--json"])
    card = json.loads(spent.output)
    ran, found = run(folder, "at-0.5", lines, 0.5)
    kept = [i.partition("-")[0] for i in ids(found)]
    wanted = sum(1 for k, _ in samples["pos"] if not k % 5)
    facts: dict[str, Any] = {
        "samples": card["samples"],
        "in_both": card["in_both"],
        "train": spent.facts(),
        "held_out": card["held_out"],
        "run": {
            **ran.facts(),
            "rows": found.rows,
            "precision": round(kept.count("pos") / len(kept), 4),
            "recall": round(kept.count("pos") / wanted, 4),
        },
        "applied": speed(folder / "own.model", [*asked.positive, *asked.negative]),
        "replay": {},
    }
    every = {v: i for i, v in zip(*_ids_of(lines, found), strict=True)}
    for threshold in THRESHOLDS:
        asked_again = tamis.replay(found, [f"classify.threshold={threshold}"])
        said = ids(found) | {every[r] for r in asked_again.back.column("record_id").to_pylist()}
        said -= {every[r] for r in asked_again.gone.column("record_id").to_pylist()}
        real = ids(run(folder, f"at-{threshold}", lines, threshold)[1])
        facts["replay"][str(threshold)] = {"kept": len(real), "differ": len(real ^ said)}
    return facts


def speed(model: Path, texts: list[str]) -> dict[str, float]:
    """What the kernel does in a CPU second, in memory."""
    classifier, column = read(model), pa.array(texts)
    classifier.probabilities(column.slice(0, 8))
    started = time.process_time()
    classifier.probabilities(column)
    cpu = time.process_time() - started
    size = sum(len(text.encode()) for text in texts)
    return {"texts_per_cpu_second": round(len(texts) / cpu), "mb_per_cpu_second": round(size / 1e6 / cpu, 1)}


def _ids_of(lines: Path, found: tamis.Run) -> tuple[list[str], list[bytes]]:
    """Id and record id of every row, in the order of the input."""
    own = [json.loads(line)["id"] for line in lines.read_text().split("\n") if line]
    return own, found.fates().column("record_id").to_pylist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[1] / "../shared/data")
    data = parser.parse_args().data
    facts = {}
    with tempfile.TemporaryDirectory(prefix="tamis-classify-") as scratch:
        for name, asked in questions(data, data / "bench/webmix.parquet").items():
            facts[name] = ask(Path(scratch), asked)
    table = []
    for name, f in facts.items():
        good, low, high = f["held_out"], *f["held_out"]["auc_interval"]
        figures = [f"{good['auc']:.4f} ({low:.3f}–{high:.3f})", f"{good['brier']:.3f} ({good['brier_of_share']:.3f})"]
        ran = [f"{good['calibration_error']:.3f}", f"{f['run']['precision']:.3f}", f"{f['run']['recall']:.3f}"]
        differ = sum(r["differ"] for r in f["replay"].values())
        spent = [f"{f['train']['cpu']:.1f}", f"{f['applied']['mb_per_cpu_second']:.0f}"]
        table.append([name, f"{good['rows']:,}", *figures, *ran, *spent, str(differ)])
    head = [
        "",
        "held out",
        "AUC",
        "Brier (share)",
        "off by",
        "precision",
        "recall",
        "CPU s",
        "MB/CPU s",
        "replay differs",
    ]
    print(measure.table(head, table))
    measure.save(__file__, facts)


if __name__ == "__main__":
    main()
