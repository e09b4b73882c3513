"""What `tamis eval run` costs beside bare lm-eval: the same model, items, prompts and settings, one thread, in turns.

    python benchmarks/eval_overhead.py                  three rounds; some ten minutes
    python benchmarks/eval_overhead.py --rounds 1

Bare is lm-eval's own `evaluate()` on its own kind of task, in a process that does nothing else and keeps no answers but what it
returns. Ours verifies the snapshot, renders prompts anew, keeps every answer, scores it a second time, holds both numbers against
each other, and writes tables, report and page. The model is the one of tests/tiny.py: two layers, so what stands around it shows as
it never does around a real one. Two suites: choices weighed, and text written.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from measure import Spent, alternate, medians, run, save, table

sys.path.append(str(Path(__file__).parents[1] / "tests"))

ITEMS = {"choices": 1600, "written": 300}
PROMPT = "Question: {{ question }}\nAnswer:"
WORDS = ["The", "capital", "of", "France", "is", "Paris", "and", "the", "answer", "what", "question", "asks", "system"]
MOST = 48
"""Tokens of an answer that is written."""

SAME = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TQDM_DISABLE": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
}


def rows(name: str) -> list[dict[str, Any]]:
    """Items of some forty words, no two alike."""
    made = []
    for k in range(ITEMS[name]):
        said = " ".join(WORDS[(k * 7 + j * (1 + k % 5)) % len(WORDS)] for j in range(30 + k % 20))
        row = {"id": k, "question": f"{k}: {said}?"}
        made.append(row | ({"choices": [f"{k + c}, {WORDS[(k + c) % 13]}" for c in range(4)], "answer": k % 4}))
    return made if name == "choices" else [{"id": r["id"], "question": r["question"], "answer": "5"} for r in made]


def write(folder: Path, name: str) -> None:
    """Items, and the suite that asks them."""
    from tamis.evaluate.freeze import freeze

    (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows(name)))
    task: dict[str, Any] = {"name": name, "data": f"{name}.jsonl", "prompt": PROMPT}
    if name == "choices":
        task |= {"type": "multiple_choice", "metrics": ["acc", "acc_norm"]}
    else:
        task |= {"type": "generation", "metrics": ["exact_match"], "extract": ["raw"]}
        task |= {"generation": {"max_tokens": MOST, "stop": ["\n\n"]}}
    (folder / f"{name}.yaml").write_text(json.dumps({"name": name, "tasks": [task]}))
    freeze(folder / f"{name}.yaml", folder / f"{name}-snapshot")


def bare(folder: Path, name: str) -> None:
    """lm-eval alone; prints its numbers."""
    import datasets
    import torch
    from lm_eval.evaluator import evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    torch.set_num_threads(1)
    lm: Any = HFLM(pretrained=str(folder / "tiny"), device="cpu", dtype="float32", batch_size=1)
    own = datasets.DatasetDict({"test": datasets.Dataset.from_list(rows(name))})
    task: dict[str, Any] = {"task": name, "custom_dataset": lambda **_: own, "test_split": "test", "num_fewshot": 0}
    task |= {"doc_to_text": PROMPT, "doc_to_target": "answer", "metadata": {"version": 1.0}}
    if name == "choices":
        metrics = [{"metric": "acc"}, {"metric": "acc_norm"}]
        task |= {"output_type": "multiple_choice", "doc_to_choice": "choices", "metric_list": metrics}
    else:
        made = {"until": ["\n\n"], "max_gen_toks": MOST, "do_sample": False, "temperature": 0.0}
        task |= {"output_type": "generate_until", "generation_kwargs": made, "metric_list": [{"metric": "exact_match"}]}
    found: Any = evaluate(lm=lm, task_dict=TaskManager(include_defaults=False).load([task]), bootstrap_iters=0)
    print(json.dumps({k.removesuffix(",none"): v for k, v in found["results"][name].items() if k.endswith(",none")}))


def numbers(place: Path) -> dict[str, float]:
    """What report.json says of the only task."""
    task = json.loads((place / "report.json").read_bytes())["tasks"][0]
    return {own["metric"]: own["value"] for own in task["numbers"]}


def pair(folder: Path, name: str, rounds: int) -> dict[str, Any]:
    """Both in turns, their medians, and that they found the same."""
    write(folder, name)
    tamis = str(Path(sys.executable).with_name("tamis"))
    made: list[Path] = []
    said: list[dict[str, float]] = []

    def ours() -> Spent:
        made.append(folder / f"{name}-{len(made)}")
        asked = ["--model", f"hf:{folder / 'tiny'}", "--device", "cpu", "--quiet", "-o", made[-1]]
        return run([tamis, "eval", "run", folder / f"{name}-snapshot", *asked], SAME)

    def theirs() -> Spent:
        spent = run([sys.executable, __file__, "--bare", name, "--folder", folder], SAME)
        said.append(json.loads(spent.output.splitlines()[-1]))
        return spent

    found = alternate({"lm-eval": theirs, "tamis": ours}, rounds)
    for place, told in zip(made, said, strict=True):
        mine = numbers(place)
        assert all(mine[metric] == told[metric] for metric in mine), (mine, told)
    middle = {who: medians(spent) for who, spent in found.items()}
    ratios = [a.cpu / b.cpu for a, b in zip(found["tamis"], found["lm-eval"], strict=True)]
    return {"items": ITEMS[name], "numbers": said[0], **middle, "ratios": [round(r, 4) for r in ratios]}


def main() -> None:
    """Write results/eval_overhead.json, or be the bare process."""
    given = argparse.ArgumentParser()
    given.add_argument("--rounds", type=int, default=3)
    given.add_argument("--bare")
    given.add_argument("--folder", type=Path)
    asked = given.parse_args()
    if asked.bare:
        bare(asked.folder, asked.bare)
        return
    from tiny import write_tiny

    with tempfile.TemporaryDirectory(prefix="tamis-") as scratch:
        folder = Path(scratch)
        write_tiny(folder / "tiny")
        found = {name: pair(folder, name, asked.rounds) for name in ITEMS}
    save(__file__, found)
    cells = [
        [
            f"{name}, {own['items']:,} items",
            *(f"{own[who]['cpu']:.1f}" for who in ("lm-eval", "tamis")),
            f"{sorted(own['ratios'])[len(own['ratios']) // 2]:.3f}",
            *(f"{own[who]['pss'] / 1e6:,.0f}" for who in ("lm-eval", "tamis")),
        ]
        for name, own in found.items()
    ]
    print(table(("", "lm-eval, CPU s", "tamis, CPU s", "ratio", "lm-eval, peak MB", "tamis, peak MB"), cells))


if __name__ == "__main__":
    main()
