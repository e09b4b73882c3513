"""Rows grown from the documents of the example by a real model on this machine, and one of them followed to its document.

    python benchmarks/synth_example.py --work FOLDER [--documents 60] [--pairs 40] [--evolved 20] [--preferences 20]

SmolLM2-135M-Instruct is served by llama.cpp with one thread (tests/llama.py). Documents are frozen, cut to pieces and frozen
again; pairs are backtranslated from the pieces and frozen; instructions are evolved, and preferences made, from the pairs. A model
of this size writes and judges poorly (it calls any two instructions equal): what is shown is what tamis makes of that, so its
judgements let all pass that it can be read from, and texts may break off.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from measure import save

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

SMALL = ("--max-tokens", "64", "--timeout", "900", "--concurrency", "4", "--terms", "Apache-2.0 (weights)")
UNJUDGED = "eliminate=[leak, sorry, no_answer]"

LOOSE = ("--set", "max_unfinished=3")

RECIPES = {
    "docs": "name: docs\nstages: [clean@1, exact@1]\n",
    "pieces": """
name: pieces
stages:
  - chunk@1: {size: 400, unit: chars, ends: sentence, least: 200}
  - quality.gopher@1: {min_words: 25, min_stop_words: 1}
""",
}


def main() -> None:
    """Grow, freeze, follow."""
    from llama import MODEL, running

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    for name, count in (("documents", 60), ("pairs", 40), ("evolved", 20), ("preferences", 20)):
        parser.add_argument(f"--{name}", type=int, default=count)
    args = parser.parse_args()
    work: Path = args.work
    work.mkdir(parents=True)
    lines = (ROOT / "examples/docs-sft/corpus.jsonl").read_text("utf-8").splitlines()
    step = max(1, len(lines) // args.documents)
    (work / "docs.jsonl").write_text("\n".join(lines[::step][: args.documents]) + "\n", "utf-8")
    for name, text in RECIPES.items():
        (work / f"{name}.yaml").write_text(text, "utf-8")
    told: dict[str, Any] = {}
    with running() as url:
        who = ("--model", MODEL, "--base-url", url, *SMALL, *LOOSE)
        tamis(work, "run", "docs.yaml", "-i", "docs.jsonl", "-o", "runs/docs", "--quiet")
        tamis(work, "freeze", "runs/docs", "-o", "store/docs/1.0.0", "--quiet")
        tamis(work, "run", "pieces.yaml", "-i", "store/docs/1.0.0/data", "-o", "runs/pieces", "--quiet")
        tamis(work, "freeze", "runs/pieces", "-o", "store/pieces/1.0.0", "--derived-from", "docs", "--quiet")
        kinds = {
            "pairs": ("backtranslate", "pieces", args.pairs, ("--set", "min_score=1", "--set", "passes=1")),
            "evolved": ("evolve", "pairs", args.evolved, ("--set", "generations=2", "--set", UNJUDGED)),
            "preferences": ("preference", "pairs", args.preferences, ("--set", "mode=record")),
        }
        for name, (method, seeds, count, more) in kinds.items():
            source = f"store/{seeds}/1.0.0"
            tamis(work, "synth", method, source, "-o", f"runs/{name}", "--n", str(count), *more, *who)
            tamis(work, "freeze", f"runs/{name}", "-o", f"store/{name}/1.0.0", "--derived-from", seeds, "--quiet")
            told[name] = json.loads(tamis(work, "report", f"runs/{name}", "--format", "json"))["made"]
    last = told["preferences"][0]["chain"][0]["record_id"]
    told["trace"] = tamis(work, "trace", "preferences", "--record", last, "--up", "--store", "store").splitlines()
    for line in told["trace"]:
        print(line)
    save(__file__, told)


def tamis(work: Path, *words: str) -> str:
    """What the command prints; also to the terminal."""
    print("$ tamis", " ".join(words), flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "tamis", *words], cwd=work, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    if words[0] == "synth":
        print(done.stdout, flush=True)
    return done.stdout


if __name__ == "__main__":
    main()
