"""Tasks carried out on a Ray cluster: Ray carries tasks and completion records, data lie in files.

Ray itself tries nothing again. Its own retries cannot tell a node that goes from a record that kills its worker, and have
no end where memory runs out; tamis.engine.flight decides, task by task.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

from tamis.engine.address import REACH, connect, known_here, reach
from tamis.engine.executor import processors
from tamis.engine.flight import Flight, Lost
from tamis.engine.keeper import Keeper
from tamis.engine.parcel import Done, Needs, Packer, Shared, carry_out, unpack_shared, versions
from tamis.errors import RunError, UsageError
from tamis.extras import extra

T = TypeVar("T")
R = TypeVar("R")

LOGGER = logging.getLogger("ray")

OBJECTS = 80 << 20
"""Bytes of Ray's object store in a cluster of our own: data lie in files, so about the least that Ray accepts."""

BEGINNINGS = 3
"""Times that starting a cluster of our own is tried."""

LOOK, SILENCE = 2.0, 20.0
"""Seconds between two looks at the nodes, and how long the head may not answer."""


@dataclass
class Ray:
    """A cluster at `address`, or one of our own on this machine.

    workers  tasks at once, at most; None: one for every processor
    setup    is called first in every worker process
    memory   bytes that a task asks for
    witness  a file that every node must see
    """

    workers: int | None = None
    address: str | None = None
    setup: Callable[[], None] | None = field(default=None, repr=False)
    memory: int = 0
    witness: Path | None = field(default=None, repr=False)
    again: Counter[str] = field(default_factory=Counter)
    """Tasks that were sent again, by why."""
    _cluster: Cluster | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Say what can be said before a run begins. Raises ExtraMissing, UsageError or RunError."""
        if find_spec("ray") is None:
            with extra("ray"):
                raise ModuleNotFoundError("No module named 'ray'", name="ray")
        if self.address is not None:
            self.address = known_here() if self.address == "auto" else self.address
            reach(self.address)

    def map(self, task: Callable[[T], R], items: Iterable[T], *, processes: bool = False) -> Iterator[tuple[int, R]]:
        """As `Engine.map`. Workers are processes, and stay from one map to the next with whatever stages have loaded."""
        cluster = self._join()
        left = enumerate(items)
        head = list(islice(left, 2))
        if head:
            seen = (self.witness.absolute(), self.witness.read_bytes()) if self.witness else None
            packer = Packer(task, *(item for _, item in head), needs=Needs(versions(), seen, self.setup))
            voyage = Voyage(cluster, packer.shared)
            try:
                yield from Flight(voyage, packer, chain(head, left), self.memory, self.again).results()
            except cluster.ray.exceptions.RayError as error:
                raise RunError(
                    f"Ray failed: {_first_line(error)}; look at the cluster, and go on with --resume"
                ) from error

    def abreast(self) -> int:
        """Tasks that go on at once on one machine: the processors of the largest node."""
        if self.address is None:
            return self.workers or processors()
        largest = max((int(node["CPU"]) for node in self._join().nodes), default=1)
        return min(largest, self.workers or largest)

    def join(self) -> None:
        """Join the cluster, or begin one of our own, unless that is done. Raises RunError or UsageError."""
        self._join()

    def _join(self) -> Cluster:
        self._cluster = self._cluster or _joined(self.address, self.workers)
        return self._cluster

    def close(self) -> None:
        """Leave the cluster; one of our own ends."""
        if self._cluster is not None:
            self._cluster.leave()
            self._cluster = None


def _carry(name: str, shared: list[Any], packed: bytes, apart: bool) -> list[Done]:
    """In a worker: carry out a bundle. `shared` holds a reference, fetched where this process does not have it yet."""
    import ray

    return carry_out(unpack_shared(name, lambda: bytes(ray.get(shared[0]))), packed, apart)


class Voyage:
    """The carrier of one map: what its tasks share lies in Ray's object store, once."""

    def __init__(self, cluster: Cluster, shared: Shared) -> None:
        self.cluster, self.name, self.shared = cluster, shared.name, cluster.ray.put(shared.packed)

    def slots(self, memory: int) -> int:
        """Tasks of so many bytes that can go on at once."""
        return self.cluster.slots(memory)

    def send(self, packed: bytes, memory: int, gpus: float, elsewhere: bool, apart: bool) -> Hashable:
        """Send a bundle; Ray takes a node for it."""
        options: dict[str, Any] = {"memory": self.cluster.most(memory)}
        if elsewhere:
            options["scheduling_strategy"] = "SPREAD"
        if gpus and self.cluster.gpus:
            options["num_gpus"] = min(gpus, self.cluster.gpus)
        sent: Hashable = self.cluster.carry.options(**options).remote(self.name, [self.shared], packed, apart)
        return sent

    def landed(self, sent: Sequence[Any], seconds: float) -> list[tuple[Any, list[Done] | Lost]]:
        """Bundles that came back within so many seconds."""
        ready, _ = self.cluster.ray.wait(list(sent), num_returns=1, timeout=seconds)
        return [(one, self._outcome(one)) for one in ready]

    def _outcome(self, sent: Any) -> list[Done] | Lost:
        errors = self.cluster.ray.exceptions
        try:
            done: list[Done] = self.cluster.ray.get(sent)
            return done
        except errors.OutOfMemoryError as error:
            return Lost("memory", _first_line(error))
        except errors.WorkerCrashedError as error:
            return Lost("crash", _first_line(error))
        except errors.RayTaskError as error:
            # Raised around the tasks, not by one: the worker was cut off, has no tamis, or lacks a library.
            if isinstance(error.cause, errors.RayError):
                return Lost("node", _first_line(error.cause))
            cause = error.cause if isinstance(error.cause, Exception) else error
            if isinstance(cause, RunError):
                raise cause from None
            raise RunError(
                f"a worker of the cluster could not begin: {type(cause).__name__}: {_first_line(cause)}; "
                "install tamis with the same extras on every node"
            ) from error
        except errors.RayError as error:
            return Lost("node", _first_line(error))

    def stop(self, sent: Sequence[Any]) -> None:
        """Cancel, and wait for it a little: what goes on would write into a run that is over."""
        for one in sent:
            self.cluster.ray.cancel(one, force=True)
        if sent and not self.cluster.own:  # in a cluster of our own they end with it
            self.cluster.ray.wait(list(sent), num_returns=len(sent), timeout=REACH)


@dataclass
class Cluster:
    """A cluster that was joined: its head is at `address`. `own`: it ends with us; `most_at_once`: tasks, None: as many as
    fit."""

    ray: Any
    address: str
    keeper: Keeper
    own: bool
    most_at_once: int | None
    _nodes: list[dict[str, float]] = field(default_factory=list)
    _looked: float = -1e9
    _silent: float | None = None
    """Since when the head does not answer."""

    @cached_property
    def carry(self) -> Any:
        """`_carry` as Ray calls it. A process with a GPU stays, too: Ray would end it after every task."""
        return self.ray.remote(max_retries=0, max_calls=0)(_carry)

    @property
    def nodes(self) -> list[dict[str, float]]:
        """What each node has that is alive and has a processor; looked up every few seconds."""
        if time.monotonic() - self._looked > LOOK and self._answers():
            alive = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
            self._nodes, self._looked = [node for node in alive if node.get("CPU", 0) >= 1], time.monotonic()
        return self._nodes

    def _answers(self) -> bool:
        """Whether the head answers. Raises RunError where it has not for long: Ray would end this process."""
        try:
            connect(self.address, LOOK).close()
        except OSError as error:
            self._silent = self._silent or time.monotonic()
            if time.monotonic() - self._silent > SILENCE:
                raise RunError(
                    f"the head of the Ray cluster at {self.address} is gone: {error.strerror or error}; start another, and "
                    "go on with --resume"
                ) from error
            return False
        self._silent = None
        return True

    @property
    def gpus(self) -> float:
        """GPUs of the node that has most: what asks for more would wait for ever."""
        return max((node.get("GPU", 0) for node in self.nodes), default=0)

    def slots(self, memory: int) -> int:
        """Tasks of so many bytes that can go on at once."""
        fit = sum(int(min(node["CPU"], node.get("memory", 0) // max(1, self.most(memory)))) for node in self.nodes)
        return min(fit, self.most_at_once or fit)

    def most(self, memory: int) -> int:
        """`memory`, or as much as the largest node has: what asks for more would wait for ever."""
        return int(min([memory, max((node.get("memory", 0) for node in self.nodes), default=memory)]))

    def leave(self) -> None:
        """Leave the cluster; one of our own ends, with its folder."""
        self.ray.shutdown()
        LOGGER.setLevel(logging.INFO)  # as Ray's import has set it
        self.keeper.cleanup()


def _joined(address: str | None, workers: int | None) -> Cluster:
    quiet: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
    with _own_signals(), _silent():
        with extra("ray"):
            import ray
        if ray.is_initialized():
            raise UsageError("this process is in a Ray cluster already; call ray.shutdown() first")
        _hush(ray)
        return _begun(ray, workers, quiet) if address is None else _entered(ray, address, workers, quiet)


def _entered(ray: Any, address: str, workers: int | None, quiet: dict[str, Any]) -> Cluster:
    keeper = Keeper(address)
    try:
        with _told(ray, address), _muted():
            ray.init(address=address, **quiet)
    except BaseException:
        keeper.cleanup()
        raise
    return Cluster(ray, address, keeper, own=False, most_at_once=workers)


def _begun(ray: Any, workers: int | None, quiet: dict[str, Any]) -> Cluster:
    """A cluster of our own, on this machine alone."""
    late: Exception = RunError()
    for _ in range(BEGINNINGS):
        keeper = Keeper()
        try:
            with _told(ray, "this machine"), _muted():
                ray.init(
                    address="local",  # else Ray joins whatever cluster another program has left behind, or RAY_ADDRESS
                    num_cpus=workers or processors(),
                    include_dashboard=False,
                    object_store_memory=OBJECTS,
                    _node_ip_address="127.0.0.1",
                    _temp_dir=keeper.name,
                    **quiet,
                )
            return Cluster(ray, ray.get_runtime_context().gcs_address, keeper, own=True, most_at_once=workers)
        except BaseException as error:
            ray.shutdown()
            keeper.cleanup()
            # Ray gives its own processes 30 seconds, which a busy machine may exceed, and raises a bare Exception.
            if type(error) is not Exception:
                raise
            late = error
    raise RunError(
        f"Ray did not start on this machine, {BEGINNINGS} times: {_first_line(late)} Take --engine local, or try again with "
        "--resume when the machine is less busy"
    ) from late


@contextmanager
def _own_signals() -> Iterator[None]:
    """Ray answers SIGTERM itself from here on; ours are put back."""
    kept = {}
    with suppress(ValueError):  # in a thread
        kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        with suppress(ValueError):
            for number, handler in kept.items():
                signal.signal(number, handler)


@contextmanager
def _silent() -> Iterator[None]:
    """What goes wrong is raised; what Ray's own processes and libraries say beside it is not for users of tamis."""
    name = "RAY_BACKEND_LOG_LEVEL"
    before = os.environ.get(name)
    os.environ[name] = "fatal"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@contextmanager
def _muted() -> Iterator[None]:
    """Without standard error, for the whole process: until Ray has begun its log it writes there, that it was told to be silent,
    too."""
    try:
        kept = os.dup(2)
    except OSError:  # closed
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _hush(ray: Any) -> None:
    """Print no warnings, and no pages about each raylet that dies, as a thread of Ray's does whatever `log_to_driver` says.

    What became of a task is answered by the task. The name is Ray's own: without it they are printed, and all else holds.
    """
    LOGGER.setLevel(logging.CRITICAL)
    if hasattr(ray._private.worker, "print_to_stdstream"):
        ray._private.worker.print_to_stdstream = lambda *_, **__: None


@contextmanager
def _told(ray: Any, where: str) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, ValueError, OSError, ray.exceptions.RayError) as error:
        words = _first_line(error)
        if "Version mismatch" in str(error):
            words = " ".join(str(error).split())
            mend = "give the driver and all nodes the same Python and Ray"
        else:
            mend = "look at `ray status` there, or leave --address out for a cluster on this machine"
        raise RunError(f"Ray at {where}: {words}; {mend}") from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].strip()
