"""A copy of an evaluation with the same answers in other words: who knows the items by heart does worse on it.

choices  the choices in another order
noise    two letters within a word swapped, in one word of twelve
aside    a sentence before the question that has nothing to do with it (as Mirzadeh et al. 2024)
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from tamis.data.writer import write_bytes
from tamis.errors import OutputError, UsageError
from tamis.evaluate.frozen import Frozen, FrozenTask
from tamis.evaluate.items import Item, untable
from tamis.evaluate.rows import read_table

Kind = Literal["choices", "noise", "aside"]

KINDS: tuple[Kind, ...] = get_args(Kind)

ASIDES = (
    "The library on the corner opens early.",
    "It rained for most of the afternoon.",
    "My neighbour is fond of old bicycles.",
    "The bus was late again this morning.",
    "Somebody left the window open overnight.",
    "The new bakery sells very good bread.",
)

SHARE = 1 / 12
"""Of the words of four letters or more, those in which two letters within are swapped: at least one."""

_LONG = re.compile(r"(?<![^\W_])[^\W\d_]{4,}(?![^\W_])")


def perturbed(frozen: Frozen, kind: Kind, output: Path, seed: int = 0) -> dict[str, int]:
    """Write a suite with the tasks of `frozen`, changed, to the new folder `output`; items by task, of those that could be.

    Raises UsageError where no task can be changed in this way.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise OutputError(f"{output} is there already; name a new folder")
    tasks = [task for task in frozen.tasks if _able(task, kind)]
    if not tasks:
        wanted = "a multiple choice" if kind == "choices" else "a question"
        raise UsageError(f"{frozen.name} has no task with {wanted}, which the probe {kind} wants")
    output.mkdir(parents=True, exist_ok=True)
    entries = [_task(frozen, task, kind, output, seed) for task in tasks]
    suite = {
        "name": f"{frozen.name}-{kind}",
        "version": frozen.version,
        "tasks": entries,
        "settings": frozen.settings.as_dict(),
    }
    write_bytes(output / "suite.yaml", yaml.safe_dump(suite, sort_keys=False, allow_unicode=True).encode())
    return {task.task.name: len(task.items) for task in tasks}


def changed(text: str, kind: Kind, own: random.Random) -> str:
    """`text` in other words."""
    if kind == "aside":
        return f"{own.choice(ASIDES)} {text}"
    swaps = [at for word in _LONG.finditer(text) if (at := _differing(word))]
    chosen = sorted(own.sample(range(len(swaps)), max(1, round(SHARE * len(swaps)))) if swaps else [])
    for k in reversed(chosen):
        start = own.choice(swaps[k])
        text = text[:start] + text[start + 1] + text[start] + text[start + 2 :]
    return text


def reordered(count: int, own: random.Random) -> list[int]:
    """Another order of `count` things, in which no more than need be stands where it stood: each moves on by as many places."""
    step = own.randrange(1, count)
    return [(k + step) % count for k in range(count)]


def _able(task: FrozenTask, kind: Kind) -> bool:
    if kind == "choices":
        return task.task.type == "multiple_choice" and not isinstance(task.task.fields.get("choices"), list)
    return task.task.type != "perplexity" and all(isinstance(i.fields.get("question"), str) for i in task.items)


def _task(frozen: Frozen, task: FrozenTask, kind: Kind, output: Path, seed: int) -> dict[str, Any]:
    own, name = task.task, task.task.name
    rows = [_row(task, item, kind, random.Random(_seed(seed, name, item.item_id))) for item in task.items]
    _lines(output / f"{name}.jsonl", rows)
    (output / "prompts").mkdir(exist_ok=True)
    write_bytes(output / f"prompts/{name}.jinja", (frozen.path / f"prompts/{name}.jinja").read_bytes())
    left_out = ("fields", "gates", "data", "prompt", "scoring", "fewshot")
    entry = {
        key: value for key, value in own.as_dict().items() if key not in left_out and value not in (None, [], {}, "")
    }
    fields = dict(own.fields)
    if kind == "choices":
        fields = {key: value for key, value in fields.items() if key != "labels"} | {
            "choices": "choices",
            "answer": "answer",
        }
    entry |= {"data": f"{name}.jsonl", "fields": fields, "prompt": f"prompts/{name}.jinja"}
    if own.fewshot is not None:
        shots = own.as_dict()["fewshot"]
        entry["fewshot"] = {key: shots[key] for key in ("n", "seed", "sampler")}
        pool = frozen.path / f"data/{name}.fewshot.parquet"
        if pool.is_file():
            _lines(output / f"{name}.fewshot.jsonl", [item.fields for item in untable(read_table(pool.read_bytes()))])
            entry["fewshot"]["from"] = f"{name}.fewshot.jsonl"
    if task.scorer is not None:
        write_bytes(output / f"{name}.py", task.scorer)
        entry["scoring"] = f"{name}.py:{task.function}"
    return entry


def _row(task: FrozenTask, item: Item, kind: Kind, own: random.Random) -> dict[str, Any]:
    row = dict(item.fields)
    if kind == "choices":
        assert item.choices is not None and item.right is not None
        order = reordered(len(item.choices), own)
        right = [order.index(k) for k in item.right]
        row |= {"choices": [item.choices[k] for k in order], "answer": right[0] if len(right) == 1 else right}
        return {key: value for key, value in row.items() if key not in ("answer_index", "labels")}
    text = changed(row["question"], kind, own)
    column = task.task.fields.get("question", "question")
    return row | {"question": text} | ({column: text} if column in row else {})


def _differing(word: re.Match[str]) -> list[int]:
    """Where two letters in a row that differ stand within a word, its first and last letter aside."""
    return [k for k in range(word.start() + 1, word.end() - 2) if word.string[k] != word.string[k + 1]]


def _seed(*parts: object) -> int:
    """Equal parts give equal seeds, and an item's does not depend on those before it."""
    said = "\0".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.sha256(said).digest()[:8], "big")


def _lines(path: Path, rows: list[dict[str, Any]]) -> None:
    write_bytes(path, "".join(json.dumps(row, ensure_ascii=True) + "\n" for row in rows).encode())
