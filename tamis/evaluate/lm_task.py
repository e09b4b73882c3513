"""A task of lm-eval, its keys as its YAML has them, said as entries of a suite and rows of data: with the same prompts and numbers.

doc_to_text, doc_to_target and doc_to_choice are filled in by its own templates, row by row, once and for all; filters become
steps of `extract`, and what ignores case or punctuation becomes `normalize`.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tamis.errors import UsageError
from tamis.evaluate.metrics import METRICS, of_type
from tamis.evaluate.rows import file_rows

_TYPES = {"multiple_choice": "multiple_choice", "generate_until": "generation", "loglikelihood_rolling": "perplexity"}

_PASSED = {
    *(
        "task",
        "task_alias",
        "tag",
        "group",
        "dataset_path",
        "dataset_name",
        "dataset_kwargs",
        "output_type",
        "metadata",
    ),
    *(
        "training_split",
        "validation_split",
        "test_split",
        "fewshot_split",
        "doc_to_text",
        "doc_to_target",
        "doc_to_choice",
    ),
    *(
        "description",
        "target_delimiter",
        "fewshot_delimiter",
        "fewshot_config",
        "num_fewshot",
        "metric_list",
        "repeats",
    ),
    *("generation_kwargs", "filter_list", "should_decontaminate", "doc_to_decontamination_query", "include", "version"),
    "unsafe_code",
}
"""Keys that are understood, or say nothing about numbers."""

_NORMAL = {"ignore_case": "case", "ignore_punctuation": "punctuation", "ignore_numbers": "digits"}

_FORMATS = ("json", "parquet", "jsonl")


class Function(str):
    """What `!function` names."""


class LmTask:
    """The task `found` in the file `path`; `data` has rows of splits that it does not name.

    Raises UsageError for what has no translation.
    """

    def __init__(self, path: Path, found: dict[str, Any], data: dict[str, Path], num_fewshot: int | None) -> None:
        self.path, self.found, self.data = path, found, data
        for key, value in _walk(found):
            if isinstance(value, Function):
                raise self.wrong(f"{key} is Python ({value}), which is not run here; write its result into the data")
        if unknown := sorted(k for k, v in found.items() if k not in _PASSED and v is not None):
            raise self.wrong(f"{unknown[0]} is not understood; leave it out if the numbers do not depend on it")
        kind = found.get("output_type", "generate_until")
        if kind not in _TYPES:
            raise self.wrong(f"output_type is {kind!r}; it is one of {', '.join(_TYPES)}")
        self.kind = _TYPES[kind]
        self.shots = found.get("num_fewshot") or 0 if num_fewshot is None else num_fewshot
        self.environment = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
        self.environment.filters["regex_replace"] = lambda text, pattern, to, count=0: re.sub(
            pattern, to, text, count=count
        )

    def wrong(self, said: str) -> UsageError:
        """The error that says so of this task."""
        return UsageError(f"{self.path}: {said}")

    def translated(self) -> tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]]]:
        """Entries of the suite, and its files of rows."""
        name = plain(str(self.found.get("task") or self.path.stem))
        split = next(
            (self.found[k] for k in ("test_split", "validation_split", "training_split") if self.found.get(k)), None
        )
        if split is None:
            raise self.wrong("no test_split, validation_split or training_split")
        tables = {f"{name}.jsonl": [self._row(row) for row in self._rows(split)]}
        entry: dict[str, Any] = {"name": name, "type": self.kind, "data": f"{name}.jsonl"}
        entry["prompt"] = "{{ text }}" if self.kind == "perplexity" else "{{ question }}"
        if described := self.found.get("description"):
            if "{{" in str(described) or "{%" in str(described):
                raise self.wrong("description is a template; write it out")
            entry["description"] = described
        if (delimiter := self.found.get("target_delimiter", " ")) != " ":
            entry["delimiter"] = delimiter
        if self.shots:
            entry["fewshot"], pool = self._fewshot(name, split)
            tables |= pool
        entry["metrics"], normalize = self._metrics()
        if normalize:
            entry["normalize"] = normalize
        if self.kind != "generation":
            return [entry], tables
        entry["generation"] = self._generation()
        filters = self.found.get("filter_list") or [{"name": "none", "filter": []}]
        several = len(filters) > 1
        named = [{**entry, "extract": self._filter(f)} for f in filters]
        if several:
            named = [{**e, "name": plain(f"{name}-{f['name']}")} for e, f in zip(named, filters, strict=True)]
        return named, tables

    def _rows(self, split: str) -> list[dict[str, Any]]:
        path = self.data.get(split)
        if path is None:
            files = (self.found.get("dataset_kwargs") or {}).get("data_files")
            told = files.get(split) if isinstance(files, dict) else files
            if self.found.get("dataset_path") not in _FORMATS or not isinstance(told, str):
                raise self.wrong(
                    f"the split {split!r} of {self.found.get('dataset_path')!r} is no file here; name one: --data {split}=FILE"
                )
            path = self.path.parent / told
        return [row for _, row in file_rows(path)]

    def _row(self, row: dict[str, Any]) -> dict[str, Any]:
        """What a row comes to: question, choices, answer; or a text."""
        if self.kind == "perplexity":
            return {"text": str(self._filled("doc_to_target", row))}
        asked = self._filled("doc_to_text", row)
        if isinstance(asked, int):
            raise self.wrong("doc_to_text is a number: of tasks with several contexts there is no translation")
        target = self._filled("doc_to_target", row)
        if self.kind == "generation":
            return {"question": asked, "answer": target if isinstance(target, list) else str(target)}
        choices = [str(c) for c in self._choices(row)]
        right = target if isinstance(target, list) else [target]
        if all(isinstance(k, str) and k in choices for k in right):
            right = [choices.index(k) for k in right]
        if not all(isinstance(k, int) for k in right):
            raise self.wrong(f"doc_to_target is {target!r:.40} of a row, which is none of {choices!r:.60}")
        return {"question": asked, "choices": choices, "answer": right if len(right) > 1 else right[0]}

    def _filled(self, key: str, row: dict[str, Any]) -> Any:
        """As lm-eval fills in doc_to_text and doc_to_target: a column, or a template whose text may be a number or a list."""
        told = self.found.get(key)
        if told is None:
            raise self.wrong(f"no {key}")
        if not isinstance(told, str):
            return told
        if told in row:
            return row[told]
        text = self._template(told, row, key)
        if text.isdigit() and self.found.get("doc_to_choice") is not None:
            return int(text)
        if key == "doc_to_target" and len(text) >= 2 and text[0] == "[" and text[-1] == "]":
            try:
                return ast.literal_eval(text)
            except (SyntaxError, ValueError):
                return text
        return text

    def _choices(self, row: dict[str, Any]) -> list[Any]:
        told = self.found.get("doc_to_choice")
        if isinstance(told, str):
            told = row[told] if told in row else ast.literal_eval(self._template(told, row, "doc_to_choice"))
        found = list(told.values()) if isinstance(told, dict) else told
        if not isinstance(found, list):
            raise self.wrong(f"doc_to_choice is {found!r:.60}; a list was wanted")
        return found

    def _template(self, template: str, row: dict[str, Any], key: str) -> str:
        try:
            return self.environment.from_string(template).render(**row)
        except (jinja2.TemplateError, jinja2.exceptions.SecurityError, TypeError, ValueError, AttributeError) as wrong:
            raise self.wrong(f"{key} cannot be filled in for a row with {', '.join(list(row)[:12])}: {wrong}") from None

    def _fewshot(self, name: str, split: str) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
        config = self.found.get("fewshot_config") or {}
        if unknown := sorted(set(config) - {"sampler", "split", "samples"}):
            raise self.wrong(f"fewshot_config.{unknown[0]} is not understood")
        entry: dict[str, Any] = {"n": self.shots}
        if config.get("sampler", "default") != "default":
            entry["sampler"] = config["sampler"]
        if (between := self.found.get("fewshot_delimiter", "\n\n")) != "\n\n":
            entry["between"] = between
        own = config.get("split") or self.found.get("fewshot_split")
        if own is None and isinstance(config.get("samples"), list):
            pool = config["samples"]
        else:
            # Without a split of its own lm-eval takes the first of these that there is.
            own = own or self.found.get("training_split") or self.found.get("validation_split") or split
            if own == split:
                return entry, {}
            pool = self._rows(own)
        return {**entry, "from": f"{name}.fewshot.jsonl"}, {f"{name}.fewshot.jsonl": [self._row(row) for row in pool]}

    def _metrics(self) -> tuple[list[str], list[Any]]:
        told = self.found.get("metric_list")
        if told is None:
            return list(of_type(self.kind)[: {"multiple_choice": 2, "generation": 1}.get(self.kind, 3)]), []
        names: list[str] = []
        normalize: list[Any] = []
        for entry in told:
            name = entry["metric"]
            if name not in METRICS or METRICS[name].type != self.kind:
                raise self.wrong(f"the metric {name!r} has no translation; there are {', '.join(of_type(self.kind))}")
            names.append(name)
            normalize += [{"remove": r} for r in entry.get("regexes_to_ignore") or []]
            normalize += [ours for theirs, ours in _NORMAL.items() if entry.get(theirs)]
        return names, normalize

    def _generation(self) -> dict[str, Any]:
        told = dict(self.found.get("generation_kwargs") or {})
        stop = told.pop("until", None)
        stop = (
            [self.found.get("fewshot_delimiter", "\n\n")] if stop is None else [stop] if isinstance(stop, str) else stop
        )
        most = [told.pop(k, None) for k in ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")]
        drawn, warm, top = told.pop("do_sample", None), float(told.pop("temperature", 0.0)), told.pop("top_p", None)
        if told:
            raise self.wrong(f"generation_kwargs.{next(iter(told))} is not understood")
        found: dict[str, Any] = {"max_tokens": next((m for m in most if m), 256), "stop": [s for s in stop if s]}
        if drawn is not False and warm > 0:
            found |= {"temperature": warm} | ({"top_p": top} if top is not None else {})
        if (repeats := self.found.get("repeats") or 1) > 1:
            found["n"] = repeats
        return found

    def _filter(self, told: dict[str, Any]) -> list[Any]:
        """Steps that find what a filter of theirs finds."""
        steps: list[Any] = []
        for one in told.get("filter") or []:
            name = one.get("function")
            if name == "regex":
                select = one.get("group_select", 0)
                if select not in (0, -1):
                    raise self.wrong(f"group_select is {select!r}; 0 or -1 was wanted")
                step = {"regex": one.get("regex_pattern", r"#### (\-?[0-9\.\,]+)")}
                steps.append(step | ({"take": "last"} if select else {}))
            elif name == "remove_whitespace":
                steps.append("whole")
            elif name not in ("take_first", None):
                raise self.wrong(f"the filter {name!r} has no translation")
        if len(steps) > 1:
            raise self.wrong("of filters in a row there is no translation; one was wanted")
        return steps or ["raw"]


def _walk(value: Any, key: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [found for k, v in value.items() for found in _walk(v, f"{key}.{k}" if key else str(k))]
    if isinstance(value, list):
        return [found for v in value for found in _walk(v, key)]
    return [(key, value)]


def plain(name: str) -> str:
    """`name` as a suite and a file may be called."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")[:100] or "task"
