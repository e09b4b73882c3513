"""A real pairwise run: bought, killed in the middle and resumed, made again from the cache with the server gone.

    python benchmarks/judge_run.py ../shared/data                    starts tests/llama.py, a model of 135 million parameters
    python benchmarks/judge_run.py ../shared/data --items 12 --keep out

LLMBar's natural pairs, the shortest first, each in both orders. It tells that the plumbing holds; a judge that small has no idea,
and the report says so: how often its verdict turns with the order, and how it does beside LLMBar's labels.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
from judge_truth import rows
from measure import run, save, table

HERE = Path(__file__).parent


def main() -> None:
    """Carry it out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--items", type=int, default=8)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    folder = given.keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    labels = _answers(given.data, folder, given.items)
    server = subprocess.Popen(
        [sys.executable, str(HERE.parent / "tests/llama.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    url = next(line.strip() for line in server.stdout if line.startswith("http://"))
    command = [sys.executable, "-m", "tamis", "judge", "pairwise", str(folder / "a.jsonl"), str(folder / "b.jsonl")]
    command += [
        "--judge",
        "smollm2",
        "--base-url",
        url,
        "--max-tokens",
        "300",
        "--concurrency",
        "4",
        "--timeout",
        "600",
    ]
    command += ["--draws", "200", "--json", "-o"]
    killed = _killed([*command, str(folder / "judged")], folder)
    # Not by `run`, which waits for every process it has, the server among them.
    resumed = subprocess.run([*command, str(folder / "judged"), "--resume"], check=True, capture_output=True, text=True)
    server.kill()
    server.communicate()
    replayed = run([*command, str(folder / "replayed"), "--replay"])
    facts, again = (json.loads(text[text.index("{\n") :]) for text in (resumed.stdout, replayed.output))
    same = (folder / "judged/judgments.parquet").read_bytes() == (folder / "replayed/judgments.parquet").read_bytes()
    found = pl.read_parquet(folder / "judged/judgments.parquet")
    right, read = _right(found, labels)
    bias = {one["name"]: one for one in facts["findings"]}
    sent = next(iter(facts["varies"]["spending"].values()))
    lines = [
        ["answers in the cache when it was killed", str(killed)],
        ["bought after that, had from before", f"{sent['answered']}, {sent['cached']}"],
        ["judgments", ", ".join(f"{n} {name}" for name, n in facts["judgments"].items())],
        ["with probabilities", str(found["probability_a"].count())],
        ["made again without a server: the same bytes", "yes" if same else "NO"],
        ["CPU of that, seconds", f"{replayed.cpu:.1f}"],
        ["first place wins", _percent(bias["first_slot"])],
        ["same verdict in both orders", _percent(bias["consistency"])],
        ["right, of verdicts read", f"{right} of {read}"],
    ]
    print(table(["", "smollm2, 135M"], lines))
    again.pop("varies")
    save(__file__, {"lines": dict(lines), "same_bytes": same, "facts": again["judgments"], "cpu_replay": replayed.cpu})


def _answers(data: Path, folder: Path, n: int) -> Mapping[str, str]:
    """Two files of answers; the label of each item."""
    pairs = sorted(
        rows(data / "judge/llmbar_natural.jsonl.gz"),
        key=lambda r: sum(map(len, (r["instruction"], r["output_a"], r["output_b"]))),
    )[:n]
    for side in "ab":
        own: list[dict[str, Any]] = [
            {"item_id": r["id"], "prompt": r["instruction"], "answer": r[f"output_{side}"]} for r in pairs
        ]
        (folder / f"{side}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in own))
    return {r["id"]: r["label"] for r in pairs}


def _killed(command: list[str], folder: Path) -> int:
    """Start `command`, kill it once a few answers are kept, and say how many those are."""
    import sqlite3

    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
    cache, kept = folder / "responses.sqlite", 0
    while process.poll() is None and kept < 9:
        time.sleep(0.2)
        if cache.exists():
            try:
                with sqlite3.connect(f"file:{cache}?mode=ro", uri=True) as base:
                    kept = int(base.execute("SELECT count(*) FROM responses").fetchone()[0])
            except sqlite3.Error:
                continue
    process.send_signal(signal.SIGKILL)
    process.wait()
    return kept


def _right(found: pl.DataFrame, labels: Mapping[str, str]) -> tuple[int, int]:
    read = [(r["item_id"], r["verdict"]) for r in found.to_dicts() if r["verdict"] in ("a", "b", "tie")]
    return sum(labels[item] == verdict for item, verdict in read), len(read)


def _percent(one: Mapping[str, Any]) -> str:
    return (
        "—"
        if one["value"] is None
        else f"{100 * one['value']:.0f} ({100 * (one['low'] or 0):.0f} to {100 * (one['high'] or 0):.0f})"
    )


if __name__ == "__main__":
    main()
