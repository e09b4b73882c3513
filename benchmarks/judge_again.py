"""What it costs to judge again what was judged before: 10,000 answers of a judge from the cache, the whole command.

python benchmarks/judge_again.py

Five models on 500 items, all pairs in both orders. `--replay` reads answers of models, makes every prompt again (its digest is
what an answer is kept under), reads every verdict, writes judgments, rates with 1,000 draws, and draws the report. CPU seconds of
the process, kernels compiled before; the median of five.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import tempfile
from pathlib import Path

from measure import run, save, table

from tamis.judge import read_answers
from tamis.judge.clerk import Asking, Clerk
from tamis.judge.docket import pair_cases
from tamis.judge.shelf import find_rubric
from tamis.models import Responses
from tamis.models.reply import Reply, Usage
from tamis.models.request import canonical, request_key

MODELS, ITEMS, ROUNDS = 5, 500, 5

URL = "http://127.0.0.1:9/v1"
"""Where nobody listens: what is not in the cache would be an error."""


def answered(folder: Path) -> list[Path]:
    """A file of each model: answers of about a thousand characters."""
    draw = random.Random(0)
    words = [f"word{k}" for k in range(500)]
    files = []
    for m in range(MODELS):
        path = folder / f"model-{m}.jsonl"
        with path.open("w") as file:
            for k in range(ITEMS):
                text = " ".join(draw.choices(words, k=draw.randrange(100, 200)))
                file.write(json.dumps({"item_id": f"q{k}", "prompt": f"Question {k}?", "answer": text}) + "\n")
        files.append(path)
    return files


def bought(files: list[Path], cache: Path) -> int:
    """Put an answer to every case into `cache`; how many."""
    draw = random.Random(1)
    own = find_rubric("pairwise")
    cases = list(pair_cases(read_answers(files), own))
    responses = Responses(cache)
    with Clerk(["judge"], Asking(base_url=URL, structured="text"), cache) as clerk:
        clerk.rehearse()
        for case in cases:
            request = clerk.request(case, clerk.judges[0], own)
            body = canonical("judge", request)
            said = json.dumps({"reasons": "because " * 30, "verdict": draw.choice(["A", "A", "B", "tie"])})
            key = request_key(body, clerk.judges[0].model.endpoint, request.sample)
            responses.put(
                Reply(said, "stop", "judge", Usage(700, 70), None, key, False, 1), body, URL, "judge", request.sample
            )
    responses.close()
    return len(cases)


def main() -> None:
    """Fill a cache, then judge from it, again and again; and rate what was judged."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = answered(folder)
        n = bought(files, folder / "responses.sqlite")
        tamis = [sys.executable, "-m", "tamis", "judge"]
        again = [*tamis, "pairwise", *files, "--judge", "judge", "--base-url", URL, "--structured", "text", "--quiet"]
        again += ["--replay", "--responses", folder / "responses.sqlite"]
        rate = [*tamis, "rate", folder / "out0" / "judgments.parquet"]
        run([*again, "-o", folder / "out0"])
        run(rate)
        spent = [(run([*again, "-o", folder / f"out{k}"]), run(rate)) for k in range(1, ROUNDS + 1)]
        made = {(folder / f"out{k}" / "judgments.parquet").read_bytes() for k in range(ROUNDS + 1)}
    figures = {}
    for name, rounds in zip(("judge pairwise --replay", "judge rate"), zip(*spent, strict=True), strict=True):
        figures[name] = {
            "cpu": round(statistics.median(r.cpu for r in rounds), 2),
            "rounds": [r.facts() for r in rounds],
        }
    lines = [
        [f"`tamis {name}`, {n:,} verdicts, 1,000 draws", f"{own['cpu']:.2f}", "3"] for name, own in figures.items()
    ]
    print(table(["", "CPU s", "at most"], lines))
    save(__file__, {"verdicts": n, "equal": len(made) == 1, "at_most": 3, **figures})


if __name__ == "__main__":
    main()
