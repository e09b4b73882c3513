"""A suite: what models are asked, and how their answers are scored, as a YAML file with data beside it.

name: arithmetic
tasks:
  - name: sums
    type: generation
    data: sums.jsonl
    fields: {id: key, question: sum, answer: result}
    prompt: "What is {{ question }}?"
    metrics: [exact_match]
    extract: [last_number]
settings: {threads: 1}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from tamis.errors import UsageError
from tamis.evaluate.extract import Step

TaskType = Literal["multiple_choice", "generation", "perplexity"]

TYPES: tuple[TaskType, ...] = get_args(TaskType)

FIELDS = (
    "id",
    "question",
    "context",
    "choices",
    "labels",
    "answer",
    "text",
    "cluster",
    "category",
    "citations",
    "tests",
    "length",
)
"""What a row may be asked for. A name stands for itself where `fields` does not say where it is."""


class SuiteError(UsageError):
    """A suite that cannot be frozen. `path` is the file, `place` what in it is meant."""

    def __init__(self, message: str, path: Path | str, place: str = "") -> None:
        self.path, self.place = path, place
        super().__init__(f"{path}: {place}: {message}" if place else f"{path}: {message}")


@dataclass(frozen=True)
class Fewshot:
    """Solved items before the question.

    source   file they are drawn from; None: the task's own items, but the one that is asked
    between  what parts two examples
    sampler  default: drawn anew for every item, as lm-eval draws them from `seed`; first_n: the first ones, always
    """

    n: int
    source: str | None = None
    seed: int = 1234
    sampler: Literal["default", "first_n"] = "default"
    between: str = "\n\n"


@dataclass(frozen=True)
class Generation:
    """How an answer is written. `n` answers an item; `stop` ends one and is not part of it."""

    max_tokens: int = 256
    stop: tuple[str, ...] = ()
    temperature: float = 0.0
    top_p: float = 1.0
    n: int = 1


@dataclass(frozen=True)
class Task:
    """One task of a suite. Its fields are the keys of its entry; see docs/evaluation.md.

    description  what stands before everything, examples included
    delimiter    between a prompt and its answer
    """

    name: str
    type: TaskType
    data: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    prompt: str = ""
    description: str = ""
    delimiter: str = " "
    fewshot: Fewshot | None = None
    metrics: tuple[str, ...] = ()
    primary: str = ""
    extract: tuple[Step, ...] = ()
    extract_target: tuple[Step, ...] = ()
    normalize: tuple[Any, ...] = ()
    generation: Generation | None = None
    scoring: str | None = None
    gates: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        told: dict[str, Any] = _plain(asdict(self))
        return told


@dataclass(frozen=True)
class Settings:
    """What is pinned for every model on this machine.

    batch_size     numbers of a likelihood move in their last digits with it
    max_length     tokens of prompt and answer; None: as many as the model reads
    chat_template  whether the prompt is put into the model's own chat format
    """

    batch_size: int = 1
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    threads: int = 1
    seed: int = 1234
    max_length: int | None = None
    chat_template: bool = False

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


@dataclass(frozen=True)
class Suite:
    """A suite as its file says. `path` is the file; names of files in it start at its folder."""

    path: Path
    name: str
    version: str
    tasks: tuple[Task, ...]
    settings: Settings
    gates: Mapping[str, Any]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value
