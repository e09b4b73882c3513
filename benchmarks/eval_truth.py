"""Stored answers of published models scored again: ours beside the published figure, and beside each item's own published verdict.

    python benchmarks/eval_truth.py ../shared/data

GSM8K (Cobbe et al. 2021): the test set with the solutions of four models, and whether each is right. MMLU (RouteLLM, Ong et al.
2024): whether Mixtral 8x7B and GPT-4 1106 are right on all of it; the answers themselves were not published, so the verdict stands
in for them, and what is tested is the way from there: accuracy, pairs, categories. Then the contamination of GSM8K's test set by a
training set that holds 80 percent of it (llm_adapters_math_data), and what the scores are on the rest.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from measure import save, table

from tamis.evaluate.freeze import freeze
from tamis.evaluate.frozen import open_eval
from tamis.evaluate.replayed import Replayed
from tamis.evaluate.report import Beside
from tamis.evaluate.results import Results, read_results
from tamis.evaluate.run import evaluate
from tamis.recipes.evaluating import conclude, overlap, side_by_side

GSM8K = {"6b_finetuning": 21.7, "6b_verification": 39.0, "175b_finetuning": 34.7, "175b_verification": 56.3}
MMLU = {"mixtral_8x7b": 68.08, "gpt4_1106": 80.58}
DIRTY = 1055
"""Items of GSM8K's test set that stand verbatim in llm_adapters_math_data (contamination_summary_public)."""


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a packed file of JSON Lines."""
    with gzip.open(path) as lines:
        yield from map(json.loads, lines)


def write(path: Path, own: Iterable[Mapping[str, Any]]) -> Path:
    """`own` as JSON Lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in own))
    return path


def suite(folder: Path, task: Mapping[str, Any]) -> Path:
    """A frozen suite of one task."""
    path = folder / f"{task['name']}.yaml"
    path.write_text(yaml.safe_dump({"name": task["name"], "tasks": [dict(task)]}, sort_keys=False))
    freeze(path, folder / f"{task['name']}-snapshot")
    return folder / f"{task['name']}-snapshot"


def asked(snapshot: Path, answers: Path, held: Beside, out: Path) -> tuple[dict[str, Any], Results, float]:
    """What a report says of stored answers, its results, and the CPU seconds it took."""
    start = time.process_time()
    facts = conclude(evaluate(snapshot, lambda _: Replayed(answers)), out, held)
    return facts, read_results(out), time.process_time() - start


def score(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The number of the only task."""
    found: dict[str, Any] = facts["tasks"][0]["numbers"][0]
    return found


def gsm8k(data: Path, folder: Path) -> dict[str, Any]:
    """Four models: score, verdicts that differ from the published ones, and the score on the items that are clean."""
    write(folder / "gsm8k.jsonl", rows(data / "eval/gsm8k_test.jsonl.gz"))
    task = {"name": "gsm8k", "type": "generation", "data": "gsm8k.jsonl", "prompt": "{{ question }}\n"}
    task |= {"extract": [{"regex": "A: ?(.+)"}], "normalize": ["number"], "metrics": ["exact_match"]}
    snapshot = suite(folder, task)
    start = time.process_time()
    held = overlap([data / "sft/llm_adapters_math_data.jsonl.gz"], open_eval(snapshot).tasks)
    searched = time.process_time() - start
    stored = list(rows(data / "eval_outputs/gsm8k_gpt3_solutions.jsonl.gz"))
    out: dict[str, Any] = {"search_cpu": round(searched, 2), "models": {}}
    for name, published in GSM8K.items():
        own = [r for r in stored if r["model"] == name]
        answers = ({"task": "gsm8k", "item_id": r["item"], "response": r["output"]} for r in own)
        facts, results, cpu = asked(snapshot, write(folder / f"{name}.jsonl", answers), Beside(held), folder / name)
        ours = dict(results.scores.select("item_id", "value").iter_rows())
        found = facts["tasks"][0]["contamination"]
        out["models"][name] = {
            "published": published,
            "ours": score(facts)["value"],
            "low": score(facts)["low"],
            "high": score(facts)["high"],
            "items": len(own),
            "verdicts_that_differ": sum(ours[r["item"]] != float(r["is_correct"]) for r in own),
            "invalid": facts["tasks"][0]["counts"]["invalid"],
            "dirty": found["items"]["dirty"],
            "clean": found["clean"],
            "contaminated": found["dirty"],
            "gain": found["gain"],
            "cpu": round(cpu, 2),
        }
    names = list(GSM8K)
    out["pairs"] = [pair(folder / a, folder / b) for a, b in pairwise(names)]
    return out


def mmlu(data: Path, folder: Path) -> dict[str, Any]:
    """Two models on 14,042 items of 57 subjects, and the test between them; subjects as categories, then as clusters."""
    stored = list(rows(data / "eval_outputs/routellm_mmlu_two_models.jsonl.gz"))
    out: dict[str, Any] = {}
    for name, clustered in (("mmlu", False), ("mmlu-by-subject", True)):
        own = [
            {"id": r["id"], "question": r["prompt"], "answer": "True", "category": r["subject"]}
            | ({"cluster": r["subject"]} if clustered else {})
            for r in stored
        ]
        write(folder / f"{name}.jsonl", own)
        task = {
            "name": name,
            "type": "generation",
            "data": f"{name}.jsonl",
            "prompt": "{{ question }}",
            "metrics": ["exact_match"],
        }
        snapshot = suite(folder, task)
        out[name] = {"models": {}}
        for model, published in MMLU.items():
            answers = ({"task": name, "item_id": r["id"], "response": str(r[f"{model}_correct"])} for r in stored)
            path = write(folder / f"{name}-{model}.jsonl", answers)
            facts, _, cpu = asked(snapshot, path, Beside(), folder / f"{name}-{model}")
            own_score = {key: score(facts)[key] for key in ("value", "low", "high")}
            categories = len(facts["tasks"][0]["categories"])
            out[name]["models"][model] = {
                "published": published,
                **own_score,
                "categories": categories,
                "cpu": round(cpu, 2),
            }
        out[name]["pair"] = pair(*(folder / f"{name}-{model}" for model in MMLU))
    return out


def pair(first: Path, second: Path) -> dict[str, Any]:
    """The second less the first."""
    found = side_by_side(first, second)["tasks"][0]
    keys = ("difference", "error", "p", "mcnemar", "won", "lost", "same", "detectable")
    return {"first": first.name, "second": second.name, **{key: found[key] for key in keys}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    with tempfile.TemporaryDirectory(prefix="eval-truth-") as folder:
        found = {"gsm8k": gsm8k(data, Path(folder)), "mmlu": mmlu(data, Path(folder))}
    lines: list[list[Any]] = []
    models = found["gsm8k"]["models"]
    for name, own in models.items():
        lines.append(
            [
                f"GSM8K, {name}",
                own["published"],
                round(100 * own["ours"], 1),
                abs(round(100 * own["ours"], 1) - own["published"]) < 1e-9,
            ]
        )
        lines.append(
            [
                f"  verdicts that differ, of {own['items']}",
                0,
                own["verdicts_that_differ"],
                own["verdicts_that_differ"] == 0,
            ]
        )
    for name, own in found["mmlu"]["mmlu"]["models"].items():
        lines.append(
            [
                f"MMLU, {name}",
                own["published"],
                round(100 * own["value"], 2),
                abs(round(100 * own["value"], 2) - own["published"]) < 1e-9,
            ]
        )
    dirty = models["6b_finetuning"]["dirty"]
    lines.append(["GSM8K items in llm_adapters_math_data", DIRTY, dirty, dirty == DIRTY])
    print(table(["figure", "published", "ours", "passes"], [[str(cell) for cell in line] for line in lines]))
    save(__file__, found | {"passes": all(line[-1] for line in lines)})


if __name__ == "__main__":
    main()
