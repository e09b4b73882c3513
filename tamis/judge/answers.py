"""Answers to judge: one file for each model, or a table; JSON Lines, a JSON list, or Parquet.

{"item_id": "q1", "prompt": "Why is the sky blue?", "answer": "It scatters …", "model": "small"}
{"id": "q1", "instruction": "…", "output": "…", "generator": "base"}                        as AlpacaEval has them
{"id": "q1", "instruction": "…", "output_a": "…", "output_b": "…"}                          two in a row
{"id": "q1", "messages": [{"role": "user", "content": "…"}, {"role": "assistant", …}, …]}   a dialogue
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tamis.errors import InputError
from tamis.judge.reading import each_row

IDS = ("item_id", "id", "item", "question_id")
PROMPTS = ("prompt", "instruction", "question", "turns")
ANSWERS = ("answer", "output", "response", "answers")
MODELS = ("model", "generator", "model_id")
REFERENCES = ("reference", "reference_answer", "gold")

Turns = tuple[str, ...]


@dataclass
class Item:
    """A question and what models answered, turn by turn."""

    item_id: str
    prompts: Turns
    reference: str | None = None
    answers: dict[str, Turns] = field(default_factory=dict)


@dataclass
class Answers:
    """All answers, items and models in the order in which they came.

    problems  one for each row that was set aside, at most a few of a kind; `counts` has how many there were of each
    """

    items: dict[str, Item] = field(default_factory=dict)
    models: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def problem(self, kind: str, says: str, most: int = 5) -> None:
        """Note one, and tell it if it is among the first of its kind."""
        self.counts[kind] += 1
        if self.counts[kind] <= most:
            self.problems.append(says)

    def uneven(self) -> str | None:
        """A sentence where models answered different items."""
        if not (fewer := {m: n for m, n in self.models.items() if n < len(self.items)}):
            return None
        least = sorted(fewer.items(), key=lambda pair: pair[1])[:3]
        own = ", ".join(f"{model} {n:,}" for model, n in least) + " …" * (len(fewer) > 3)
        return (
            f"models answered different items: {own} of {len(self.items):,}; each pair is judged on what both answered"
        )


def read_answers(paths: Sequence[str | Path], items: str | Path | None = None) -> Answers:
    """The answers in `paths`; a model that no row names is called as its file.

    items  rows of an id, the question and, where there is one, the reference; for files that have the answers alone

    Raises InputError where a file cannot be read at all, or nothing in them is an answer.
    """
    found = Answers()
    asked = _asked(items, found) if items is not None else {}
    bare: list[str] = []
    for path in map(Path, paths):
        had = found.models.copy()
        for where, row in _rows(path, found):
            _take(found, asked, where, row, _stem(path))
        if found.models == had:
            bare.append(path.name)
    if not found.items:
        first = f": {found.problems[0]}" if found.problems else ""
        raise InputError(
            f"no answer in {', '.join(map(str, paths))}{first}; a row has item_id, prompt, answer and, where files are not of one "
            "model each, model"
        )
    for name in bare:
        found.problem("no_answers", f"{name}: no answer in it that counts; the rest is judged without it")
    return found


def read_texts(paths: Sequence[str | Path]) -> Iterator[tuple[str, str, str]]:
    """Item, model and text of every answer in `paths`, called as `read_answers` calls them; questions may be missing.

    Raises InputError at the first row that is none.
    """
    problems: list[str] = []
    for path in map(Path, paths):
        for where, row in each_row([path], problems):
            asked, said = _talked(row)
            for model, answer in _answers(row, said, _stem(path)):
                if not (name := _name(row, asked)) or answer is None:
                    lacks = "an answer is no text, nor texts turn by turn" if name else "no item_id"
                    raise InputError(
                        f"{where}: {lacks}; a row has item_id, answer and, where its file is not of one model, model"
                    )
                yield name, model, "\n\n".join(answer)
    if problems:
        raise InputError(problems[0])


def _asked(path: str | Path, found: Answers) -> dict[str, Item]:
    out: dict[str, Item] = {}
    for where, row in _rows(Path(path), found):
        prompts = _texts(_first(row, PROMPTS))
        name = _id(row)
        if not name or prompts is None:
            found.problem("no_prompt", f"{where}: no {'question' if name else 'id'}")
        elif name in out:
            found.problem("twice", f"{where}: {name!r} was asked before; the first counts")
        else:
            out[name] = Item(name, prompts, _text(_first(row, REFERENCES)))
    return out


def _take(found: Answers, asked: Mapping[str, Item], where: str, row: Mapping[str, Any], stem: str) -> None:
    """Put one row where it belongs."""
    own = _talked(row)
    name = _name(row, own[0])
    if not name:
        found.problem("no_id", f"{where}: no item_id, and no question to know it by")
        return
    known = asked.get(name) or found.items.get(name)
    prompts = own[0] or (known.prompts if known else None)
    if not prompts or not any(p.strip() for p in prompts):
        found.problem("no_prompt", f"{where}: no question for {name!r}; name it prompt, or give --items")
        return
    item = found.items.get(name)
    if (other := item or asked.get(name)) and own[0] and other.prompts != own[0]:
        found.problem("other_prompt", f"{where}: {name!r} is another question than before; the row is set aside")
        return
    if item is None:
        item = Item(name, prompts, known.reference if known else None)
    item.reference = item.reference or _text(_first(row, REFERENCES))
    for model, answer in _answers(row, own[1], stem):
        if answer is None or len(answer) != len(prompts):
            n = 0 if answer is None else len(answer)
            found.problem("no_answer", f"{where}: {name!r} has {len(prompts)} questions and {n} answers of {model}")
        elif model in item.answers:
            same = " (a model beside itself)" if "output_a" in row or "answer_a" in row else ""
            found.problem("twice", f"{where}: {model} answered {name!r} before{same}; the first counts")
        else:
            item.answers[model] = answer
            found.models[model] = found.models.get(model, 0) + 1
            found.items[item.item_id] = item


def _talked(row: Mapping[str, Any]) -> tuple[Turns | None, Turns | None]:
    """The questions of a row and, where it is a dialogue, its answers."""
    return _dialogue(row) if isinstance(row.get("messages"), list) else (_texts(_first(row, PROMPTS)), None)


def _name(row: Mapping[str, Any], asked: Turns | None) -> str | None:
    """What the item of a row is called: as the row calls it, else after its question."""
    name = _id(row)
    if name is None and asked:
        return "p-" + hashlib.sha256("\0".join(asked).encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return name


def _answers(row: Mapping[str, Any], said: Turns | None, stem: str) -> Iterator[tuple[str, Turns | None]]:
    for name in ("output", "answer"):
        if f"{name}_a" in row and f"{name}_b" in row:
            for side in "ab":
                yield _named(row.get(f"model_{side}"), side), _texts(row[f"{name}_{side}"])
            return
    answer = said if said is not None else _texts(_first(row, ANSWERS))
    yield _named(_first(row, MODELS), stem), answer


def _named(model: Any, otherwise: str) -> str:
    """What a model is called; `otherwise` where `model` is no name."""
    return str(model) if isinstance(model, (str, int)) and model != "" and _is_text(str(model)) else otherwise


def _dialogue(row: Mapping[str, Any]) -> tuple[Turns | None, Turns | None]:
    """Questions and answers of a list of messages; what a system message says stands before the first question."""
    asked: list[str] = []
    said: list[str] = []
    before = ""
    for message in row["messages"]:
        if not isinstance(message, dict) or not isinstance(message.get("content"), str):
            return None, None
        if message.get("role") in ("system", "developer"):
            before += message["content"] + "\n\n"
        elif message.get("role") == "user":
            asked.append(before + message["content"])
            before = ""
        elif message.get("role") == "assistant":
            said.append(message["content"])
    answer = _texts(_first(row, ANSWERS))
    if answer is not None and len(said) < len(asked):
        said += answer
    return tuple(asked) or None, tuple(said) or None


def _rows(path: Path, found: Answers) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Rows with their places; what is none is noted."""
    problems: list[str] = []
    yield from each_row([path], problems, halves=True)
    for problem in problems:
        found.problem("unreadable", problem)


def _first(row: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)


def _id(row: Mapping[str, Any]) -> str | None:
    """What the row calls its item, as text; None where it does not, and empty where that is no name."""
    name = _first(row, IDS)
    if name is None or name != name:
        return None
    if isinstance(name, float) and name.is_integer():
        name = int(name)  # whole numbers of a table with gaps come as 3.0
    return (
        str(name) if isinstance(name, (str, int, float)) and not isinstance(name, bool) and _is_text(str(name)) else ""
    )


def _texts(value: Any) -> Turns | None:
    """A text or a list of them, as a tuple; None where it is neither; an empty text is one, too."""
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(text, str) and _is_text(text) for text in listed):
        return None
    return tuple(str(text) for text in listed)


def _is_text(text: str) -> bool:
    """Half of a surrogate pair is none, and nothing can be asked with it."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def _text(value: Any) -> str | None:
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        value = "\n\n".join(value)
    return (
        str(value)
        if isinstance(value, (str, int, float))
        and not isinstance(value, bool)
        and str(value).strip()
        and _is_text(str(value))
        else None
    )


def _stem(path: Path) -> str:
    return path.name.partition(".")[0] or path.name
