"""YAML that remembers its lines, so that an error can say where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from tamis.errors import UsageError

TOO_LARGE = 1 << 20
"""Bytes. A contract is written by people; more than this is another kind of file, and YAML takes 14 CPU seconds a MiB.
(Its reader in C takes a quarter of that, and dies where lists are nested 50,000 deep.)"""

_PLAIN = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


class Line(int):
    """A line (1-based) that knows the column (1-based) of what stands in it, where that is known."""

    column: int | None = None

    @classmethod
    def of(cls, mark: yaml.Mark) -> Line:
        """The place a YAML mark points at."""
        line = cls(mark.line + 1)
        line.column = mark.column + 1
        return line


class ContractError(UsageError):
    """A contract that cannot be used as written. `path`, `line` and `column` (1-based) say where, when known."""

    def __init__(self, message: str, path: Path | str | None = None, line: int | None = None) -> None:
        self.path, self.line = path, line
        self.column: int | None = getattr(line, "column", None)
        place = ":".join(str(part) for part in (path, line, self.column) if part)
        super().__init__(f"{place}: {message}" if path else message)


@dataclass(frozen=True, slots=True)
class Located:
    """A YAML value and where it stands: a scalar, a list of Located, or a dict of text to Located."""

    value: Any
    line: Line

    @property
    def plain(self) -> Any:
        """The value without its lines."""
        if isinstance(self.value, dict):
            return {key: item.plain for key, item in self.value.items()}
        return [item.plain for item in self.value] if isinstance(self.value, list) else self.value

    def get(self, key: str) -> Located | None:
        """What a mapping has under `key`; an explicit null counts as absent."""
        item: Located | None = self.value.get(key)
        return None if item is None or item.value is None else item

    def scalar(self, key: str, default: Any = None) -> Any:
        """The scalar a mapping has under `key`."""
        item = self.get(key)
        return default if item is None else item.value

    def items(self, key: str) -> list[Located]:
        """The list a mapping has under `key`; empty where it has none."""
        item = self.get(key)
        return [] if item is None else list(item.value)


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'maxLength'?` or the list of what there is."""
    known = sorted(known)
    near = get_close_matches(word, known, 1) or get_close_matches(word.lower(), [k for k in known if k.islower()], 1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"


def read_tree(text: bytes, path: Path | str) -> Located:
    """The one YAML document in `text`. Raises ContractError, with the line, for anything else."""
    if len(text) > TOO_LARGE:
        raise ContractError(f"more than {TOO_LARGE:,} bytes, which is too large for a contract", path)
    try:
        loader = yaml.SafeLoader(text.decode("utf-8-sig"))
        node = loader.get_single_node()
        if node is None:
            raise ContractError("the file is empty; a contract starts with 'apiVersion: v3.1.0'", path)
        return _Locator(loader, path).locate(node)
    except UnicodeDecodeError as bad:
        raise ContractError(f"byte {bad.start} is not UTF-8; save the contract as UTF-8", path) from None
    except yaml.MarkedYAMLError as bad:
        line = Line.of(bad.problem_mark) if bad.problem_mark else None
        raise ContractError(f"not YAML: {bad.problem}", path, line) from None
    except yaml.YAMLError as bad:
        raise ContractError(f"not YAML: {bad}".splitlines()[0], path) from None
    except RecursionError:
        raise ContractError("nested too deeply for a contract", path) from None


class _Locator:
    """Turns YAML nodes into Located; an alias shares what it names, so that aliases of aliases cost nothing."""

    def __init__(self, loader: yaml.SafeLoader, path: Path | str) -> None:
        self.loader, self.path = loader, path
        self.done: dict[int, Located | None] = {}

    def locate(self, node: yaml.Node) -> Located:
        line = Line.of(node.start_mark)
        if id(node) in self.done:
            known = self.done[id(node)]
            if known is None:
                raise ContractError("an alias that contains itself", self.path, line)
            # `plain` and the model walk the tree, so a shared branch must stay a small one.
            if not isinstance(node, yaml.ScalarNode):
                raise ContractError("an alias of the list or mapping anchored here; write it out", self.path, line)
            return known
        if not isinstance(node, yaml.ScalarNode) and node.tag not in _PLAIN:
            raise ContractError(f"tag {node.tag!r} has no meaning in a contract", self.path, line)
        self.done[id(node)] = None
        value: Any
        if isinstance(node, yaml.MappingNode):
            value = self._mapping(node)
        elif isinstance(node, yaml.SequenceNode):
            value = [self.locate(child) for child in node.value]
        else:
            try:
                value = self.loader.construct_object(node)
            except (ValueError, LookupError, AttributeError) as bad:  # as 2026-13-45, or !!bool of another word
                raise ContractError(f"{bad}; put quotes around it if it is text", self.path, line) from None
        if isinstance(value, str) and not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            raise ContractError("half a character (a surrogate); no file could hold it", self.path, line)
        self.done[id(node)] = Located(value, line)
        return Located(value, line)

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Located]:
        members: dict[str, Located] = {}
        for key_node, child in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            line = Line.of(key_node.start_mark)
            if key is None:
                raise ContractError("a key that is not a word", self.path, line)
            if key in members:
                raise ContractError(f"{key!r} is given twice (first in line {members[key].line})", self.path, line)
            # A list or mapping starts on the next line; an error about it should name the line of its key.
            members[key] = Located(self.locate(child).value, line)
        return members
