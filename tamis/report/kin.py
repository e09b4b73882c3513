"""What a snapshot was made of and what was made of it, as a picture: who stands in it, and who leads to whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tamis.report.origins import Origin
from tamis.report.wording import clip, plural
from tamis.snapshot import Entry, Snapshot, Store

MOST = 6
"""Nodes of one kind that are drawn one by one."""

Kind = Literal["source", "run", "version", "this", "snapshot", "model"]


@dataclass(frozen=True)
class Node:
    """One box: its place from left (0) to right, its name and a few words below it."""

    key: str
    level: int
    kind: Kind
    name: str
    says: str


@dataclass(frozen=True)
class Edge:
    """Something was made of something (`solid`), or is a later version of it."""

    start: str
    end: str
    solid: bool = True


@dataclass(frozen=True)
class Kin:
    """Nodes by level, and edges between them."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def kin(snapshot: Snapshot, sources: Sequence[Origin], store: Store | None) -> Kin:
    """Sources and snapshots behind `snapshot`, its run, and the versions, snapshots and models that `store` knows after it."""
    this = Node(snapshot.id, 2, "this", snapshot.ref, plural(sum(snapshot.splits.values()), "record"))
    nodes, edges = {this.key: this}, dict.fromkeys([Edge("run", this.key)])
    nodes["run"] = Node(
        "run", 1, "run", str((snapshot.facts.get("recipe") or {}).get("name") or "a run"), _run(snapshot)
    )
    named = [s for s in sources if s.sources == 1]
    for k, source in enumerate(named[:MOST]):
        nodes[f"s{k}"] = Node(f"s{k}", 0, "source", source.source, plural(source.rows, "record"))
    if rest := sum(s.sources for s in sources) - len(named[:MOST]):
        rows = sum(s.rows for s in sources) - sum(s.rows for s in named[:MOST])
        nodes["s"] = Node("s", 0, "source", plural(rest, "other source"), plural(rows, "record"))
    edges |= dict.fromkeys(Edge(key, "run") for key, node in nodes.items() if node.kind == "source")
    known = {entry.id: entry for entry in store.snapshots()} if store else {}
    for id in _made_of(snapshot)[:MOST]:
        nodes[id] = Node(id, 0, "snapshot", _ref(id, known), "what it was made of")
        edges[Edge(id, "run")] = None
    for id in snapshot.facts.get("parents", []):
        nodes.setdefault(id, Node(id, 1, "version", _ref(id, known), "the version before"))
        edges[Edge(id, this.key, solid=False)] = None
    if store is not None:
        for node, edge in _after(snapshot, store, known):
            nodes.setdefault(node.key, node)
            edges[edge] = None
    return Kin(tuple(nodes.values()), tuple(edges))


def _run(snapshot: Snapshot) -> str:
    books = snapshot.facts.get("conservation") or {}
    return f"{books['kept']:,} of {books['in']:,} kept" if "kept" in books and "in" in books else ""


def _made_of(snapshot: Snapshot) -> list[str]:
    """Ids of the snapshots that hold what its records were made of."""
    said = (snapshot.facts.get("derived_from") or {}).get("snapshots", [])
    edges = snapshot.lineage().column("snapshot").unique().to_pylist()
    return [id for id in dict.fromkeys([*said, *sorted(filter(None, edges))]) if id != snapshot.id]


def _after(snapshot: Snapshot, store: Store, known: dict[str, Entry]) -> Iterator[tuple[Node, Edge]]:
    """Later versions, snapshots made of it, and models; and what was made of those, one step on."""
    made = {id: _behind(entry.path) for id, entry in known.items() if entry.state == "live" and id != snapshot.id}
    models = store.models()
    reached = {snapshot.id: 2}
    for level in (3, 4):
        now = [id for id, at in reached.items() if at == level - 1]
        for id, (parents, of) in made.items():
            for before in now:
                if (id in reached and reached[id] < level) or before not in (*parents, *of):
                    continue
                if level == 4 and before in parents:
                    continue  # versions of versions are told by the list of versions
                entry = known[id]
                says = "a later version" if before in parents else f"made of it: {plural(entry.rows, 'record')}"
                kind: Kind = "version" if before in parents else "snapshot"
                reached.setdefault(id, level)
                yield (
                    Node(id, level, kind, f"{entry.name}@{entry.version}", says),
                    Edge(before, id, before not in parents),
                )
        for model in models:
            for before in now:
                if any(used["snapshot"] == before for used in model["trained_on"]):
                    key = f"model {model['name']}"
                    yield Node(key, level, "model", str(model["name"]), "a model trained on it"), Edge(before, key)


def _behind(path: Path) -> tuple[list[str], list[str]]:
    """Of the snapshot at `path` the versions before it, and the snapshots it was made of."""
    other = Snapshot(path)
    return list(other.facts.get("parents", [])), _made_of(other)


def _ref(id: str, known: dict[str, Entry]) -> str:
    return f"{known[id].name}@{known[id].version}" if id in known else id[: len("sha256:") + 12] + "…"


WIDE, TALL, GAP, TEXT = 960.0, 46.0, 14.0, 7.3
"""The picture for a wide page, in user units: its width, the height of a box, the room below it, the width of a letter."""

NARROW, RAIL = 340.0, 46.0
"""The picture for a narrow one: its width, and the room that edges have to the left of the boxes."""


@dataclass(frozen=True)
class Box:
    """A node drawn: its left upper corner, and its words as they fit."""

    node: Node
    x: float
    y: float
    width: float
    name: str
    says: str


@dataclass(frozen=True)
class Picture:
    """Boxes, and the paths between them with whether they are solid."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    paths: tuple[tuple[str, bool], ...]


def wide(found: Kin) -> Picture:
    """From left to right, a column for each level."""
    levels = sorted({node.level for node in found.nodes})
    columns = [[node for node in found.nodes if node.level == level] for level in levels]
    between = 64.0 if len(levels) < 5 else 44.0
    width = min(230.0, (WIDE - between * (len(levels) - 1)) / len(levels))
    height = max(len(column) for column in columns) * (TALL + GAP) - GAP
    boxes: dict[str, Box] = {}
    for k, column in enumerate(columns):
        top = (height - len(column) * (TALL + GAP) + GAP) / 2
        for row, node in enumerate(column):
            boxes[node.key] = _box(node, k * (width + between), top + row * (TALL + GAP), width)
    paths = tuple((_across(boxes[e.start], boxes[e.end]), e.solid) for e in found.edges)
    return Picture(len(levels) * (width + between) - between, height, tuple(boxes.values()), paths)


def narrow(found: Kin) -> Picture:
    """From top to bottom, a line for each node; edges go by on the left."""
    ordered = sorted(found.nodes, key=lambda node: node.level)
    boxes = {n.key: _box(n, RAIL, row * (TALL + GAP), NARROW - RAIL) for row, n in enumerate(ordered)}
    paths = tuple((_past(boxes[e.start], boxes[e.end]), e.solid) for e in found.edges)
    return Picture(NARROW, len(ordered) * (TALL + GAP) - GAP, tuple(boxes.values()), paths)


def _box(node: Node, x: float, y: float, width: float) -> Box:
    letters = int((width - 20) / TEXT)
    return Box(node, round(x, 1), round(y, 1), round(width, 1), _fit(node.name, letters), _fit(node.says, letters + 6))


def _fit(text: str, letters: int) -> str:
    return clip(text, letters - 1) if len(text) > letters else text


def _across(a: Box, b: Box) -> str:
    x, y, to, at = a.x + a.width, a.y + TALL / 2, b.x, b.y + TALL / 2
    middle = (x + to) / 2
    return f"M{x:.1f} {y:.1f}C{middle:.1f} {y:.1f} {middle:.1f} {at:.1f} {to - 5:.1f} {at:.1f}m-5 -4l5 4l-5 4"


def _past(a: Box, b: Box) -> str:
    y, at = a.y + TALL / 2 + 5, b.y + TALL / 2 - 5
    out = max(4.0, RAIL - 12 - (at - y) / 12)
    return f"M{a.x:.1f} {y:.1f}C{out:.1f} {y:.1f} {out:.1f} {at:.1f} {b.x - 5:.1f} {at:.1f}m-5 -4l5 4l-5 4"


def facts(found: Kin) -> list[dict[str, Any]]:
    """In words, for whoever does not see the picture: each node with what it leads to."""
    names = {node.key: node.name for node in found.nodes}
    return [
        {"name": node.name, "says": node.says, "leads": [names[e.end] for e in found.edges if e.start == node.key]}
        for node in found.nodes
    ]
