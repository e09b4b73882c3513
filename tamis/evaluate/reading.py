"""A suite out of its file: every key known, of its type, and asking for what there is; else an error that says where."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from tamis.contracts.tree import nearest
from tamis.errors import UsageError
from tamis.evaluate.extract import read_steps
from tamis.evaluate.gates import read_gates, written_out
from tamis.evaluate.metrics import METRICS, of_type
from tamis.evaluate.suite import FIELDS, TYPES, Fewshot, Generation, Settings, Suite, SuiteError, Task
from tamis.evaluate.typed import known, mapping, typed

TOO_LARGE = 1 << 20
"""Bytes of a suite; more than this is data, which belongs in a file beside it."""

MOST_NODES = 10_000
"""Values of a suite, each alias written out: aliases of aliases would fill any memory."""

MOST_REPEATS = 1000
"""Answers of one item."""

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,99}\Z")

_PROMPTS = {
    "multiple_choice": "Question: {{ question }}\nAnswer:",
    "generation": "Question: {{ question }}\nAnswer:",
    "perplexity": "{{ text }}",
}


def load(path: Path | str) -> Suite:
    """The suite in the file `path`. Raises SuiteError."""
    path = Path(path)
    found = _read(path)
    known(found, ("name", "version", "tasks", "settings", "gates"), path, "")
    name = _name(found.get("name"), path, "name")
    entries = found.get("tasks")
    if not isinstance(entries, list) or not entries:
        raise SuiteError(f"tasks is {entries!r:.60}; a list of tasks was wanted", path)
    tasks = tuple(read_task(entry, path, f"tasks[{k}]") for k, entry in enumerate(entries, 1))
    names = [task.name.lower() for task in tasks]
    if twice := next((n for n in names if names.count(n) > 1), None):
        raise SuiteError(f"two tasks are called {twice!r}; name them apart", path)
    gates = found.get("gates") or {}
    if not isinstance(gates, dict):
        raise SuiteError(f"gates is {gates!r:.60}; a mapping was wanted", path)
    demand_gates(gates, tasks, path)
    settings = read_settings(found.get("settings") or {}, path)
    return Suite(path, name, str(found.get("version", "1")), tasks, settings, gates)


def read_task(entry: Any, path: Path | str, place: str) -> Task:
    """The task that `entry` describes. Raises SuiteError."""
    if not isinstance(entry, dict):
        raise SuiteError(f"found {entry!r:.60}; a mapping with name, type and data was wanted", path, place)
    known(entry, tuple(f.name for f in fields(Task)), path, place)
    name = _name(entry.get("name"), path, f"{place}.name")
    place = f"{place} ({name})"
    kind = entry.get("type")
    if kind not in TYPES:
        raise SuiteError(f"type is {kind!r}; it is one of {', '.join(TYPES)}", path, place)
    if not isinstance(entry.get("data"), str):
        raise SuiteError(
            f"data is {entry.get('data')!r}; the name of a JSON Lines or Parquet file was wanted", path, place
        )
    given = dict(entry)
    given["fields"] = _columns(entry.get("fields") or {}, path, f"{place}.fields")
    given["prompt"] = _PROMPTS[kind] if entry.get("prompt") in (None, "") else entry["prompt"]
    if not isinstance(given["prompt"], str):
        raise SuiteError(
            f"prompt is {entry['prompt']!r:.60}; a template or the name of its file was wanted", path, place
        )
    shots = _fewshot(entry.get("fewshot"), path, f"{place}.fewshot")
    given["fewshot"] = shots
    made = entry.get("generation")
    if made is not None and kind != "generation":
        raise SuiteError(f"a task of type {kind} generates nothing; leave generation out", path, place)
    if kind == "generation":
        given["generation"] = _generation(made or {}, shots, path, f"{place}.generation")
    metrics = _metrics(entry, kind, path, place)
    given["metrics"] = metrics
    given["primary"] = entry.get("primary") or metrics[0]
    if given["primary"] not in metrics:
        raise SuiteError(
            f"primary is {given['primary']!r}, which is none of its metrics: {', '.join(metrics)}", path, place
        )
    for key in ("extract", "extract_target", "normalize"):
        try:
            given[key] = read_steps(entry.get(key), key)
        except UsageError as wrong:
            raise SuiteError(str(wrong), path, place) from None
    gates = entry.get("gates") or {}
    given["gates"] = mapping(gates, path, f"{place}.gates")
    task: Task = typed(Task, given, path, place)
    if "pass@" in " ".join(metrics) and max(int(m.partition("@")[2]) for m in metrics if m.startswith("pass@")) > (
        task.generation.n if task.generation else 1
    ):
        raise SuiteError("pass@k wants k answers of an item; set generation.n to k or more", path, place)
    return task


def _metrics(entry: Mapping[str, Any], kind: str, path: Path | str, place: str) -> tuple[str, ...]:
    """What a task computes; where it does not say, the first of its type."""
    told = entry.get("metrics")
    if told is not None and not (isinstance(told, list) and all(isinstance(m, str) for m in told)):
        raise SuiteError(f"metrics is {told!r:.60}; a list of names was wanted", path, place)
    if told and len(set(told)) < len(told):
        raise SuiteError(f"metrics is {told!r:.60}; each once was wanted", path, place)
    metrics: tuple[str, ...] = tuple(
        told or of_type(kind)[: {"multiple_choice": 2, "generation": 1, "perplexity": 3}[kind]]
    )
    scoring = entry.get("scoring")
    if scoring is not None and not re.fullmatch(r"[^:]+\.py:[A-Za-z_]\w*", str(scoring)):
        raise SuiteError(f"scoring is {scoring!r}; file.py:function was wanted", path, place)
    for metric in metrics:
        allowed = of_type(kind)
        if metric not in allowed and not (metric not in METRICS and scoring):
            raise SuiteError(f"no metric {metric!r} for {kind}{nearest(str(metric), allowed)}", path, place)
    return metrics


def _columns(value: Any, path: Path | str, place: str) -> dict[str, Any]:
    """Which column is what."""
    found = mapping(value, path, place)
    known(found, FIELDS, path, place)
    for key, told in found.items():
        if not isinstance(told, str) and not (
            key == "choices" and isinstance(told, list) and told and all(isinstance(t, str) for t in told)
        ):
            raise SuiteError(f"{key} is {told!r:.60}; the name of a column was wanted", path, place)
    return found


class _Once(yaml.SafeLoader):
    """No mapping has a key twice: YAML would take the last of them without a word."""

    def compose_mapping_node(self, anchor: Any) -> Any:
        """The mapping, before others are merged into it. Raises ComposerError."""
        node: Any = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if (key.tag, key.value) in seen:
                raise yaml.composer.ComposerError(None, None, f"the key {key.value!r} is there twice", key.start_mark)
            seen.add((key.tag, key.value))
        return node


def _read(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()
        if len(data) > TOO_LARGE:
            raise SuiteError(f"it has {len(data):,} bytes; a suite was wanted, with its data in files beside it", path)
        found = yaml.load(data.decode("utf-8-sig"), _Once)
    except OSError as gone:
        raise SuiteError(f"it cannot be read: {gone.strerror}; name a suite (YAML)", path) from None
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError) as wrong:
        mark = getattr(wrong, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        said = getattr(wrong, "problem", None) or str(wrong).split("\n")[0]
        raise SuiteError(f"it is no YAML{where}: {said}", path) from None
    if not isinstance(found, dict):
        raise SuiteError(f"found a {type(found).__name__}; a mapping with name and tasks was wanted", path)
    _small(found, path)
    return found


def _small(found: Any, path: Path) -> None:
    """Raises SuiteError where aliases make more of a file than stands in it, or lead back to where they stand."""
    left, count = [found], 0
    while left:
        one = left.pop()
        inside = [*one, *one.values()] if isinstance(one, dict) else one if isinstance(one, (list, tuple, set)) else ()
        count += 1 + len(inside)
        if count > MOST_NODES:
            raise SuiteError(f"it holds more than {MOST_NODES:,} values, its aliases written out; write less", path)
        left += inside


def read_settings(value: Any, path: Path | str) -> Settings:
    """The settings that `value` describes. Raises SuiteError."""
    settings: Settings = typed(Settings, value, path, "settings")
    if settings.batch_size < 1 or not 1 <= settings.threads <= 1024:
        raise SuiteError("batch_size is 1 or more, and threads 1 to 1024", path, "settings")
    if settings.seed < 0 or (settings.max_length is not None and settings.max_length < 2):
        raise SuiteError("seed is 0 or more, and max_length 2 or more", path, "settings")
    return settings


def demand_gates(gates: Mapping[str, Any], tasks: Sequence[Task], path: Path | str) -> None:
    """Raises SuiteError where a gate cannot be read, or asks for what no task has: now, and not once all is answered."""
    metrics = {task.name: task.metrics for task in tasks}
    own = {task.name: dict(task.gates) for task in tasks if task.gates}
    for place, found in (("gates", gates), ("gates of a task", {"tasks": own})):
        try:
            written_out([read_gates(found, place)], list(metrics), metrics)
        except UsageError as wrong:
            raise SuiteError(str(wrong), path) from None


def _name(value: Any, path: Path | str, place: str) -> str:
    if not isinstance(value, str) or not _NAME.match(value):
        raise SuiteError(f"found {value!r:.60}; letters, digits, . _ - were wanted, at most 100", path, place)
    return value


def _fewshot(value: Any, path: Path | str, place: str) -> Fewshot | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise SuiteError(f"found {value!r:.60}; {{from: FILE, n: 5}} was wanted", path, place)
    given = {("source" if k == "from" else k): v for k, v in value.items()}
    shots: Fewshot = typed(Fewshot, given, path, place)
    if shots.n < 1:
        raise SuiteError(f"n is {shots.n}; 1 or more was wanted, or no fewshot", path, place)
    return shots


def _generation(value: Any, shots: Fewshot | None, path: Path | str, place: str) -> Generation:
    given = mapping(value, path, place)
    stop = given.get("stop", [shots.between] if shots else [])
    stop = [stop] if isinstance(stop, str) else stop
    if not isinstance(stop, list) or not all(isinstance(s, str) and s for s in stop):
        raise SuiteError(f"stop is {stop!r:.60}; texts were wanted", path, place)
    given["stop"] = tuple(stop)
    made: Generation = typed(Generation, given, path, place)
    if made.max_tokens < 1 or made.n < 1 or made.temperature < 0:
        raise SuiteError("max_tokens and n are 1 or more, and temperature is 0 or more", path, place)
    if made.n > MOST_REPEATS or not 0 < made.top_p <= 1:
        raise SuiteError(f"n is {MOST_REPEATS:,} at most, and top_p above 0 and at most 1", path, place)
    if made.n > 1 and made.temperature == 0:
        raise SuiteError(f"n is {made.n} at temperature 0: all answers would be the same; raise it", path, place)
    return made
