"""The process that asks a model on this machine, through lm-eval: job in by standard input, answers out as JSON Lines.

    python -P -m tamis.evaluate.worker < job.json

The only file that imports lm-eval. Data come by the pipe, already verified, and become datasets in memory: no cache of
Hugging Face's stands between (it knows a file by name and time, and would go on with old rows). lm-eval's own numbers come
along at the end, so that ours can be held against them.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

from tamis.errors import InputError
from tamis.extras import extra

Job = dict[str, Any]

KNOWN = {
    "multiple_choice": ("acc", "acc_norm", "acc_bytes", "brier_score"),
    "generation": ("exact_match",),
    "perplexity": ("word_perplexity", "byte_perplexity", "bits_per_byte"),
}
"""Metrics that lm-eval computes, too."""

_OUTPUT = {"multiple_choice": "multiple_choice", "generation": "generate_until", "perplexity": "loglikelihood_rolling"}


def main() -> None:
    """Answer the job on standard input."""
    told = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no answer
    with open(told, "w", encoding="utf-8", closefd=True) as out:

        def tell(**what: Any) -> None:
            out.write(json.dumps(what, ensure_ascii=True) + "\n")
            out.flush()

        job: Job = json.loads(sys.stdin.buffer.read())
        try:
            tell(done=_work(job, tell))
        except InputError as wrong:
            tell(error=str(wrong))
        except MemoryError as wrong:
            tell(error=_memory(wrong))
        except RuntimeError as wrong:
            if "out of memory" not in str(wrong).lower():
                raise
            tell(error=_memory(wrong))


def _memory(wrong: BaseException) -> str:
    said = (str(wrong) or "no more memory").splitlines()[0][:200]
    return (
        f"memory ran out: {said}; freeze the suite with a smaller batch_size or max_length, or run it with --device cpu"
    )


def _work(job: Job, tell: Callable[..., None]) -> dict[str, Any]:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    with extra("eval"):
        import datasets
        import lm_eval
        import peft
        import torch
        import transformers
        from lm_eval.evaluator import evaluate
        from lm_eval.tasks import TaskManager
    settings = job["settings"]
    torch.set_num_threads(settings["threads"])
    torch.manual_seed(settings["seed"])
    lm = _model(job, tell)
    configs = [_config(task, datasets) for task in job["tasks"]]
    tasks = TaskManager(include_defaults=False).load(configs)
    found: Any = evaluate(
        lm=lm,
        task_dict=tasks,
        bootstrap_iters=0,
        log_samples=True,
        apply_chat_template=settings["chat_template"],
    )
    return {
        "results": {name: _numbers(found["results"][name]) for name in (t["name"] for t in job["tasks"])},
        "versions": {
            "lm_eval": lm_eval.__version__,
            "peft": peft.__version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "device": str(lm.device),
        "max_length": lm.max_length,
    }


def _numbers(found: dict[str, Any]) -> dict[str, float]:
    """{"acc,none": 0.5, …} without errors and names."""
    own = {k.removesuffix(",none"): v for k, v in found.items() if k.endswith(",none")}
    return {k: float(v) for k, v in own.items() if isinstance(v, (int, float)) and not k.endswith("_stderr")}


def _config(task: dict[str, Any], datasets: Any) -> dict[str, Any]:
    """The task as lm-eval takes it: prompts are columns, so nothing is rendered there."""
    several = any(len(doc["right"] or ()) > 1 for doc in task["docs"])
    docs = [{**doc, "right": doc["right"] if several else (doc["right"] or [0])[0]} for doc in task["docs"]]
    own = datasets.DatasetDict({"test": datasets.Dataset.from_list(docs)})
    higher = {"brier_score", *KNOWN["perplexity"]}
    config = {
        "task": task["name"],
        "custom_dataset": lambda **_: own,
        "test_split": "test",
        "output_type": _OUTPUT[task["type"]],
        "doc_to_text": "" if task["type"] == "perplexity" else "prompt",
        "doc_to_target": {"multiple_choice": "right", "generation": "target", "perplexity": "prompt"}[task["type"]],
        "target_delimiter": "" if task["type"] == "multiple_choice" else task["delimiter"],
        "num_fewshot": 0,
        "metric_list": [
            {"metric": m, "higher_is_better": m not in higher}
            for m in KNOWN[task["type"]]
            if not (m == "brier_score" and (several or m not in task["metrics"]))
        ],
        "metadata": {"version": 1.0},
    }
    if task["type"] == "multiple_choice":
        config["doc_to_choice"] = "choices"
        # The delimiter is put before a choice here; lengths for acc_norm are of the choice alone, as lm-eval has it.
        config["target_delimiter"] = task["delimiter"]
    if task["type"] == "generation":
        made = task["generation"]
        config["repeats"] = made["n"]
        config["generation_kwargs"] = {
            "until": made["stop"],
            "max_gen_toks": made["max_tokens"],
            "do_sample": made["temperature"] > 0,
            "temperature": made["temperature"],
            **({"top_p": made["top_p"], "top_k": 0} if made["temperature"] > 0 else {}),
        }
    return config


def _model(job: Job, tell: Callable[..., None]) -> Any:
    """The model as lm-eval runs it, telling each answer as it comes."""
    with extra("eval"):
        from lm_eval.models.huggingface import HFLM
        from safetensors import SafetensorError
    settings, tasks = job["settings"], {t["name"]: t for t in job["tasks"]}

    class Told(HFLM):  # type: ignore[misc]
        """HFLM, an item at a time where the batch is 1, so that each has its own time."""

        lost = False
        into: list[int]
        made: list[int]
        ends: list[bool]

        def loglikelihood(self, requests: Any, disable_tqdm: bool = False) -> Any:
            return self._each(requests, super().loglikelihood, lambda got: {"lls": [float(ll) for ll, _ in got]})

        def loglikelihood_rolling(self, requests: Any, disable_tqdm: bool = False) -> Any:
            return self._each(requests, super().loglikelihood_rolling, lambda got: {"lls": [float(ll) for ll in got]})

        def generate_until(self, requests: Any, disable_tqdm: bool = False) -> Any:
            return self._each(requests, super().generate_until, lambda got: {"responses": list(got)})

        def _each(self, requests: Any, ask: Any, read: Any) -> list[Any]:
            """Answers to `requests`, in order; those of one item stand together."""
            out: list[Any] = []
            alone = settings["batch_size"] == 1
            self.into, self.made, self.ends = [], [], []
            everything: Any = None if alone else ask(requests, disable_tqdm=True)
            for own in _by_item(requests):
                self._expect(own)
                self.into, self.made, self.ends, self.lost = [], [], [], False
                start = time.perf_counter()
                got = ask(own, disable_tqdm=True) if alone else everything[len(out) : len(out) + len(own)]
                spent = (time.perf_counter() - start) * 1000
                out += got
                counts: dict[str, Any] = {}
                if alone:
                    ends = [self.lost or end for end in self.ends] or [self.lost]
                    counts = {"ms": spent, "in": self.into, "out": self.made, "cut": ends}
                elif own[0].request_type == "generate_until":
                    counts = {"cut": [self._full(text, own[0]) for text in got]}
                else:
                    counts = {"cut": [any(self._long(r) for r in own)]}
                doc = tasks[own[0].task_name]["docs"][own[0].doc_id]
                tell(task=own[0].task_name, id=doc["item_id"], **read(got), **counts)
            return out

        def _expect(self, own: Any) -> None:
            """lm-eval must ask what was frozen."""
            doc = tasks[own[0].task_name]["docs"][own[0].doc_id]
            prompt = doc["prompt"]
            if settings["chat_template"] and own[0].request_type != "loglikelihood_rolling":
                prompt = self.apply_chat_template([{"role": "user", "content": prompt}])
            behind = doc["continuations"] or []
            other = any(r.args[1] != told for r, told in zip(own, behind, strict=bool(behind)))
            if other or any(request.args[0] != prompt for request in own):
                raise InputError(
                    f"prompts drifted: lm-eval would ask item {doc['item_id']!r} of {own[0].task_name} otherwise than it was "
                    "frozen; use the lm-eval that tamis names, or freeze it anew"
                )

        def _full(self, text: str, request: Any) -> bool:
            return bool(len(self.tok_encode(text)) >= request.args[1]["max_gen_toks"])

        def _long(self, request: Any) -> bool:
            if request.request_type == "loglikelihood_rolling":
                return False
            return bool(len(self.tok_encode("".join(request.args))) > self.max_length + 1)

        def _loglikelihood_tokens(self, requests: Any, **kw: Any) -> Any:
            for _, context, continuation in requests:
                size = len(context or ()) + len(continuation)
                self.into.append(size)
                self.lost |= size > self.max_length + 1
            return super()._loglikelihood_tokens(requests, **kw)

        def tok_batch_encode(self, strings: Any, *args: Any, left_truncate_len: int | None = None, **kw: Any) -> Any:
            ids, mask = super().tok_batch_encode(strings, *args, left_truncate_len=left_truncate_len, **kw)
            if left_truncate_len and ids.shape[1] >= left_truncate_len:
                self.lost |= any(len(self.tok_encode(s)) > left_truncate_len for s in strings)
            return ids, mask

        def _model_generate(self, context: Any, max_length: int, stop: Any, **kw: Any) -> Any:
            made = super()._model_generate(context=context, max_length=max_length, stop=stop, **kw)
            size = int(made.shape[1] - context.shape[1])
            self.into.append(int(context.shape[1]))
            self.made.append(size)
            ended = int(made[0, -1]) == self.eot_token_id
            self.ends.append(made.shape[1] >= max_length and not ended)
            return made

    adapter = job["model"].get("adapter")
    given = {"peft": adapter} if adapter else {}
    options: dict[str, Any] = {"use_safetensors": True, "dtype": settings["dtype"]}
    options |= {"batch_size": settings["batch_size"], "max_length": settings["max_length"]}
    try:
        lm = Told(pretrained=job["model"]["path"], device=job["device"], **options, **given)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as wrong:
        said = " ".join(str(wrong).split())[:300]
        what = f"{job['model']['path']}{f' with the adapter {adapter}' if adapter else ''}"
        raise InputError(f"{what} cannot be loaded as a language model: {said}") from None
    if settings["chat_template"] and not getattr(lm.tokenizer, "chat_template", None):
        raise InputError(f"{job['model']['path']} has no chat template; say chat_template: false in the suite")
    for task in job["tasks"]:
        if (made := task["generation"]) and made["max_tokens"] >= lm.max_length:
            raise InputError(
                f"{task['name']}: max_tokens is {made['max_tokens']}, and the model reads {lm.max_length} tokens, prompt "
                "included; freeze the suite with fewer"
            )
    return lm


def _by_item(requests: Any) -> Iterator[list[Any]]:
    """Requests of one item after those of another: choices of it, or repeats."""
    for _, own in groupby(requests, key=lambda r: (r.task_name, r.doc_id)):
        yield list(own)


if __name__ == "__main__":
    main()
