"""The small suite by lm-eval alone, its prompts by lm-eval's own templates; prints what it found as JSON.

python -P tests/bare_lm_eval.py MODEL FOLDER
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from pathlib import Path
from typing import Any


def main(model: str, folder: Path) -> None:
    """Evaluate the data in `folder`."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    import datasets
    import torch
    from lm_eval.evaluator import evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    torch.set_num_threads(1)

    def rows(name: str) -> Any:
        found = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
        own = datasets.DatasetDict({"test": datasets.Dataset.from_list(found)})
        return lambda **_: own

    def metrics(*names: str) -> list[dict[str, Any]]:
        return [{"metric": name, "higher_is_better": True} for name in names]

    choose = {
        "output_type": "multiple_choice",
        "custom_dataset": rows("choose"),
        "test_split": "test",
        "doc_to_text": "Question: {{ask}}\nAnswer:",
        "doc_to_choice": "options",
        "doc_to_target": "label",
        "metric_list": metrics("acc", "acc_norm", "acc_bytes", "brier_score"),
    }
    write = {
        "task": "write",
        "output_type": "generate_until",
        "custom_dataset": rows("write"),
        "test_split": "test",
        "doc_to_text": "Question: {{question}}\nAnswer:",
        "doc_to_target": "answer",
        "num_fewshot": 0,
        "generation_kwargs": {"until": ["\n\n"], "max_gen_toks": 12, "do_sample": False, "temperature": 0.0},
        "metric_list": metrics("exact_match"),
        "filter_list": [
            {"name": "none", "filter": [{"function": "regex", "regex_pattern": "(.)"}, {"function": "take_first"}]}
        ],
    }
    texts = {
        "task": "texts",
        "output_type": "loglikelihood_rolling",
        "custom_dataset": rows("texts"),
        "test_split": "test",
        "doc_to_text": "",
        "doc_to_target": "text",
        "num_fewshot": 0,
        "metric_list": metrics("word_perplexity", "byte_perplexity", "bits_per_byte"),
    }
    shots = {**choose, "task": "shots", "num_fewshot": 2, "fewshot_split": "test"}
    tasks = TaskManager(include_defaults=False).load(
        [{**choose, "task": "choose", "num_fewshot": 0}, write, texts, shots]
    )
    for task in tasks["tasks"].values():
        task.set_fewshot_seed(seed=1234)
    lm = HFLM(pretrained=model, device="cpu", dtype="float32", batch_size=1)
    found: Any = evaluate(lm=lm, task_dict=tasks, bootstrap_iters=0)
    told = {
        task: {k.removesuffix(",none"): v for k, v in own.items() if k.endswith(",none")}
        for task, own in found["results"].items()
    }
    asked = {task: [s["arguments"][0][0] for s in own] for task, own in found["samples"].items()}
    print(json.dumps({"results": told, "asked": asked}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
