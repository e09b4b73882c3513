"""Recipes: YAML that names stages and gives arguments, and nothing else.

name: docs-sft
input: {paths: ["data/*.jsonl"], kind: document, source: crawl-2026-10}
stages:
  - clean@1: {}
  - exact@1: {keep: longest}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

import yaml

from tamis.data import find
from tamis.data.storage.address import beside
from tamis.errors import RecipeError, UsageError
from tamis.recipes.catalog import make
from tamis.recipes.shipped import shipped
from tamis.recipes.types import fit
from tamis.runs.manifest import sha256 as digest_of
from tamis.schemas.rows import KindName
from tamis.stage import Stage

VALUES = 100_000
"""Values in a recipe, aliases written out."""


@dataclass(frozen=True)
class InputSpec:
    """What is read and how. `fields` maps our names to the input's; null means: do not take it."""

    paths: tuple[str, ...] = ()
    kind: KindName | None = None
    source: str | None = None
    license: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    max_record: int = 128 << 20
    """Bytes: a longer line goes to quarantine unread."""

    def __post_init__(self) -> None:
        for name, column in self.fields.items():
            if not (column is None or isinstance(column, str)):
                raise TypeError(f"fields.{name} is {column!r}; it must be the name of a field of the input, or null")
        if not 1 <= self.max_record < 2**31:
            raise TypeError(f"max_record is {self.max_record}; it must be from 1 to {2**31 - 1} bytes")


@dataclass(frozen=True)
class Attrition:
    """Budget for what may be lost. Shares are 0–1."""

    max_drop_per_source: float | None = None

    def __post_init__(self) -> None:
        if self.max_drop_per_source is not None and not 0 <= self.max_drop_per_source <= 1:
            raise TypeError(f"max_drop_per_source is {self.max_drop_per_source}; it must be from 0 to 1")


@dataclass(frozen=True)
class Recipe:
    """What is done to a dataset. `text` is the YAML it came from, `base` the folder its paths start at."""

    name: str
    stages: tuple[Stage, ...] = ()
    input: InputSpec = InputSpec()
    attrition: Attrition = Attrition()
    contract: str | None = None
    text: str = ""
    base: Path = Path()
    named: tuple[str, ...] = ()
    """What the recipe calls each stage."""

    def resolved(self) -> dict[str, Any]:
        """Every setting spelled out, as JSON can hold it; equal settings give equal text."""
        stages = [
            {"step": k, "stage": name, "label": s.label, "params": s.params, **self._code(name), **_files(s)}
            for k, (name, s) in enumerate(zip(self.named, self.stages, strict=True), 1)
        ]
        spec = {f.name: getattr(self.input, f.name) for f in fields(self.input) if f.name != "paths"}
        attrition = {"max_drop_per_source": self.attrition.max_drop_per_source}
        promised = sha256((self.base / self.contract).read_bytes()).hexdigest() if self.contract else None
        return {"name": self.name, "input": spec, "attrition": attrition, "contract": promised, "stages": stages}

    def own_files(self) -> dict[str, Path]:
        """Files of the user's own stages, by the name they have in the recipe."""
        files = (name.rpartition(":")[0] for name in self.named if ".py:" in name)
        return {file: self.base / file for file in files}

    def _code(self, name: str) -> dict[str, str]:
        """What stands for the code of a user's own stage: a run under other code is another run."""
        path = self.own_files().get(name.rpartition(":")[0])
        return {"sha256": sha256(path.read_bytes()).hexdigest()} if path else {}

    def set(self, changes: Sequence[str]) -> Recipe:
        """The recipe with `stage.param=value` for each of `changes`; the value is YAML. Raises UsageError."""
        stages = list(self.stages)
        for change in changes:
            target, equals, text = change.partition("=")
            stage, dot, param = target.rpartition(".")
            if not (equals and dot):
                raise UsageError(f"--set {change!r}: wanted stage.param=value, as in quality.gopher.min_words=30")
            place = self._place(stage, change)
            try:
                value = _Loader(None, text, Path()).value()
            except RecipeError as wrong:
                raise UsageError(f"--set {target}…: {text[:80]!r} is not a value: {wrong}") from wrong
            stages[place] = make(self.named[place], self.base, **{**stages[place].params, param: value})
        return replace(self, stages=tuple(stages))

    def _place(self, stage: str, change: str) -> int:
        """Where `near`, `near@1` or `near#2` (the second of that name) stands."""
        name, _, nth = stage.partition("#")
        places = [k for k, s in enumerate(self.stages) if name in (s.name, s.label, self.named[k])]
        if not places:
            names = [s.name for s in self.stages]
            near = get_close_matches(name, names, 1, 0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(names)}"
            raise UsageError(f"--set {change!r}: the recipe has no stage {name!r}; {hint}")
        if nth.isdigit() and 1 <= int(nth) <= len(places):
            return places[int(nth) - 1]
        if nth or len(places) > 1:
            raise UsageError(f"--set {change!r}: there are {len(places)} stages {name!r}; write {name}#1 for the first")
        return places[0]


def _files(stage: Stage) -> dict[str, dict[str, str]]:
    """What stands for the files that `stage` reads: a run with others is another run. Raises InputError."""
    if not stage.files:
        return {}
    digests = {}
    for name in stage.files:
        digest = sha256()
        for file in find([beside(stage.base, name)], None):
            digest.update(file.name.encode() + b"\0" + digest_of(file.path).encode())
        digests[name] = digest.hexdigest()
    return {"files": digests}


def load(recipe: str | Path | Mapping[str, Any] | Recipe, base: Path = Path()) -> Recipe:
    """The recipe in a file, a shipped one by its name, or a mapping of the same shape. Raises RecipeError with file and line.

    base  folder that paths in a mapping start at
    """
    if isinstance(recipe, Recipe):
        return recipe
    if isinstance(recipe, Mapping):
        text = yaml.safe_dump(dict(recipe), sort_keys=False, allow_unicode=True)
        return _Loader(None, text, base).recipe()
    path = Path(recipe)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if str(recipe) in shipped():
            return load(shipped()[str(recipe)])
        near = get_close_matches(path.name, [p.name for p in path.parent.glob("*.y*ml")], 1, 0.4)
        hint = f"; did you mean {path.parent / near[0]}?" if near else "; `tamis recipes list` names the shipped ones"
        raise RecipeError(f"no such recipe{hint}", path) from None
    except (OSError, UnicodeDecodeError) as wrong:
        raise RecipeError(f"cannot be read: {wrong}", path) from wrong
    return _Loader(path, text, path.parent).recipe()


class _Loader:
    """Walks the YAML nodes, so that every complaint can name its line."""

    def __init__(self, path: Path | None, text: str, base: Path) -> None:
        self.path, self.text, self.base = path, text, base

    def value(self) -> Any:
        """The text as one value."""
        root = self._composed()
        return None if root is None else self._value(root)

    def _composed(self) -> yaml.Node | None:
        try:
            root = yaml.compose(self.text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as wrong:
            mark = getattr(wrong, "problem_mark", None)
            problem = getattr(wrong, "problem", None) or str(wrong).partition("\n")[0]
            raise RecipeError(f"not valid YAML: {problem}", self.path, mark.line + 1 if mark else None) from wrong
        except RecursionError:
            raise RecipeError("lists and mappings are nested too deeply", self.path) from None
        if root is not None:
            self._expanded(root, {})
        return root

    def _expanded(self, node: yaml.Node, known: dict[int, int]) -> int:
        """How many values `node` stands for with every alias written out; what cannot be used is refused."""
        if not (size := known.setdefault(id(node), 0)):
            if isinstance(node, yaml.ScalarNode):
                if odd := next((c for c in node.value if c == "\0" or "\ud800" <= c <= "\udfff"), None):
                    self._fail(node, f"the text holds {odd!a}; neither NUL nor half a surrogate pair is taken")
                known[id(node)] = size = 1
                return size
            inside = [n for pair in node.value for n in (pair if isinstance(pair, tuple) else (pair,))]
            if any(known.get(id(n)) == 0 for n in inside):
                self._fail(node, "it holds itself")
            known[id(node)] = size = 1 + sum(self._expanded(n, known) for n in inside)
            if size > VALUES:
                self._fail(node, f"its aliases stand for {size:,} values; {VALUES:,} at most are taken")
        return size

    def recipe(self) -> Recipe:
        root = self._composed()
        if root is None:
            raise RecipeError("the recipe is empty; it needs at least a name and stages", self.path)
        known = {"name", "input", "contract", "attrition", "stages"}
        top = self._mapping(root, known, "a recipe")
        named: list[str] = []
        stages: list[Stage] = []
        if "stages" in top:
            for node in self._sequence(top["stages"], "stages"):
                name, stage = self._stage(node)
                self._tell_apart(node, name, named)
                named.append(name)
                stages.append(stage)
        default = self.path.stem if self.path else "recipe"
        return Recipe(
            name=self._text(top["name"], "name") if "name" in top else default,
            stages=tuple(stages),
            input=self._record(InputSpec, top.get("input"), "input"),
            attrition=self._record(Attrition, top.get("attrition"), "attrition"),
            contract=self._text(top["contract"], "contract") if "contract" in top else None,
            text=self.text,
            base=self.base,
            named=tuple(named),
        )

    def _stage(self, node: yaml.Node) -> tuple[str, Stage]:
        params: dict[str, yaml.Node] = {}
        if isinstance(node, yaml.ScalarNode):
            name = str(node.value)
        elif isinstance(node, yaml.MappingNode) and len(node.value) == 1:
            key, value = node.value[0]
            name = str(key.value)
            if not _is_null(value):
                params = self._mapping(value, None, name)
        else:
            self._fail(node, "a stage is written `- name@version: {parameter: value}`")
        try:
            return name, make(name, self.base, **{k: self._value(v) for k, v in params.items()})
        except RecipeError:
            raise
        except UsageError as wrong:
            culprit = next((v for k, v in params.items() if f"{k!r}" in str(wrong) or f" {k} is " in str(wrong)), node)
            raise RecipeError(str(wrong), self.path, culprit.start_mark.line + 1) from wrong

    def _tell_apart(self, node: yaml.Node, name: str, named: list[str]) -> None:
        """Files of own stages go by their names alone in the run's folder and in worker processes."""
        own = [self.base / n.rpartition(":")[0] for n in (*named, name) if ".py:" in n]
        if ".py:" in name and (
            other := [f for f in own if f.name == own[-1].name and f.resolve() != own[-1].resolve()]
        ):
            self._fail(node, f"{own[-1]} and {other[0]} are different files of one name; rename one")

    def _record(self, cls: Any, node: yaml.Node | None, where: str) -> Any:
        if node is None or _is_null(node):
            return cls()
        found = self._mapping(node, {f.name for f in fields(cls)}, where)
        values = {}
        for key, value_node in found.items():
            value = self._value(value_node)
            if key == "paths" and isinstance(value, str):
                value = [value]
            try:
                values[key] = fit(value, cls, key)
            except TypeError as wrong:
                self._fail(value_node, f"{where}.{wrong}")
        try:
            return cls(**values)
        except TypeError as wrong:
            self._fail(node, f"{where}.{wrong}")

    def _mapping(self, node: yaml.Node, known: set[str] | None, where: str) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self._fail(node, f"{where} must be a mapping of names to values")
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = str(key.value)
            if known is not None and name not in known:
                near = get_close_matches(name, known, 1, 0.5)
                hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}"
                self._fail(key, f"{where} has no key {name!r}; {hint}")
            if name in found:
                self._fail(key, f"{where} has the key {name!r} twice")
            found[name] = value
        return found

    def _sequence(self, node: yaml.Node, where: str) -> list[yaml.Node]:
        if _is_null(node):
            return []
        if not isinstance(node, yaml.SequenceNode):
            self._fail(node, f"{where} must be a list")
        return list(node.value)

    def _text(self, node: yaml.Node, where: str) -> str:
        value = self._value(node)
        if not isinstance(value, str) or not value:
            self._fail(node, f"{where} is {value!r}; it must be text")
        return value

    def _value(self, node: yaml.Node) -> Any:
        try:
            return yaml.SafeLoader("").construct_document(node)
        except yaml.YAMLError as wrong:
            self._fail(node, f"not a value: {wrong}")

    def _fail(self, node: yaml.Node, message: str) -> NoReturn:
        raise RecipeError(message, self.path, node.start_mark.line + 1)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"
