"""Foreign keys: what rows refer to must be there.

    relationships: [{to: authors.id}]                                       in a property
    relationships: [{from: [t.a, t.b], to: [other.a, other.b]}]             in a table
    relationships: [{to: schema/authors_tbl/properties/author_id}]          by the ids of table and property

Where the rows of the other table lie is said by `tamis.path` there, or when the check is called; a column may also refer to
another of its own table. Keys are held as two hashes each, 16 bytes, in sorted arrays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from tamis.contracts.model import Action, Property, Relation, Severity, Table
from tamis.contracts.tree import ContractError, Located, nearest


class Shape(NamedTuple):
    """The names of a table and of its columns, by which another can refer to them."""

    table: Table
    id: str | None
    ids: dict[str, str]
    """Property name by its id."""

    @classmethod
    def of(cls, table: Table, node: Located) -> Shape:
        """The names of the table in `node`."""
        ids = {p.scalar("id"): p.scalar("name") for p in node.items("properties") if p.get("id")}
        return cls(table, node.scalar("id"), ids)


def read_relations(
    table: Table,
    node: Located,
    shapes: Sequence[Shape],
    action_of: Callable[[Located, Action], Action],
    path: Path,
) -> tuple[Relation, ...]:
    """Every relation of the table in `node`. Raises ContractError."""
    found = []
    for member in node.items("properties"):
        for one in member.items("relationships"):
            if one.get("from"):
                raise ContractError("'from' is the property itself; leave it out", path, one.value["from"].line)
            owner = table.property(member.scalar("name"))
            assert owner is not None
            found.append(_relation(table, one, ((table.name, owner.name),), owner.action, shapes, action_of, path))
    for one in node.items("relationships"):
        if not one.get("from"):
            raise ContractError("a relationship of a table wants 'from' and 'to'", path, one.line)
        found.append(_relation(table, one, None, table.action, shapes, action_of, path))
    names = [r.id for r in found]
    for k, relation in enumerate(found):
        if relation.id in names[:k]:
            raise ContractError(f"the same relationship twice: {relation.id}", path, relation.line)
    return tuple(found)


def _relation(
    table: Table,
    node: Located,
    own: tuple[tuple[str, str], ...] | None,
    inherited: Action,
    shapes: Sequence[Shape],
    action_of: Callable[[Located, Action], Action],
    path: Path,
) -> Relation:
    if node.scalar("type", "foreignKey") != "foreignKey":
        raise ContractError(
            f"type {node.scalar('type')!r} is unknown; wanted foreignKey", path, node.value["type"].line
        )
    ends = own if own is not None else tuple(_ends(node.value["from"], shapes, path))
    to = tuple(_ends(node.value["to"], shapes, path))
    if len(ends) != len(to):
        raise ContractError(f"{len(ends)} columns refer to {len(to)}; wanted as many", path, node.line)
    if {name for name, _ in ends} != {table.name}:
        raise ContractError(f"'from' names another table than {table.name!r}", path, node.value["from"].line)
    if len({name for name, _ in to}) != 1:
        raise ContractError("'to' names more than one table", path, node.value["to"].line)
    if ends == to:
        raise ContractError("a column that refers to itself is always right; name another", path, node.line)
    target = next(s.table for s in shapes if s.table.name == to[0][0])
    columns = [p for _, name in to if (p := target.property(name))]
    here = [p for _, name in ends if (p := table.property(name))]
    for a, b in zip(here, columns, strict=True):
        if a.logical_type and b.logical_type and _family(a) != _family(b):
            said = f"{a.name} is {a.logical_type}, {b.name} is {b.logical_type}: no value could be in both"
            raise ContractError(said, path, node.line)
    action = action_of(node, "warn" if inherited == "warn" else "fail")
    if action == "quarantine":
        raise ContractError(
            "a relation needs the other table, which a run does not have; it can fail or warn", path, node.line
        )
    name = f"{'+'.join(n for _, n in ends)}.{target.name}.{'+'.join(n for _, n in to)}"
    severity: Severity = "warning" if action == "warn" else "error"
    return Relation(
        name, tuple(n for _, n in ends), target.name, tuple(p.column for p in columns), action, severity, node.line
    )


def _family(prop: Property) -> str:
    return "number" if prop.logical_type in ("integer", "number") else str(prop.logical_type)


def _ends(node: Located, shapes: Sequence[Shape], path: Path) -> Iterator[tuple[str, str]]:
    """(table, property) for each reference in `node`: one, or a list of them."""
    listed = node.value if isinstance(node.value, list) else [node]
    if not listed:
        raise ContractError("a relationship of no columns", path, node.line)
    for one in listed:
        if not isinstance(one.value, str):
            raise ContractError(f"a reference is {one.plain!r}; wanted 'table.column'", path, one.line)
        yield _end(one.value, shapes, path, one.line)


def _end(text: str, shapes: Sequence[Shape], path: Path, line: int) -> tuple[str, str]:
    if "#" in text:
        raise ContractError(f"{text!r} is in another contract, which is not read; describe its table here", path, line)
    by_id = re.fullmatch(r"/?schema/([^/]+)/properties/([^/]+)", text)
    if by_id:
        shape = next((s for s in shapes if s.id == by_id[1]), None)
        if shape is None:
            raise ContractError(
                f"no table has the id {by_id[1]!r}{nearest(by_id[1], [s.id for s in shapes if s.id])}", path, line
            )
        if by_id[2] not in shape.ids:
            raise ContractError(f"no property of it has the id {by_id[2]!r}{nearest(by_id[2], shape.ids)}", path, line)
        return shape.table.name, shape.ids[by_id[2]]
    name, dot, column = text.partition(".")
    shape = next((s for s in shapes if s.table.name == name), None)
    if not dot or shape is None:
        known = [f"{s.table.name}.{p.name}" for s in shapes for p in s.table.properties]
        raise ContractError(f"{text!r} is no column of a table of this contract{nearest(text, known)}", path, line)
    if shape.table.property(column) is None:
        known = [p.name for p in shape.table.properties]
        raise ContractError(f"{name!r} has no property {column!r}{nearest(column, known)}", path, line)
    return name, column


@dataclass
class Referred:
    """The keys that may be referred to: pairs of hashes, sorted."""

    first: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint64))
    second: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint64))

    @classmethod
    def of(cls, frames: Iterable[pl.DataFrame], name: str) -> Referred:
        """The keys whose hashes are in columns `{name}.1` and `{name}.2` of `frames`."""
        pairs = [frame.select(f"{name}.1", f"{name}.2").drop_nulls().unique() for frame in frames]
        if not pairs:
            return cls()
        whole = pl.concat(pairs).unique().sort(f"{name}.1", f"{name}.2")
        return cls(whole[f"{name}.1"].to_numpy(), whole[f"{name}.2"].to_numpy())

    def lacks(self, first: pl.Series, second: pl.Series) -> np.ndarray:
        """True where a key is not among these: (n,) bool; a null refers to nothing."""
        present = first.is_not_null().to_numpy()
        a: Any = first.fill_null(0).to_numpy()
        b: Any = second.fill_null(0).to_numpy()
        at = np.searchsorted(self.first, a)
        found = np.zeros(len(a), bool)
        # Keys that share the first hash stand side by side: nearly always one.
        while True:
            inside = at < len(self.first)
            same = inside & ~found
            same[same] = self.first[at[same]] == a[same]
            if not same.any():
                return present & ~found
            found[same] |= self.second[at[same]] == b[same]
            at = at + 1
