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
import threading
import time
import warnings
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from importlib.metadata import version
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

        job: Job = json.loads(sys.stdin.buffer.readline())
        threading.Thread(target=_end_with_asker, daemon=True).start()
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


def _end_with_asker() -> None:
    """Our input stays open as long as somebody waits for answers. Read past its buffer, whose lock the end of a process wants."""
    while os.read(0, 1):
        pass
    os._exit(1)


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
        log_samples=False,  # each is told as it comes
        apply_chat_template=settings["chat_template"],
    )
    return {
        "results": {name: _numbers(found["results"][name]) for name in (t["name"] for t in job["tasks"])},
        "versions": {
            "lm_eval": lm_eval.__version__,
            "peft": version("peft"),  # imported where there is an adapter, and not else: 1.5 s
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
    # lm-eval has a Brier score of one right choice among as many for every item alone.
    alike = not several and len({len(doc["choices"] or ()) for doc in task["docs"]}) == 1
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
            if m != "brier_score" or (alike and m in task["metrics"])
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
        """HFLM that tells an item as soon as it is answered, by the very calls of lm-eval and no more of them.

        With a batch of 1 the time since the model was called is that of one answer, and so are the tokens.
        """

        alone = settings["batch_size"] == 1
        start: float | None = None
        """When what is under way was begun."""
        windows = 0
        """Tokens of the text that is being read."""
        made: dict[str, Any]
        """What is known of the text that was written last, and of its prompt."""
        context: tuple[str, list[int]] = ("", [])

        def loglikelihood(self, requests: Any, disable_tqdm: bool = False) -> Any:
            self.sizes: dict[Any, int] = {}
            self._expect(requests, self._weighed)
            return super().loglikelihood(requests, disable_tqdm=True)

        def loglikelihood_rolling(self, requests: Any, disable_tqdm: bool = False) -> Any:
            self._expect(requests, self._read)
            # Here lm-eval shows nothing before it has read all, so one text is given after the other.
            some = [[request] for request in requests] if self.alone else [requests]
            ask = super().loglikelihood_rolling
            return [found for own in some for found in ask(own, disable_tqdm=True)]

        def generate_until(self, requests: Any, disable_tqdm: bool = False) -> Any:
            self._expect(requests, self._written)
            return super().generate_until(requests, disable_tqdm=True)

        def _expect(self, requests: Any, read: Callable[[Any, Any], dict[str, Any]]) -> None:
            """See that lm-eval asks what was frozen, and have each item told once `read` has read all of its answers."""
            for own in _by_item(requests):
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

            def whole(task: str, doc: int, parts: list[Any]) -> None:
                tell(task=task, id=tasks[task]["docs"][doc]["item_id"], parts=parts)

            self.cache_hook = _Items(requests, read, whole)

        def _weighed(self, asked: Any, answer: Any) -> dict[str, Any]:
            size = self.sizes[asked]
            return {"ll": float(answer[0]), "cut": size > self.max_length + 1, "in": size, **self._spent()}

        def _read(self, asked: Any, answer: Any) -> dict[str, Any]:
            size, self.windows = self.windows, 0
            return {"ll": float(answer), "cut": False, **({"in": size} if self.alone else {}), **self._spent()}

        def _written(self, asked: Any, answer: str) -> dict[str, Any]:
            if self.alone:
                return {"text": answer, **self.made, **self._spent()}
            return {"text": answer, "cut": len(self.tok_encode(answer)) >= asked[1]["max_gen_toks"]}

        def _spent(self) -> dict[str, float]:
            """Milliseconds of what is under way, which ends; 0 where the model was not called for it: one call tells several."""
            start, self.start = self.start, None
            return {"ms": 0.0 if start is None else (time.perf_counter() - start) * 1000} if self.alone else {}

        def tok_encode(self, string: str, *args: Any, **kw: Any) -> Any:
            # lm-eval asks for the prompt once more with every choice.
            if args or kw:
                return super().tok_encode(string, *args, **kw)
            if self.context[0] != string:
                self.context = (string, super().tok_encode(string))
            return list(self.context[1])

        def _loglikelihood_tokens(self, requests: Any, **kw: Any) -> Any:
            for asked, context, continuation in requests:
                size = len(context or ()) + len(continuation)
                if asked is None:
                    self.windows += size
                else:
                    self.sizes[asked] = size
            return super()._loglikelihood_tokens(requests, **kw)

        def _model_call(self, *args: Any, **kw: Any) -> Any:
            if self.start is None:
                self.start = time.perf_counter()
            return super()._model_call(*args, **kw)

        def tok_batch_encode(self, strings: Any, *args: Any, left_truncate_len: int | None = None, **kw: Any) -> Any:
            self.start = time.perf_counter()
            ids, mask = super().tok_batch_encode(strings, *args, left_truncate_len=left_truncate_len, **kw)
            most = left_truncate_len or ids.shape[1] + 1
            self.made = {"cut": ids.shape[1] >= most and any(len(self.tok_encode(s)) > most for s in strings)}
            return ids, mask

        def _model_generate(self, context: Any, max_length: int, stop: Any, **kw: Any) -> Any:
            made = super()._model_generate(context=context, max_length=max_length, stop=stop, **kw)
            ended = int(made[0, -1]) == self.eot_token_id
            self.made["cut"] |= made.shape[1] >= max_length and not ended
            self.made |= {"in": int(context.shape[1]), "out": int(made.shape[1] - context.shape[1])}
            return made

    adapter = job["model"].get("adapter")
    given = {"peft": adapter} if adapter else {}
    options: dict[str, Any] = {"use_safetensors": True, "dtype": settings["dtype"]}
    options |= {"batch_size": settings["batch_size"], "max_length": settings["max_length"]}
    if adapter:
        with extra("eval"):
            import peft  # noqa: F401
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


class _Items:
    """Stands where lm-eval has a cache of answers, which it shows each answer at once and in an order of its own.

    read   what is told of an answer: of the request and what came
    whole  called with a task, the number of its item and what is told of each of its answers, in order, once all are there
    """

    def __init__(self, requests: Any, read: Callable[[Any, Any], dict[str, Any]], whole: Callable[..., None]) -> None:
        self._read, self._whole = read, whole
        # Equal requests are answered in their order, so the first that waits is meant.
        self._waiting: defaultdict[Any, deque[tuple[Any, int]]] = defaultdict(deque)
        for own in _by_item(requests):
            item = (own[0].task_name, own[0].doc_id, [None] * len(own))
            for at, request in enumerate(own):
                self._waiting[_key(request.args)].append((item, at))

    def add_partial(self, kind: str, asked: Any, answer: Any) -> None:
        """Take one answer."""
        (task, doc, parts), at = self._waiting[_key(asked)].popleft()
        parts[at] = self._read(asked, answer)
        if None not in parts:
            self._whole(task, doc, parts)


def _key(asked: Any) -> tuple[str, ...]:
    """A request as a key: its texts, and how they are to be answered, as text."""
    return tuple(part if isinstance(part, str) else repr(part) for part in asked)


def _by_item(requests: Any) -> Iterator[list[Any]]:
    """Requests of one item after those of another: choices of it, or repeats."""
    for _, own in groupby(requests, key=lambda r: (r.task_name, r.doc_id)):
        yield list(own)


if __name__ == "__main__":
    main()
