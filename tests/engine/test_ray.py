"""Runs on Ray: the same bytes as on one machine, whatever goes. One small cluster for all; skipped where Ray is absent."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import pytest
from attempting import process
from making import digests, sentences, write_lines
from raylets import Raylets, descendants, left_over, wait_for

from tamis import run
from tamis.engine.executor import Local
from tamis.engine.flight import Lost
from tamis.engine.parcel import Shared
from tamis.engine.ray import Cluster, Ray, Voyage
from tamis.errors import RunError, UsageError
from tamis.recipes.budget import BASE, PER_SHARE, Budget

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="needs ray"),
    # Ray's own: sockets and subprocesses that it leaves to the collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:.*:FutureWarning:ray", "ignore:.*:DeprecationWarning:ray"),
]

STAGES = "[clean@1: {}, quality.gopher@1: {min_words: 5}, exact@1: {}, near@1: {}]"
PARTITION = 9000


@pytest.fixture(scope="module")
def cluster() -> Iterator[Raylets]:
    """Two nodes of one processor each, the first of them the head: each costs seconds to start."""
    with Raylets(1, num_cpus=1) as raylets:
        yield raylets


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A thousand rows, one of them poison."""
    path = tmp_path_factory.mktemp("ray") / "a.jsonl"
    poison = {"id": "p", "text": "this row is poison to its readers"}
    again = [{**row, "id": f"again-{row['id']}"} for row in sentences(400)]
    return write_lines(path, [*sentences(600), poison, *again])


def recipe(folder: Path, stages: str = STAGES) -> Path:
    """A recipe beside its data."""
    path = folder / "recipe.yaml"
    path.write_text(f"name: t\nstages: {stages}\n")
    return path


def test_a_record_that_kills_its_worker_is_set_aside_and_nothing_else(
    cluster: Raylets, data: Path, tmp_path: Path
) -> None:
    own = Path(__file__).parents[1] / "own_stages.py"
    raising = run(
        recipe(tmp_path, f"['{own}:Allergic': {{}}, clean@1: {{}}]"), data, tmp_path / "whole", engine="inline"
    )
    made = recipe(tmp_path, f"['{own}:Deadly': {{}}, clean@1: {{}}]")
    done = run(made, data, tmp_path / "ray", engine="ray", address=cluster.address, partition_size=3 * PARTITION)
    assert done.data().equals(raising.data()) and done.rows == raising.rows
    assert [(row["id"], row["message"]) for row in done.quarantine().to_pylist()] == [
        ("p", "own.deadly@1 killed its process")
    ]
    assert done.facts["varies"]["engine"].endswith("again=Counter({'crash': 1}))")


def test_a_driver_that_is_interrupted_stops_and_goes_on_elsewhere(cluster: Raylets, data: Path, tmp_path: Path) -> None:
    call = [
        recipe(tmp_path, "[clean@1: {}, exact@1: {}]"),
        "-i",
        data,
        "-o",
        tmp_path / "run",
        "--partition-size",
        PARTITION,
    ]
    with process("run", *call, "--engine", "ray", "--address", cluster.address) as driver:
        assert driver.stdout is not None
        for line in driver.stdout:
            if line.startswith("record ids"):
                driver.send_signal(signal.SIGINT)
                break
        said = driver.stdout.read()
    assert driver.returncode == 130 and "--resume" in said and "Traceback" not in said
    done = run(call[0], data, tmp_path / "run", engine="inline", resume=True)
    assert digests(done.path) == digests(run(call[0], data, tmp_path / "whole", engine="inline").path)


def test_a_stage_that_asks_for_more_gpus_than_any_node_has_gets_those_of_one(
    cluster: Raylets, data: Path, tmp_path: Path
) -> None:
    made = recipe(tmp_path, f"['{Path(__file__).parents[1] / 'own_stages.py'}:Seeing': {{}}]")
    cluster.add(num_gpus=1)  # Ray counts what it is told; nothing here asks a GPU for anything
    try:
        done = run(made, data, tmp_path / "ray", engine="ray", address=cluster.address, partition_size=PARTITION)
    finally:
        cluster.kill()
    assert done.rows["in"] == done.rows["kept"]


def test_a_node_killed_while_it_works_changes_no_byte(cluster: Raylets, data: Path, tmp_path: Path) -> None:
    whole = run(recipe(tmp_path), data, tmp_path / "whole", engine="inline")
    killed: list[str] = []

    def kill(progress: Any) -> None:
        if "near" in progress.what and not killed:
            killed.append(progress.what)
            cluster.kill(0)

    done = run(
        recipe(tmp_path),
        data,
        tmp_path / "ray",
        engine="ray",
        address=cluster.address,
        partition_size=PARTITION,
        on_progress=kill,
    )
    assert digests(done.path) == digests(whole.path) and killed


def test_a_cluster_of_its_own_ends_with_the_run(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cluster: Raylets,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)  # not followed
    before, joined, own = {*descendants(os.getpid())}, set[str](), set[int]()
    import ray

    def look(_: Any) -> None:
        if ray.is_initialized():
            joined.add(ray.get_runtime_context().gcs_address)
            own.update({*descendants(os.getpid())} - before)

    made = recipe(tmp_path, "[exact@1: {}]")
    done = run(made, data, tmp_path / "ray", engine="ray", workers=1, on_progress=look)
    assert digests(done.path) == digests(run(made, data, tmp_path / "whole", engine="inline").path)
    assert joined and cluster.address not in joined
    assert "ray log level" not in capfd.readouterr().err
    assert own and wait_for(lambda: not left_over(own), 20)


def test_a_worker_that_is_cut_off_from_its_node_has_lost_it() -> None:
    from ray import exceptions

    cut = exceptions.RayTaskError("_carry", "", exceptions.OwnerDiedError("0" * 56, None, ""))

    def get(_: Any) -> None:
        raise cut

    ray = SimpleNamespace(exceptions=exceptions, get=get, put=bytes, wait=lambda sent, **_: (sent, []))
    keeper: Any = None
    voyage = Voyage(Cluster(ray, "", keeper, own=True, most_at_once=1), Shared("", b""))
    assert [lost.why for _, lost in voyage.landed(["one"], 0) if isinstance(lost, Lost)] == ["node"]


@pytest.mark.parametrize(
    ("address", "error", "says"),
    [
        ("nonsense", UsageError, "wanted HOST:PORT"),
        ("ray://127.0.0.1:10001", UsageError, "wanted HOST:PORT"),
        ("127.0.0.1:99999", UsageError, "99999 is none of 1 to 65535"),
        ("127.0.0.1:0", UsageError, "0 is none of 1 to 65535"),
        ("127.0.0.1:²", UsageError, "wanted HOST:PORT"),
        ("a..b:6379", RunError, "no Ray cluster answers"),
        ("127.0.0.1:1", RunError, "no Ray cluster answers .*`ray start --head`"),
    ],
)
def test_an_address_where_no_cluster_is_is_refused_at_once(address: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        Ray(address=address)


SETTINGS, HEADERS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]), bytes([1, 5, 0, 0, 0, 1])
NOT_FOUND = SETTINGS + bytes([0, 0, 1]) + HEADERS + b"\x8d"


def of_grpc(status: bytes) -> bytes:
    """What a server of gRPC answers, as one was seen to."""
    found = b"\x88@\x0ccontent-type\x10application/grpc@\x0bgrpc-status\x02" + status
    return SETTINGS + len(found).to_bytes(3, "big") + HEADERS + found


@contextmanager
def listening(answer: bytes, silent: bool = False) -> Iterator[str]:
    """The address of what says `answer` to the first that asks, whatever it asks; `silent`: and then neither speaks nor goes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        asked = Event()

        def say() -> None:
            other, _ = server.accept()
            with other:
                other.recv(9999)
                other.sendall(answer)
                if silent:
                    asked.wait(20)

        thread = Thread(target=say, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        asked.set()
        thread.join(20)


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 404 Not Found\r\n\r\n", b"", NOT_FOUND, SETTINGS, of_grpc(b"12")], ids=range(5)
)
def test_what_listens_and_is_no_cluster_is_told_from_one(answer: bytes) -> None:
    with listening(answer) as address, pytest.raises(RunError, match="is no Ray cluster; wanted the address"):
        Ray(address=address)


def test_a_head_that_is_late_and_one_under_tls_are_left_to_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tamis.engine.address.REACH", 0.5)
    with listening(SETTINGS, silent=True) as address:
        Ray(address=address)
    with listening(b"", silent=True) as address, pytest.raises(RunError, match="no Ray cluster answers"):
        Ray(address=address)
    monkeypatch.setenv("RAY_USE_TLS", "1")
    with listening(b"\x15\x03\x01\x00\x02\x02\x46") as address:
        Ray(address=address)


def test_a_cluster_that_wants_a_token_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    with listening(of_grpc(b"16")) as address, pytest.raises(RunError, match="wants a token; set RAY_AUTH_MODE=token"):
        Ray(address=address)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    with listening(of_grpc(b"16")) as address:
        Ray(address=address)


def test_a_cluster_that_cannot_be_joined_leaves_no_folder(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise RunError("no way in")

    monkeypatch.setattr("tamis.engine.ray._joined", refuse)
    with pytest.raises(RunError, match="no way in"):
        run(recipe(tmp_path), data, tmp_path / "run", engine="ray", workers=1)
    assert not (tmp_path / "run").exists()


def test_auto_without_a_cluster_on_this_machine_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", os.fspath(tmp_path))
    with pytest.raises(RunError, match="no Ray cluster is known on this machine"):
        Ray(address="auto")


def test_an_address_needs_the_engine(tamis: Callable[..., tuple[int, str]], data: Path, tmp_path: Path) -> None:
    code, said = tamis("run", recipe(tmp_path), "-i", data, "-o", tmp_path / "run", "--address", "127.0.0.1:1")
    assert (code, "--engine ray" in said) == (2, True)


def test_a_budget_of_memory_counts_an_interpreter_for_every_worker() -> None:
    alone, apart = Budget.of(10**9, Local(2)), Budget.of(10**9, Ray(workers=2))
    assert apart.share < alone.share and 3 * BASE + 2 * apart.share * PER_SHARE <= 10**9


@pytest.mark.parametrize(("address", "says"), [(None, "1 task a pass"), ("joined", "tasks: as many as --memory makes")])
def test_a_dry_run_tells_tasks_unless_a_cluster_would_have_to_be_joined(
    tamis: Callable[..., tuple[int, str]], data: Path, tmp_path: Path, cluster: Raylets, address: str | None, says: str
) -> None:
    on = ("--engine", "ray", "--memory", "1GB", *(("--address", cluster.address) if address else ("--workers", 1)))
    code, said = tamis("run", recipe(tmp_path), "-i", data, "-o", tmp_path / "run", *on, "--dry-run")
    assert (code, said.splitlines()[1].startswith(says)) == (0, True)
    assert not (tmp_path / "run").exists()
