"""A Ray cluster of several nodes on this machine, as faults need it: a head without processors, and nodes that can be killed."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any


class Raylets:
    """A head, and `nodes` more with one processor each. Ray takes seconds for each; only the main thread may start one."""

    def __init__(self, nodes: int, processors: int = 1, **head: Any) -> None:
        from ray.cluster_utils import Cluster

        self.cluster = patiently(
            lambda: Cluster(
                initialize_head=True,
                head_node_args={"num_cpus": 0, **SMALL, **ports(), "_system_config": QUICK, **head},
            )
        )
        self.nodes = [self.start(num_cpus=processors) for _ in range(nodes)]

    @property
    def address(self) -> str:
        """HOST:PORT, as --address takes it."""
        return str(self.cluster.address)

    def start(self, **args: Any) -> Any:
        """One more node."""
        return patiently(lambda: self.cluster.add_node(**{"num_cpus": 1, **SMALL, **ports(), **args}))

    def add(self, **args: Any) -> None:
        """One more node that counts among `nodes`."""
        self.nodes.append(self.start(**args))

    def kill(self, at: int = -1) -> None:
        """A node is gone, with all that ran on it."""
        node = self.nodes.pop(at)
        below = [pid for process in pids(node) for pid in descendants(process)]
        self.cluster.remove_node(node, allow_graceful=False)
        for pid in below:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def workers(self, at: int) -> list[int]:
        """Processes that carry tasks of `tamis` on a node."""
        below = [pid for process in pids(self.nodes[at]) for pid in descendants(process)]
        return [pid for pid in below if "_carry" in title(pid)]

    def __enter__(self) -> Raylets:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cluster.shutdown()


SMALL: dict[str, Any] = {
    "object_store_memory": 80 << 20,
    "include_dashboard": False,
    "include_log_monitor": False,
    "no_monitor": True,
}


QUICK = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 3}
"""A node that was killed is known to be gone after two seconds, instead of 20; one that is slow has ten seconds to answer."""


def ports() -> dict[str, int]:
    """Ports for Ray's agents. Left to choose, a raylet waits 15 seconds for them to say which, and dies (ray #65983)."""
    names = ("metrics_agent_port", "dashboard_agent_listen_port", "runtime_env_agent_port", "metrics_export_port")
    held = [socket.create_server(("127.0.0.1", 0)) for _ in names]
    found = {name: one.getsockname()[1] for name, one in zip(names, held, strict=True)}
    for one in held:
        one.close()
    return found


def own_seconds(pid: int) -> float:
    """CPU seconds of a process so far; 0 where it is gone."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def patiently(begin: Callable[[], Any]) -> Any:
    """Ray gives its own processes 30 seconds to begin, too few on a busy machine."""
    for _ in range(3):
        try:
            return begin()
        except Exception as error:
            if type(error) is not Exception:
                raise
            late = error
    raise late


def pids(node: Any) -> list[int]:
    """Processes that Ray started for a node."""
    return [info.process.pid for infos in node.all_processes.values() for info in infos]


def descendants(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += descendants(int(child))
    return found


def title(pid: int) -> str:
    """What a process calls itself."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    return ""


def left_over(pids: Iterable[int]) -> list[str]:
    """Those of these processes that still go on, by what they call themselves."""
    return [name for pid in pids if (name := title(pid))]


def wait_for(what: Any, seconds: float = 60) -> bool:
    """Whether `what()` comes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return bool(what())
