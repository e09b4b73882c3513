"""Tasks as bytes, for engines that send them to other machines.

What all tasks of a map share (the plan, the fates, the desk) is packed once; a task is then a few hundred bytes. The other
side keeps what is shared for as long as tasks of it come, and with it whatever a stage has loaded.
"""

from __future__ import annotations

import pickle
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from platform import node, python_version
from typing import Any, NamedTuple

import xxhash

from tamis.engine.alone import alone, outcome
from tamis.errors import RunError

BYTES_DEPEND_ON = ("tamis", "numpy", "pyarrow", "numba", "ftfy", "selectolax", "license-expression", "zstandard")
"""Packages that must be the same wherever tasks are carried out: their version can change a byte of the output."""

ATOMS = (type(None), bool, int, float, complex, str, bytes, type)


class Shared(NamedTuple):
    """What the tasks of one map have in common, packed. `name` is a digest of `packed`."""

    name: str
    packed: bytes


class Needs(NamedTuple):
    """What must hold where tasks are unpacked.

    versions  of Python and of packages that the output depends on
    witness   a file that every node must see, and what is in it
    setup     is called first, to import the files of the user's own stages
    """

    versions: dict[str, str]
    witness: tuple[Path, bytes] | None = None
    setup: Callable[[], None] | None = None

    def check(self) -> None:
        """Raise RunError where it does not hold here; set up."""
        here = versions()
        if different := [name for name in self.versions if here[name] != self.versions[name]]:
            found = ", ".join(f"{name} {here[name]} (the driver has {self.versions[name]})" for name in different)
            raise RunError(
                f"{node()} has {found}: the output would not be the same; install the same versions on every node, "
                "or give all of them one image"
            )
        if self.witness is not None and not _reads(*self.witness):
            raise RunError(
                f"{node()} does not see the folder of the run: {self.witness[0]} is not there, or another; "
                "name a folder that all nodes share with -o"
            )
        if self.setup is not None:
            self.setup()


def _reads(path: Path, wanted: bytes) -> bool:
    try:
        return path.read_bytes() == wanted
    except OSError:
        return False


class Done(NamedTuple):
    """What became of a task: its result and how long it took, or what it raised."""

    result: Any
    seconds: float
    error: BaseException | None = None
    trace: str = ""


class Packer:
    """Packs tasks; what `first` and `second` have in common, by identity, is left out of each.

    Objects that a later task does not share with those two are packed with it: the outcome is the same.
    """

    def __init__(
        self, task: Callable[[Any], Any], first: Any, second: Any | None = None, *, needs: Needs | None = None
    ) -> None:
        self.common = [task, *({id(o): o for o in common(first, second)}.values() if second is not None else ())]
        self.at = {id(o): k for k, o in enumerate(self.common)}
        packed = pickle.dumps(needs or Needs(versions()), 5) + pickle.dumps(self.common, 5)
        self.shared = Shared(xxhash.xxh3_128_hexdigest(packed), packed)

    def pack(self, items: Sequence[Any]) -> bytes:
        """A few tasks, in order."""
        out = BytesIO()
        pickler = pickle.Pickler(out, 5)
        pickler.persistent_id = lambda o: self.at.get(id(o))  # type: ignore[method-assign]
        pickler.dump(list(items))
        return out.getvalue()


def common(one: Any, other: Any) -> Iterator[Any]:
    """Objects that stand in the same place of two tuples, at any depth."""
    if one is other:
        if not isinstance(one, ATOMS):
            yield one
    elif isinstance(one, tuple) and type(one) is type(other) and len(one) == len(other):
        for a, b in zip(one, other, strict=True):
            yield from common(a, b)


class Unpacked(NamedTuple):
    """What the tasks of a map share, and what imports the files of the user's own stages."""

    common: list[Any]
    setup: Callable[[], None] | None


_kept: OrderedDict[str, Unpacked] = OrderedDict()
KEPT = 4
"""Maps whose shared part a process keeps: one that is going on, and what its stages have loaded for those before."""


def unpack_shared(name: str, packed: Callable[[], bytes]) -> Unpacked:
    """What a map shares, unpacked once in this process. Raises RunError where it cannot be: see Needs."""
    if name not in _kept:
        stream = BytesIO(packed())
        needs = pickle.load(stream)
        needs.check()
        _kept[name] = Unpacked(pickle.load(stream), needs.setup)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    _kept.move_to_end(name)
    return _kept[name]


def carry_out(shared: Unpacked, packed: bytes, apart: bool = False) -> list[Done]:
    """Carry packed tasks out, one after another, to the first that raises; `apart`: in processes of their own."""
    unpickler = pickle.Unpickler(BytesIO(packed))
    unpickler.persistent_load = lambda k: shared.common[k]  # type: ignore[method-assign]
    task, items = shared.common[0], unpickler.load()
    answers = alone(task, items, shared.setup) if apart else (outcome(task, item) for item in items)
    done, began = [], time.monotonic()
    for result, error, trace in answers:
        ended = time.monotonic()
        done.append(Done(result, ended - began, error, trace))
        began = ended
        if error is not None:
            break
    return done


def versions() -> dict[str, str]:
    """Of Python, and of the packages of BYTES_DEPEND_ON."""
    return {"python": python_version(), **{name: version(name) for name in BYTES_DEPEND_ON}}
