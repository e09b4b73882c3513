"""What the walk does, step by step: commands as they are typed, in the folder of the walk.

walk/
  example/      corpus.jsonl and walk/: recipe, gate of pairs, suite, gates        a copy of what `Course.example` names
  models/       the base, where it was unpacked
  runs/  snapshots/  evals/  adapters/        what the steps write
  steps/        of each step what was typed, what it took, what it made, all it said
  index.html    one page about all of it
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from tamis.models.serving import AT_ONCE

BEFORE, AFTER = "before", "after"

UNPACK = "unpack"
"""The one step that is no command of tamis."""

LONGEST = 500
"""Characters of a text that an instruction is written for: some 130 tokens, which SmolLM2 reads in a second."""


@dataclass(frozen=True)
class Course:
    """What is asked of a walk.

    example  folder with corpus.jsonl and walk/
    base     model to train on: a folder as save_pretrained writes it, a GGUF file, or None: the one of the package
    ask      who writes and judges, as openai:URL#NAME; None: the base
    pairs    rows to have written
    steps    of training
    judged   items whose answers are compared
    """

    example: Path
    base: Path | None = None
    ask: str | None = None
    pairs: int = 24
    steps: int = 12
    judged: int = 10


@dataclass(frozen=True)
class Step:
    """One command of the walk.

    words  what follows `tamis`
    made   what it writes, a folder
    again  it goes on with --resume where it was interrupted; else it begins anew
    asks   it wants somebody who writes and judges
    says   exit code 1 is an answer, if `made` has this file then
    """

    name: str
    title: str
    words: tuple[str, ...]
    made: str
    again: bool = False
    asks: bool = False
    says: str = ""

    @property
    def typed(self) -> str:
        """The command, as a shell takes it."""
        return f"{'tamis' if self.name != UNPACK else 'python -m tamis.models.unpacked'} {shlex.join(self.words)}"


def course(own: Course, base: str, writer: tuple[str, ...]) -> list[Step]:
    """The steps; base: folder of the model, writer: words that say who is asked."""
    walk, pairs, adapter = "example/walk", "snapshots/pairs/1.0.0", "adapters/docs-lora"
    asking = ("--concurrency", str(AT_ONCE), "--timeout", "600")
    words: dict[str, tuple[str, ...]] = {
        "sieve": ("run", f"{walk}/recipe.yaml", "-o", "runs/docs"),
        "freeze": ("freeze", "runs/docs", "-o", "snapshots/docs/1.0.0"),
        "questions": ("eval", "freeze", f"{walk}/suite.yaml", "-o", "evals/docs"),
        "write": (
            *("synth", "backtranslate", "snapshots/docs/1.0.0/data/seeds-*.parquet", "-o", "runs/pairs"),
            *("--model", *writer, "--gate", f"{walk}/gate.yaml", "--n", str(own.pairs), "--max-tokens", "160", *asking),
            *("--set", f"max_chars={LONGEST}", "--set", "too_long=reject", "--set", "passes=1", "--set", "min_score=1"),
            *("--template", f"{walk}/prompts"),
        ),
        "freeze-pairs": ("freeze", "runs/pairs", "-o", pairs, "--derived-from", "docs"),
        "train": (
            *("train", "sft", pairs, "-o", adapter, "--base", base, "--eval", "evals/docs", "--replace"),
            *("--threads", "1", "--rank", "8", "--learning-rate", "5e-4", "--max-steps", str(own.steps)),
            *("--eval-every", str(max(1, own.steps // 2)), "--checkpoint-every", str(max(1, own.steps // 4))),
        ),
        "before": ("eval", "run", "evals/docs", "--model", f"hf:{base}", "-o", f"runs/{BEFORE}"),
        "after": (
            *("eval", "run", "evals/docs", "--model", f"hf:{base}+{adapter}", "-o", f"runs/{AFTER}"),
            *("--baseline", f"runs/{BEFORE}", "--gates", f"{walk}/gates.yaml", "--train", pairs),
        ),
        "judge": (
            *("judge", "pairwise", f"steps/{BEFORE}.jsonl", f"steps/{AFTER}.jsonl", "-o", "runs/judged"),
            *("--judge", *writer, "--baseline", BEFORE, "--limit", str(own.judged), "--max-tokens", "160", *asking),
        ),
        "approve": ("model", "promote", "docs-lora", f"runs/{AFTER}", "--store", "snapshots"),
    }
    return [
        Step("sieve", "The corpus, sieved", words["sieve"], "runs/docs", again=True),
        Step("freeze", "Frozen", words["freeze"], "snapshots/docs/1.0.0"),
        Step("questions", "The evaluation, frozen", words["questions"], "evals/docs"),
        Step("write", "Pairs, written by a model", words["write"], "runs/pairs", again=True, asks=True),
        Step("freeze-pairs", "Frozen", words["freeze-pairs"], pairs),
        Step("train", "An adapter, trained", words["train"], adapter, again=True),
        Step("before", "The base, asked", words["before"], f"runs/{BEFORE}", again=True),
        Step("after", "The adapter, asked", words["after"], f"runs/{AFTER}", again=True, says="report.json"),
        Step("judge", "Both, judged", words["judge"], "runs/judged", again=True, asks=True),
        Step("approve", "The gate", words["approve"], "", says="-"),
    ]
