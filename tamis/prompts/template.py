"""Templates: prompts as files, with a name and a version.

{# mine.question@2: a question that a text answers #}
{# system #}
You write questions.
{# user #}
{{ text }}
Write one question that the text between the lines <{{ text.tag }}> answers.

The language is Jinja without calls, assignments, nested loops, includes and macros: a template can only place what it is given, so
that it ends, stays small, and is all there is to a prompt. Its digest and that of what was rendered go into every row made by it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, UndefinedError, nodes
from jinja2 import Template as Jinja
from jinja2.exceptions import SecurityError
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tamis.errors import UsageError

MOST_CHARACTERS = 4_000_000
"""What a rendered prompt may have at most; no model reads more."""

_LARGE = f"it makes more than {MOST_CHARACTERS:,} characters; place less"

_HEAD = re.compile(r"\s*\{#-?\s*([A-Za-z][\w.-]*)@(\d+)\s*(?::.*?)?-?#\}", re.S)
_ROLE = re.compile(r"^[ \t]*\{#\s*(system|user|assistant)\s*#\}[ \t]*\r?\n?", re.M)
_COMMENT = re.compile(r"\{#.*?#\}", re.S)
_FILTERS = (
    "capitalize count default first float int join last length lower round string title tojson trim truncate upper"
)
_BARE = {"round", "tojson"}
"""Filters without arguments: with them they make as many digits or blanks as one asks for."""

_NODES = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Name, nodes.Const, nodes.Getattr),
    *(nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test, nodes.CondExpr, nodes.And, nodes.Or, nodes.Not),
    *(nodes.Compare, nodes.Operand, nodes.Add, nodes.Sub, nodes.Div, nodes.FloorDiv, nodes.Neg, nodes.Pos),
    *(nodes.Concat, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword),
)
"""All that a template may be made of. Products and `%` make a gigabyte of one letter, and so do forty assignments that double."""

_SAYS = "a template places what it is given: it has no calls, assignments, macros, includes, blocks, powers or products"

MOST_NODES = 20_000
"""What a template may be made of at most: a second of work before the first prompt."""


class TemplateError(UsageError):
    """A template that cannot be used. `path` and `line` (1-based, None: the whole) say where."""

    def __init__(self, message: str, path: str, line: int | None = None) -> None:
        self.path, self.line = path, line
        super().__init__(f"{path}:{line}: {message}" if line else f"{path}: {message}")


class Readable(Protocol):
    """A file, or a file of a package."""

    def read_bytes(self) -> bytes:
        """All of it."""
        ...


class Prompt(NamedTuple):
    """What a template made: messages, and the sha256 of them."""

    messages: tuple[Mapping[str, str], ...]
    sha256: bytes


@dataclass(frozen=True)
class Template:
    """A prompt with places in it.

    name, version  as its first line gives them; the stem of the file, and 0, where it has no such line
    sha256         of the file
    variables      what it places
    """

    name: str
    version: int
    sha256: bytes
    variables: frozenset[str]
    parts: tuple[tuple[str, Jinja, str], ...]
    characters: int = 0
    """Of the file: what a prompt has about beside what is placed in it."""

    @property
    def label(self) -> str:
        """Name and version: `backtranslate.score@1`."""
        return f"{self.name}@{self.version}"

    def render(self, **names: Any) -> Prompt:
        """The messages. `names` may hold more than the template places. Raises TemplateError."""
        said: list[dict[str, str]] = []
        for role, jinja, path in self.parts:
            if text := _rendered(jinja, path, names).strip():
                said.append({"role": role, "content": text})
        digest = hashlib.sha256()
        for message in said:
            digest.update(f"{message['role']}\0{message['content']}\0".encode("utf-8", "surrogatepass"))
        return Prompt(tuple(said), digest.digest())

    def text(self, **names: Any) -> str:
        """All its parts as one text, white space at the ends included: what a model goes on from. Raises TemplateError."""
        return "".join(_rendered(jinja, path, names) for _, jinja, path in self.parts)


def read(file: Path | Readable, known: frozenset[str], path: str | None = None) -> Template:
    """The template in `file`, called `path` in messages, which may place what is `known`. Raises TemplateError."""
    path = path or str(file)
    try:
        data = file.read_bytes()
        source = data.decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as gone:
        raise TemplateError(f"it cannot be read: {gone.strerror}; name a file of Jinja", path) from None
    except UnicodeDecodeError as wrong:
        raise TemplateError(f"byte {wrong.start} is not UTF-8; save it as UTF-8", path) from None
    head = _HEAD.match(source)
    stem = Path(path).name.partition(".")[0] or "template"
    name, version = (head[1], int(head[2])) if head else (stem, 0)
    if version > 2**15:
        raise TemplateError(f"its version is {version}; a small whole number was wanted", path, 1)
    first = _ROLE.search(source)
    if first and _COMMENT.sub("", source[: first.start()]).strip():
        raise TemplateError("text stands before the first {# system #}, {# user #} or {# assistant #}", path, 1)
    if first and not any(mark[1] == "user" for mark in _ROLE.finditer(source)):
        raise TemplateError("no message of it asks anything; {# user #} on a line of its own begins one", path, 1)
    variables: set[str] = set()
    parts = []
    for role, text, before in _roles(source):
        try:
            tree = _parsed(text, path, before)
            variables |= _checked(tree, known, path, before)
            parts.append((role, _ENVIRONMENT.from_string(tree), path))
        except (RecursionError, SyntaxError, MemoryError, ValueError) as wrong:  # of Python's own compiler
            raise TemplateError(f"it is nested too deeply, or has too long a number ({wrong})", path) from None
    if not _COMMENT.sub("", source).strip():
        raise TemplateError("there is nothing in it; a prompt was wanted", path)
    return Template(name, version, hashlib.sha256(data).digest(), frozenset(variables), tuple(parts), len(source))


def _roles(source: str) -> Iterator[tuple[str, str, int]]:
    """Role, text and the lines before it, of every message. Parted before anything is placed: no text can add a message."""
    marks = list(_ROLE.finditer(source))
    if not marks:
        yield "user", source, 0
    ends = [mark.start() for mark in marks[1:]] + [len(source)]
    for mark, end in zip(marks, ends, strict=False):
        yield mark[1], source[mark.end() : end], source.count("\n", 0, mark.end())


def _parsed(text: str, path: str, before: int) -> nodes.Template:
    try:
        return _ENVIRONMENT.parse(text)
    except TemplateSyntaxError as wrong:
        raise TemplateError(f"{wrong.message}; see docs/synthesis.md", path, before + wrong.lineno) from None


def _checked(tree: nodes.Template, known: frozenset[str], path: str, before: int) -> set[str]:
    """The variables it places. Raises TemplateError for one that is not there, and for what a template may not do."""
    for count, node in enumerate(tree.find_all(nodes.Node)):
        if count == MOST_NODES:
            raise TemplateError(f"it places more than {MOST_NODES:,} things; place less", path, before + node.lineno)
        if not isinstance(node, _NODES):
            raise TemplateError(f"{type(node).__name__.lower()}: {_SAYS}", path, before + node.lineno)
        if isinstance(node, nodes.Filter) and node.name not in _ENVIRONMENT.filters:
            there = ", ".join(sorted(_ENVIRONMENT.filters))
            raise TemplateError(f"there is no filter {node.name!r}; there are {there}", path, before + node.lineno)
        if isinstance(node, nodes.Filter) and node.name in _BARE and (node.args or node.kwargs):
            raise TemplateError(f"the filter {node.name!r} takes no arguments here", path, before + node.lineno)
        if isinstance(node, nodes.For) and any(isinstance(inner, nodes.For) for inner in _inside(node)):
            raise TemplateError("there is a loop inside a loop; one was wanted", path, before + node.lineno)
    placed = find_undeclared_variables(tree)
    if unknown := placed - known:
        lines = [n.lineno for n in tree.find_all(nodes.Name) if n.name in unknown]
        names = ", ".join(map(repr, sorted(unknown)))
        there = ", ".join(sorted(known)) or "none"
        raise TemplateError(f"{names} is not known here; there are {there}", path, before + min(lines, default=1))
    return placed


def _inside(node: nodes.Node) -> Iterator[nodes.Node]:
    for child in node.iter_child_nodes():
        yield child
        yield from _inside(child)


def _rendered(jinja: Jinja, path: str, names: Mapping[str, Any]) -> str:
    parts, characters = [], 0
    try:
        for part in jinja.generate(names):
            parts.append(part)
            characters += len(part)
            if characters > MOST_CHARACTERS:
                raise TemplateError(_LARGE, path)
    except (UndefinedError, SecurityError, TypeError, ValueError, ArithmeticError) as wrong:
        raise TemplateError(f"{wrong}; there are {', '.join(sorted(names))}", path) from None
    return "".join(parts)


def _join(parts: Iterable[Any], between: str = "") -> str:
    """`join` that stops where what it makes is too large."""
    texts = [str(part) for part in parts]
    if sum(map(len, texts)) + len(between) * len(texts) > MOST_CHARACTERS:
        raise ValueError(_LARGE)
    return between.join(texts)


def _placed(value: Any) -> Any:
    """`value`, which is to be text: a method of it, named by mistake, would be another text on every run."""
    if callable(value) and not isinstance(value, Undefined):
        raise TypeError(f"{getattr(value, '__name__', value)!r} is a method and no text")
    return value


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_placed
    )
    environment.globals.clear()
    environment.filters = {name: environment.filters[name] for name in _FILTERS.split()} | {"join": _join}
    return environment


_ENVIRONMENT = _environment()
