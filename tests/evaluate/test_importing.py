"""Tasks of lm-eval become suites whose prompts, choices and numbers are lm-eval's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import suites
import yaml

from tamis.errors import TamisError
from tamis.evaluate.extract import extract, normalized
from tamis.evaluate.freeze import freeze
from tamis.evaluate.frozen import open_eval
from tamis.evaluate.importing import import_task

CHOOSE = {
    "task": "choose it",
    "dataset_path": "json",
    "dataset_kwargs": {"data_files": {"test": "choose.jsonl"}},
    "test_split": "test",
    "output_type": "multiple_choice",
    "doc_to_text": "Q: {{ask.strip()|upper}}\n",
    "doc_to_choice": "{{options}}",
    "doc_to_target": "{{options.index(options[label])}}",
    "description": "Pick one.\n\n",
    "target_delimiter": "",
    "fewshot_split": "test",
    "fewshot_delimiter": "\n---\n",
    "num_fewshot": 3,
    "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
    "metadata": {"version": 1.0},
}
SUMS = {
    "task": "sums",
    "dataset_path": "json",
    "dataset_kwargs": {"data_files": {"test": "sums.jsonl", "train": "train.jsonl"}},
    "test_split": "test",
    "training_split": "train",
    "doc_to_text": "Question: {{question}}\nAnswer:",
    "doc_to_target": "{{answer}}",
    "num_fewshot": 2,
    "fewshot_config": {"sampler": "first_n"},
    "generation_kwargs": {"until": ["Question:"], "do_sample": False, "max_gen_toks": 16},
    "metric_list": [
        {"metric": "exact_match", "ignore_case": True, "regexes_to_ignore": [",", "\\$", "(?s).*#### ", "\\.$"]}
    ],
    "filter_list": [
        {
            "name": "strict",
            "filter": [{"function": "regex", "regex_pattern": "#### (\\-?[0-9\\.\\,]+)"}, {"function": "take_first"}],
        },
        {
            "name": "flexible",
            "filter": [
                {"function": "regex", "group_select": -1, "regex_pattern": "(-?[$0-9.,]{2,})|(-?[0-9]+)"},
                {"function": "take_first"},
            ],
        },
    ],
}
TEXTS = {
    "task": "texts",
    "dataset_path": "json",
    "dataset_kwargs": {"data_files": "texts.jsonl"},
    "test_split": "train",
    "output_type": "loglikelihood_rolling",
    "doc_to_text": "",
    "doc_to_target": "{{text}}",
}

THEIRS = r"""
import json, logging, sys, warnings
warnings.simplefilter("ignore"); logging.disable(logging.WARNING)
from lm_eval.tasks import TaskManager
tasks = TaskManager(include_path=".", include_defaults=False).load(["choose it", "sums", "texts"])["tasks"]
out = {}
for name, task in tasks.items():
    task.set_fewshot_seed(seed=1234)
    if task.get_config("num_fewshot") is None: task.set_config(key="num_fewshot", value=0)
    task.build_all_requests()
    out[name] = [list(i.args[:1] if isinstance(i.args[-1], dict) else i.args) for i in task.instances]
    if name == "sums":
        for f in task._filters:
            for i in task.instances: i.resps = [sys.argv[1]]
            f.apply(task.instances)
        own = task.instances[0].filtered_resps
        out["scores"] = {k: task.process_results(task.instances[0].doc, [v])["exact_match"] for k, v in own.items()}
print(json.dumps(out))
"""


def written(folder: Path, *tasks: dict[str, Any]) -> None:
    """Tasks with their data."""
    suites.write_suite(folder)
    train = [{"id": 100 + i, "question": f"What is {i}?", "answer": f"#### {i}"} for i in range(4)]
    suites.write_rows(folder / "train.jsonl", train)
    for task in tasks:
        (folder / f"{task['task'].split()[0]}.yaml").write_text(yaml.safe_dump(task))


def test_an_imported_task_asks_and_scores_as_lm_eval_does(tmp_path: Path) -> None:
    pytest.importorskip("lm_eval", reason="the extra eval is not installed")
    written(tmp_path, CHOOSE, SUMS, TEXTS)
    (tmp_path / "suite.yaml").unlink()
    said = "It is 5.\n#### $1"
    pinned = {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1", "HF_DATASETS_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", THEIRS, said],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        timeout=300,
        env={**os.environ, **pinned},
    )
    theirs = json.loads(done.stdout.splitlines()[-1])
    for name in ("choose", "sums", "texts"):
        import_task(tmp_path / f"{name}.yaml", tmp_path / name)
        freeze(tmp_path / name / "suite.yaml", tmp_path / f"{name}.snap")
        task = open_eval(tmp_path / f"{name}.snap").tasks[0]
        ours = [[r.prompt, c] if c else [r.prompt] for r in task.requests for c in r.continuations or [""]]
        assert ours == theirs["choose it" if name == "choose" else name], name
    for task in open_eval(tmp_path / "sums.snap").tasks:
        found = extract(said, task.task.extract)
        right = normalized(task.items[0].target, task.task.normalize)
        score = found is not None and normalized(found, task.task.normalize) == right
        assert score == theirs["scores"][task.task.name.removeprefix("sums-")]


@pytest.mark.parametrize(
    "change, said",
    [
        ({"doc_to_text": None}, "no doc_to_text"),
        ({"process_docs": "x"}, "process_docs is not understood"),
        ({"output_type": "loglikelihood"}, "output_type is 'loglikelihood'"),
        ({"metric_list": [{"metric": "ter"}]}, "the metric 'ter' has no translation"),
        ({"dataset_path": "openai/gsm8k"}, "is no file here; name one: --data test=FILE"),
        ({"doc_to_text": "{{nothing}}"}, "'nothing' is undefined"),
        ({"doc_to_text": "{{''.__class__}}"}, "unsafe"),
        ({"generation_kwargs": {"min_p": 1}}, "generation_kwargs.min_p is not understood"),
        ({"filter_list": [{"name": "a", "filter": [{"function": "map"}]}]}, "the filter 'map' has no translation"),
        ({"test_split": None, "training_split": None}, "no test_split"),
    ],
)
def test_what_has_no_translation_is_refused_by_name(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    written(tmp_path, {**SUMS, **change})
    with pytest.raises(TamisError) as wrong:
        import_task(tmp_path / "sums.yaml", tmp_path / "out")
    assert said in str(wrong.value) and not (tmp_path / "out").exists()


def test_no_python_of_a_task_is_run(tmp_path: Path) -> None:
    written(tmp_path, SUMS)
    text = (tmp_path / "sums.yaml").read_text()
    (tmp_path / "sums.yaml").write_text(text + "process_results: !function evil.score\n")
    (tmp_path / "evil.py").write_text("raise SystemExit('ran')")
    with pytest.raises(TamisError, match=r"process_results is Python \(evil\.score\)"):
        import_task(tmp_path / "sums.yaml", tmp_path / "out")


def test_the_command_line_imports_what_another_includes(tamis: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    written(tmp_path, {**SUMS, "dataset_path": "openai/gsm8k", "num_fewshot": 5})
    (tmp_path / "own.yaml").write_text("include: sums.yaml\ntask: own\n")
    data = ("--data", f"test={tmp_path / 'sums.jsonl'}", "--num-fewshot", 0)
    code, said = tamis("eval", "import", tmp_path / "own.yaml", *data, "-o", tmp_path / "out")
    assert code == 0 and "own-strict (generation), own-flexible (generation)" in said
    assert tamis("eval", "freeze", tmp_path / "out/suite.yaml", "-o", tmp_path / "snap")[0] == 0
