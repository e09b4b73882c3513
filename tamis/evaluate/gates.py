"""Gates: what a report has to say for a model to pass, as a YAML file.

confidence: 0.95
snapshot: sha256:…            # the evaluation, and no other
max_invalid: 0.02             # of every task
tasks:
  gsm8k: {min: 0.30, on: clean, max_regression: 0.02}
  "*": {max_regression: 0.05} # every other task
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from tamis.contracts.tree import nearest, read_tree
from tamis.errors import UsageError

Kind = Literal[
    "min",
    "max",
    "min_low",
    "max_regression",
    "max_contaminated",
    "max_truncated",
    "max_invalid",
    "max_failed",
    "min_items",
    "snapshot",
    "dataset",
]

On = Literal["all", "clean"]

SHARES = ("max_contaminated", "max_truncated", "max_invalid", "max_failed")
"""Gates on a share of the items, 0 to 1."""

SCORES = ("min", "max", "min_low", "max_regression")
"""Gates on a metric."""

IDS = ("snapshot", "dataset")

_EVERY = (*SHARES, "min_items", "max_regression")
_TASK = (*SCORES, *SHARES, "min_items", "metric", "on")


@dataclass(frozen=True)
class Gate:
    """One thing that has to be so.

    task    of which it has to be; "*": of each that no gate of the same kind names; None: of the whole run
    metric  None: the task's primary
    on      the items it is asked of
    """

    kind: Kind
    limit: float | str
    task: str | None = None
    metric: str | None = None
    on: On = "all"


@dataclass(frozen=True)
class Gates:
    """What has to be so. `confidence`, 0 to 1, is that of a test on one side: the chance that a worse model fails."""

    gates: tuple[Gate, ...] = ()
    confidence: float = 0.95

    def __bool__(self) -> bool:
        return bool(self.gates)

    def __iter__(self) -> Iterator[Gate]:
        return iter(self.gates)


def written_out(
    many: Sequence[Gates], names: Sequence[str], metrics: Mapping[str, Sequence[str]]
) -> tuple[list[Gate], float]:
    """All gates of `many` with "*" written out, and the highest confidence: no file takes back what another asks for.

    names    the tasks of the suite
    metrics  of each of them

    Raises UsageError for a task or a metric that is not there.
    """
    out: list[Gate] = []
    for gates in many:
        out += [gate for gate in _written_out(gates, names, metrics) if gate not in out]
    return out, max((gates.confidence for gates in many if gates), default=0.95)


def _written_out(gates: Gates, names: Sequence[str], metrics: Mapping[str, Sequence[str]]) -> Iterator[Gate]:
    for gate in gates:
        if gate.task == "*":
            own = {other.task for other in gates if other.kind == gate.kind}
            each = [replace(gate, task=name) for name in names if name not in own]
        elif gate.task is None or gate.task in names:
            each = [gate]
        else:
            raise UsageError(f"gates: the suite has no task {gate.task!r}{nearest(gate.task, names)}")
        for one in each:
            if one.task and one.metric and one.metric not in metrics[one.task]:
                known = metrics[one.task]
                raise UsageError(f"gates: task {one.task!r} has no metric {one.metric!r}{nearest(one.metric, known)}")
        yield from each


def load_gates(path: Path | str) -> Gates:
    """The gates in the file `path`. Raises UsageError."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as gone:
        raise UsageError(f"{path} cannot be read: {gone.strerror}; name a file of gates (YAML)") from None
    found = read_tree(data, path).plain if data.strip() else None
    gates = read_gates(found, str(path))
    if not gates:
        raise UsageError(f"{path}: there is no gate in it; a gate that asks for nothing would always pass")
    return gates


def read_gates(found: Any, where: str) -> Gates:
    """The gates that the mapping `found` describes. Raises UsageError."""
    if found is None or found == {}:
        return Gates()
    if not isinstance(found, Mapping):
        raise UsageError(f"{where}: found {found!r:.60}; a mapping of gates was wanted")
    _known(found, ("confidence", "tasks", *IDS, *_EVERY), where)
    confidence = found.get("confidence", 0.95)
    if not _is_number(confidence) or not 0.5 < confidence < 1:
        raise UsageError(f"{where}: confidence is {confidence!r}; a number between 0.5 and 1 was wanted")
    gates = [Gate(kind, _id(found[kind], kind, where)) for kind in get_args(Kind) if kind in IDS and kind in found]
    tasks = found.get("tasks") or {}
    if not isinstance(tasks, Mapping) or not all(isinstance(name, str) for name in tasks):
        raise UsageError(f"{where}: tasks is {tasks!r:.60}; a mapping of task names was wanted")
    for name, entry in tasks.items():
        for one in entry if isinstance(entry, list) else [entry]:
            gates += _of_task(name, one, f"{where}: tasks.{name}")
    every = {kind: found[kind] for kind in _EVERY if kind in found}
    if every:
        gates += _of_task("*", every, where)
    return Gates(tuple(gates), float(confidence))


def _of_task(name: str, entry: Any, where: str) -> list[Gate]:
    if not isinstance(entry, Mapping):
        raise UsageError(f"{where}: found {entry!r:.60}; a mapping such as {{min: 0.5}} was wanted")
    _known(entry, _TASK, where)
    on = entry.get("on", "all")
    if on not in get_args(On):
        raise UsageError(f"{where}: on is {on!r}; it is all or clean")
    metric = entry.get("metric")
    if metric is not None and not isinstance(metric, str):
        raise UsageError(f"{where}: metric is {metric!r:.60}; the name of a metric was wanted")
    kinds = [kind for kind in get_args(Kind) if kind in entry]
    if (metric or "on" in entry) and not set(kinds) & set(SCORES):
        raise UsageError(f"{where}: it asks for nothing; give {', '.join(SCORES)}")
    return [
        Gate(kind, _limit(entry[kind], kind, where), name, *((metric, on) if kind in SCORES else (None, "all")))
        for kind in kinds
    ]


def _limit(value: Any, kind: str, where: str) -> float:
    if not _is_number(value):
        raise UsageError(f"{where}: {kind} is {value!r:.60}; a number was wanted")
    if kind in SHARES and not 0 <= value <= 1:
        raise UsageError(f"{where}: {kind} is {value!r}; a share of the items, 0 to 1, was wanted (0.02 for 2 percent)")
    if kind == "max_regression" and value <= 0:
        raise UsageError(
            f"{where}: max_regression is {value!r}; no sample can show that nothing at all is lost: give 0.01"
        )
    if kind == "min_items" and (value < 1 or value != int(value)):
        raise UsageError(f"{where}: min_items is {value!r}; 1 or more was wanted")
    return float(value)


def _id(value: Any, kind: str, where: str) -> str:
    if not isinstance(value, str) or not value.startswith("sha256:"):
        raise UsageError(f"{where}: {kind} is {value!r:.80}; the id of a snapshot, sha256:…, was wanted")
    return value


def _known(found: Mapping[Any, Any], names: Sequence[str], where: str) -> None:
    for key in found:
        if key not in names:
            raise UsageError(f"{where}: no key {key!r}{nearest(str(key), names)}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= 1e300
