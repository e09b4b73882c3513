"""YAML that is read strictly: every value knows its line and column, and an error says them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

import yaml

from tamis.errors import UsageError

TOO_LARGE = 1 << 20
"""Bytes; a rubric of that size is none."""

_PLAIN = frozenset(f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int", "float", "bool", "null"))

_NAMES = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "a mapping",
    list: "a list",
}


class RubricError(UsageError):
    """A rubric that cannot be used. `path`, `line` and `column` (1-based; None: the whole file) say where."""

    def __init__(self, message: str, path: str, line: int | None = None, column: int | None = None) -> None:
        self.path, self.line, self.column = path, line, column
        super().__init__(f"{path}:{line}:{column}: {message}" if line else f"{path}: {message}")


class Node(NamedTuple):
    """A value of the file and where it stands: mappings hold nodes by key, lists hold nodes."""

    value: Any
    path: str
    line: int
    column: int

    def wrong(self, message: str) -> RubricError:
        """An error about this value."""
        return RubricError(message, self.path, self.line, self.column)

    def get(self, key: str, wanted: type | tuple[type, ...]) -> Node | None:
        """What a mapping has under `key`, of the type `wanted`; None where it is not there, or null. Raises RubricError."""
        node: Node | None = self.value.get(key)
        if node is None or node.value is None:
            return None
        return node.typed(key, wanted)

    def typed(self, name: str, wanted: type | tuple[type, ...]) -> Node:
        """This value, called `name`, if it is of the type `wanted`; a truth value is no number. Raises RubricError."""
        types = wanted if isinstance(wanted, tuple) else (wanted,)
        if not isinstance(self.value, types) or (isinstance(self.value, bool) and bool not in types):
            names = " or ".join(_NAMES[t] for t in types)
            raise self.wrong(f"{name} is {_shown(self.value)}; {names} was wanted")
        return self

    def known(self, keys: Mapping[str, Any] | frozenset[str]) -> None:
        """Raises RubricError for a key of the mapping that is not among `keys`, naming the nearest."""
        for key, node in self.value.items():
            if key not in keys:
                near = get_close_matches(key, keys, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(keys))}"
                raise node.wrong(f"nothing is called {key!r}; {hint}")

    def items(self) -> Iterator[Node]:
        """The values of a list."""
        yield from self.value


def read_nodes(text: bytes, path: str) -> Node:
    """The one YAML document in `text`, a mapping. Raises RubricError."""
    if len(text) > TOO_LARGE:
        raise RubricError(f"{len(text):,} bytes are too many for a rubric (at most {TOO_LARGE:,})", path)
    try:
        loader = yaml.SafeLoader(text.decode("utf-8-sig"))
        found = loader.get_single_node()
        if found is None:
            raise RubricError("the file is empty; a rubric has name, version, form and criteria", path)
        return _node(found, loader, path, set()).typed("a rubric", dict)
    except UnicodeDecodeError as bad:
        raise RubricError(f"byte {bad.start} is not UTF-8; save it as UTF-8", path) from None
    except yaml.MarkedYAMLError as bad:
        mark = bad.problem_mark
        where = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise RubricError(f"it is not YAML: {bad.problem}", path, *where) from None
    except (yaml.YAMLError, ValueError) as bad:
        raise RubricError(f"it is not YAML: {str(bad).splitlines()[0]}", path) from None
    except RecursionError:
        raise RubricError("it is nested too deeply", path) from None


def _node(node: yaml.Node, loader: yaml.SafeLoader, path: str, seen: set[int]) -> Node:
    line, column = node.start_mark.line + 1, node.start_mark.column + 1
    here = Node(None, path, line, column)
    if id(node) in seen:
        raise here.wrong("what is anchored here is used again by an alias; write it out there")
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        if node.tag not in _PLAIN:
            raise here.wrong(
                f"{node.value!r} is read as {node.tag.rpartition(':')[2]}; put quotes around it if it is text"
            )
        return here._replace(value=loader.construct_object(node))
    if node.tag not in _PLAIN:
        raise here.wrong(f"the tag {node.tag!r} means nothing here")
    if isinstance(node, yaml.SequenceNode):
        return here._replace(value=[_node(child, loader, path, seen) for child in node.value])
    found: dict[str, Node] = {}
    for key, child in node.value:
        at = Node(None, path, key.start_mark.line + 1, key.start_mark.column + 1)
        if not isinstance(key, yaml.ScalarNode):
            raise at.wrong("a key that is no word")
        if key.value in found:
            raise at.wrong(f"{key.value!r} is there twice; the first is in line {found[key.value].line}")
        # An error about a value names the line of its key, where one looks for it.
        found[key.value] = _node(child, loader, path, seen)._replace(line=at.line, column=at.column)
    return here._replace(value=found)


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return _NAMES[type(value)]
    return f"{value!r:.60}"
