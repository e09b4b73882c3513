"""Rules of `engine: tamis`: what can be measured of data for language models, and with which arguments.

    - id: little_private_data
      type: custom
      engine: tamis
      implementation: {measure: pii, mustBeLessThan: 1, unit: percent, arguments: {entities: [EMAIL_ADDRESS]}}

The standard has `implementation` for what is the engine's own, so the comparison stands inside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tamis.contracts.comparison import Comparison, Unit, read_comparison
from tamis.contracts.tree import ContractError, Located, nearest


class Argument(NamedTuple):
    """An argument: what it must be, in words, and whether a value is."""

    wanted: str
    fits: Callable[[Any], bool]
    is_needed: bool = False


class Kind(NamedTuple):
    """Something that can be measured.

    arguments  by name
    stage      the stage whose decisions are counted; None: measured here
    place      where the rule may stand
    units      what the number may be in; the first where the contract says nothing
    """

    arguments: Mapping[str, Argument]
    stage: str | None = None
    place: str = "property or table"
    units: tuple[Unit, ...] = ("rows", "percent")
    low: float = 0
    high: float = float("inf")


def _texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, str) for v in value)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def _one_of(*words: str) -> Argument:
    return Argument(f"one of {', '.join(words)}", lambda v: v in words)


STATISTIC = re.compile(r"mean|median|min|max|p(?:[0-9]|[1-9][0-9]|99\.9)")

_TEXT = Argument("text", lambda v: isinstance(v, str))
_LIST = Argument("a list of text", _texts)
_NUMBER = Argument("a number", _number)
_SHARE = Argument("a number from 0 to 1", lambda v: _number(v) and 0 <= v <= 1)
_BOOL = Argument("true or false", lambda v: isinstance(v, bool))

KINDS: dict[str, Kind] = {
    "agreement": Kind(
        {
            "item": _TEXT._replace(is_needed=True),
            "rater": _TEXT._replace(is_needed=True),
            "statistic": _one_of("alpha", "raw"),
        },
        place="property",
        units=("",),
        low=-1,
        high=1,
    ),
    "attrition": Kind({"by": _one_of("run", "source")}, place="table", units=("percent",), high=100),
    "contamination": Kind({"against": _LIST._replace(is_needed=True), "min_words": _NUMBER}, "decontam@1"),
    "duplicates": Kind({"normalise": _BOOL}, "exact@1"),
    "language": Kind(
        {"languages": _LIST._replace(is_needed=True), "threshold": _SHARE}, "language@1", units=("percent", "rows")
    ),
    "length": Kind(
        {
            "of": _one_of("characters", "words", "tokens"),
            "statistic": Argument("mean, median, min, max or p1 … p99", lambda v: bool(STATISTIC.fullmatch(str(v)))),
            "baseline": Argument("a number above 0", lambda v: _number(v) and v > 0),
            "tokenizer": _TEXT,
        },
        place="property",
        units=("", "percent"),
    ),
    "license": Kind({"allow": _LIST, "deny": _LIST}, "license@1", place="table"),
    "near": Kind({"threshold": _SHARE}, "near@1"),
    "pii": Kind({"entities": _LIST, "threshold": _SHARE}, "pii@1"),
    "rubric": Kind({"criteria": _LIST._replace(is_needed=True), "low": _NUMBER, "high": _NUMBER}, place="property"),
    "stage": Kind(
        {"stage": _TEXT._replace(is_needed=True), "params": Argument("keys and values", lambda v: isinstance(v, dict))}
    ),
}
"""What can be measured."""


class Read(NamedTuple):
    """A rule of `engine: tamis` as it stands in a contract."""

    name: str
    arguments: dict[str, Any]
    promised: Comparison


def read_measure(node: Located, is_property: bool, path: Path) -> Read:
    """The measure in a quality rule of type custom. Raises ContractError."""
    engine = node.scalar("engine")
    if engine != "tamis":
        raise ContractError(
            f"engine {engine!r} is not run here; wanted 'tamis', or take the rule out: a rule nobody checks is no promise",
            path,
            node.value["engine"].line if node.get("engine") else node.line,
        )
    tree = node.get("implementation")
    if tree is None or not isinstance(tree.value, dict):
        raise ContractError("engine tamis wants 'implementation: {measure: …, mustBeLessThan: …}'", path, node.line)
    name = tree.scalar("measure")
    if not isinstance(name, str) or name not in KINDS:
        at = tree.value["measure"] if tree.get("measure") else tree
        found = f"no measure is called {name!r}" if name is not None else "no 'measure'"
        raise ContractError(found + nearest(str(name), KINDS), path, at.line)
    kind = KINDS[name]
    place = "property" if is_property else "table"
    if place not in kind.place:
        raise ContractError(f"{name} belongs to a {kind.place}, not to a {place}", path, tree.line)
    arguments = _arguments(name, kind, tree, path)
    known = {"measure", "arguments", "unit"}
    for key, item in tree.value.items():
        if key not in known and not key.startswith("must"):
            raise ContractError(f"unknown key {key!r} in 'implementation'{nearest(key, known)}", path, item.line)
    unit = _unit(name, kind, arguments, tree, path)
    high = 100.0 if unit == "percent" and name != "length" else kind.high
    return Read(name, arguments, read_comparison(tree, unit, kind.low, high, path))


def _arguments(name: str, kind: Kind, tree: Located, path: Path) -> dict[str, Any]:
    given = tree.get("arguments")
    if given is not None and not isinstance(given.value, dict):
        raise ContractError("'arguments' wants keys and values", path, given.line)
    found: dict[str, Any] = {}
    for key, item in (given.value if given else {}).items():
        if key not in kind.arguments:
            raise ContractError(f"{name} takes no argument {key!r}{nearest(key, kind.arguments)}", path, item.line)
        argument = kind.arguments[key]
        if not argument.fits(item.plain):
            raise ContractError(f"{key} is {item.plain!r}; wanted {argument.wanted}", path, item.line)
        found[key] = item.plain
    for key, argument in kind.arguments.items():
        if argument.is_needed and key not in found:
            raise ContractError(f"{name} wants an argument {key!r}: {argument.wanted}", path, tree.line)
    if found.get("of") == "tokens" and "tokenizer" not in found:
        raise ContractError(
            "tokens are counted by a tokenizer; name its tokenizer.json: 'tokenizer: …'", path, tree.line
        )
    if found.get("low", 0) > found.get("high", float("inf")):
        raise ContractError("low is more than high: no score could be right", path, tree.line)
    return found


def _unit(name: str, kind: Kind, arguments: Mapping[str, Any], tree: Located, path: Path) -> Unit:
    default = "percent" if "baseline" in arguments else kind.units[0]
    unit: Unit = tree.scalar("unit", default)
    if unit not in kind.units or (name == "length" and (unit == "percent") != ("baseline" in arguments)):
        wanted = " or ".join(u or "none" for u in kind.units)
        raise ContractError(
            f"unit {unit!r} does not fit {name}; wanted {wanted}" + (" (percent with a baseline)" * (name == "length")),
            path,
            tree.value["unit"].line if "unit" in tree.value else tree.line,
        )
    return unit
